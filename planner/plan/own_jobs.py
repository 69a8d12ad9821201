"""A task as a job of its own in a partition: whether a node there holds it, and what it is billed."""

from __future__ import annotations

from dataclasses import dataclass

from planner.plan.requests import SizedTask
from planner.site import Partition, Site
from planner.site.request import lacks


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnJob:
    """What a task requests as a job of its own in one partition.

    Attributes
    ----------
    mem_mb, cpus : int
        Under the rules of the site and the partition.
    limit_s : int
        The time limit.
    fits : bool
        Whether a node of the partition has the memory and the cores, and the partition allows the time.
    billed_s : float
        Billing units x the expected duration; 0 where the duration is not known.
    """

    mem_mb: int
    cpus: int
    limit_s: int
    fits: bool
    billed_s: float


def own_job(site: Site, partition: Partition, one: SizedTask) -> OwnJob:
    """Return a sized task as a job of its own; it may be more than the partition offers."""
    wall_s = one.wall_s or 0.0
    asked = site.adjust(partition, one.mem_mb, one.task.cpus, max(one.time_limit_s, wall_s))
    cores = partition.cores if site.mem_policy == "whole_node" else asked.cpus
    return OwnJob(
        mem_mb=asked.mem_mb,
        cpus=asked.cpus,
        limit_s=int(asked.wall_s),
        fits=not lacks(partition, asked),
        billed_s=site.billed(partition, cpus=cores, mem_mb=asked.mem_mb) * wall_s,
    )
