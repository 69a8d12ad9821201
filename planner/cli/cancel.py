"""``chromplan cancel``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import open_planned
from planner.actions.rounds import latest_statuses
from planner.cli.ui import completion
from planner.cli.ui.options import project_option
from planner.cli.ui.output import in_place
from planner.cli.ui.progress import working
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.rounds.cancel import Cancelling
    from planner.rounds.progress import TaskStatus


@click.command("cancel")
@click.argument("tasks", nargs=-1, metavar="[TASK]...", shell_complete=completion.tasks)
@click.option("--pending", is_flag=True, help="Only waiting tasks.")
@click.option("--sample", "samples", multiple=True, metavar="NAME", help="Only this sample; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@project_option
def command(folder: Path, tasks: tuple[str, ...], pending: bool, samples: tuple[str, ...], yes: bool) -> None:
    """Cancel all submitted tasks, or only those named.

    Only jobs that this project submitted are cancelled, including the one that would plan the next round.
    'chromplan next' records the tasks as cancelled; with --retry-failed it runs them again.
    On a terminal this command asks first.
    """
    from planner.rounds import cancel, door, names, tally
    from planner.wrap import interrupted

    project = open_planned(folder)
    whole = not (tasks or samples or pending)
    with door.looking(project), working("asking Slurm") as telling:
        found = latest_statuses(project, say=telling.say)
    if samples:
        names.check_samples(samples, found)
    flying = [one for one in found if one.in_flight]
    chosen = [
        one
        for one in (_named(found, flying, tasks) if tasks else flying)
        if (not samples or one.sample in samples) and (not pending or tally.kind_of(one) == tally.WAITING)
    ]
    if not chosen:
        given_up = door.give_up(project) if whole else []
        what = f"round {given_up[-1]} was submitted only in part; the rest will not be submitted" if given_up else ""
        click.echo(what or "nothing to cancel: none of these tasks is in the queue")
        return
    parts = cancel.prepare(project, flying, chosen)
    if not yes and sys.stdin.isatty() and not click.confirm(f"cancel {_words(parts)}?"):
        raise click.Abort
    with project.lock():
        if whole:
            door.give_up(project)
        with working("cancelling"):
            for part in parts:
                cancel.end(part)
    interrupted.told(project)  # the same script again is a new run
    click.echo(f"cancelled {_words(parts)}")
    click.echo(in_place("next: chromplan next records them as cancelled; --retry-failed runs them again"))


def _named(found: Sequence[TaskStatus], flying: Sequence[TaskStatus], tasks: Sequence[str]) -> list[TaskStatus]:
    from planner.rounds.names import find_task

    names = {find_task(name, found) for name in tasks}
    return [one for one in flying if one.task in names]


def _words(parts: Sequence[Cancelling]) -> str:
    from planner.rounds import tally

    some = [one for part in parts for one in part.tasks]
    kinds = Counter(tally.kind_of(one) for one in some)
    jobs = sorted({one.job_id.partition("_")[0].partition("+")[0] for one in some if one.job_id}, key=int)
    listed = ", ".join(jobs[:5]) + (f" and {len(jobs) - 5} more" if len(jobs) > 5 else "")
    first = f"{count(len(some), 'task')} ({', '.join(f'{tasks} {kind}' for kind, tasks in kinds.items())})"
    follow_ups = [job_id for part in parts for job_id in part.follow_ups]
    then = f", and job {', '.join(follow_ups)}, which would go on with the next round" if follow_ups else ""
    return f"{first} of job{'s' * (len(jobs) != 1)} {listed}{then}"
