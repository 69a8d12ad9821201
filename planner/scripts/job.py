"""A job: one sbatch call, and the tasks that run in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from planner.core import indices, job_ids
from planner.plan.document import Batch, PlannedTask

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
