"""Running a round inside one Slurm allocation: the loop of a local run, with steps of the allocation as its tasks.

The round's manifest names the allocation that drives it; ``allocation.ended`` marks that it has stopped. Every attempt
is appended to ``local.jsonl`` as soon as it ends, as in a local run.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planner import slurm
from planner.core import files
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.plan.document import Plan, PlannedTask
from planner.plan.overheads import STEP_SHELLS_MB
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, SubmittedJob, SubmittedTask, read_journal
from planner.runner import runs
from planner.runner.allocation import Allocation
from planner.runner.driven import ENDED, ended, mark_ended
from planner.runner.executor import Executor
from planner.runner.launch import Bounds, Limits, Progress, Scheduling
from planner.runner.local import signals
from planner.runner.records import RunningRecords
from planner.runner.runs import Run
from planner.runner.step_launcher import SCRIPT, StepLauncher
from planner.schedule.dynamic.state import Node
from planner.scripts import render

SUBMITTER_S = 300.0
"""How long to wait for the command that submitted this allocation and may still be running, s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """The part of its allocation that a drive may use.

    Attributes
    ----------
    pool : bool
        Whether tasks share the memory.
    mem_mb : int or None
        Memory to use on each node, MiB, instead of all that is allocated.
    slots : int or None
        Tasks that may run at once.
    """

    pool: bool = False
    mem_mb: int | None = None
    slots: int | None = None
    max_attempts: int = 4
    scheduling: Scheduling = field(default_factory=Scheduling)


@dataclass(frozen=True, slots=True)
class Driven:
    """The result of a drive: the attempts of the round, its tasks, and why the remaining ones were not run."""

    runs: list[Run]
    tasks: Sequence[PlannedTask]
    out_of_time: bool


def run(
    project: ProjectFolder,
    number: int,
    *,
    allocation: Allocation,
    use: Use,
    on_end: Callable[[Run], None],
    watch: Callable[[Progress], None] = lambda _: None,
) -> Driven:
    """Run the remaining tasks of a round in this allocation.

    Raises
    ------
    InputError
        When the round is not rendered, is run in another way, or a task needs more than the allocation has.
    FailureError
        When another allocation drives the round, or steps cannot be started.
    KeyboardInterrupt
        After SIGINT, SIGTERM, SIGHUP or SIGUSR1, once all tasks are stopped.
    """
    plan = project.plan(number)
    if plan.user_script is not None:
        raise InputError("a wrapped script is a job of its own: it cannot be a step", "use 'chromplan submit'")
    folder = project.round_folder(number).resolve()
    if not (folder / "command.sh").exists():
        raise InputError(f"{folder / 'command.sh'}: not rendered", "run 'chromplan render' first")
    nodes = allocation.for_tasks(
        slots=use.slots,
        cpus=max((task.cpus for task in plan.tasks), default=1),
        mem_mb=use.mem_mb,
        otherwise_mb=_asked_mb(plan),
    )
    bounds = Bounds(
        nodes=nodes,
        limits=Limits.POOL if use.pool else Limits.LEARNT,
        max_attempts=use.max_attempts,
        overhead_mb=STEP_SHELLS_MB,
        scheduling=use.scheduling,
    )
    _check_fits(plan.tasks, bounds)
    tasks = _not_planned_anew(project, plan)
    with project.lock(number):
        with project.lock(wait_s=SUBMITTER_S):
            _claim(folder, plan, allocation.job_id)
        if not (folder / SCRIPT).exists():
            files.write_text(folder / SCRIPT, render.driven_script(plan), executable=True)
        launcher = StepLauncher(
            plan, root=project.folder.resolve(), folder=folder, allocation=allocation, pool=use.pool
        )
        executor = _executor(tasks, folder, launcher, bounds, on_end, watch)
        try:
            with signals(executor.interrupt):
                executor.run()
        except BaseException:
            # Slurm decides what follows the end of an allocation: it may be requeued
            with contextlib.suppress(FailureError):
                if not launcher.closing():
                    mark_ended(folder, allocation.job_id)
            raise
        mark_ended(folder, allocation.job_id)
    return Driven(runs.read(folder), tasks, executor.out_of_time)


def _executor(
    tasks: Sequence[PlannedTask],
    folder: Path,
    launcher: StepLauncher,
    bounds: Bounds,
    on_end: Callable[[Run], None] = lambda _: None,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Executor:
    def record(ended: Run) -> None:
        ended = replace(ended, source="drive")
        runs.append(folder, ended)
        on_end(ended)

    return Executor(tasks, before=runs.read(folder), launcher=launcher, bounds=bounds, record=record, watch=watch)


def _asked_mb(plan: Plan) -> int | None:
    """Return the memory of the plan's own allocation on each node, MiB; None if it plans none."""
    if plan.mode is not Mode.DYNAMIC:
        return None
    if plan.target.site.mem_policy == "whole_node":
        return plan.target.partition.cap_mb
    return max((batch.mem_mb for batch in plan.batches), default=None)


def _check_fits(tasks: Sequence[PlannedTask], bounds: Bounds) -> None:
    for task in tasks:
        needs_mb = task.request_mb if task.predicted_mb is None else task.predicted_mb + bounds.overhead_mb
        if needs_mb > bounds.largest_mb:
            raise InputError(
                f"task {task.task} needs about {needs_mb:.0f} MB, a node of this allocation has {bounds.largest_mb} MB "
                "for tasks",
                "ask for more memory: salloc --mem=8G …",
            )


def _not_planned_anew(project: ProjectFolder, plan: Plan) -> list[PlannedTask]:
    """Return the tasks of a round, without those that a later round plans and runs."""
    later = (project.plan(number) for number in project.round_numbers() if number > plan.round)
    anew = {task.task for after in later for task in after.tasks}
    return [task for task in plan.tasks if task.task not in anew]


def _claim(folder: Path, plan: Plan, job_id: str) -> None:
    """Record in the journal that this allocation drives the round, unless another one does."""
    entries = manifest.read(folder)
    if any(not entry.is_driven for entry in entries):
        raise InputError(
            f"round {plan.round_name} was submitted in mode {plan.mode}", "'chromplan status' shows how it stands"
        )
    other = next((entry.job_id for entry in entries if entry.job_id != job_id), None)
    if other is not None and ended(folder) != other and slurm.job_state(other) in ("PENDING", "RUNNING", "SUSPENDED"):
        raise FailureError(
            f"round {plan.round_name} is job {other}'s, which waits or runs", f"wait for it, or end it: scancel {other}"
        )
    (folder / ENDED).unlink(missing_ok=True)
    if other is not None or not entries:
        before = read_journal(folder) or Submission(
            version=2,
            token=plan.token,
            user=os.getuid(),
            started_s=int(time.time()),
            mode=Mode.DYNAMIC,
            jobs=(),
        )
        follow_ups = [job for job in before.jobs if job.follows]
        manifest.record(folder, before.model_copy(update={"jobs": (_driven(plan, job_id), *follow_ups)}))


def _driven(plan: Plan, job_id: str) -> SubmittedJob:
    """Return the allocation as the job that runs all tasks of the plan."""
    return SubmittedJob(
        script="drive.sh",
        name=f"{plan.name}.{plan.round_name}.{plan.token}",
        runs_as="driven",
        state="submitted",
        job_id=job_id,
        tasks=tuple(
            SubmittedTask(task=task.task, part="", index=task.index, request_mb=task.request_mb, cpus=task.cpus)
            for task in plan.tasks
        ),
    )


def collect(plan: Plan, *, root: Path, folder: Path) -> None:
    """Record the tasks that ended in an ended allocation after its driver had been killed."""
    records = RunningRecords(folder).records()
    for job_id in sorted({record.allocation for record in records if record.allocation}):
        if slurm.job_state(job_id) in ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING"):
            continue
        allocation = Allocation(job_id=job_id, nodes=(Node(name="", mem_mb=1, cores=1),), here=None, end_s=None)
        launcher = StepLauncher(plan, root=root, folder=folder, allocation=allocation, pool=False)
        _executor(plan.tasks, folder, launcher, Bounds(nodes=allocation.nodes)).collect()
