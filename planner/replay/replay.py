"""Replay of all strategies on the same jobs, repeated to average over random draws."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.core.errors import InputError
from planner.core.units import GB_H
from planner.plan.document import Target
from planner.replay.past import Workload
from planner.replay.shared_node import Course, most_running
from planner.replay.strategies import LIMITED, Strategy, run


@dataclass(frozen=True, kw_only=True)
class StrategyFigures:
    """Results of one strategy.

    Attributes
    ----------
    what : str
        Description of the strategy, with its numbers.
    courses : tuple of Course
        One per run; none when it was refused.
    refused : str
        Why the jobs cannot run this way.
    """

    strategy: Strategy
    what: str
    used_mb_s: float
    courses: tuple[Course, ...] = ()
    refused: str = ""

    @property
    def makespans_s(self) -> list[float]:
        """Makespan of each run."""
        return [course.makespan_s for course in self.courses]

    @property
    def makespan_s(self) -> float:
        """Mean makespan."""
        return statistics.fmean(self.makespans_s)

    @property
    def wait_s(self) -> float:
        """Median wait of a job for its first start, s, mean over the runs."""
        return statistics.fmean(statistics.median(course.waits_s) for course in self.courses)

    @property
    def killed(self) -> float:
        """Mean number of attempts killed for memory."""
        return statistics.fmean(course.killed for course in self.courses)

    @property
    def reserved_gb_h(self) -> float:
        """Mean memory x time reserved, GB h."""
        return statistics.fmean(course.reserved_mb_s for course in self.courses) * GB_H

    @property
    def wasted_gb_h(self) -> float:
        """Mean memory x time reserved but not needed, GB h."""
        return self.reserved_gb_h - self.used_mb_s * GB_H

    @property
    def at_once(self) -> int:
        """Most attempts at once in the first run."""
        return most_running(self.courses[0].spans)


def replay(
    work: Workload,
    target: Target,
    *,
    runs: int,
    seed: int = 0,
    strategies: Sequence[Strategy] = tuple(Strategy),
    report: Callable[[float], None] = lambda _: None,
) -> list[StrategyFigures]:
    """Replay past jobs under every strategy.

    Parameters
    ----------
    runs : int
        Number of runs; each draws when attempts reach their peaks, the same for all strategies.
    report : callable
        Called with the share done.

    Returns
    -------
    list of StrategyFigures
        In the order of ``strategies``; without ``RECORDED`` if a job's own limit is not recorded.

    Raises
    ------
    InputError
        When a job needs more than a node has.
    """
    _check(work, target)
    wanted = [one for one in strategies if one is not Strategy.RECORDED or work.recorded]
    found = []
    for number, strategy in enumerate(wanted):
        courses: list[Course] = []
        refused = ""
        try:
            for k in range(runs):
                if k == 1 and strategy in LIMITED and not courses[0].killed:
                    courses *= runs  # randomness only decides when a job is killed
                    break
                courses.append(run(strategy, work, target, np.random.default_rng([seed, k])))
                report((number + (k + 1) / runs) / len(wanted))
        except InputError as error:
            courses, refused = [], error.message
        found.append(
            StrategyFigures(
                strategy=strategy,
                what="" if refused else _what(strategy, work, courses),
                used_mb_s=work.used_mb_s,
                courses=tuple(courses),
                refused=refused,
            )
        )
    return found


def _check(work: Workload, target: Target) -> None:
    partition = target.partition
    largest = max(work.jobs, key=lambda job: job.peak_mb)
    if largest.peak_mb > partition.cap_mb:
        raise InputError(
            f"job {largest.name} used {largest.peak_mb:.0f} MB; a node offers {partition.cap_mb} MB",
            "give nodes that hold it: --mem, or --partition",
        )
    widest = max(work.jobs, key=lambda job: job.cpus)
    if widest.cpus > partition.cores:
        raise InputError(
            f"job {widest.name} has {widest.cpus} cores; a node has {partition.cores}",
            "give nodes that hold it: --cpus, or --partition",
        )


def _what(strategy: Strategy, work: Workload, courses: Sequence[Course]) -> str:
    match strategy:
        case Strategy.RECORDED:
            return "each job with the limit it really had; doubled when killed"
        case Strategy.UNIFORM:
            return f"one --mem for all, {work.uniform_mb}M; doubled when killed"
        case Strategy.DOUBLING:
            return f"a low first guess, {work.first_mb}M; doubled when killed"
        case Strategy.ARRAY:
            return "each element of one array its own --mem; killed: next round"
        case Strategy.PACKED:
            jobs = sum(held.start_s == 0 for course in courses[:1] for held in course.held)
            return f"{'one job' if jobs == 1 else f'{jobs} jobs'} with many tasks, each held to its own limit"
        case Strategy.KNOWN:
            return "each job asks for exactly its peak, which nobody can know beforehand"
    how = "limits learnt as tasks end" if strategy is Strategy.DYNAMIC else "filled batch by batch"
    return f"one allocation of {courses[0].held[0].mem_mb:.0f}M, {how}"
