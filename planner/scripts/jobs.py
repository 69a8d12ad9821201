"""Jobs of a plan: one per sbatch call, with the tasks that run in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from planner.core import job_ids
from planner.core.modes import Mode
from planner.plan.document import Batch, Plan, PlannedTask
from planner.scripts.at_once import batch_lanes, divide, in_lanes
from planner.scripts.job import Job
from planner.scripts.users_jobs import users_jobs

# levels of Nice in one round: each costs a point of priority against other people's jobs
NICE_LEVELS = 50
# 'chromplan next' with a history of thousands of attempts needs a third of this and half a minute
FOLLOW_UP = "next.sh"
FOLLOW_UP_MB = 1024
FOLLOW_UP_S = 1800


def jobs(plan: Plan, mode: Mode | None = None) -> list[Job]:
    """Return the jobs of a plan, in the order of submission.

    Parameters
    ----------
    mode : Mode, optional
        Replaces the plan's own, as when tiers replace an array whose elements could not be updated.
    """
    mode = mode or plan.mode
    base = f"{plan.name}.{plan.round_name}.{plan.token}"
    if plan.user_script is not None:
        return users_jobs(plan, plan.user_script, mode)
    if mode is Mode.JOBS:
        return in_lanes(_single_jobs(plan, base), plan.target.max_running)
    if mode is Mode.PACKED:
        return in_lanes([_packed(plan, batch, base) for batch in plan.batches], batch_lanes(plan))
    if mode is Mode.HET:
        return [_het(plan, base)] if plan.tasks else []
    if mode is Mode.DYNAMIC:
        return [_allocation(plan, batch, base) for batch in plan.batches]
    if mode is Mode.ARRAY:
        return _arrays(plan, base)
    if mode is Mode.TIERS:
        return _tier_arrays(plan, base)
    assert_never(mode)


def follow_up(plan: Plan) -> Job:
    """Return the job that plans and submits the next round once the others have ended; it runs no task."""
    partition = plan.target.partition
    asked = plan.target.site.adjust(partition, min(FOLLOW_UP_MB, partition.cap_mb), 1, FOLLOW_UP_S)
    return Job(
        script=FOLLOW_UP,
        name=f"{plan.name}.{plan.round_name}.{plan.token}.next",
        tasks=(),
        array=None,
        mem_mb=min(asked.mem_mb, partition.cap_mb),
        cpus=asked.cpus,
        time_limit_s=int(min(asked.wall_s, partition.max_time_s)),
        nice=0,
        hold=False,
    )


def _single_jobs(plan: Plan, base: str) -> list[Job]:
    return [
        _job([task], script=f"jobs/{task.task}.sh", name=f"{base}.{task.task}", nice=nice)
        for task, nice in zip(plan.tasks, nices(len(plan.tasks)), strict=True)
    ]


def _arrays(plan: Plan, base: str) -> list[Job]:
    """Return one held array, or several if the site's arrays are shorter; in sequence if ``max_running`` is set.

    All elements of an array have the same CPUs, so there is one for each number where that is chosen for each task.
    """
    throttle = plan.target.max_running
    pieces = [
        (tasks, numbers, f"{own}{part}")
        for own, alike in _by_cpus(plan, plan.tasks)
        for tasks, numbers, part in _parts(plan, alike)
    ]
    found = [
        replace(
            _array(
                _job(tasks, script=f"array{part}.sh", name=f"{base}{part.replace('-', '.', 1)}"),
                numbers=numbers,
                throttle=throttle,
            ),
            hold=True,
        )
        for tasks, numbers, part in pieces
    ]
    return in_lanes(found, 1 if throttle else None)


def _by_cpus(plan: Plan, tasks: Sequence[PlannedTask]) -> list[tuple[str, list[PlannedTask]]]:
    """Return the tasks by their CPUs, each group with a suffix; one group where all have the same by design."""
    if not plan.cpus:
        return [("", list(tasks))]
    groups: dict[int, list[PlannedTask]] = {}
    for task in tasks:
        groups.setdefault(task.cpus, []).append(task)
    return [(f"-cpus-{number}", groups[number]) for number in sorted(groups, reverse=True)]


def _tier_arrays(plan: Plan, base: str) -> list[Job]:
    throttle = plan.target.max_running
    pieces = [
        (tasks, numbers, f"tier-{tier + 1}{own}{part}")
        for tier in sorted({task.tier for task in plan.tasks}, reverse=True)
        for own, alike in _by_cpus(plan, [task for task in plan.tasks if task.tier == tier])
        for tasks, numbers, part in _parts(plan, alike)
    ]
    shares = divide(throttle, [len(tasks) for tasks, _, _ in pieces])
    found = [
        _array(_job(tasks, script=f"{piece}.sh", name=f"{base}.{piece}"), numbers=numbers, throttle=share)
        for (tasks, numbers, piece), share in zip(pieces, shares, strict=True)
    ]
    return in_lanes(found, throttle)


def nices(count: int) -> list[int]:
    """Return the ``Nice`` of each of ``count`` tasks in order: from 0 in steps of 1, with few levels in all."""
    return [min(rank, rank * NICE_LEVELS // count) for rank in range(count)]


def _parts(plan: Plan, tasks: Sequence[PlannedTask]) -> list[tuple[list[PlannedTask], dict[str, int], str]]:
    """Cut tasks into arrays whose indices stay below the site's MaxArraySize: (tasks, their indices, suffix).

    A single array has the tasks' own indices. Parts are cut at fixed positions of the plan's order, so that they can
    follow each other, and number their tasks from 0: a task has the same index in every mode.
    """
    longest = plan.target.site.max_array_size
    if all(task.element < longest for task in plan.tasks):
        return [(list(tasks), {}, "")] if tasks else []
    blocks: dict[int, list[PlannedTask]] = {}
    for rank, task in enumerate(plan.tasks):
        blocks.setdefault(rank // longest, []).append(task)
    wanted = {task.task for task in tasks}
    parts = []
    for block, members in sorted(blocks.items()):
        numbers = {one.task: at for at, one in enumerate(sorted(members, key=lambda one: one.element))}
        found = [task for task in members if task.task in wanted]
        if found:
            parts.append((found, numbers, f"-part-{block + 1}" if len(blocks) > 1 else ""))
    return parts


def _job(tasks: Sequence[PlannedTask], *, script: str, name: str, nice: int = 0) -> Job:
    return Job(
        script=script,
        name=name,
        tasks=tuple(tasks),
        array=None,
        mem_mb=max(task.request_mb for task in tasks),
        cpus=max(task.cpus for task in tasks),
        time_limit_s=max(task.time_limit_s for task in tasks),
        nice=nice,
        hold=False,
    )


def _array(job: Job, *, numbers: Mapping[str, int], throttle: int | None) -> Job:
    """Return a job as an array of its tasks, with the indices in ``numbers``, otherwise the tasks' own."""
    ranges = job_ids.format_ranges(sorted(numbers.get(task.task, task.element) for task in job.tasks))
    return replace(job, array=f"{ranges}{f'%{throttle}' if throttle else ''}", numbers=numbers)


def _packed(plan: Plan, batch: Batch, base: str) -> Job:
    return Job(
        script=f"batch-{batch.batch + 1}.sh",
        name=f"{base}.batch-{batch.batch + 1}",
        tasks=tuple(task for task in plan.tasks if task.batch == batch.batch),
        array=None,
        mem_mb=batch.mem_mb,
        cpus=batch.cpus,
        time_limit_s=batch.time_limit_s,
        nice=0,
        hold=False,
        batch=batch,
    )


def _allocation(plan: Plan, batch: Batch, base: str) -> Job:
    return replace(_packed(plan, batch, base), script="drive.sh", name=base, drives=True)


def _het(plan: Plan, base: str) -> Job:
    return Job(
        script="het.sh",
        name=base,
        tasks=tuple(plan.tasks),
        array=None,
        mem_mb=sum(batch.mem_mb for batch in plan.batches),
        cpus=max(batch.cpus for batch in plan.batches),
        time_limit_s=max(batch.time_limit_s for batch in plan.batches),
        nice=0,
        hold=False,
        components=tuple(plan.batches),
    )
