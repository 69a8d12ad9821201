"""Strategies of requesting memory, each run on the same past jobs and the same nodes.

Separate jobs start as Slurm starts them: in their order, whatever fits (under a scheduler without backfill, nothing
overtakes). A job whose peak is above its limit is killed when it reaches the peak, after a share of its run that is
drawn at random, and holds its memory until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import partial

import numpy as np

from planner.plan.document import Target
from planner.replay.past import ATTEMPTS, PastJob, Workload, first_mb
from planner.replay.separate import Requests, separate
from planner.replay.shared_node import Course
from planner.replay.together import allocation, dynamic_round, in_rounds, packed_round, run_in
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.simulator import Case
from planner.schedule.dynamic.state import Sharing


class Strategy(StrEnum):
    """A strategy of requesting memory."""

    RECORDED = "recorded"
    UNIFORM = "uniform"
    DOUBLING = "doubling"
    PAPER = "paper"
    ARRAY = "array"
    PACKED = "packed"
    DYNAMIC = "dynamic"
    KNOWN = "known"


LIMITED = frozenset(Strategy) - {Strategy.PAPER}
"""Strategies with a limit per job: kills do not depend on when other jobs reach their peaks."""


def run(strategy: Strategy, work: Workload, target: Target, rng: np.random.Generator) -> Course:
    """Replay all jobs once.

    Parameters
    ----------
    target : Target
        Nodes, and the site's rules for requests.
    rng : numpy.random.Generator
        Draws when each attempt reaches its peak.

    Raises
    ------
    InputError
        When a job cannot run this way on these nodes.
    """
    case = Case(
        works=work.works(),
        true_mb=tuple(job.peak_mb for job in work.jobs),
        wall_s=tuple(job.wall_s for job in work.jobs),
        peak_at=tuple(tuple(row) for row in rng.random((len(work.jobs), ATTEMPTS)).tolist()),
    )
    return _RUNS[strategy](work, target, case)


def _uniform(work: Workload, target: Target, case: Case) -> Course:
    return separate(work, target, case, asking=Requests(first=lambda _: work.uniform_mb))


def _recorded(work: Workload, target: Target, case: Case) -> Course:
    return separate(work, target, case, asking=Requests(first=lambda job: job.recorded_mb or work.uniform_mb))


def _doubling(work: Workload, target: Target, case: Case) -> Course:
    return separate(work, target, case, asking=Requests(first=lambda _: work.first_mb))


def _array(work: Workload, target: Target, case: Case) -> Course:
    asking = Requests(first=partial(first_mb, work=work), again=PastJob.retry_mb)
    return separate(work, target, case, asking=asking, by_cost=True, rounds=True)


def _known(work: Workload, target: Target, case: Case) -> Course:
    told = replace(work, jobs=tuple(replace(job, predicted_s=job.wall_s) for job in work.jobs))
    return separate(told, target, case, asking=Requests(first=lambda job: job.peak_mb), by_cost=True)


def _packed(work: Workload, target: Target, case: Case) -> Course:
    return in_rounds(work, target, case, packed_round)


def _paper(work: Workload, target: Target, case: Case) -> Course:
    requests = [min(first_mb(job, work), target.partition.cap_mb) for job in work.jobs]
    decide = partial(dynamic.decide, options=DynamicOptions(policy=Policy.PAPER))
    return run_in(allocation(work.jobs, requests, target), target, case, decide, Sharing.POOL)


def _dynamic(work: Workload, target: Target, case: Case) -> Course:
    return in_rounds(work, target, case, dynamic_round)


_RUNS: Mapping[Strategy, Callable[[Workload, Target, Case], Course]] = {
    Strategy.RECORDED: _recorded,
    Strategy.UNIFORM: _uniform,
    Strategy.DOUBLING: _doubling,
    Strategy.PAPER: _paper,
    Strategy.ARRAY: _array,
    Strategy.PACKED: _packed,
    Strategy.DYNAMIC: _dynamic,
    Strategy.KNOWN: _known,
}
