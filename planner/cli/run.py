"""``chromplan run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from planner.actions.opening import open_planned
from planner.cli.ui.options import FormerlyWorkers, project_option
from planner.cli.ui.policy import policy_options, scheduling
from planner.cli.ui.screen import Screen, memory_option, say_what_is_left
from planner.core.errors import InputError


@click.command("run")
@click.option("--local", is_flag=True, help="Run on this machine (on a cluster: submit, or drive).")
@click.option(
    "-k",
    "--cores",
    cls=FormerlyWorkers,
    type=click.IntRange(min=1),
    help="Cores to use (default: this machine's).",
)
@memory_option("Most memory for all tasks together, such as 8G (default: the machine's).")
@click.option("--pool", is_flag=True, help="Let the tasks share the memory, instead of limiting each to its request.")
@policy_options
@project_option
def command(folder: Path, local: bool, cores: int | None, mem_mb: int | None, pool: bool, **policy: Any) -> None:
    """Run the planned round on this machine.

    Each task is limited to its request, as under Slurm; a task killed for memory runs again with more. Ctrl-C stops the
    running tasks; the same command continues with what is left.
    """
    from planner import site as sites
    from planner.core.records import Outcome
    from planner.rounds import door
    from planner.runner import local as here
    from planner.runner import runs as records
    from planner.runner.launch import one_node

    if not local:
        raise InputError("run needs --local", "on a cluster, use 'chromplan submit' or 'chromplan drive'")
    project = open_planned(folder)
    number = project.latest()
    plan = project.plan(number)
    machine = sites.local_site()
    folder = project.round_folder(number)
    if project.submitted(number):
        raise InputError(f"round {folder.name} was submitted to Slurm", "see 'chromplan status'")
    bounds = one_node(
        mem_mb=mem_mb or machine.cap_mb(),
        cores=cores or machine.partitions[0].cores,
        pool=pool,
        max_attempts=project.config().memory.max_attempts,
        scheduling=scheduling(policy),
    )
    before = {run.task for run in records.read(folder) if run.outcome is Outcome.COMPLETED}
    with door.at_work(project), Screen(len(plan.tasks), len(before), again="chromplan run --local") as screen:
        runs = here.run(
            plan,
            root=project.folder.resolve(),
            folder=folder.resolve(),
            bounds=bounds,
            on_end=screen.ended,
            watch=screen.watch,
        )
    say_what_is_left(runs, len(plan.tasks))
