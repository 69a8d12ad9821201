"""A round: planned, rendered, submitted, followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.plan.document import Plan
    from planner.project.folder import ProjectFolder
    from planner.project.journal import Submission
    from planner.rounds.ingest import Ingested
    from planner.rounds.progress import TaskStatus


def plan_next(
    project: ProjectFolder,
    mode: str | None = None,
    *,
    retry_failed: bool = False,
    again: bool = False,
    submit: Mapping[str, str | None] | None = None,
) -> tuple[Plan, Path | None]:
    """Plan what is left, and write the plan of the next round; parameters as in `planner.actions.planning`.

    Returns
    -------
    Plan
    Path or None
        Where it was written; None for a plan without tasks, which is not.

    Raises
    ------
    FailureError
        When another command is at work, or a round is submitted in part.
    """
    from planner.actions.planning import make_plan
    from planner.rounds import door

    with door.at_work(project):
        plan = make_plan(project, mode=mode, retry_failed=retry_failed, again=again, submit=submit)
        return plan, project.write_plan(plan) if plan.tasks else None


def render_latest(project: ProjectFolder, *, template_folder: Path | None = None) -> list[Path]:
    """Write the scripts of the planned round; return their paths, sorted.

    Raises
    ------
    InputError
        When no round is planned, or the last one was started already.
    """
    from planner.rounds import door
    from planner.scripts import render

    with door.at_work(project):
        number = project.latest()
        folder = project.round_folder(number)
        if project.started(number):
            raise InputError(f"round {folder.name} was started already", "'chromplan next' plans another one")
        rendered = render.render(project.plan(number), template_folder=template_folder)
        render.write(rendered, folder)
    return [folder / name for name in sorted(rendered)]


def submit_latest(project: ProjectFolder, *, say: Callable[[str], None], then_next: bool = False) -> Submission:
    """Submit the rendered round, or go on where an earlier try stopped; ``say`` hears what is done.

    Raises
    ------
    InputError
        When the round is not rendered, or empty.
    FailureError
        When Slurm refuses or does not answer; calling it again goes on from there.
    """
    from planner.rounds import submit

    return submit.submit(project, project.latest(), say=say, then_next=then_next)


def ingest_ended(project: ProjectFolder) -> Ingested:
    """Record what the tasks that ended used.

    Raises
    ------
    FailureError
        When a round is being submitted, or Slurm does not answer.
    """
    from planner.actions.opening import open_store
    from planner.rounds import door, ingest

    with door.looking(project), open_store(project) as store:
        return ingest.ingest(project, store)


def latest_statuses(
    project: ProjectFolder, *, offline: bool = False, say: Callable[[str], None] | None = None
) -> list[TaskStatus]:
    """Return what has become of every attempt until now, and the tasks that are planned; nothing is recorded.

    Parameters
    ----------
    offline : bool
        Show what is recorded, without calling Slurm.
    say : callable, optional
        Told when accounting does not answer; the status is then what squeue knows.

    Raises
    ------
    FailureError
        When Slurm does not answer.
    """
    from planner.actions.opening import recorded
    from planner.rounds.statuses import task_statuses

    return task_statuses(project, recorded(project), offline=offline, say=say)
