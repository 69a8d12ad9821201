"""The cluster's nodes, from sinfo."""

from __future__ import annotations

import re
from collections.abc import Iterable

from planner.core import units
from planner.core.errors import FailureError
from planner.slurm.calls import run

# other lines are a site's own, such as a greeting
_NODE = re.compile(r"^([^|\s]+)\|(\S+)\s*$", re.MULTILINE)
_MEM = re.compile(r"^\s*(\d+)\+?\s*$", re.MULTILINE)


def usable_nodes(partitions: Iterable[str], *, cluster: str | None = None) -> dict[str, set[str]]:
    """Return the nodes of each partition that can run jobs, now or once busy ones are free, with one sinfo call."""
    argv = ["sinfo", "--noheader", "--Node", "--states=idle,alloc,mix", "--format=%R|%N"]
    nodes: dict[str, set[str]] = {name: set() for name in partitions}
    printed = run([*argv, f"--partition={','.join(nodes)}"], cluster=cluster)
    for partition, node in _NODE.findall(printed):
        nodes.setdefault(partition, set()).add(node)
    return nodes


def largest_node_mb(partition: str, *, cluster: str | None = None) -> float | None:
    """Return the memory (MiB) of the largest node of a partition, or of several separated by commas: one sinfo call.

    An empty name means all partitions; None when sinfo does not say.
    """
    named = [f"--partition={partition}"] if partition else []
    try:
        printed = run(["sinfo", "--noheader", "--exact", "--format=%m", *named], cluster=cluster)
    except FailureError:
        return None
    return max((units.parse_mem_mb(mem) or 0.0 for mem in _MEM.findall(printed)), default=None)
