"""``chromplan report``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.actions.opening import open_project
from planner.cli.ui import completion
from planner.cli.ui.options import memory, project_option, store_option
from planner.cli.ui.progress import working


@click.command("report")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write (default: report.html in the project's folder).",
)
@click.option("--former", metavar="MEM", help="The one --mem you used before, for comparison, such as 16G.")
@click.option(
    "--history",
    "whole",
    is_flag=True,
    help="Report on everything recorded for the tool, not only this project's rounds.",
)
@click.option("--tool", shell_complete=completion.tools, help="The tool to report on, if the history has several.")
@store_option
@project_option
def command(folder: Path, out: Path | None, former: str | None, whole: bool, tool: str | None) -> None:
    """Write one HTML page about a project, a run or a history.

    It shows what was saved, each task's request against its peak, prediction against measurement, memory over time,
    rounds and retries, what to do next, and how each number is calculated. It uses only what is recorded, without
    calling Slurm ('chromplan ingest' records what has ended).
    """
    from planner.actions import reporting
    from planner.report import page

    former_mb = memory("--former", former)
    with working("making the page"):
        made = reporting.make(folder, former_mb=former_mb, tool=tool, whole=whole or tool is not None)
        path = out or open_project(folder).folder / reporting.FILE
        page.write(path, made)
    click.echo(f"wrote {path}")
