"""Jobs of a plan: one per sbatch call, with the tasks that run in it."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from planner.core import indices, job_ids
from planner.core.records import Mode
from planner.core.user_scripts import UserScript
from planner.plan.document import Batch, Plan, PlannedTask

# levels of Nice in one round: each costs a point of priority against other people's jobs
NICE_LEVELS = 50
# 'chromplan next' with a history of thousands of attempts needs a third of this and half a minute
FOLLOW_UP = "next.sh"
FOLLOW_UP_MB = 1024
FOLLOW_UP_S = 1800
DRIVEN = "driven"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One sbatch call: a script and the tasks that run in it.

    Attributes
    ----------
    script : str
        Relative to the round's folder.
    array : str or None
        The value of ``--array``.
    mem_mb : int
        The value of ``--mem``, MiB: of the one task, or the largest of the array.
    hold : bool
        Whether the elements get their own memory before the array is released.
    numbers : mapping of str to int
        Array index of each task, if it differs from the task's own, as in the parts of a long array.
    is_users : bool
        Whether the script is the user's own.
    even : bool
        Whether all elements of a held array get the array's memory.
    absent : str
        Indices of a user's array that do not run in this round, as ``1-2,5``. The array is submitted whole, so that the
        others see the same environment as before, and these are cancelled while it is held.
    after : str or None
        Script of the job that must end before this one starts.
    batch : Batch or None
        The batch whose tasks run as steps of this job.
    components : tuple of Batch
        Of a heterogeneous job.
    drives : bool
        Whether it is an allocation in which ``chromplan drive`` runs the tasks.
    """

    script: str
    name: str
    tasks: tuple[PlannedTask, ...]
    array: str | None
    mem_mb: int
    cpus: int
    time_limit_s: int
    nice: int
    hold: bool
    numbers: Mapping[str, int] = field(default_factory=dict)
    is_users: bool = False
    even: bool = False
    absent: str = ""
    after: str | None = None
    batch: Batch | None = None
    components: tuple[Batch, ...] = ()
    drives: bool = False

    @property
    def runs_steps(self) -> bool:
        """Whether the tasks are steps of this job."""
        return self.batch is not None or bool(self.components)

    @property
    def runs_as(self) -> str:
        """The role of a task in this job: ``job`` (an element, or the whole job), ``step``, or ``driven``."""
        return DRIVEN if self.drives else "step" if self.runs_steps else "job"

    def element(self, task: PlannedTask) -> int:
        """Return the array index of a task."""
        return self.numbers.get(task.task, task.element)

    def part(self, task: PlannedTask) -> str:
        """Return the suffix that Slurm adds to this job's id for a task's part of it (``_3``, ``+1``, or none)."""
        if self.components:
            return f"+{task.batch}"
        return f"_{self.element(task)}" if self.array else ""

    def given_mb(self, task: PlannedTask) -> int:
        """Return the memory a task may use here, MiB: its own request, or that of the whole array."""
        return task.request_mb if self.runs_steps or (self.hold and not self.even) else self.mem_mb


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
        return _in_lanes(_single_jobs(plan, base), plan.target.max_running)
    if mode is Mode.PACKED:
        return _in_lanes([_packed(plan, batch, base) for batch in plan.batches], _lanes(plan))
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


def users_jobs(plan: Plan, script: UserScript, mode: Mode) -> list[Job]:
    """Return the submissions of a user's own script: one, or one for each memory tier, or for each task.

    Each is the user's whole array, with the elements that do not belong to it marked absent. If the site does not queue
    that many jobs at once, it is an array of its own elements only.
    """
    throttle = plan.target.max_running
    if mode is Mode.JOBS:
        groups = [([task], task.task) for task in plan.tasks]
        shares: list[int | None] = [None] * len(groups)
    elif mode is Mode.TIERS:
        tiers = sorted({task.tier for task in plan.tasks}, reverse=True)
        groups = [([task for task in plan.tasks if task.tier == tier], f"tier-{tier + 1}") for tier in tiers]
        shares = _shares(throttle, [len(tasks) for tasks, _ in groups])
    else:
        groups, shares = [(list(plan.tasks), "array")] if plan.tasks else [], [throttle]
    most = plan.target.site.most_queued
    # each array is queued whole until the elements that do not belong to it are cancelled, one array at a time
    is_whole = most is None or len(script.indices) + (len(plan.tasks) if len(groups) > 1 else 0) <= most
    even = mode is not Mode.ARRAY
    found = [
        _users_job(plan, script, tasks, label=label, throttle=share, even=even, is_whole=is_whole)
        for (tasks, label), share in zip(groups, shares, strict=True)
    ]
    return _in_lanes(found, None if mode is Mode.ARRAY else throttle)


def keeps_memory(script: UserScript, tasks: Sequence[PlannedTask]) -> bool:
    """Whether a user's script without a memory option keeps the cluster's default, as nothing better is known yet."""
    return all(
        task.attempt == 1 and task.predicted_mb is None and task.request_mb == script.unasked_mb for task in tasks
    )


def _users_job(
    plan: Plan,
    script: UserScript,
    tasks: Sequence[PlannedTask],
    *,
    label: str,
    throttle: int | None,
    even: bool,
    is_whole: bool,
) -> Job:
    running = sorted(task.element for task in tasks)
    indices_text = script.array if is_whole else job_ids.format_ranges(running)
    return Job(
        script=label,
        name=f"{plan.name}.{plan.round_name}.{plan.token}.{label}",
        tasks=tuple(tasks),
        array=f"{indices_text}{f'%{throttle}' if throttle else ''}" if script.array else None,
        mem_mb=max(task.request_mb for task in tasks),
        cpus=max(task.cpus for task in tasks),
        time_limit_s=max(task.time_limit_s for task in tasks),
        nice=0,
        hold=bool(script.array),
        is_users=True,
        even=even or script.even or keeps_memory(script, tasks),
        absent=job_ids.format_ranges(sorted({*script.indices} - {*running})) if is_whole else "",
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
    return _in_lanes(found, 1 if throttle else None)


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
    shares = _shares(throttle, [len(tasks) for tasks, _, _ in pieces])
    found = [
        _array(_job(tasks, script=f"{piece}.sh", name=f"{base}.{piece}"), numbers=numbers, throttle=share)
        for (tasks, numbers, piece), share in zip(pieces, shares, strict=True)
    ]
    return _in_lanes(found, throttle)


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


def _lanes(plan: Plan) -> int | None:
    """Return how many batches of the plan may run at once; None when all may."""
    slots, most = [batch.slots for batch in plan.batches], plan.target.max_running
    return None if most is None or sum(slots) <= most else max(1, most // max(slots))


def _in_lanes(found: list[Job], lanes: int | None) -> list[Job]:
    """Let at most ``lanes`` jobs run at once: each waits for the previous job of the lane that is free first.

    Jobs keep names of their own: a common name per lane (``--dependency=singleton``) would hide which job is which
    task.
    """
    if lanes is None:
        return found
    free: list[tuple[float, int, str | None]] = [(0.0, lane, None) for lane in range(min(lanes, len(found)))]
    placed: list[Job] = []
    for job in found:
        at_s, lane, before = heapq.heappop(free)
        placed.append(replace(job, after=before))
        walls_s = [1.0 if task.wall_s is None else task.wall_s for task in job.tasks]
        took_s = max(walls_s) if job.runs_steps else sum(walls_s)
        heapq.heappush(free, (at_s + took_s, lane, job.script))
    return placed


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


def only(job: Job, names: Collection[str]) -> Job:
    """Return the array with only these of its tasks."""
    tasks = tuple(task for task in job.tasks if task.task in names)
    if job.array is None or len(tasks) == len(job.tasks):
        return job
    if job.is_users:
        absent = {job.element(task) for task in job.tasks if task.task not in names}
        absent |= set(indices.parse(job.absent).indices) if job.absent else set()
        return replace(job, tasks=tasks, absent=job_ids.format_ranges(sorted(absent)))
    throttle = job.array.partition("%")[2]
    ranges = job_ids.format_ranges(sorted(job.element(task) for task in tasks))
    return replace(job, tasks=tasks, array=f"{ranges}{f'%{throttle}' if throttle else ''}")


def component_jobs(job: Job) -> list[Job]:
    """Return the jobs that a heterogeneous job consists of; any other job alone."""
    return [
        replace(
            job,
            tasks=tuple(task for task in job.tasks if task.batch == batch.batch),
            mem_mb=batch.mem_mb,
            cpus=batch.cpus,
            time_limit_s=batch.time_limit_s,
            batch=batch,
            components=(),
        )
        for batch in job.components
    ] or [job]


def _shares(throttle: int | None, sizes: Sequence[int]) -> list[int | None]:
    """Divide ``%K`` between tier arrays in proportion to their sizes; 1 each when there are more than K arrays."""
    if throttle is None:
        return [None] * len(sizes)
    if throttle <= len(sizes):
        return [1] * len(sizes)
    total = sum(sizes)
    # one each, the rest by size; the remainder goes to the tier with most memory, which comes first
    shares = [1 + (throttle - len(sizes)) * size // total for size in sizes]
    for position in range(throttle - sum(shares)):
        shares[position % len(shares)] += 1
    return list(shares)
