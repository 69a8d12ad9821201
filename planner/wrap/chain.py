"""Chains of steps: the projects of the steps before, and the state of their tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from planner.core.errors import PlannerError
from planner.core.job_ids import parse_job_id
from planner.core.records import Outcome
from planner.history.store import Store
from planner.plan.inputs import Earlier, Preceding
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.rounds import ingest, progress
from planner.rounds.progress import TaskStatus

_TERM = re.compile(r"aftercorr:([0-9_:]+)")


def split_dependency(text: str, folders: Iterable[Path]) -> tuple[list[Path], str]:
    """Split a ``--dependency`` into the wrapped projects it refers to, and the rest, which is left to Slurm.

    ``aftercorr`` of a job of a wrapped project refers to that project, task by task, as a task killed for memory there
    runs again under another job id. ``aftercorr`` of any other job is left as it is.

    Parameters
    ----------
    folders : iterable of Path
        The projects to look for the jobs in.
    """
    known = {job: folder for folder in folders for job in _jobs(folder)}
    projects: list[Path] = []
    kept: list[str] = []
    for term in text.split(","):
        match = _TERM.fullmatch(term.strip())
        meant = [known.get(job.partition("_")[0]) for job in match[1].split(":")] if match else [None]
        if None in meant:
            kept.append(term.strip())
            continue
        projects += [one for one in meant if one is not None and one not in projects]
    return projects, ",".join(kept)


def _jobs(folder: Path) -> set[str]:
    """Return the job ids of a project; empty if it cannot be read, so that the others are still looked at."""
    project = ProjectFolder(folder)
    try:
        return {
            str(parse_job_id(entry.job_id).job)
            for number in project.round_numbers()
            for entry in manifest.read(project.round_folder(number))
        }
    except PlannerError:
        return set()


def look(folders: Mapping[Path, bool]) -> list[Preceding]:
    """Return the state of every task of the earlier steps, with at most one sacct call per project.

    Parameters
    ----------
    folders : mapping of Path to bool
        The projects, and whether each is followed index by index.
    """
    return [one for folder, by_index in folders.items() for one in _look(ProjectFolder(folder), by_index=by_index)]


def _look(project: ProjectFolder, *, by_index: bool) -> list[Preceding]:
    with Store.open(project.store_path) as store:
        observations = store.observations()
    ended, _, over = ingest.look(project, {(one.task, one.job_id) for one in observations})
    latest = {one.task: one for one in progress.statuses(project, [*observations, *ended], over=over)}
    tasks = {task.task: task for number in project.round_numbers() for task in project.plan(number).tasks}
    return [
        Preceding(
            project=project.folder.name,
            task=name,
            sample=tasks[name].sample,
            chromosome=tasks[name].chromosome,
            outcome=found.outcome,
            job_id=found.job_id,
            element=tasks[name].element if by_index else None,
            region=tasks[name].region,
        )
        for name, found in latest.items()
    ]


def unblocked(earlier: Mapping[str, Earlier], found: Sequence[TaskStatus]) -> dict[str, Earlier]:
    """Return the known tasks, without those that Slurm cancelled because their earlier step did not complete.

    They never started, so they may wait again.
    """
    latest = {one.task: one for one in found}
    return {
        name: one
        for name, one in earlier.items()
        if not (one.outcome is Outcome.CANCELLED and name in latest and _never_ran(latest[name]))
    }


def _never_ran(one: TaskStatus) -> bool:
    """Whether Slurm itself cancelled a job before it started; accounting names the user if a person did."""
    return not one.wall_s and " by " not in one.evidence
