"""What each mode comes to for the same tasks: jobs, submissions, memory x time asked for, makespan, calls to Slurm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.records import Mode
from planner.plan.document import Batch, Plan, PlannedTask
from planner.plan.placing import expect
from planner.scripts.jobs import Job, component_jobs, jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a plan comes to.

    Attributes
    ----------
    jobs : int
        That Slurm counts in its queue: array elements and components each.
    submissions : int
        Calls of sbatch.
    requested_gb_h : float or None
        Memory asked for x time it is expected to be held, GiB h; None while durations are not known.
    makespan_s : float or None
    slurm_calls : int
        Requests to Slurm by submit, each element's update counted, and by one ingest.
    """

    jobs: int
    submissions: int
    requested_gb_h: float | None
    makespan_s: float | None
    slurm_calls: int


def figures(plan: Plan) -> Figures:
    """Return what a plan comes to."""
    layout = jobs(plan)
    timed = plan.tasks and all(task.wall_s is not None for task in plan.tasks)
    makespan_s = _makespan_s(plan, layout) if timed else None
    return Figures(
        jobs=sum(len(job.tasks) if job.array else len(component_jobs(job)) for job in layout),
        submissions=len(layout),
        requested_gb_h=None if makespan_s is None else _held_mb_s(plan, layout, makespan_s) * units.GB_H,
        makespan_s=makespan_s,
        slurm_calls=_calls(plan, layout),
    )


def _makespan_s(plan: Plan, layout: Sequence[Job]) -> float | None:
    if plan.mode in (Mode.PACKED, Mode.HET, Mode.DYNAMIC):
        return plan.makespan_s
    given_mb = {task.index: job.given_mb(task) for job in layout for task in job.tasks}
    tasks = sorted(plan.tasks, key=lambda task: task.index)
    wall_s = [task.wall_s or 0.0 for task in tasks]
    schedule = expect(
        range(len(tasks)), [given_mb[task.index] for task in tasks], wall_s, [task.cpus for task in tasks], plan.target
    )
    return schedule.makespan


def _held_mb_s(plan: Plan, layout: Sequence[Job], makespan_s: float) -> float:
    """Return memory x time: of every task, or of the allocation that holds it until its last task ends."""
    if plan.mode in (Mode.HET, Mode.DYNAMIC):  # all components end together
        return sum(_granted_mb(plan, batch) * batch.nodes for batch in plan.batches) * makespan_s
    if plan.mode is Mode.PACKED:
        return sum(
            _granted_mb(plan, job.batch) * max(_end_s(task) for task in job.tasks) for job in layout if job.batch
        )
    return sum(job.given_mb(task) * (task.wall_s or 0.0) for job in layout for task in job.tasks)


def _granted_mb(plan: Plan, batch: Batch) -> int:
    """Return the memory that an allocation holds on a node, MiB: all of it where nodes are given whole."""
    site = plan.target.site
    return site.adjust(batch.partition or plan.target.partition, batch.mem_mb, batch.workers * batch.cpus).mem_mb


def _end_s(task: PlannedTask) -> float:
    return (task.start_s or 0.0) + (task.wall_s or 0.0)


def _calls(plan: Plan, layout: Sequence[Job]) -> int:
    held = [job for job in layout if job.hold]
    # an update per element, one squeue, a release per array
    giving = sum(len(job.tasks) for job in held) + 1 + len(held) if held else 0
    # one sinfo looks at the nodes before: at their memory for what is held, at their number for a heterogeneous job
    looks = bool(held) or plan.mode is Mode.HET
    return len(layout) + giving + looks + 1
