"""``chromplan ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import nothing_planned, open_project
from planner.actions.rounds import ingest_ended
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.cli.ui.progress import working

if TYPE_CHECKING:
    from planner.rounds.ingest import Ingested


@click.command("ingest")
@json_option
@project_option
def command(folder: Path, as_json: bool) -> None:
    """Record what the rounds really used.

    Calls sacct once, for the jobs in flight, and says what happened to every task.
    """
    with working("asking Slurm's accounting"):
        project = open_project(folder)
        found = ingest_ended(project)
    if as_json:
        echo_json(
            [
                {
                    "task": o.task,
                    "outcome": o.outcome,
                    "peak_mb": o.peak_mb,
                    "quality": o.quality,
                    "wall_s": o.wall_s,
                    "job_id": o.job_id,
                    "evidence": o.evidence,
                }
                for o in found.observations
            ]
        )
        return
    if not (project.round_numbers() or project.config_path.exists()):
        click.echo(nothing_planned(project))
        return
    show_ingested(found)


def show_ingested(found: Ingested) -> None:
    """Print what happened to every task; of more than fit the screen, how many ended how."""
    from planner.cli.ui import table
    from planner.rounds import ingest

    if 0 < len(found.observations) <= table.most_rows():
        echo_table(
            ["task", "outcome", ">limit MB", ">peak MB", "quality", ">wall s", "evidence"],
            [
                (
                    o.task,
                    o.outcome,
                    o.limit_mb,
                    "" if o.peak_mb is None else f"{'≥ ' if o.quality == 'censored' else ''}{o.peak_mb:.0f}",
                    o.quality,
                    "" if o.wall_s is None else f"{o.wall_s:.0f}",
                    o.evidence,
                )
                for o in found.observations
            ],
        )
    counts = [f"{count} {outcome}" for outcome, count in ingest.summary(found.observations).items()]
    if found.running:
        counts.append(f"{len(found.running)} not ended yet")
    click.echo(f"recorded: {', '.join(counts) or 'nothing new'}")
