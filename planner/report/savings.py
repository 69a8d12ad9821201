"""Savings of a plan: the memory it reserves, compared with one ``--mem`` for all, and with other modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.memory_time import in_words, same, unit_for
from planner.core.modes import Mode
from planner.core.wording import count
from planner.plan.document import Plan
from planner.plan.placing import expect_again
from planner.report.pricing import price, price_of
from planner.report.reserved import Reservation, asked_mb, one_mem, reservations, reserved
from planner.scripts.job import Job, component_jobs
from planner.scripts.jobs import jobs
from planner.scripts.options import updates
from planner.site.price import Price


@dataclass(frozen=True, kw_only=True, slots=True)
class Savings:
    """Reserved memory, compared with one ``--mem`` for all tasks.

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
        """The saving relative to one ``--mem``; below 0 if more is reserved. None if unknown."""
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
    """Return the memory x time that a plan with tasks reserves, compared with one ``--mem`` for all of them.

    The one ``--mem`` is the largest task's request as a job of its own on the same partition.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The totals of a plan.

    Attributes
    ----------
    jobs : int
        Jobs that Slurm counts in its queue, including each array element and component.
    submissions : int
        Calls of sbatch.
    reserved_mb : int
        Memory of all jobs, elements and components together, MiB.
    requested_gb_h : float or None
        Memory reserved x time it is expected to be held, GiB h; None while durations are not known.
    makespan_s : float or None
    price : Price or None
        None while durations are not known.
    slurm_calls : int
        Requests to Slurm by submit, each update of an element or a range counted, and by one ingest.
    """

    jobs: int
    submissions: int
    reserved_mb: int
    requested_gb_h: float | None
    makespan_s: float | None
    price: Price | None
    slurm_calls: int


def figures(plan: Plan) -> Figures:
    """Return the totals of a plan."""
    layout = jobs(plan)
    comes_to = savings(plan) if plan.tasks else None
    timed = comes_to is not None and comes_to.reserved_mb_s is not None
    return Figures(
        jobs=sum(len(job.tasks) if job.array else len(component_jobs(job)) for job in layout),
        submissions=len(layout),
        reserved_mb=comes_to.reserved_mb if comes_to else 0,
        requested_gb_h=_gb_h(comes_to.reserved_mb_s) if comes_to else None,
        makespan_s=_makespan_s(plan) if timed else None,
        price=price(plan) if timed else None,
        slurm_calls=_calls(plan, layout),
    )


def one_mem_figures(plan: Plan) -> Figures:
    """Return the totals of the same tasks as one array with one ``--mem`` for all, as without a planner."""
    comes_to = savings(plan)
    timed = comes_to.one_mem_mb_s is not None
    return Figures(
        jobs=len(plan.tasks),
        submissions=1,
        reserved_mb=comes_to.one_mem_sum_mb,
        requested_gb_h=_gb_h(comes_to.one_mem_mb_s),
        makespan_s=_ends_after_s(plan, [comes_to.one_mem_mb] * len(plan.tasks)) if timed else None,
        price=price_of(plan.target.site, _all_alike(plan, comes_to.one_mem_mb)) if timed else None,
        slurm_calls=2,
    )


def _all_alike(plan: Plan, mem_mb: int) -> list[Reservation]:
    target = plan.target
    return [reserved(target, target.partition, mem_mb, task.cpus, task.wall_s) for task in plan.tasks]


def _gb_h(mb_s: float | None) -> float | None:
    return None if mb_s is None else mb_s * units.GB_H


def _makespan_s(plan: Plan) -> float | None:
    if plan.mode.tasks_are_steps:
        return plan.makespan_s
    by_index = sorted(zip((task.index for task in plan.tasks), asked_mb(plan), strict=True))
    return _ends_after_s(plan, [mem_mb for _, mem_mb in by_index])


def _ends_after_s(plan: Plan, mem_mb: Sequence[int]) -> float:
    """Return when the last task ends, s, if all run as jobs of their own with this memory."""
    tasks = sorted(plan.tasks, key=lambda task: task.index)
    return expect_again(tasks, mem_mb, [task.wall_s or 0.0 for task in tasks], plan.target).makespan


def _calls(plan: Plan, layout: Sequence[Job]) -> int:
    held = [job for job in layout if job.hold]
    # an update per element or range, one squeue, a release per array
    giving = len(updates(plan, layout)) + 1 + len(held) if held else 0
    # one sinfo looks at the nodes before: at their memory for what is held, at their number for a heterogeneous job
    looks = bool(held) or plan.mode is Mode.HET
    return len(layout) + giving + looks + 1
