"""What Slurm reserves for a plan: the memory and cores of each job, element and component, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core.modes import Mode
from planner.plan.document import Batch, Plan, PlannedTask, Target
from planner.plan.packers import granted_cpus, granted_mb
from planner.scripts.jobs import jobs
from planner.site import Partition


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
            reserved(target, target.partition, job.given_mb(task), whole or job.cpus, task.wall_s)
            for job in layout
            for task in job.tasks
        ]
    if plan.mode is Mode.PACKED:
        return [_held(plan, job.batch, _lasts_s(job.tasks)) for job in layout if job.batch]
    return [_held(plan, batch, plan.makespan_s) for batch in plan.batches]


def _held(plan: Plan, batch: Batch, wall_s: float | None) -> Reservation:
    mem_mb, cpus = granted_mb(batch, plan.target), granted_cpus(batch, plan.target)
    partition = batch.partition or plan.target.partition
    return reserved(plan.target, partition, batch.nodes * mem_mb, batch.nodes * cpus, wall_s, nodes=batch.nodes)


def reserved(
    target: Target, partition: Partition, mem_mb: int, cpus: int, wall_s: float | None, *, nodes: int = 1
) -> Reservation:
    """Return the reservation of a job with these resources over all its nodes, and what the site bills for it."""
    billed = target.site.billed(partition, cpus=cpus, mem_mb=mem_mb, nodes=nodes)
    return Reservation(mem_mb=mem_mb, wall_s=wall_s, cpus=cpus, units=billed)


def _lasts_s(tasks: Sequence[PlannedTask]) -> float | None:
    """Return how long a job of these tasks is expected to last, s."""
    spans = [(task.start_s, task.start_s + task.wall_s) for task in tasks if task.start_s is not None and task.wall_s]
    if len(spans) < len(tasks):
        return None
    return max(end for _, end in spans) - min(start for start, _ in spans)


def asked_mb(plan: Plan) -> list[int]:
    """Return the request for each task, MiB, in the plan's order; in a tier, that of its largest task."""
    if plan.mode.tasks_are_steps:
        return [task.request_mb for task in plan.tasks]
    given_mb = {task.index: job.given_mb(task) for job in jobs(plan) for task in job.tasks}
    return [given_mb[task.index] for task in plan.tasks]


def one_mem(plan: Plan) -> int:
    """Return the one ``--mem`` that would hold every task of a plan, MiB, as the site grants it to a job."""
    largest_mb = max(task.request_mb for task in plan.tasks)
    cpus = max(task.cpus for task in plan.tasks)
    return plan.target.site.adjust(plan.target.partition, largest_mb, cpus).mem_mb
