"""The local machine as a site with one node, for runs without Slurm."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from planner.core.units import BYTES_PER_MB
from planner.site.model import Site
from planner.site.partition import Partition


def local_site() -> Site:
    """Return this machine as the site ``local``: the cores and memory this process may use.

    Within a container or a Slurm job that is less than the machine has. A tenth of the memory, at most 2 GiB, is left
    for other processes.
    """
    mem_mb = usable_mb()
    return Site(
        name="local",
        description="this machine",
        source="measured",
        as_of=datetime.datetime.now(datetime.UTC).date(),
        headroom_mb=min(2048, mem_mb // 10),
        partitions=(Partition(name="local", nodes=1, cores=len(os.sched_getaffinity(0)), mem_mb=mem_mb, default=True),),
    )


def usable_mb(root: Path = Path("/")) -> int:
    """Return the memory this process may use, MiB: the machine's, or the limit of its control group if that is lower.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are mounted.
    """
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        groups = []
    for line in groups:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            limits += _limits(root / "sys/fs/cgroup", group, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes")
    return min(limits) // BYTES_PER_MB


def _limits(mount: Path, group: str, name: str) -> list[int]:
    """Return the memory limits, bytes, of a control group and of all groups above it."""
    found = []
    folder = mount / group.lstrip("/")
    for level in [folder, *folder.parents]:
        if not level.is_relative_to(mount):
            break
        try:
            text = (level / name).read_text(encoding="ascii").strip()
        except OSError:  # the group above is not visible from within a container
            continue
        if text.isdigit():  # "max" otherwise
            found.append(int(text))
    return found
