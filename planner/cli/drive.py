"""``chromplan drive``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from planner.actions.opening import open_planned
from planner.cli.ui.options import FormerlyWorkers, project_option
from planner.cli.ui.policy import policy_options, scheduling
from planner.cli.ui.screen import Screen, memory_option, say_what_is_left


@click.command("drive")
@click.option("--round", "number", type=click.IntRange(min=1), help="The round to run (default: the last).")
@click.option(
    "-k",
    "--slots",
    cls=FormerlyWorkers,
    type=click.IntRange(min=1),
    help="Most tasks at once (default: as many as the cores allow).",
)
@memory_option("Memory to use on each node, such as 60G (default: all that is allocated).")
@click.option("--pool", is_flag=True, help="Let the tasks share the memory, instead of limiting each one.")
@policy_options
@project_option
def command(folder: Path, number: int | None, slots: int | None, mem_mb: int | None, pool: bool, **policy: Any) -> None:
    """Run the planned round inside this Slurm allocation.

    Each task is a step of the job. Whenever one ends, the next are chosen from what the tasks so far have used; a task
    killed for memory runs again with more. Near the time limit, nothing is started that could not finish. Ctrl-C stops
    the running tasks; the same command, here or in another allocation, continues with what is left.
    """
    from planner.core.records import Outcome
    from planner.rounds import door
    from planner.runner import allocation, drive, runs

    project = open_planned(folder)
    number = number or project.latest()
    plan = project.plan(number)
    use = drive.Use(
        pool=pool,
        mem_mb=mem_mb,
        slots=slots or plan.target.max_running,
        max_attempts=project.config().memory.max_attempts,
        scheduling=scheduling(policy),
    )
    here = allocation.current(os.environ)
    done = {run.task for run in runs.read(project.round_folder(number)) if run.outcome is Outcome.COMPLETED}
    with door.looking(project, wait_s=drive.SUBMITTER_S):
        pass  # whoever submitted this allocation may have been interrupted before its id was written down
    with Screen(len(plan.tasks), len(done), again="chromplan drive in an allocation") as screen:
        found = drive.run(project, number, allocation=here, use=use, on_end=screen.ended, watch=screen.watch)
    if found.out_of_time:
        click.echo(f"job {here.job_id} has too little time left for the remaining tasks")
    say_what_is_left(found.runs, len(found.tasks))
