"""Schedules of the elements under other requests, within the memory that they really held at one time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.advice.arrays import PastArray
from planner.advice.foresight import Foretold
from planner.advice.ways import Way, WayFigures, retry
from planner.replay import separate, shared_node
from planner.replay.past import PastJob, Workload
from planner.replay.separate import Offer
from planner.replay.shared_node import Course

# by the element's index, and after a kill doubled, as Slurm does it; or largest first, in rounds
_REPLAYS = {
    Way.ASKED: separate.recorded,
    Way.ONE: separate.recorded,
    Way.TIERS: separate.array,
    Way.OWN: separate.array,
    Way.KNOWN: separate.known,
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
    most_mb = int(max(pool_mb, largest, *(row.peak_mb for row in rows))) + 1
    # cores are no limit
    offer = Offer(nodes=1, mem_mb=most_mb, cores=sum(row.element.last.cpus for row in rows))
    return {one.way: _expected(rows, one, offer, seed) for one in ways}


def _expected(rows: Sequence[Foretold], way: WayFigures, offer: Offer, seed: int) -> Expected:
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
    courses: list[Course] = []
    for run in range(_RUNS if len(jobs) < _MANY else 1):
        courses.append(_REPLAYS[way.way](work, offer, work.case(np.random.default_rng([seed, run]))))
        if not courses[0].killed:
            break  # randomness only decides when a job is killed
    return Expected(
        makespan_s=statistics.fmean(course.makespan_s for course in courses),
        held_mb=statistics.fmean(max(shared_node.steps(course.held)[1]) for course in courses),
    )
