"""Schedules of the elements under other requests, within the memory that they really held at one time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from planner.advice.arrays import PastArray
from planner.advice.foresight import Foretold
from planner.advice.ways import Way, WayFigures, retry
from planner.plan.document import Target
from planner.replay import shared_node
from planner.replay.past import PastJob, Workload
from planner.replay.replay import replay
from planner.replay.strategies import Strategy
from planner.site import Partition, Site

# by the element's index, and after a kill doubled, as Slurm does it; or largest first, in rounds
_STRATEGIES = {
    Way.ASKED: Strategy.RECORDED,
    Way.ONE: Strategy.RECORDED,
    Way.TIERS: Strategy.ARRAY,
    Way.OWN: Strategy.ARRAY,
    Way.KNOWN: Strategy.KNOWN,
}
# many average chance out by themselves
_RUNS, _MANY = 5, 200
_MOST_JOBS = 3000
"""A replay of more takes minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """How a way would have gone.

    Attributes
    ----------
    makespan_s : float
        From the first start to the last end, s.
    held_mb : float
        Memory reserved at once, at the most, MiB.
    """

    makespan_s: float
    held_mb: float


def held_at_once_mb(array: PastArray) -> float | None:
    """Return the most memory that the attempts of an array had reserved at once, MiB; None without times or limits."""
    pieces = [
        shared_node.HeldMemory(start_s=one.start_s, end_s=one.start_s + one.wall_s, mem_mb=one.limit_mb)
        for one in array.attempts
        if one.start_s and one.wall_s and one.limit_mb
    ]
    if len(pieces) < sum(bool(one.wall_s) for one in array.attempts) or not pieces:
        return None
    return max(shared_node.steps(pieces)[1])


def schedule(
    rows: Sequence[Foretold], ways: Sequence[WayFigures], pool_mb: float, *, seed: int = 0
) -> dict[Way, Expected]:
    """Replay the elements under every way; nothing for more than `_MOST_JOBS` of them.

    Parameters
    ----------
    pool_mb : float
        The memory in which all run, MiB; raised to what the largest request needs.
    """
    if not rows or len(rows) > _MOST_JOBS or not all(row.wall_s for row in rows):
        return {}
    largest = max(max(one.requests_mb) for one in ways)
    target = _target(max(pool_mb, largest, *(row.peak_mb for row in rows)), sum(row.element.last.cpus for row in rows))
    return {one.way: _expected(rows, one, target, seed) for one in ways}


def _expected(rows: Sequence[Foretold], way: WayFigures, target: Target, seed: int) -> Expected:
    jobs = [
        PastJob(
            name=row.element.label,
            peak_mb=row.peak_mb,
            wall_s=row.wall_s,
            cpus=row.element.last.cpus,
            request_mb=request,
            predicted_mb=row.prediction.point_mb,
            retry=retry(way.way, row),
            recorded_mb=request,
        )
        for row, request in zip(rows, way.requests_mb, strict=True)
    ]
    work = Workload(jobs=tuple(jobs), uniform_mb=max(way.requests_mb), first_mb=min(way.requests_mb))
    runs = _RUNS if len(jobs) < _MANY else 1
    (figures,) = replay(work, target, runs=runs, seed=seed, strategies=[_STRATEGIES[way.way]])
    return Expected(
        makespan_s=figures.makespan_s,
        held_mb=statistics.fmean(max(shared_node.steps(course.held)[1]) for course in figures.courses),
    )


def _target(pool_mb: float, cores: int) -> Target:
    """Return the memory as a node whose cores are no limit."""
    node = Partition(name="held", nodes=1, cores=cores, mem_mb=int(pool_mb) + 1, default=True)
    site = Site.model_validate(
        {
            "name": "held",
            "description": "the memory that the array held at once",
            "source": "sacct",
            "as_of": "1970-01-01",  # it is not a cluster, and has no date
            "partitions": (node,),
        }
    )
    return Target(site=site, partition=node, account=None, max_running=None)
