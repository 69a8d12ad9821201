"""``chromplan render``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.actions.planning import open_project
from planner.cli.ui.options import project_option


@click.command("render")
@click.option(
    "--template-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Templates here go before the bundled ones.",
)
@project_option
def command(folder: Path, template_dir: Path | None) -> None:
    """Write the scripts of the planned round.

    Reading them is enough to know what will happen; nothing is submitted.
    """
    from planner.core.errors import InputError
    from planner.scripts import render

    project = open_project(folder)
    number = project.latest()
    if project.started(number):
        raise InputError(
            f"round {project.round_folder(number).name} was started already", "'chromplan next' plans another one"
        )
    rendered = render.render(project.plan(number), template_folder=template_dir)
    render.write(rendered, project.round_folder(number))
    for name in sorted(rendered):
        click.echo(project.round_folder(number) / name)
    click.echo("next: chromplan submit, or chromplan run --local")
