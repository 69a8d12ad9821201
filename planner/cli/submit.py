"""``chromplan submit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import open_planned
from planner.actions.rounds import submit_latest
from planner.cli.ui.interrupts import telling_what_is_queued
from planner.cli.ui.options import project_option, then_next_option
from planner.cli.ui.output import in_place
from planner.cli.ui.progress import working

if TYPE_CHECKING:
    from planner.rounds.preview import Trial


@click.command("submit")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--test-only", is_flag=True, help="Ask Slurm whether it would accept the scripts; submit nothing.")
@then_next_option
@project_option
def command(folder: Path, dry_run: bool, test_only: bool, then_next: bool) -> None:
    """Submit the rendered round.

    Safe to repeat after any crash: nothing is submitted twice.
    """
    from planner.rounds import preview

    project = open_planned(folder)
    number = project.latest()
    if dry_run:
        for line in preview.describe(project, number, then_next=then_next):
            click.echo(line)
        return
    if test_only:
        _test(preview.try_out(project, number))
        return
    with telling_what_is_queued(project, number), working("submitting") as telling:
        submit_latest(project, say=telling.say, then_next=then_next)
    click.echo(in_place("next: chromplan watch, until all have ended"), err=True)


def _test(trials: list[Trial]) -> None:
    from planner.core.errors import FailureError

    for trial in trials:
        click.echo(f"{trial.script}: {f'refused: {trial.refused}' if trial.refused else 'would be taken'}")
    refused = [trial.script for trial in trials if trial.refused]
    if refused:
        raise FailureError(f"{', '.join(refused)}: Slurm would refuse it", "compare 'chromplan site check'")
