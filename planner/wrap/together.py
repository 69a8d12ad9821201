"""The state of many runs: one squeue and one sacct call per some hundred runs, and only their rows of the history."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planner.core.errors import FailureError, PlannerError
from planner.core.records import Observation
from planner.history.store import Store
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import began_s, read_journal
from planner.rounds import door, ingest, own_runs
from planner.rounds.fates import SlurmView
from planner.rounds.open_tasks import OpenTask, open_tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedAt:
    """The state of a run.

    Attributes
    ----------
    observations : sequence of Observation
        Its ended attempts, all recorded.
    states : mapping of str to str
        Task -> Slurm's state, of tasks that have not ended.
    """

    observations: Sequence[Observation]
    states: Mapping[str, str] = field(default_factory=dict)


def look(projects: Sequence[ProjectFolder], store: Store, *, offline: bool = False) -> list[LookedAt | PlannerError]:
    """Record ended tasks of runs that share a history; return each run's state, or the error that prevents it.

    Parameters
    ----------
    offline : bool
        Use recorded data only, without a call to Slurm.
    """
    found: list[LookedAt | PlannerError] = []
    still_open: dict[int, list[OpenTask]] = {}
    alone: list[int] = []
    for place, project in enumerate(projects):
        try:
            known = _Recorded(project, store)
            found.append(LookedAt(observations=known.observations))
            if known.is_usual:
                still_open[place] = known.open_tasks()
            else:
                alone.append(place)
        except PlannerError as error:
            found.append(error)
    if offline:
        return found
    alone += _look_together(still_open, found, store)
    for place in alone:
        found[place] = _look_alone(projects[place], store)
    return found


class _Recorded:
    """A run's entries in journals and history, without jobs of an earlier cluster that had the same numbers.

    Attributes
    ----------
    is_usual : bool
        Whether it consists of completely submitted jobs only: no job to search for, no local records to collect.
    """

    def __init__(self, project: ProjectFolder, store: Store) -> None:
        self._project = project
        folders = [project.round_folder(number) for number in project.round_numbers()]
        journals = {folder: read_journal(folder) for folder in folders}
        entries = [entry for folder in folders for entry in manifest.read(folder, journals[folder])]
        self._jobs = {(entry.task, entry.job_id) for entry in entries}
        ran_here = any((folder / name).exists() for folder in folders for name in ("local.jsonl", "running"))
        now_s = time.time()
        self.is_usual = not ran_here and all(
            journal is not None and journal.done and not journal.doubted(now_s) for journal in journals.values()
        )
        self.is_usual &= all(entry.runs_as == "job" for entry in entries)
        ids = {entry.job_id for entry in entries}
        ids |= {one.job_id for one in own_runs.of_project(project)} if ran_here else set()
        since_s = began_s(folders)
        self.observations = [one for one in store.of_jobs(ids) if one.submit_s >= since_s]

    def open_tasks(self) -> list[OpenTask]:
        """Return the tasks whose end is not recorded."""
        recorded = {(one.task, one.job_id) for one in self.observations}
        return open_tasks(self._project, recorded) if self._jobs - recorded else []


def _look_together(
    still_open: Mapping[int, list[OpenTask]], found: list[LookedAt | PlannerError], store: Store
) -> list[int]:
    """Fill in Slurm's state of open tasks; return the positions of runs that must be looked at one by one."""
    tasks = [task for some in still_open.values() for task in some]
    if not tasks:
        return []
    try:
        view = SlurmView(tasks)
    except FailureError as error:
        for place in still_open:
            found[place] = error
        return []
    moved: list[int] = []
    for place, some in still_open.items():
        seen = found[place]
        fates = {task.entry.task: view.fate(task) for task in some}
        ended = [one for fate in fates.values() for one in fate.observations]
        store.add(ended)
        if any(fate.ran_as is not None for fate in fates.values()):
            moved.append(place)
        elif isinstance(seen, LookedAt):
            states = {task: fate.state for task, fate in fates.items() if fate.state is not None}
            found[place] = LookedAt(observations=[*seen.observations, *ended], states=states)
    return moved


def _look_alone(project: ProjectFolder, store: Store) -> LookedAt | PlannerError:
    try:
        with door.looking(project):
            states = ingest.ingest(project, store).running
        return LookedAt(observations=_Recorded(project, store).observations, states=states)
    except PlannerError as error:
        return error
