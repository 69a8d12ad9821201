"""``chromplan status``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.planning import open_project, open_store
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option

if TYPE_CHECKING:
    from planner.project.folder import Project
    from planner.rounds.progress import TaskStatus


@click.command("status")
@click.option("--offline", is_flag=True, help="Only what is recorded: no call to Slurm.")
@json_option
@project_option
def command(folder: Path, offline: bool, as_json: bool) -> None:
    """Show what became of every task.

    One sacct call when tasks are in flight; nothing is recorded ('chromplan ingest' does that).
    """
    found = look(open_project(folder), offline=offline)
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


def look(project: Project, *, offline: bool) -> list[TaskStatus]:
    """Return how every task stands now."""
    from planner.rounds import ingest, progress

    with open_store(project) as store:
        observations = store.observations()
    recorded = {(o.task, o.job_id) for o in observations}
    seen = [o for o in ingest.local_observations(project) if (o.task, o.job_id) not in recorded]
    running: dict[str, str] = {}
    over: dict[int, str] = {}
    if not offline:
        ended, running, over = ingest.look(project, recorded)
        seen += ended
    return [
        replace(s, state=running[s.task]) if s.state == progress.IN_FLIGHT and s.task in running else s
        for s in progress.statuses(project, [*observations, *seen], over=over)
    ]


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
