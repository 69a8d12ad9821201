"""``chromplan run``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from planner.cli.common import open_project, project_option
from planner.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from planner.rounds.executor import Progress
    from planner.rounds.runs import Run

_REDRAW_S = 0.5


@click.command("run")
@click.option("--local", is_flag=True, help="Run on this machine (the only place there is so far).")
@click.option("-k", "--workers", type=click.IntRange(min=1), help="Cores to use (default: this machine's).")
@click.option("--mem", help="Most memory for all tasks together, as 8G (default: the machine's).")
@click.option("--pool", is_flag=True, help="Tasks share the memory, instead of being held each to its request.")
@project_option
def command(folder: Path, local: bool, workers: int | None, mem: str | None, pool: bool) -> None:
    """Run the planned round on this machine.

    Each task is held to its request, as Slurm would hold it; one killed for memory runs again with more. Ctrl-C stops
    the running tasks; running it again goes on with what is left.
    """
    from planner import site as sites
    from planner import units
    from planner.records import Outcome
    from planner.rounds import local as here
    from planner.rounds import runs as records
    from planner.rounds.executor import Bounds

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
    bounds = Bounds(
        mem_mb=int(mem_mb) if mem_mb else machine.cap_mb(),
        cores=workers or machine.partitions[0].cores,
        pool=pool,
        max_attempts=project.config().memory.max_attempts,
    )
    before = {run.task for run in records.read(folder) if run.outcome is Outcome.COMPLETED}
    with project.lock(), _Screen(len(plan.tasks), len(before)) as screen:
        runs = here.run(
            plan,
            root=project.folder.resolve(),
            folder=folder.resolve(),
            bounds=bounds,
            on_end=screen.ended,
            watch=screen.watch,
        )
    done = {run.task for run in runs if run.outcome is Outcome.COMPLETED}
    click.echo(f"{len(done)} of {len(plan.tasks)} tasks completed; next: chromplan next")


class _Screen:
    """A line for every attempt that ends; below them, on a terminal, a table of what runs."""

    def __init__(self, tasks: int, completed: int) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tasks = tasks
        self._completed = completed
        self._drawn_s = 0.0
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def ended(self, run: Run) -> None:
        """Print how an attempt ended."""
        self._completed += run.outcome == "completed"
        line = f"{self._completed}/{self._tasks} {run.task}: {run.outcome}, "
        line += f"{run.peak_mb:.0f} of {run.limit_mb} MB, {run.wall_s:.0f} s"
        if run.outcome != "completed":
            line += f" ({run.evidence})"
        if self._live:
            self._console.print(line, markup=False)
        else:
            click.echo(line)

    def watch(self, progress: Progress) -> None:
        """Draw the table anew, twice a second."""
        if self._live and time.monotonic() - self._drawn_s > _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._live.update(_table(progress), refresh=True)


def _table(progress: Progress) -> Table:
    from rich import box
    from rich.table import Table

    bounds = progress.bounds
    held_mb = sum(seen.held_mb for _, _, seen in progress.running)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("running")
    for name in ("now MB", "peak MB", "of MB", "s"):
        table.add_column(name, justify="right")
    for attempt, start_s, seen in progress.running:
        numbers = (seen.held_mb, seen.peak_mb, attempt.limit_mb, time.time() - start_s)
        table.add_row(attempt.task.task, *(f"{number:.0f}" for number in numbers))
    table.caption = f"{held_mb:.0f} of {bounds.mem_mb} MB held, {progress.waiting} tasks wait"
    table.caption_justify = "left"
    return table
