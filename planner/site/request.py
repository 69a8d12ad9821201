"""Requests as a site accepts them, and why a need fits none of its partitions."""

from __future__ import annotations

from dataclasses import dataclass, field

from planner.core import units
from planner.core.errors import InputError
from planner.site.partition import Partition


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjusted:
    """A request that gives a task at least what it needs, under the rules of its site and partition.

    Attributes
    ----------
    mem_mb : int
        MiB that the task may use; with ``cpus_only`` and ``whole_node`` it is not requested separately.
    cpus : int
    wall_s : float
        The time limit, seconds.
    reasons : tuple of str
        Each rule that changed the need.
    """

    mem_mb: int
    cpus: int
    wall_s: float
    reasons: tuple[str, ...] = field(default=())


_TOO_MUCH = {
    "memory": ("too much memory", "lower the request, or name a partition or site with larger nodes"),
    "cores": ("too many cores", "ask for fewer cpus, or name a partition whose nodes have more"),
    "time": ("too long", "lower the time limit, or name a partition with a longer one"),
}


def lacks(partition: Partition, need: Adjusted) -> str:
    """Return what a partition lacks for a need: memory, cores, time, or nothing."""
    if need.mem_mb > partition.cap_mb:
        return "memory"
    if need.cpus > partition.cores:
        return "cores"
    return "time" if need.wall_s > partition.max_time_s else ""


def refusal(site: str, asked: list[tuple[Partition, Adjusted]], need: str) -> InputError:
    """Return the error for a need that no partition holds: what the nearest of them lack, and its node."""
    lacking = {partition.name: lacks(partition, adjusted) for partition, adjusted in asked}
    # what the nearest of them lack: time is checked only for nodes with enough memory and cores
    missed = next(what for what in ("time", "cores", "memory") if what in lacking.values())
    nearest = max(
        (partition for partition, _ in asked if lacking[partition.name] == missed),
        key=lambda p: (p.max_time_s, p.cap_mb) if missed == "time" else (p.cap_mb, p.max_time_s),
    )
    less = f" less {units.format_mem(nearest.headroom_mb)} headroom" if nearest.headroom_mb else ""
    limit = f" for at most {nearest.max_time}" if nearest.max_time else ""
    node = f"{units.format_mem(nearest.mem_mb)}{less}, {nearest.cores} cores{limit}"
    problem, hint = _TOO_MUCH[missed]
    return InputError(f"{need}, {problem} for site {site}: largest node in partition {nearest.name}, {node}", hint)
