"""The cluster's nodes, from sinfo."""

from __future__ import annotations

from collections.abc import Iterable

from planner.core import units
from planner.core.errors import FailureError
from planner.slurm.calls import run


def usable_nodes(partitions: Iterable[str], *, cluster: str | None = None) -> dict[str, set[str]]:
    """Return the nodes of these partitions that take jobs, now or when others have ended: one sinfo."""
    argv = ["sinfo", "--noheader", "--Node", "--states=idle,alloc,mix", "--format=%R|%N"]
    nodes: dict[str, set[str]] = {name: set() for name in partitions}
    for line in run([*argv, f"--partition={','.join(nodes)}"], cluster=cluster).split():
        partition, _, node = line.partition("|")
        nodes.setdefault(partition, set()).add(node)
    return nodes


def largest_node_mb(partition: str, *, cluster: str | None = None) -> float | None:
    """Return the memory (MiB) of the largest node of a partition, or of several with commas: one sinfo.

    An empty name stands for all partitions; None when sinfo does not tell.
    """
    named = [f"--partition={partition}"] if partition else []
    try:
        printed = run(["sinfo", "--noheader", "--exact", "--format=%m", *named], cluster=cluster)
    except FailureError:
        return None
    return max((units.parse_mem_mb(mem) or 0.0 for mem in printed.replace("+", "").split()), default=None)
