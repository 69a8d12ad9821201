"""Exclusive access to a project's rounds, for commands that start or count tasks: locked, no submission unfinished.

An interrupted submission is finished first, or the command is refused. For commands that only count tasks, jobs that
Slurm may or may not have accepted are looked up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from planner.core.errors import FailureError
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, read_journal
from planner.project.lock import PATIENCE_S
from planner.project.unfinished import WAYS_ON, loose_ends, unfinished
from planner.rounds import submit
from planner.rounds.lost import end_late, find_again

Say = Callable[[str], None]


@contextlib.contextmanager
def at_work(
    project: ProjectFolder, *, finish: Say | None = None, wait_s: float = PATIENCE_S
) -> Iterator[list[Submission]]:
    """Hold the project for a command that starts or plans tasks.

    Parameters
    ----------
    finish : callable, optional
        Finishes a partly submitted round and says so; without it the command is refused.
    wait_s : float
        How long to wait for another command that holds the project, s.

    Yields
    ------
    list of Submission
        The submissions that were finished.

    Raises
    ------
    InputError
        When the folder is not a project; nothing is created in it.
    FailureError
        When another command holds the project, or a round is partly submitted.
    """
    if not project.config_path.exists():
        project.config()
    finished: list[Submission] = []
    with project.lock(wait_s=wait_s):
        found = loose_ends(project)
        _end_late(project, found.doubted)
        for number in found.partial:
            name = project.round_folder(number).name
            if finish is None:
                raise FailureError(
                    f"round {name} was submitted only in part: an earlier command was interrupted", WAYS_ON
                )
            finish(f"round {name} was submitted only in part: going on with it")
            finished.append(submit.submit(project, number, say=finish))
        yield finished


@contextlib.contextmanager
def looking(project: ProjectFolder, *, wait_s: float = PATIENCE_S) -> Iterator[None]:
    """Let a command count tasks: the project is locked only when a submission has to be looked up.

    Raises
    ------
    FailureError
        When a round is being submitted.
    """
    found = loose_ends(project, write=False)
    if not (found.partial or found.doubted):
        yield
        return
    with project.lock(wait_s=wait_s):
        found = loose_ends(project)
        _end_late(project, found.doubted)
        for number in found.partial:
            folder = project.round_folder(number)
            before = read_journal(folder)
            if before is not None:
                manifest.record(folder, find_again(project.plan(number), before))
        yield


def _end_late(project: ProjectFolder, numbers: Iterable[int]) -> None:
    for number in numbers:
        journal = read_journal(project.round_folder(number))
        if journal is not None:
            end_late(project.plan(number), journal)


def give_up(project: ProjectFolder) -> list[int]:
    """Stop the submission of partly submitted rounds and return their numbers; jobs that were submitted stay.

    Raises
    ------
    FailureError
        When another command holds the project, or Slurm does not answer.
    """
    with project.lock():
        found = unfinished(project)
        for number in found:
            folder = project.round_folder(number)
            before = read_journal(folder)
            if before is None:
                raise FailureError(
                    f"round {folder.name}: submit.sh was interrupted", "'chromplan submit' finds its jobs"
                )
            known = find_again(project.plan(number), before)
            jobs = [
                job.model_copy(update={"state": "submitted" if job.job_id else "cancelled"})
                if job.state not in ("submitted", "cancelled")
                else job
                for job in known.jobs
            ]
            manifest.record(folder, known.model_copy(update={"jobs": tuple(jobs)}))
    return found
