"""``chromplan doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.cli.ui.progress import working


@click.command("doctor")
@click.option(
    "--try",
    "tries",
    is_flag=True,
    help="Submit a held job, change it and cancel it, to see whether this cluster allows it.",
)
@project_option
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, tries: bool, as_json: bool) -> None:
    """Check what chromplan can do on this cluster.

    Exits with 1 if something will not work.
    """
    from dataclasses import asdict

    from planner.actions import doctor
    from planner.actions.findings import Level

    with working("looking at the cluster"):
        found = doctor.examine(folder, trial=_place(folder) if tries else None)
    if as_json:
        echo_json([asdict(one) for one in found])
    else:
        echo_table(
            ["", "about", "found", "means"],
            [(one.level, one.about, one.found, one.means) for one in found],
            below="about",
        )
    if any(one.level is Level.WRONG for one in found):
        ctx.exit(1)


def _place(folder: Path) -> list[str]:
    """Return where a project's jobs go, as sbatch options; nothing without a project."""
    from planner.core import config as configuration
    from planner.core import pipelines

    path = folder / configuration.FILE
    if not path.exists():
        return []
    submit = pipelines.load(path).submit
    places = {"--partition": submit.partition, "--account": submit.account, "--qos": submit.qos}
    return [f"{name}={value}" for name, value in places.items() if value]
