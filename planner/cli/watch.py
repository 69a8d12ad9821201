"""``chromplan watch``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import nothing_planned, open_project
from planner.actions.rounds import latest_statuses
from planner.cli.ui.options import project_option
from planner.cli.ui.output import in_place
from planner.core.errors import FailureError

if TYPE_CHECKING:
    from planner.project.folder import ProjectFolder
    from planner.rounds.progress import TaskStatus

LONGEST_PAUSE_S = 600.0
SLOWER = 1.5


@click.command("watch")
@click.option("--interval", "interval_s", type=click.IntRange(min=1), help="Seconds between two queries.")
@project_option
def command(folder: Path, interval_s: int | None) -> None:
    """Follow the submitted jobs until they have ended.

    Calls sacct at most once a minute (or as often as the site's query_interval_s allows), less often while nothing
    changes. Nothing is recorded. Ctrl-C stops watching; the jobs go on.
    """
    project = open_project(folder)
    numbers = project.round_numbers()
    allowed_s = max((project.plan(number).target.site.query_interval_s for number in numbers[-1:]), default=60)
    if interval_s and interval_s < allowed_s:
        click.echo(
            f"--interval {interval_s}: looking every {allowed_s} s instead, no more often than the site's "
            "query_interval_s allows",
            err=True,
        )
    try:
        found = follow(project, Pause(max(interval_s or 0, allowed_s)))
    except KeyboardInterrupt:
        click.echo("no longer watching; the jobs go on", err=True)
        sys.exit(130)
    from planner.cli.status_view import failure_lines
    from planner.rounds import tally
    from planner.rounds.next_step import never_starts, next_step

    if not found:
        click.echo("nothing was submitted yet" if project.config_path.exists() else nothing_planned(project))
        return
    for line in failure_lines(project, list(tally.latest(found).values())):
        click.echo(line)
    click.echo(tally.tally(found, tally.left_for_later(project)).sentence())
    stuck = [one for one in found if one.wait and one.wait.stuck]
    if stuck:
        raise FailureError(*never_starts(project, stuck))
    click.echo(in_place(next_step(project, found)))


class Pause:
    """How long to wait for the next look: longer and longer while nothing changes.

    Parameters
    ----------
    shortest_s : float
        Seconds.
    """

    def __init__(self, shortest_s: float) -> None:
        self._shortest_s = self._next_s = shortest_s

    def after(self, *, changed: bool) -> float:
        """Return the seconds to wait after a look that found something new, or did not."""
        longest_s = max(self._shortest_s, LONGEST_PAUSE_S)
        self._next_s = self._shortest_s if changed else min(longest_s, SLOWER * self._next_s)
        return self._next_s


def follow(project: ProjectFolder, pause: Pause) -> list[TaskStatus]:
    """Look again and again until everything submitted has ended, or what is left never starts; return the last look.

    Raises
    ------
    FailureError
        When Slurm does not answer the first look; later the next look may succeed.
    """
    from planner.cli.watch_screen import WatchScreen

    found: list[TaskStatus] | None = None
    with WatchScreen() as screen:
        while True:
            before = found
            try:
                found = latest_statuses(project, offline=False)
                screen.show(found, before)
                flying = [one for one in found if one.in_flight]
                if all(one.wait and one.wait.stuck for one in flying) and not _goes_on(project, flying):
                    return found
            except FailureError as error:
                if found is None:
                    raise
                screen.say(f"{error.message}; looking again later")
            wait_s = pause.after(changed=found != before)
            screen.wait(found, wait_s)
            time.sleep(wait_s)


def _goes_on(project: ProjectFolder, flying: Sequence[TaskStatus]) -> bool:
    """Whether more will happen by itself, though every task has ended, or waits in vain.

    Another command may be submitting what is held now; a job behind a round may submit another one: one squeue, when
    there is such a job.
    """
    from planner import slurm
    from planner.project import journal

    if flying:
        return _at_work(project)
    # the last round's, or, while it plans or submits that round, the one behind the round before
    numbers = project.round_numbers()[-2:]
    submissions = [journal.read_journal(project.round_folder(number)) for number in numbers]
    jobs = [one.follow_up.job_id for one in submissions if one and one.follow_up and one.follow_up.job_id]
    return bool(jobs and slurm.queued(jobs, cluster=project.plan(numbers[-1]).cluster))


def _at_work(project: ProjectFolder) -> bool:
    """Whether another chromplan submits here now."""
    try:
        with project.lock():
            return False
    except FailureError:
        return True
