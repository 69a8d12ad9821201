"""Open tasks: started, with no end on record yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from planner.core.command import logs_its_heap
from planner.plan.document import PlannedTask
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import read_journal
from planner.rounds.users_logs import UsersLogs
from planner.runner import driven, runs
from planner.scripts.options import poll_s


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTask:
    """A started task whose end is not recorded yet.

    Attributes
    ----------
    folder : Path
        Its round's folder.
    submitted_s : int
        When the round's submission began, s since the epoch.
    user : int
        Who submitted it.
    poll_s : int
        How often Slurm samples its memory, s.
    shared_twice : bool
        Whether Slurm's samples count memory that processes share once for each (the site's ``acctg_counts_shared``).
    heap_logged : bool
        Whether its log tells what garbage collections left of a Java heap that follows the request.
    logs : UsersLogs or None
        The log files of a user's own script.
    """

    round: int
    folder: Path
    entry: manifest.Entry
    task: PlannedTask
    tool: str
    submitted_s: int
    user: int
    poll_s: int
    cluster: str | None
    shared_twice: bool = False
    heap_logged: bool = False
    logs: UsersLogs | None = None


def open_tasks(project: ProjectFolder, recorded: Collection[tuple[str, str]]) -> list[OpenTask]:
    """Return the tasks of all rounds that have a job and whose (task, job id) is not in ``recorded``."""
    found: list[OpenTask] = []
    for number in project.round_numbers():
        folder = project.round_folder(number)
        submission = read_journal(folder)
        listed = manifest.read(folder, submission)
        entries = [one for one in listed if not one.is_driven and (one.task, one.job_id) not in recorded]
        driving = [one for one in listed if one.is_driven]
        if driving and not driven.is_over(folder, driving):
            entries += driven.in_flight(driving, runs.read(folder))
        if not entries:
            continue
        plan = project.plan(number)
        tasks = {task.task: task for task in plan.tasks}
        logs = UsersLogs(script=plan.user_script, cluster=plan.cluster) if plan.user_script else None
        began_s, user = (submission.started_s, submission.user) if submission else _by_script(folder)
        found += [
            OpenTask(
                round=number,
                folder=folder,
                entry=entry,
                task=tasks[entry.task],
                tool=plan.tool,
                submitted_s=began_s,
                user=user,
                poll_s=poll_s(plan),
                cluster=plan.cluster,
                shared_twice=plan.target.site.acctg_counts_shared,
                heap_logged=logs_its_heap(plan.command),
                logs=logs,
            )
            for entry in entries
            if entry.task in tasks
        ]
    return found


def _by_script(folder: Path) -> tuple[int, int]:
    """Return when submit.sh has submitted a round, and who started it."""
    stat = (folder / manifest.FILE).stat()
    return int(stat.st_mtime), stat.st_uid
