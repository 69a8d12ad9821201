"""Steps one after another, chromosome by chromosome: what a task waits for in the step before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core.errors import InputError
from planner.core.records import Mode, Outcome
from planner.core.units import parse_job_id
from planner.history.store import Store
from planner.plan.document import LeftOut, Plan, PlannedTask
from planner.plan.requests import Earlier
from planner.project import manifest
from planner.project.folder import Project
from planner.rounds import ingest, progress
from planner.rounds.progress import TaskStatus

_TERM = re.compile(r"aftercorr:([0-9_:]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """A task of an earlier step, as it stands."""

    project: str
    sample: str
    chromosome: str
    status: TaskStatus


def split_dependency(text: str, folders: Iterable[Path]) -> tuple[list[Path], str | None]:
    """Part a ``--dependency`` into the wrapped projects it means, and what is Slurm's own affair.

    ``aftercorr`` of a job that a wrapped project submitted is that project, chromosome by chromosome: neither side's
    indices are those that the user knows.

    Parameters
    ----------
    folders : iterable of Path
        The projects to look for the jobs in.

    Raises
    ------
    InputError
        For ``aftercorr`` of a job that no project submitted, or as one of several alternatives.
    """
    known = {job: folder for folder in folders for job in _jobs(folder)}
    projects: list[Path] = []
    kept: list[str] = []
    for term in text.split(","):
        match = _TERM.fullmatch(term.strip())
        if match is None:
            kept.append(term.strip())
            continue
        for job in match[1].split(":"):
            number = job.partition("_")[0]
            if number not in known:
                raise InputError(
                    f"--dependency={term.strip()}: job {number} was not submitted by a wrapped project here",
                    "submit the earlier step with 'chromplan sbatch', too, or wait for all of it with afterok",
                )
            if known[number] not in projects:
                projects.append(known[number])
    if "aftercorr" in "".join(kept):
        raise InputError(f"--dependency={text}: aftercorr among alternatives", "separate the conditions with commas")
    return projects, ",".join(kept) or None


def _jobs(folder: Path) -> set[str]:
    project = Project(folder)
    return {
        str(parse_job_id(entry.job_id).job)
        for number in project.round_numbers()
        for entry in manifest.read(project.round_folder(number))
    }


def look(folders: Iterable[Path]) -> list[Before]:
    """Return how every task of the steps before stands: at most one sacct call per project."""
    return [one for folder in folders for one in _look(Project(folder))]


def _look(project: Project) -> list[Before]:
    with Store.open(project.store_path) as store:
        observations = store.observations()
    ended, _, over = ingest.look(project, {(one.task, one.job_id) for one in observations})
    latest = {one.task: one for one in progress.statuses(project, [*observations, *ended], over=over)}
    tasks = {task.task: task for number in project.round_numbers() for task in project.plan(number).tasks}
    return [
        Before(
            project=project.folder.name,
            sample=tasks[name].sample,
            chromosome=tasks[name].chromosome,
            status=found,
        )
        for name, found in latest.items()
    ]


def unblocked(earlier: Mapping[str, Earlier], found: Sequence[TaskStatus]) -> dict[str, Earlier]:
    """Return what is known of tasks, without those that Slurm cancelled because their step before did not complete.

    They never started, so they may wait again.
    """
    latest = {one.task: one for one in found}
    return {
        name: one
        for name, one in earlier.items()
        if not (one.outcome is Outcome.CANCELLED and name in latest and _never_ran(latest[name]))
    }


def _never_ran(one: TaskStatus) -> bool:
    """Whether Slurm itself cancelled a job before it started; where a person did, the accounting names them."""
    return not one.wall_s and " by " not in one.evidence


def follow(plan: Plan, before: Sequence[Before]) -> Plan:
    """Return the plan with each task waiting for its chromosome and sample in the steps before.

    A task whose earlier step is done waits for nothing; one whose earlier step was not submitted, or ended otherwise,
    is left out with the reason. Where each task waits for one element of the same array, the tasks take over its
    indices, so that one array can follow the other (``aftercorr``); everywhere else each task is a job (``afterok``).
    """
    tasks: list[PlannedTask] = []
    left_out = list(plan.left_out)
    for task in plan.tasks:
        earlier = [one for one in before if _precedes(one, task)]
        blocked = _blocked(task, earlier)
        if blocked:
            left_out.append(LeftOut(task=task.task, reason=blocked))
            continue
        waits = sorted(one.status.job_id for one in earlier if _in_flight(one) and one.status.job_id)
        tasks.append(task.model_copy(update={"after": waits, "start_s": None}))
    mode, notes = plan.mode, list(plan.notes)
    if any(task.after for task in tasks):
        indices = _common_indices(tasks)
        if indices is not None and mode is not Mode.JOBS:
            tasks = sorted(
                (task.model_copy(update={"index": indices[task.task]}) for task in tasks), key=lambda task: task.index
            )
        elif mode is not Mode.JOBS:
            mode = Mode.JOBS
            notes.append("the steps before are in several jobs: a job per task instead of an array")
    return plan.model_copy(
        update={
            "tasks": tasks,
            "left_out": left_out,
            "mode": mode,
            "notes": notes,
            "makespan_s": None,
            "total_request_mb": sum(task.request_mb for task in tasks),
        }
    )


def _precedes(one: Before, task: PlannedTask) -> bool:
    return one.chromosome == task.chromosome and (one.sample == task.sample or not one.sample or not task.sample)


def _in_flight(one: Before) -> bool:
    return one.status.outcome is None and one.status.job_id is not None


def _blocked(task: PlannedTask, earlier: Sequence[Before]) -> str:
    if not earlier:
        return f"no step before has chromosome {task.chromosome}"
    for one in earlier:
        found = one.status
        if found.outcome not in (None, Outcome.COMPLETED):
            return f"{one.project}: {found.task} ended as {found.outcome}; 'chromplan next' there first"
        if found.outcome is None and found.job_id is None:
            return f"{one.project}: {found.task} is not submitted yet"
    return ""


def _common_indices(tasks: Sequence[PlannedTask]) -> dict[str, int] | None:
    """Return task -> index of the one array whose elements all tasks wait for, or None."""
    indices: dict[str, int] = {}
    arrays: set[int] = set()
    for task in tasks:
        if len(task.after) != 1:
            return None
        job = parse_job_id(task.after[0])
        if job.index is None:
            return None
        arrays.add(job.job)
        indices[task.task] = job.index
    same = len(arrays) == 1 and len(set(indices.values())) == len(tasks)
    return indices if same else None
