"""``chromplan status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import nothing_planned, open_project
from planner.actions.rounds import latest_statuses
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, json_option, wide_option
from planner.cli.ui.progress import working

if TYPE_CHECKING:
    from planner.rounds.progress import TaskStatus


@click.command("status")
@click.option("--failed", is_flag=True, help="Only tasks that failed, were killed or were cancelled.")
@click.option("--running", is_flag=True, help="Only running tasks.")
@click.option("--pending", is_flag=True, help="Only waiting tasks.")
@click.option("--sample", "samples", multiple=True, metavar="NAME", help="Only this sample; may be repeated.")
@click.option("--all", "shows_all", is_flag=True, help="Show every attempt.")
@click.option("--offline", is_flag=True, help="Show what is recorded, without calling Slurm.")
@wide_option
@json_option
@project_option
def command(
    folder: Path,
    failed: bool,
    running: bool,
    pending: bool,
    samples: tuple[str, ...],
    shows_all: bool,
    offline: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Show what became of every task.

    For waiting tasks it says why they wait, for running ones how much memory they use, for failed ones how the log ends
    and where it is. While tasks are in flight it calls sacct and squeue once each, and sstat once for those that run.
    Nothing is recorded ('chromplan ingest' does that).
    """
    from planner.cli import status_view as view
    from planner.project.unfinished import in_part
    from planner.rounds import tally

    project = open_project(folder)
    notes: list[str] = []
    with working("asking Slurm"):
        found = latest_statuses(project, offline=offline, say=notes.append)
    for note in notes:
        click.echo(note, err=True)
    kinds = {*(tally.FAILED if failed else ()), *([tally.RUNNING] * running), *([tally.WAITING] * pending)}
    shown = _chosen(found, kinds, samples)
    if as_json:
        echo_json(view.documents(project, shown))
        return
    if not found:
        click.echo(nothing_planned(project))
        return
    chosen = bool(kinds or samples)
    view.show(project, shown, found, view.Wanted(every_row=shows_all, chosen=chosen, wide=wide, saved=not offline))
    for line in in_part(project):
        click.echo(line)


def _chosen(found: list[TaskStatus], kinds: set[str], samples: tuple[str, ...]) -> list[TaskStatus]:
    from planner.rounds import names, tally

    if samples:
        names.check_samples(samples, found)
        found = [one for one in found if one.sample in samples]
    if kinds:
        found = [one for one in tally.latest(found).values() if tally.kind_of(one) in kinds]
    return found
