"""``chromplan submit``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.common import open_project, project_option


@click.command("submit")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@project_option
def command(folder: Path, dry_run: bool) -> None:
    """Submit the rendered round.

    Safe to repeat after any crash: nothing is submitted twice.
    """
    from planner.rounds import submit

    project = open_project(folder)
    number = project.latest()
    if dry_run:
        for line in submit.describe(project, number):
            click.echo(line)
        return
    submit.submit(project, number, say=lambda line: click.echo(line, err=True))
