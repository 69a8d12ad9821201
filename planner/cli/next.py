"""``chromplan next``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.common import make_plan, open_project, open_store, project_option
from planner.cli.ingest import show_ingested
from planner.cli.output import json_option
from planner.cli.plan import show_plan


@click.command("next")
@click.option("--submit", "submits", is_flag=True, help="Submit the new round, too.")
@click.option("--retry-failed", is_flag=True, help="Run failed and cancelled tasks again, too.")
@json_option
@project_option
def command(folder: Path, submits: bool, retry_failed: bool, as_json: bool) -> None:
    """Ingest, refit, and plan what is left.

    The new round is rendered, too; tasks that are done never run again.
    """
    from planner import render
    from planner.rounds import ingest, submit

    project = open_project(folder)
    with open_store(project) as store:
        found = ingest.ingest(project, store)
    if not as_json:
        show_ingested(found)
    plan = make_plan(project, refit=True, retry_failed=retry_failed)
    if as_json:
        click.echo(plan.model_dump_json(indent=2))
    else:
        show_plan(plan)
    if not plan.tasks:
        return
    project.write_plan(plan)
    render.write(render.render(plan), project.round_folder(plan.round))
    if submits:
        submit.submit(project, plan.round, say=lambda line: click.echo(line, err=True))
    elif not as_json:
        click.echo(f"rendered {project.round_folder(plan.round)}; next: chromplan submit, or chromplan run --local")
