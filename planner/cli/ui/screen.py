"""The screen of running tasks: a line for every attempt that ends, and below them what runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from planner.cli.ui.options import memory
from planner.core.wording import count

if TYPE_CHECKING:
    from rich.table import Table

    from planner.runner.launch import Progress
    from planner.runner.runs import Run

F = TypeVar("F", bound=Callable[..., Any])
_REDRAW_S = 0.5


def memory_option(text: str) -> Callable[[F], F]:
    """Add ``--mem`` (parameter ``mem_mb``) to a command."""

    def read(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
        return memory("--mem", value or None)

    return click.option("--mem", "mem_mb", callback=read, help=text)


def say_what_is_left(runs: Sequence[Run], tasks: int) -> None:
    """Print how many tasks are done, what became of the others, and what to do now."""
    from planner.core.records import Outcome

    last = {run.task: run.outcome for run in runs}
    counts = {outcome: sum(one is outcome for one in last.values()) for outcome in Outcome}
    line = f"{counts.pop(Outcome.COMPLETED)} of {count(tasks, 'task')} completed"
    not_run = tasks - len(last)
    others = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    others += [f"{not_run} not run"] if not_run > 0 else []
    click.echo(f"{line}{', ' * bool(others)}{', '.join(others)}; next: chromplan next")


class Screen:
    """A line for every attempt that ends; below them, on a terminal, a table of what runs.

    Parameters
    ----------
    tasks, completed : int
        Of the round; those done before.
    again : str
        The command that goes on after an interruption.
    """

    def __init__(self, tasks: int, completed: int, *, again: str) -> None:
        self._tasks = tasks
        self._completed = completed
        self._again = again
        self._stopping = False
        self._drawn_s = 0.0
        if not sys.stdout.isatty():
            self._live = None
            return
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._live:
            self._live.stop()
        if kind is KeyboardInterrupt:
            click.echo(f"{self._completed} of {count(self._tasks, 'task')} completed; go on with: {self._again}")

    def ended(self, run: Run) -> None:
        """Print how an attempt ended."""
        self._completed += run.outcome == "completed"
        line = f"{self._completed}/{self._tasks} {run.task}: {run.outcome}, "
        line += f"{run.peak_mb:.0f} of {run.limit_mb} MB, {run.wall_s:.0f} s"
        if run.outcome != "completed":
            line += f" ({run.evidence})"
        self._say(line)

    def _say(self, line: str) -> None:
        if self._live:
            self._console.print(line, markup=False)
        else:
            click.echo(line)

    def watch(self, progress: Progress) -> None:
        """Draw the table anew, twice a second; say when tasks are being stopped."""
        if progress.stopping and not self._stopping:
            self._stopping = True
            some = count(len(progress.running), "task")
            self._say(f"stopping what runs ({some}); it runs again next time")
        if self._live and time.monotonic() - self._drawn_s > _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._live.update(_table(progress), refresh=True)


def _table(progress: Progress) -> Table:
    from rich import box
    from rich.table import Table

    bounds = progress.bounds
    several = len(bounds.nodes) > 1
    held_mb = sum(seen.held_mb for _, _, seen in progress.running)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("running")
    if several:
        table.add_column("node")
    for name in ("now MB", "peak MB", "of MB", "s"):
        table.add_column(name, justify="right")
    for attempt, start_s, seen in progress.running:
        numbers = (seen.held_mb, seen.peak_mb, attempt.limit_mb, time.time() - start_s)
        node = [attempt.node] if several else []
        table.add_row(attempt.task.task, *node, *(f"{number:.0f}" for number in numbers))
    table.caption = f"{held_mb:.0f} of {bounds.mem_mb} MB held, {count(progress.waiting, 'task')} waiting"
    table.caption_justify = "left"
    return table
