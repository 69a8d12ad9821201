"""Savings of a plan: what it reserves, compared with one ``--mem`` for all, and with each mode for the same tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.memory_time import in_words, same, unit_for
from planner.core.records import Mode
from planner.core.wording import count
from planner.plan.document import Plan, PlannedTask
from planner.plan.packers import granted_mb
from planner.plan.placing import expect
from planner.scripts.jobs import Job, component_jobs, jobs
from planner.scripts.options import updates

# modes in which tasks are steps: they share what their allocation reserves


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Memory that Slurm keeps from everybody else for one job, array element or component.

    Attributes
    ----------
    mem_mb : int
        Over all its nodes, MiB.
    wall_s : float or None
        How long it is expected to be held, s; None while durations are not known.
    """

    mem_mb: int
    wall_s: float | None

    @property
    def mb_s(self) -> float | None:
        """Memory x time, MiB s."""
        return None if self.wall_s is None else self.mem_mb * self.wall_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Savings:
    """What is reserved, against one ``--mem`` for all tasks.

    Attributes
    ----------
    reservations : int
        Jobs, elements and components.
    reserved_mb : int
        All of them together, MiB.
    reserved_mb_s : float or None
        Memory x time, MiB s; None while durations are not known.
    one_mem_mb : int
        The one ``--mem``, MiB.
    one_mem_sum_mb : int
        One for each task, MiB.
    one_mem_mb_s : float or None
    """

    tasks: int
    reservations: int
    reserved_mb: int
    reserved_mb_s: float | None
    one_mem_mb: int
    one_mem_mb_s: float | None
    shared: bool
    """Whether tasks take turns in an allocation: its memory alone says nothing about what is saved."""

    @property
    def one_mem_sum_mb(self) -> int:
        """One ``--mem`` for each task, MiB."""
        return self.tasks * self.one_mem_mb

    @property
    def share(self) -> float | None:
        """What is saved, relative to one ``--mem``; less than 0 where more is reserved. None when that is unknown."""
        if self.reserved_mb_s is not None and self.one_mem_mb_s:
            return 1 - self.reserved_mb_s / self.one_mem_mb_s
        return None if self.shared else 1 - self.reserved_mb / self.one_mem_sum_mb

    def sentence(self) -> str:
        """Return it in words, one line."""
        one = f"one --mem={self.one_mem_mb}M for all"
        share = self.share
        if share is None:
            asked = f"asks for {self.reserved_mb} MB in {count(self.reservations, 'allocation')}"
            return f"{asked}; what that saves is known once durations are"
        if self.reserved_mb_s is not None and self.one_mem_mb_s is not None:
            unit = unit_for(max(self.one_mem_mb_s, self.reserved_mb_s))
            has, other = (
                f"reserves {unit.text(self.reserved_mb_s)}",
                f"would reserve {unit.text(self.one_mem_mb_s)}",
            )
        else:
            has, other = f"asks for {self.reserved_mb} MB", f"would ask for {self.one_mem_sum_mb} MB"
        return has if same(share) else f"{has}; {one} {other}: {in_words(share)}"


def savings(plan: Plan) -> Savings:
    """Return what a plan with tasks reserves of Slurm over time, against one ``--mem`` for all of them.

    The one ``--mem`` is what the largest task asks for, as a job of its own on the same partition.
    """
    held = reservations(plan)
    times = [one.mb_s for one in held]
    one_mem_mb = one_mem(plan)
    timed = all(task.wall_s is not None for task in plan.tasks) and None not in times
    return Savings(
        tasks=len(plan.tasks),
        reservations=len(held),
        reserved_mb=sum(one.mem_mb for one in held),
        reserved_mb_s=sum(mb_s or 0.0 for mb_s in times) if timed else None,
        one_mem_mb=one_mem_mb,
        one_mem_mb_s=sum(one_mem_mb * (task.wall_s or 0.0) for task in plan.tasks) if timed else None,
        shared=plan.mode.tasks_are_steps,
    )


def one_mem(plan: Plan) -> int:
    """Return the one ``--mem`` that would hold every task of a plan, MiB, as the site grants it to a job."""
    largest_mb = max(task.request_mb for task in plan.tasks)
    cpus = max(task.cpus for task in plan.tasks)
    return plan.target.site.adjust(plan.target.partition, largest_mb, cpus).mem_mb


def reservations(plan: Plan) -> list[Reservation]:
    """Return what Slurm reserves for a plan: the one place that knows it for every mode.

    A job of one task holds what it asks for as long as the task runs; in an array without memory of their own (tiers)
    that is what the largest asks for. An allocation holds all it was given, its scripts' share included and whole nodes
    where these are given whole, until the last of its tasks ends; the components of a heterogeneous job end together.
    """
    layout = jobs(plan)
    if not plan.mode.tasks_are_steps:
        return [Reservation(mem_mb=job.given_mb(task), wall_s=task.wall_s) for job in layout for task in job.tasks]
    if plan.mode is Mode.PACKED:
        return [
            Reservation(mem_mb=granted_mb(job.batch, plan.target), wall_s=_lasts_s(job.tasks))
            for job in layout
            if job.batch
        ]
    return [
        Reservation(mem_mb=batch.nodes * granted_mb(batch, plan.target), wall_s=plan.makespan_s)
        for batch in plan.batches
    ]


def asked_mb(plan: Plan) -> list[int]:
    """Return what is asked of Slurm for each task, MiB, in the plan's order: of a tier, what its largest task needs."""
    if plan.mode.tasks_are_steps:
        return [task.request_mb for task in plan.tasks]
    given_mb = {task.index: job.given_mb(task) for job in jobs(plan) for task in job.tasks}
    return [given_mb[task.index] for task in plan.tasks]


def _lasts_s(tasks: Sequence[PlannedTask]) -> float | None:
    """Return how long a job of these tasks is expected to last, s."""
    spans = [(task.start_s, task.start_s + task.wall_s) for task in tasks if task.start_s is not None and task.wall_s]
    if len(spans) < len(tasks):
        return None
    return max(end for _, end in spans) - min(start for start, _ in spans)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a plan comes to.

    Attributes
    ----------
    jobs : int
        That Slurm counts in its queue: array elements and components each.
    submissions : int
        Calls of sbatch.
    reserved_mb : int
        Memory of all jobs, elements and components together, MiB.
    requested_gb_h : float or None
        Memory reserved x time it is expected to be held, GiB h; None while durations are not known.
    makespan_s : float or None
    slurm_calls : int
        Requests to Slurm by submit, each update of an element or a range counted, and by one ingest.
    """

    jobs: int
    submissions: int
    reserved_mb: int
    requested_gb_h: float | None
    makespan_s: float | None
    slurm_calls: int


def figures(plan: Plan) -> Figures:
    """Return what a plan comes to."""
    layout = jobs(plan)
    comes_to = savings(plan) if plan.tasks else None
    timed = comes_to is not None and comes_to.reserved_mb_s is not None
    return Figures(
        jobs=sum(len(job.tasks) if job.array else len(component_jobs(job)) for job in layout),
        submissions=len(layout),
        reserved_mb=comes_to.reserved_mb if comes_to else 0,
        requested_gb_h=_gb_h(comes_to.reserved_mb_s) if comes_to else None,
        makespan_s=_makespan_s(plan) if timed else None,
        slurm_calls=_calls(plan, layout),
    )


def one_mem_figures(plan: Plan) -> Figures:
    """Return what the same tasks come to as one array with one ``--mem`` for all: what is done without a planner."""
    comes_to = savings(plan)
    timed = comes_to.one_mem_mb_s is not None
    return Figures(
        jobs=len(plan.tasks),
        submissions=1,
        reserved_mb=comes_to.one_mem_sum_mb,
        requested_gb_h=_gb_h(comes_to.one_mem_mb_s),
        makespan_s=_ends_after_s(plan, [comes_to.one_mem_mb] * len(plan.tasks)) if timed else None,
        slurm_calls=2,
    )


def _gb_h(mb_s: float | None) -> float | None:
    return None if mb_s is None else mb_s * units.GB_H


def _makespan_s(plan: Plan) -> float | None:
    if plan.mode.tasks_are_steps:
        return plan.makespan_s
    by_index = sorted(zip((task.index for task in plan.tasks), asked_mb(plan), strict=True))
    return _ends_after_s(plan, [mem_mb for _, mem_mb in by_index])


def _ends_after_s(plan: Plan, mem_mb: Sequence[int]) -> float:
    """Return when the last task ends that run as jobs of their own with this memory, s."""
    tasks = sorted(plan.tasks, key=lambda task: task.index)
    wall_s = [task.wall_s or 0.0 for task in tasks]
    return expect(range(len(tasks)), mem_mb, wall_s, [task.cpus for task in tasks], plan.target).makespan


def _calls(plan: Plan, layout: Sequence[Job]) -> int:
    held = [job for job in layout if job.hold]
    # an update per element or range, one squeue, a release per array
    giving = len(updates(plan, layout)) + 1 + len(held) if held else 0
    # one sinfo looks at the nodes before: at their memory for what is held, at their number for a heterogeneous job
    looks = bool(held) or plan.mode is Mode.HET
    return len(layout) + giving + looks + 1
