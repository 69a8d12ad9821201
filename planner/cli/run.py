"""``chromplan run``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.common import open_project, project_option
from planner.errors import InputError


@click.command("run")
@click.option("--local", is_flag=True, help="Run on this machine (the only place there is so far).")
@click.option("-k", "--workers", type=click.IntRange(min=1), help="Most tasks at once (default: the cores).")
@click.option("--mem", help="Most memory to ask for at once, as 8G (default: the machine's).")
@project_option
def command(folder: Path, local: bool, workers: int | None, mem: str | None) -> None:
    """Run the planned round on this machine.

    Each task is held to its request. Ctrl-C stops the running tasks; running it again goes on with what is left.
    """
    from planner import site as sites
    from planner import units
    from planner.records import Outcome
    from planner.rounds.local import LocalRun, Run

    if not local:
        raise InputError("run needs --local", "on a cluster, use 'chromplan submit'")
    try:
        mem_mb = units.parse_mem_mb(mem) if mem else None
    except ValueError as error:
        raise InputError(f"--mem {mem}: {error}", "write it as 8G or 8000M") from None
    project = open_project(folder)
    number = project.latest()
    plan = project.plan(number)
    machine = sites.local_site()
    folder = project.round_folder(number)
    if (folder / "manifest.tsv").exists():
        raise InputError(f"round {folder.name} was submitted to Slurm", "see 'chromplan status'")
    ended: list[Run] = []

    def show(run: Run) -> None:
        ended.append(run)
        held = f"{run.peak_mb:.0f} of {run.limit_mb} MB, {run.wall_s:.0f} s"
        click.echo(f"{len(ended)}/{len(plan.tasks)} {run.task}: {run.outcome}, {held}")

    with project.lock():
        runs = LocalRun(
            plan,
            root=project.folder.resolve(),
            folder=folder.resolve(),
            workers=workers or machine.partitions[0].cores,
            mem_mb=int(mem_mb) if mem_mb else machine.cap_mb(),
            on_change=show,
        ).run()
    done = sum(run.outcome is Outcome.COMPLETED for run in runs)
    click.echo(f"{done} of {len(plan.tasks)} tasks completed; next: chromplan next")
