"""Past jobs replayed as tasks of jobs that hold many: packed batches, and one allocation with a dynamic scheduler."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from planner.core.modes import BatchPacker
from planner.core.retry import DOUBLE
from planner.plan.allocating import allocate, at_first_mb, has_margin
from planner.plan.document import Batch, Target
from planner.plan.packers import granted_mb, pack
from planner.plan.packing import Load
from planner.replay.past import ATTEMPTS, PastJob, Workload, expected_s, first_mb
from planner.replay.shared_node import Course, HeldMemory
from planner.schedule import listing as order
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.simulator import Case, Simulated, Span, simulate
from planner.schedule.dynamic.state import Node, Sharing, Start, State


def in_rounds(
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
    requests = {job.name: min(first_mb(job, work), cap_mb) for job in work.jobs}
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


def packed_round(jobs: Sequence[PastJob], mem_mb: Sequence[int], target: Target, case: Case) -> Course:
    """Replay a round of jobs packed into batches that all start at once."""
    load = _load_of(jobs, mem_mb)
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
    first = min(attempt, ATTEMPTS - 1)
    return Case(
        works=tuple(case.works[k] for k in tasks),
        true_mb=tuple(case.true_mb[k] for k in tasks),
        wall_s=tuple(case.wall_s[k] for k in tasks),
        peak_at=tuple(case.peak_at[k][first:] for k in tasks),
    )


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
    ranked = order.by_cost(list(mem_mb), expected_s(jobs))
    nodes = target.partition.nodes or len(jobs)
    load = _load_of(jobs, at_first)
    (batch,) = allocate(ranked, load, target, nodes=nodes, shared=False).batches
    return batch


def dynamic_round(jobs: Sequence[PastJob], mem_mb: Sequence[int], target: Target, case: Case) -> Course:
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

    return run_in(batch, target, case, decide, Sharing.LIMITS)


def run_in(
    batch: Batch, target: Target, case: Case, decide: Callable[[State], Sequence[Start]], sharing: Sharing
) -> Course:
    """Replay jobs in one allocation, of which a scheduler decides what starts."""
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


def _load_of(jobs: Sequence[PastJob], requests: Sequence[int]) -> Load:
    wall_s = expected_s(jobs)
    timed = all(job.predicted_s is not None for job in jobs)
    return Load(list(requests), wall_s, [math.ceil(one) for one in wall_s], [job.cpus for job in jobs], timed)
