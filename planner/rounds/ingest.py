"""Observations of ended attempts, from squeue, sacct, the tasks' own records and local runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planner.core.errors import FailureError
from planner.core.records import Observation, Outcome
from planner.history.store import Store
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import began_s, read_journal
from planner.rounds import own_runs
from planner.rounds.fates import SlurmView
from planner.rounds.open_tasks import OpenTask, open_tasks
from planner.runner import driven

FIRST_PAUSE_S = 2.0
# attempts are recorded in chunks of this size: a killed ingest loses at most the last one
CHUNK = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingested:
    """The result of one ingest.

    Attributes
    ----------
    observations : list of Observation
        Newly recorded, one per attempt.
    running : dict
        Task -> Slurm's state, of tasks that have not ended.
    """

    observations: list[Observation]
    running: dict[str, str]


def ingest(project: ProjectFolder, store: Store) -> Ingested:
    """Record the ended attempts of all rounds, with one squeue and one sacct call for the journals' job ids.

    Raises
    ------
    FailureError
        When sacct does not answer; nothing is recorded.
    """
    recorded = store.attempts(since_s=began_s(map(project.round_folder, project.round_numbers())))
    found: list[Observation] = []
    looks_again = True
    while looks_again:
        seen = see(project, recorded)
        for some in seen.in_chunks(CHUNK):
            store.add(some)
            found += some
            recorded |= {(one.task, one.job_id) for one in some}
        looks_again = _follow_turns(project, seen.moved)
    _collect_local(project)
    for number, job_id in seen.over.items():
        _collect_driven(project, number)
        driven.mark_ended(project.round_folder(number), job_id)
    own = own_runs.of_project(project, known=recorded)
    store.add(own)
    return Ingested(observations=found + own, running=seen.running)


def until_ended(project: ProjectFolder, store: Store, *, wait_s: float) -> Ingested:
    """Ingest repeatedly, at growing intervals, until every task has ended or ``wait_s`` (seconds) have passed.

    Accounting may lag the end of a job by seconds, and a database that does not answer may answer soon.
    """
    until_s = time.monotonic() + wait_s
    pause_s = FIRST_PAUSE_S
    seen: list[Observation] = []
    while True:
        last = time.monotonic() + pause_s > until_s
        try:
            found = ingest(project, store)
        except FailureError:
            if last:
                raise
        else:
            seen += found.observations
            if last or not found.running:
                return Ingested(observations=seen, running=found.running)
        time.sleep(pause_s)
        pause_s *= 2


class Fates:
    """The states and results of open tasks, computed on demand.

    Attributes
    ----------
    running : dict
        Task -> Slurm's state, of tasks not known to have ended.
    over : dict
        Round -> job, of the rounds whose allocation has stopped driving them.
    moved : list of (OpenTask, str)
        Tasks that were run by a job other than the listed one, with that job.
    """

    def __init__(self, tasks: Sequence[OpenTask]) -> None:
        self.running: dict[str, str] = {}
        self.over: dict[int, str] = {}
        self.moved: list[tuple[OpenTask, str]] = []
        self._view = SlurmView(tasks)
        self._alone = [task for task in tasks if not task.entry.is_driven]
        for task in tasks:
            if task.entry.is_driven:
                self._note(task, self._view.allocation(task))

    def _note(self, task: OpenTask, state: str | None) -> None:
        if state is None:
            self.over[task.round] = task.entry.job_id
        else:
            self.running[task.entry.task] = state

    def in_chunks(self, size: int) -> Iterator[list[Observation]]:
        """Return the ended attempts in lists of at most ``size``."""
        some: list[Observation] = []
        for task in self._alone:
            fate = self._view.fate(task)
            some += fate.observations
            if fate.ran_as is not None:
                self.moved.append((task, fate.ran_as))
            if fate.state is not None:
                self.running[task.entry.task] = fate.state
            if len(some) >= size:
                yield some
                some = []
        if some:
            yield some


def see(project: ProjectFolder, recorded: Collection[tuple[str, str]]) -> Fates:
    """Return the states and results of all tasks without a recorded end. Nothing is written."""
    return Fates(open_tasks(project, recorded))


def look(
    project: ProjectFolder, recorded: Collection[tuple[str, str]]
) -> tuple[list[Observation], dict[str, str], dict[int, str]]:
    """Return what an ingest would record. Nothing is written.

    Returns
    -------
    list of Observation
        The ended attempts that are not recorded yet.
    dict
        Task -> Slurm's state, of tasks not known to have ended.
    dict
        Round -> job, of the rounds whose allocation has stopped driving them.
    """
    seen = see(project, recorded)
    found = [one for some in seen.in_chunks(CHUNK) for one in some]
    return found, seen.running, seen.over


def _follow_turns(project: ProjectFolder, moved: Sequence[tuple[OpenTask, str]]) -> bool:
    """Correct the journals to name the jobs that really ran tasks; return whether any changed."""
    changed = False
    for number in {task.round for task, _ in moved}:
        folder = project.round_folder(number)
        ran = {task.entry.task: first for task, first in moved if task.round == number}
        with contextlib.suppress(FailureError), project.lock(wait_s=0):
            submission = read_journal(folder)
            if submission is not None:
                manifest.record(folder, submission.ran_elsewhere(ran, at_s=int(time.time())))
                changed = True
    return changed


def _collect_local(project: ProjectFolder) -> None:
    """Record what a killed local run left behind, unless another local run is active and does so itself."""
    from planner.runner import local

    with contextlib.suppress(FailureError), project.lock(wait_s=0):
        for number in project.round_numbers():
            folder = project.round_folder(number)
            if local.was_cut_short(folder):
                local.collect(project.plan(number), root=project.folder.resolve(), folder=folder.resolve())


def _collect_driven(project: ProjectFolder, number: int) -> None:
    """Record what a killed driver left behind, now that its allocation has ended."""
    from planner.runner import drive

    folder = project.round_folder(number).resolve()
    with contextlib.suppress(FailureError), project.lock(number, wait_s=0):
        if driven.was_cut_short(folder):
            drive.collect(project.plan(number), root=project.folder.resolve(), folder=folder)


def summary(observations: Iterable[Observation]) -> Mapping[Outcome, int]:
    """Count observations by outcome."""
    counts: dict[Outcome, int] = {}
    for observation in observations:
        counts[observation.outcome] = counts.get(observation.outcome, 0) + 1
    return counts
