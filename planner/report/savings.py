"""Savings of a plan: the memory it reserves, compared with one ``--mem`` for all, and with other modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.memory_time import in_words, same, unit_for
from planner.core.modes import Mode
from planner.core.records import Observation
from planner.core.wording import count
from planner.plan.document import Batch, Plan, PlannedTask, Target
from planner.plan.packers import granted_cpus, granted_mb
from planner.plan.placing import expect
from planner.scripts.job import Job, component_jobs
from planner.scripts.jobs import jobs
from planner.scripts.options import updates
from planner.site import Partition, Site
from planner.site.price import Price


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Memory that Slurm reserves for one job, array element or component.

    Attributes
    ----------
    mem_mb : int
        Over all its nodes, MiB.
    wall_s : float or None
        How long it is expected to be held, s; None while durations are unknown.
    cpus : int
        Over all its nodes.
    units : int
        The site's billing units while it is held.
    """

    mem_mb: int
    wall_s: float | None
    cpus: int
    units: int

    @property
    def mb_s(self) -> float | None:
        """Memory x time, MiB s."""
        return None if self.wall_s is None else self.mem_mb * self.wall_s


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


def one_mem(plan: Plan) -> int:
    """Return the one ``--mem`` that would hold every task of a plan, MiB, as the site grants it to a job."""
    largest_mb = max(task.request_mb for task in plan.tasks)
    cpus = max(task.cpus for task in plan.tasks)
    return plan.target.site.adjust(plan.target.partition, largest_mb, cpus).mem_mb


def reservations(plan: Plan) -> list[Reservation]:
    """Return what Slurm reserves for a plan, in any mode.

    A job of one task holds its request for as long as the task runs; in an array whose elements have no memory of their
    own (tiers) that is the largest task's request. An allocation holds all its memory, including its scripts' share and
    whole nodes if they are allocated whole, until its last task ends; the components of a heterogeneous job end
    together.
    """
    layout, target = jobs(plan), plan.target
    if not plan.mode.tasks_are_steps:
        whole = target.partition.cores if target.site.mem_policy == "whole_node" else 0
        return [
            _reserved(target, target.partition, job.given_mb(task), whole or job.cpus, task.wall_s)
            for job in layout
            for task in job.tasks
        ]
    if plan.mode is Mode.PACKED:
        return [_held(plan, job.batch, _lasts_s(job.tasks)) for job in layout if job.batch]
    return [_held(plan, batch, plan.makespan_s) for batch in plan.batches]


def _held(plan: Plan, batch: Batch, wall_s: float | None) -> Reservation:
    mem_mb, cpus = granted_mb(batch, plan.target), granted_cpus(batch, plan.target)
    partition = batch.partition or plan.target.partition
    return _reserved(plan.target, partition, batch.nodes * mem_mb, batch.nodes * cpus, wall_s, nodes=batch.nodes)


def _reserved(
    target: Target, partition: Partition, mem_mb: int, cpus: int, wall_s: float | None, *, nodes: int = 1
) -> Reservation:
    billed = target.site.billed(partition, cpus=cpus, mem_mb=mem_mb, nodes=nodes)
    return Reservation(mem_mb=mem_mb, wall_s=wall_s, cpus=cpus, units=billed)


def price(plan: Plan) -> Price | None:
    """Return the expected cost of a plan; None while durations are unknown."""
    return _price(plan.target.site, reservations(plan))


def _price(site: Site, held: Sequence[Reservation]) -> Price | None:
    if any(one.wall_s is None for one in held):
        return None
    billed_h = sum(one.units * (one.wall_s or 0.0) for one in held) / 3600
    return Price(
        core_h=sum(one.cpus * (one.wall_s or 0.0) for one in held) / 3600,
        billed_h=billed_h,
        money=None if site.money_per_unit_h is None else site.money_per_unit_h * billed_h,
        co2_g=None if site.co2_g_per_unit_h is None else site.co2_g_per_unit_h * billed_h,
    )


def price_sentence(plan: Plan) -> str | None:
    """Return a plan's cost in words, one line; None if the site has no price, or durations are unknown."""
    found = price(plan) if plan.target.site.has_price(plan.target.partition) else None
    return None if found is None else f"costs {_in_words(plan.target.site, found)}"


def priced(plans: Sequence[Plan]) -> Target | None:
    """Return where plans run if jobs have a price there, the latest last.

    None if the site has no price, or where tasks share allocations, which cost more than their tasks.
    """
    if not plans or any(plan.mode.tasks_are_steps for plan in plans):
        return None
    target = plans[-1].target
    return target if target.site.has_price(target.partition) else None


def spent_sentence(plans: Sequence[Plan], ended: Sequence[Observation]) -> str | None:
    """Return what the attempts of a project's rounds have cost, in words.

    None without a price, see `priced`.
    """
    target = priced(plans)
    if target is None:
        return None
    held = [
        _reserved(target, target.partition, one.limit_mb, one.cpus, one.wall_s)
        for one in ended
        if one.limit_mb and one.wall_s is not None
    ]
    found = _price(target.site, held)
    return f"cost so far: {_in_words(target.site, found)}" if held and found else None


def _in_words(site: Site, found: Price) -> str:
    parts = [f"{_amount(found.core_h)} core-hours", f"{_amount(found.billed_h)} billing unit-hours"]
    if found.money is not None:
        parts.append(f"{_amount(found.money)} {site.currency}")
    if found.co2_g is not None:
        parts.append(f"{_amount(found.co2_g)} g of CO2")
    return ", ".join(parts)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def asked_mb(plan: Plan) -> list[int]:
    """Return the request for each task, MiB, in the plan's order; in a tier, that of its largest task."""
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
        price=_price(plan.target.site, _all_alike(plan, comes_to.one_mem_mb)) if timed else None,
        slurm_calls=2,
    )


def _all_alike(plan: Plan, mem_mb: int) -> list[Reservation]:
    target = plan.target
    return [_reserved(target, target.partition, mem_mb, task.cpus, task.wall_s) for task in plan.tasks]


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
    wall_s = [task.wall_s or 0.0 for task in tasks]
    return expect(range(len(tasks)), mem_mb, wall_s, [task.cpus for task in tasks], plan.target).makespan


def _calls(plan: Plan, layout: Sequence[Job]) -> int:
    held = [job for job in layout if job.hold]
    # an update per element or range, one squeue, a release per array
    giving = len(updates(plan, layout)) + 1 + len(held) if held else 0
    # one sinfo looks at the nodes before: at their memory for what is held, at their number for a heterogeneous job
    looks = bool(held) or plan.mode is Mode.HET
    return len(layout) + giving + looks + 1
