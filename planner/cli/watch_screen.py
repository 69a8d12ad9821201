"""What ``chromplan watch`` shows: a line for what ended, a table of what has not."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import click
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from planner.rounds.tally import has_failed, latest, tally

if TYPE_CHECKING:
    from planner.rounds.progress import TaskStatus

MOST_ROWS = 20
MOST_FAILED = 5


class WatchScreen:
    """A line for every attempt that ends; below them, on a terminal, a table of those that have not."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if sys.stdout.isatty() else None
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        line = f"{time.strftime('%H:%M:%S')} {line}"
        if self._live:
            self._console.print(line, markup=False)
        else:
            click.echo(line)

    def show(self, found: Sequence[TaskStatus], before: Sequence[TaskStatus] | None) -> None:
        """Say what ended since the look before, and why what waits does."""
        open_before = {(one.task, one.job_id) for one in before or [] if one.outcome is None}
        if before is None and found:
            self.say(tally(found).sentence())
            self._say_failed(found)
        known = {(one.task, one.job_id) for one in (found if before is None else before)}
        for one in found:
            name = (one.task, one.job_id)
            if _has_ended(one) and (name in open_before or name not in known):
                self.say(_ended(one))
            elif name not in known and one.in_flight:
                self.say(f"{one.task}: submitted in round {one.round} as {one.job_id}, {one.request_mb} MB")
        self._say_why(found)

    def _say_failed(self, found: Sequence[TaskStatus]) -> None:
        """Say which tasks had failed before the first look."""
        failed = [one for one in latest(found).values() if has_failed(one)]
        for one in failed[:MOST_FAILED]:
            self.say(_ended(one))
        if len(failed) > MOST_FAILED:
            self.say(f"and {len(failed) - MOST_FAILED} more: 'chromplan status --failed'")

    def _say_why(self, found: Sequence[TaskStatus]) -> None:
        """Say why tasks wait, each reason once."""
        reasons = Counter(one.wait.words for one in found if one.wait)
        for words, tasks in reasons.items():
            if words not in self._said:
                self.say(f"{tasks} task{'s wait' if tasks > 1 else ' waits'}: {words}")
        self._said |= set(reasons)

    def wait(self, found: Sequence[TaskStatus], wait_s: float) -> None:
        """Draw the table anew."""
        if self._live:
            table = table_of([one for one in found if one.in_flight])
            table.caption = f"seen at {time.strftime('%H:%M:%S')}, next look in {wait_s:.0f} s"
            self._live.update(table, refresh=True)


def _has_ended(one: TaskStatus) -> bool:
    return one.outcome is not None


def _ended(one: TaskStatus) -> str:
    peak = "" if one.peak_mb is None else f", {one.peak_mb:.0f} of {one.request_mb} MB"
    wall = "" if one.wall_s is None else f", {one.wall_s:.0f} s"
    return f"{one.task}: {one.outcome}{peak}{wall}"


def table_of(flying: Sequence[TaskStatus]) -> Table:
    """Return the table of what is in flight, running tasks first, no more rows than fit."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    for name, justify in (("task", "left"), ("state", "left"), ("MB so far", "right"), ("of MB", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("job", no_wrap=True)
    table.add_column("note", no_wrap=True, overflow="ellipsis")
    # what runs first: it ends first
    for one in sorted(flying, key=lambda one: one.state != "RUNNING")[:MOST_ROWS]:
        held = "" if one.held_mb is None else f"{one.held_mb:.0f}"
        waits = one.wait.words if one.wait else ""
        table.add_row(one.task, one.state.lower(), held, str(one.request_mb), one.job_id, waits)
    if len(flying) > MOST_ROWS:
        table.add_row(f"and {len(flying) - MOST_ROWS} more", "", "", "", "", "")
    return table
