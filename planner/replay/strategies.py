"""Strategies of requesting memory, each run on the same past jobs and the same nodes.

Separate jobs start as Slurm starts them: in their order, whatever fits (under a scheduler without backfill, nothing
overtakes). A job whose peak is above its limit is killed when it reaches the peak, after a share of its run that is
drawn at random, and holds its memory until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial

import numpy as np

from planner.plan.document import Target
from planner.replay.past import Workload, first_mb
from planner.replay.separate import Granted, Offer, Requests, array, known, recorded, separate
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
    case = work.case(rng)
    if strategy in _SEPARATE:
        return _SEPARATE[strategy](work, _offer(target), case)
    return _TOGETHER[strategy](work, target, case)


def _offer(target: Target) -> Offer:
    """Return the nodes of a partition, which grant what the site makes of a request."""
    partition, site = target.partition, target.site

    def grant(mem_mb: int, cpus: int) -> Granted:
        asked = site.adjust(partition, mem_mb, cpus)
        return Granted(mem_mb=asked.mem_mb, cpus=asked.cpus)

    return Offer(
        nodes=partition.nodes,
        mem_mb=partition.cap_mb,
        cores=partition.cores,
        max_running=target.max_running,
        backfill=site.scheduler == "backfill",
        grant=grant,
    )


def _uniform(work: Workload, offer: Offer, case: Case) -> Course:
    return separate(work, offer, case, asking=Requests(first=lambda _: work.uniform_mb))


def _doubling(work: Workload, offer: Offer, case: Case) -> Course:
    return separate(work, offer, case, asking=Requests(first=lambda _: work.first_mb))


def _packed(work: Workload, target: Target, case: Case) -> Course:
    return in_rounds(work, target, case, packed_round)


def _paper(work: Workload, target: Target, case: Case) -> Course:
    requests = [min(first_mb(job, work), target.partition.cap_mb) for job in work.jobs]
    decide = partial(dynamic.decide, options=DynamicOptions(policy=Policy.PAPER))
    return run_in(allocation(work.jobs, requests, target), target, case, decide, Sharing.POOL)


def _dynamic(work: Workload, target: Target, case: Case) -> Course:
    return in_rounds(work, target, case, dynamic_round)


_SEPARATE: Mapping[Strategy, Callable[[Workload, Offer, Case], Course]] = {
    Strategy.RECORDED: recorded,
    Strategy.UNIFORM: _uniform,
    Strategy.DOUBLING: _doubling,
    Strategy.ARRAY: array,
    Strategy.KNOWN: known,
}
_TOGETHER: Mapping[Strategy, Callable[[Workload, Target, Case], Course]] = {
    Strategy.PAPER: _paper,
    Strategy.PACKED: _packed,
    Strategy.DYNAMIC: _dynamic,
}
