"""``chromplan render``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.actions.opening import open_planned
from planner.actions.rounds import render_latest
from planner.cli.ui.options import project_option
from planner.cli.ui.output import in_place
from planner.cli.ui.progress import working


@click.command("render")
@click.option(
    "--template-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Use the templates in this folder instead of bundled ones with the same name.",
)
@project_option
def command(folder: Path, template_dir: Path | None) -> None:
    """Write the scripts of the planned round.

    Reading them is enough to know what will happen; nothing is submitted.
    """
    with working("writing the scripts"):
        written = render_latest(open_planned(folder), template_folder=template_dir)
    for path in written:
        click.echo(path)
    click.echo(in_place("next: chromplan submit, or chromplan run --local"))
