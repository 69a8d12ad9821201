"""Plan -> jobs: one per sbatch, with the tasks that run in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.plan.document import Batch, Plan, PlannedTask
from planner.records import Mode

NICE_STEP = 10
COARSEST_POLL_S = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One sbatch: a script and the tasks that run in it.

    Attributes
    ----------
    script : str
        Relative to the round's folder.
    array : str or None
        The value of ``--array``.
    mem_mb : int
        The value of ``--mem``: of the one task, or the largest of the array.
    hold : bool
        Whether the elements get their own memory before the array is released.
    batch : Batch or None
        The batch whose tasks run as steps of this job.
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
    batch: Batch | None = None


def jobs(plan: Plan, mode: Mode | None = None) -> list[Job]:
    """Return the jobs of a plan, in the order of submission.

    Parameters
    ----------
    mode : Mode, optional
        Instead of the plan's own: tiers stand in for an array whose elements could not be updated.
    """
    mode = mode or plan.mode
    base = f"{plan.name}.{plan.round_name}.{plan.token}"
    if mode is Mode.JOBS:
        return [
            _job([task], script=f"jobs/{task.task}.sh", name=f"{base}.{task.task}", nice=NICE_STEP * task.index)
            for task in plan.tasks
        ]
    if mode is Mode.PACKED:
        return [_packed(plan, batch, base) for batch in plan.batches]
    throttle = plan.target.max_running
    if mode is Mode.ARRAY:
        return (
            [_job(plan.tasks, script="array.sh", name=base, array=True, throttle=throttle, hold=True)]
            if plan.tasks
            else []
        )
    tiers = sorted({task.tier for task in plan.tasks}, reverse=True)
    shares = _shares(throttle, [sum(t.tier == tier for t in plan.tasks) for tier in tiers])
    return [
        _job(
            [task for task in plan.tasks if task.tier == tier],
            script=f"tier-{tier + 1}.sh",
            name=f"{base}.tier-{tier + 1}",
            array=True,
            throttle=share,
        )
        for tier, share in zip(tiers, shares, strict=True)
    ]


def _job(
    tasks: Sequence[PlannedTask],
    *,
    script: str,
    name: str,
    array: bool = False,
    throttle: int | None = None,
    nice: int = 0,
    hold: bool = False,
) -> Job:
    indices = _ranges([task.index for task in tasks])
    return Job(
        script=script,
        name=name,
        tasks=tuple(tasks),
        array=f"{indices}{f'%{throttle}' if throttle else ''}" if array else None,
        mem_mb=max(task.request_mb for task in tasks),
        cpus=max(task.cpus for task in tasks),
        time_limit_s=max(task.time_limit_s for task in tasks),
        nice=nice,
        hold=hold,
    )


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


def _shares(throttle: int | None, sizes: Sequence[int]) -> list[int | None]:
    """Share ``%K`` out over tier arrays by their sizes; each gets at least 1."""
    if throttle is None:
        return [None] * len(sizes)
    total = sum(sizes)
    shares = [max(1, throttle * size // total) for size in sizes]
    # what rounding left over goes to the tiers with the largest memory: they come first
    for position in range(max(0, throttle - sum(shares))):
        shares[position % len(shares)] += 1
    return list(shares)


def _ranges(indices: Sequence[int]) -> str:
    """Write indices as Slurm's array grammar: ``0-3,7``."""
    pieces: list[str] = []
    ordered = sorted(indices)
    start = previous = ordered[0]
    for index in [*ordered[1:], None]:
        if index is not None and index == previous + 1:
            previous = index
            continue
        pieces.append(str(start) if start == previous else f"{start}-{previous}")
        if index is not None:
            start = previous = index
    return ",".join(pieces)


def poll_s(plan: Plan) -> int:
    """Return how often the memory of a plan's jobs is read, s: every five seconds, or as often as the site does anyway.

    A job may ask to be read more often than the site reads by itself, never less often.
    """
    return min(COARSEST_POLL_S, plan.target.site.acctg_freq_s or COARSEST_POLL_S)


def update_order(tasks: Sequence[PlannedTask]) -> list[PlannedTask]:
    """Return the order in which a held array's elements are updated.

    On release priority/basic numbers the touched elements last in, first out (Slurm 22.05); priority/multifactor goes
    by index whatever the order. Last to first is therefore right for both.
    """
    return sorted(tasks, key=lambda task: -task.index)
