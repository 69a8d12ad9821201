"""``chromplan status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.planning import open_project
from planner.actions.rounds import latest_statuses
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option

if TYPE_CHECKING:
    from planner.rounds.progress import TaskStatus


@click.command("status")
@click.option("--offline", is_flag=True, help="Only what is recorded: no call to Slurm.")
@json_option
@project_option
def command(folder: Path, offline: bool, as_json: bool) -> None:
    """Show what became of every task.

    One sacct call when tasks are in flight; nothing is recorded ('chromplan ingest' does that).
    """
    found = latest_statuses(open_project(folder), offline=offline)
    if as_json:
        echo_json([_document(one) for one in found])
        return
    if not found:
        click.echo("no round is planned yet: run 'chromplan plan'")
        return
    echo_table(
        ["task", ">round", "state", ">request MB", ">peak MB", "quality", ">wall s", "job"],
        [
            (
                s.task,
                s.round,
                s.state,
                s.request_mb,
                "" if s.peak_mb is None else f"{'≥ ' if s.quality == 'censored' else ''}{s.peak_mb:.0f}",
                s.quality,
                "" if s.wall_s is None else f"{s.wall_s:.0f}",
                s.job_id,
            )
            for s in found
        ],
    )
    counts: dict[str, int] = {}
    for one in found:
        counts[one.state] = counts.get(one.state, 0) + 1
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))


def _document(one: TaskStatus) -> dict[str, object]:
    return {
        "task": one.task,
        "round": one.round,
        "state": one.state,
        "outcome": one.outcome,
        "request_mb": one.request_mb,
        "peak_mb": one.peak_mb,
        "quality": one.quality,
        "wall_s": one.wall_s,
        "job_id": one.job_id,
    }
