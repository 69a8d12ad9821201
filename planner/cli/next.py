"""``chromplan next``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import open_planned, open_store
from planner.actions.rounds import latest_statuses
from planner.cli.ingest import show_ingested
from planner.cli.ui.interrupts import telling_what_is_queued
from planner.cli.ui.options import project_option, then_next_option
from planner.cli.ui.output import in_place, json_option
from planner.cli.ui.progress import working

if TYPE_CHECKING:
    from planner.project.folder import ProjectFolder
    from planner.rounds.ingest import Ingested


@click.command("next")
@click.option("--submit", "submits", is_flag=True, help="Also submit the new round.")
@then_next_option
@click.option(
    "--wait-s",
    default=0,
    type=click.IntRange(min=0),
    help="Seconds to wait for accounting to show that tasks have ended.",
)
@click.option("--retry-failed", is_flag=True, help="Also run failed and cancelled tasks again.")
@json_option
@project_option
def command(folder: Path, submits: bool, then_next: bool, wait_s: int, retry_failed: bool, as_json: bool) -> None:
    """Ingest, refit, and plan what is left.

    The new round is also rendered. Tasks that are done never run again.
    """
    from planner.actions.planning import make_plan
    from planner.core.errors import InputError
    from planner.project.lock import PATIENCE_S
    from planner.rounds import continuation, door, ingest, submit
    from planner.scripts import render

    if then_next and not submits:
        raise InputError("--then-next needs --submit", "say both, or 'chromplan submit --then-next' afterwards")

    def say(line: str) -> None:
        click.echo(line, err=True)

    project = open_planned(folder)
    # behind a round nobody is there to try again, so it waits for whoever is at work
    with door.at_work(project, finish=say if submits else None, wait_s=max(wait_s, PATIENCE_S)):
        with working("asking Slurm's accounting"), open_store(project) as store:
            found = ingest.until_ended(project, store, wait_s=wait_s)
        if not as_json:
            _show_round(project, found)
        awaited = then_next and bool(found.running or continuation.jobs_before(project))
        with working("planning"):
            plan = make_plan(project, refit=True, retry_failed=retry_failed)
        if as_json:
            click.echo(plan.model_dump_json(indent=2))
        else:
            from planner.cli.plan_view import show_plan

            show_plan(plan, whole="chromplan status --all")
        if not plan.tasks:
            if then_next:
                submit.go_on_later(project, say=say, awaited=awaited)
            return
        project.write_plan(plan)
        render.write(render.render(plan), project.round_folder(plan.round))
        if submits:
            with telling_what_is_queued(project, plan.round):
                submit.submit(project, plan.round, say=say, then_next=then_next)
            say(in_place("next: chromplan watch, until all have ended"))
        elif not as_json:
            then = in_place("next: chromplan submit, or chromplan run --local")
            click.echo(f"rendered {project.round_folder(plan.round)}; {then}")


def _show_round(project: ProjectFolder, found: Ingested) -> None:
    """Print what was recorded now, how tasks failed, and what was saved so far."""
    from planner.cli.status_view import failure_lines, saved_lines

    show_ingested(found)
    statuses = latest_statuses(project, offline=True)
    recorded = {(one.task, one.job_id) for one in found.observations}
    lines = failure_lines(project, [one for one in statuses if (one.task, one.job_id) in recorded])
    for line in [*lines, *(saved_lines(project, statuses) if recorded else [])]:
        click.echo(line)
