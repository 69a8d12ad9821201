"""Strategies of requesting memory, each run on the same past jobs and the same nodes.

Separate jobs start as Slurm starts them: in their order, whatever fits (under a scheduler without backfill, nothing
overtakes). A job whose peak is above its limit is killed when it reaches the peak, after a share of its run that is
drawn at random, and holds its memory until then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import numpy as np

from planner.core.errors import InputError
from planner.core.records import BatchPacker
from planner.core.retry import DOUBLE
from planner.plan.allocating import allocate, at_first_mb, has_margin
from planner.plan.document import Batch, Target
from planner.plan.packers import granted_mb, pack
from planner.plan.packing import Load
from planner.replay.past import PastJob, Workload
from planner.replay.shared_node import Course, HeldMemory
from planner.schedule import listing as order
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.decide import DynamicOptions, Policy
from planner.schedule.dynamic.simulator import Case, Simulated, Span, simulate
from planner.schedule.dynamic.state import Node, Sharing, Start, State, Waiting
from planner.site import Adjusted

_ATTEMPTS = 12


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
        peak_at=tuple(tuple(row) for row in rng.random((len(work.jobs), _ATTEMPTS)).tolist()),
    )
    return _RUNS[strategy](work, target, case)


def _first(job: PastJob, work: Workload) -> int:
    return work.uniform_mb if job.request_mb is None else job.request_mb


# --- separate jobs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asking:
    """The requests of a strategy.

    Attributes
    ----------
    first : callable
        The first request of a job, MiB.
    again : callable
        The next one after a request that was too low, MiB.
    """

    first: Callable[[PastJob], float]
    again: Callable[[PastJob, float], float] = lambda _, killed_mb: DOUBLE.after(killed_mb)

    def mem_mb(self, job: PastJob, kills: int, cap_mb: float) -> int:
        """Return the request after this many kills, MiB; at most ``cap_mb``."""
        mem_mb = self.first(job)
        for _ in range(kills):
            mem_mb = self.again(job, mem_mb)
        return math.ceil(min(mem_mb, cap_mb))


class _JobQueue:
    """Slurm's queue: decides which of the separate jobs start."""

    def __init__(self, work: Workload, target: Target, asking: _Asking, *, by_cost: bool, rounds: bool) -> None:
        self._jobs = {job.name: job for job in work.jobs}
        self._target = target
        self._asking = asking
        self._rounds = rounds
        self._asked: dict[tuple[str, int], Adjusted] = {}
        names = [job.name for job in work.jobs]
        if by_cost:
            mem_mb = [float(self.ask(job.name, 0).mem_mb) for job in work.jobs]
            names = [names[k] for k in order.by_cost(mem_mb, _expected_s(work.jobs))]
        self._rank = {name: rank for rank, name in enumerate(names)}

    def ask(self, name: str, kills: int) -> Adjusted:
        """Return a job's request, by the rules of the site."""
        key = (name, kills)
        if key not in self._asked:
            job, partition = self._jobs[name], self._target.partition
            mem_mb = self._asking.mem_mb(job, kills, partition.cap_mb)
            asked = self._target.site.adjust(partition, mem_mb, job.cpus)
            if asked.mem_mb > partition.cap_mb or asked.cpus > partition.cores:
                raise InputError(
                    f"job {name} would ask for {asked.mem_mb} MB and {asked.cpus} cores; "
                    f"a node has {partition.cap_mb} MB and {partition.cores}",
                    "give larger nodes: --mem, --cpus",
                )
            self._asked[key] = asked
        return self._asked[key]

    def __call__(self, state: State) -> list[Start]:
        """Return the jobs to start now."""
        free = {node.name: _Room(node.mem_mb, node.cores or math.inf) for node in state.nodes}
        for run in state.running:
            free[run.node].take(self.ask(run.work.name, run.kills))
        slots = (self._target.max_running or math.inf) - len(state.running)
        starts: list[Start] = []
        for task in self._next(state):
            if len(starts) >= slots:
                break
            asked = self.ask(task.work.name, task.kills)
            node = next((name for name, room in free.items() if room.holds(asked)), "")
            if node:
                free[node].take(asked)
                starts.append(Start(name=task.work.name, node=node, limit_mb=asked.mem_mb))
            elif self._target.site.scheduler != "backfill":
                break
        return starts

    def _next(self, state: State) -> list[Waiting]:
        """Return the queued jobs; in rounds, killed jobs are submitted again when all others have ended."""
        waiting = sorted(state.waiting, key=lambda task: (task.kills, self._rank[task.work.name]))
        if not self._rounds:
            return waiting
        current = min([task.kills for task in waiting] + [run.kills for run in state.running])
        return [task for task in waiting if task.kills == current]


@dataclass(slots=True)
class _Room:
    """Free memory and cores of a node."""

    mem_mb: float
    cpus: float

    def holds(self, asked: Adjusted) -> bool:
        """Whether a job fits in."""
        return self.mem_mb >= asked.mem_mb and self.cpus >= asked.cpus

    def take(self, asked: Adjusted) -> None:
        """Start a job here."""
        self.mem_mb -= asked.mem_mb
        self.cpus -= asked.cpus


def _expected_s(jobs: Sequence[PastJob]) -> list[float]:
    """Return expected run times; all equal if one is unknown."""
    expected = [job.predicted_s for job in jobs]
    return [one or 1e-9 for one in expected] if all(one is not None for one in expected) else [1.0] * len(jobs)


def _load(jobs: Sequence[PastJob], requests: Sequence[int]) -> Load:
    wall_s = _expected_s(jobs)
    timed = all(job.predicted_s is not None for job in jobs)
    return Load(list(requests), wall_s, [math.ceil(one) for one in wall_s], [job.cpus for job in jobs], timed)


def _separate(
    work: Workload, target: Target, case: Case, *, asking: _Asking, by_cost: bool = False, rounds: bool = False
) -> Course:
    partition = target.partition
    nodes = min(partition.nodes or len(work.jobs), len(work.jobs))
    queue = _JobQueue(work, target, asking, by_cost=by_cost, rounds=rounds)
    run = simulate(
        case,
        queue,
        sharing=Sharing.LIMITS,
        nodes=[Node(name=f"node{k}", mem_mb=partition.cap_mb, cores=partition.cores) for k in range(nodes)],
    )
    return Course(spans=run.spans, held=tuple(_held(span) for span in run.spans))


def _held(span: Span) -> HeldMemory:
    return HeldMemory(start_s=span.start_s, end_s=span.end_s, mem_mb=span.limit_mb or 0.0)


def _uniform(work: Workload, target: Target, case: Case) -> Course:
    return _separate(work, target, case, asking=_Asking(first=lambda _: work.uniform_mb))


def _recorded(work: Workload, target: Target, case: Case) -> Course:
    return _separate(work, target, case, asking=_Asking(first=lambda job: job.recorded_mb or work.uniform_mb))


def _doubling(work: Workload, target: Target, case: Case) -> Course:
    return _separate(work, target, case, asking=_Asking(first=lambda _: work.first_mb))


def _array(work: Workload, target: Target, case: Case) -> Course:
    asking = _Asking(first=partial(_first, work=work), again=PastJob.retry_mb)
    return _separate(work, target, case, asking=asking, by_cost=True, rounds=True)


def _known(work: Workload, target: Target, case: Case) -> Course:
    told = replace(work, jobs=tuple(replace(job, predicted_s=job.wall_s) for job in work.jobs))
    return _separate(told, target, case, asking=_Asking(first=lambda job: job.peak_mb), by_cost=True)


# --- jobs that hold many tasks ------------------------------------------------------------------------------------


def _in_rounds(
    work: Workload,
    target: Target,
    case: Case,
    one_round: Callable[[Sequence[PastJob], Sequence[int], Target, Case], Course],
) -> Course:
    """Run all jobs, then those that were killed, with their requests after a kill, and so on.

    Parameters
    ----------
    one_round : callable
        Takes jobs, their requests (MiB), the nodes and the case of these jobs.
    """
    cap_mb = target.partition.cap_mb
    requests = {job.name: min(_first(job, work), cap_mb) for job in work.jobs}
    left = list(range(len(work.jobs)))
    spans: list[Span] = []
    held: list[HeldMemory] = []
    now_s = 0.0
    tried = 0
    while left:
        jobs = [work.jobs[k] for k in left]
        ran = one_round(jobs, [requests[job.name] for job in jobs], target, _part(case, left, attempt=tried))
        spans += [replace(span, start_s=now_s + span.start_s, end_s=now_s + span.end_s) for span in ran.spans]
        held += [replace(one, start_s=now_s + one.start_s, end_s=now_s + one.end_s) for one in ran.held]
        done = {span.name for span in ran.spans if not span.killed}
        left = [k for k in left if work.jobs[k].name not in done]
        for k in left:
            job = work.jobs[k]
            most_mb = max(span.limit_mb or 0.0 for span in ran.spans if span.name == job.name)
            requests[job.name] = math.ceil(min(job.retry_mb(most_mb), cap_mb))
        now_s += ran.makespan_s
        tried += max(Counter(span.name for span in ran.spans).values())
    return Course(spans=tuple(spans), held=tuple(held))


def _packed(work: Workload, target: Target, case: Case) -> Course:
    return _in_rounds(work, target, case, _packed_round)


def _packed_round(jobs: Sequence[PastJob], mem_mb: Sequence[int], target: Target, case: Case) -> Course:
    load = _load(jobs, mem_mb)
    ranked = order.by_cost(load.mem_mb, load.wall_s)
    # knapsack batches that follow each other would need a queue; jobs dealt longest first all start at once
    packed = pack(ranked, load, target, packer=BatchPacker.LPT)
    spans: list[Span] = []
    held: list[HeldMemory] = []
    for batch in packed.batches:
        mine = [k for k in ranked if packed.batch_of[k] == batch.batch]
        node = Node(name=f"job{batch.batch}", mem_mb=batch.pool_mb, cores=batch.slots)
        ran = _steps(_part(case, mine), [mem_mb[k] for k in mine], node, srun_mb=batch.srun_mb)
        spans += ran.spans
        held.append(HeldMemory(start_s=0.0, end_s=ran.makespan_s, mem_mb=granted_mb(batch, target)))
    return Course(spans=tuple(spans), held=tuple(held))


def _steps(case: Case, mem_mb: Sequence[int], node: Node, *, srun_mb: int) -> Simulated:
    """Run tasks as steps of one job: strictly in order, a slot each, as its dispatcher starts them."""
    asked = {one.name: mb for one, mb in zip(case.works, mem_mb, strict=True)}

    def decide(state: State) -> list[Start]:
        free_mb = node.mem_mb - sum(asked[run.work.name] + srun_mb for run in state.running)
        slots = (node.cores or 1) - len(state.running)
        starts: list[Start] = []
        for task in state.waiting:
            free_mb -= asked[task.work.name] + srun_mb
            if len(starts) == slots or free_mb < 0:
                break
            starts.append(Start(name=task.work.name, node=node.name, limit_mb=asked[task.work.name]))
        return starts

    return simulate(case, decide, sharing=Sharing.LIMITS, nodes=(node,), again=lambda _: False)


def _part(case: Case, tasks: Sequence[int], *, attempt: int = 0) -> Case:
    """Return some tasks of a case, in this order; ``attempt`` attempts of them are over."""
    first = min(attempt, _ATTEMPTS - 1)
    return Case(
        works=tuple(case.works[k] for k in tasks),
        true_mb=tuple(case.true_mb[k] for k in tasks),
        wall_s=tuple(case.wall_s[k] for k in tasks),
        peak_at=tuple(case.peak_at[k][first:] for k in tasks),
    )


# --- one allocation -----------------------------------------------------------------------------------------------


def allocation(jobs: Sequence[PastJob], mem_mb: Sequence[int], target: Target) -> Batch:
    """Return the one allocation that mode dynamic asks for, on as many of the nodes as it needs.

    Parameters
    ----------
    mem_mb : sequence of int
        Requests of the jobs, MiB.

    Raises
    ------
    InputError
        When a task and the driver do not fit on a node together.
    """
    at_first = at_first_mb([job.predicted_mb for job in jobs], mem_mb)
    ranked = order.by_cost(list(mem_mb), _expected_s(jobs))
    nodes = target.partition.nodes or len(jobs)
    load = _load(jobs, at_first)
    (batch,) = allocate(ranked, load, target, nodes=nodes, shared=False).batches
    return batch


def _paper(work: Workload, target: Target, case: Case) -> Course:
    requests = [min(_first(job, work), target.partition.cap_mb) for job in work.jobs]
    decide = partial(dynamic.decide, options=DynamicOptions(policy=Policy.PAPER))
    return _allocated(allocation(work.jobs, requests, target), target, case, decide, Sharing.POOL)


def _dynamic(work: Workload, target: Target, case: Case) -> Course:
    return _in_rounds(work, target, case, _dynamic_round)


def _dynamic_round(jobs: Sequence[PastJob], mem_mb: Sequence[int], target: Target, case: Case) -> Course:
    """Replay a round in which the scheduler chooses limits, as in 'chromplan drive'.

    Requests are used until a task has ended; then limits are learnt. Killed tasks get twice their limit.
    """
    batch = allocation(jobs, mem_mb, target)
    asked = {job.name: float(mb) for job, mb in zip(jobs, mem_mb, strict=True)}
    raised = {job.name for job in jobs if asked[job.name] > (job.request_mb or asked[job.name])}
    sure = {job.name for job in jobs if has_margin(job.predicted_mb or 0.0, job.request_mb or 0)}

    def decide(state: State) -> list[Start]:
        killed_mb = {one.names[0]: one.mem_mb for one in state.overflows}
        taught = bool(state.done or killed_mb)
        given = {name: min(asked[name], batch.pool_mb) for name in (raised if taught else raised | sure)}
        given |= {name: min(DOUBLE.after(mb), batch.pool_mb) for name, mb in killed_mb.items()}
        waiting = tuple(replace(task, held=False, limit_mb=given.get(task.work.name)) for task in state.waiting)
        return dynamic.decide(replace(state, waiting=waiting))

    return _allocated(batch, target, case, decide, Sharing.LIMITS)


def _allocated(
    batch: Batch, target: Target, case: Case, decide: Callable[[State], Sequence[Start]], sharing: Sharing
) -> Course:
    # the driver runs on one node only
    memory = [batch.pool_mb, *[batch.mem_mb] * (batch.nodes - 1)]
    cores = batch.slots * batch.cpus
    ran = simulate(
        case,
        decide,
        sharing=sharing,
        nodes=[Node(name=f"node{number}", mem_mb=mb, cores=cores) for number, mb in enumerate(memory)],
        again=lambda run: run.limit_mb is None or run.limit_mb < batch.pool_mb,
    )
    whole = HeldMemory(start_s=0.0, end_s=ran.makespan_s, mem_mb=batch.nodes * granted_mb(batch, target))
    return Course(spans=ran.spans, held=(whole,))


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
