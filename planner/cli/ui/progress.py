"""A progress bar for work that takes longer than a moment."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_S = 1.0


@contextmanager
def progress(text: str) -> Iterator[Callable[[float], None]]:
    """Yield what takes the share done; a bar on the terminal once that has taken a second."""
    started = time.perf_counter()
    bar: Progress | None = None
    terminal = sys.stderr.isatty()

    def report(share: float) -> None:
        nonlocal bar
        if bar is None and terminal and time.perf_counter() - started > PATIENCE_S:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.add_task(text, total=1.0)
            bar.start()
        if bar is not None:
            bar.update(bar.task_ids[0], completed=share)

    try:
        yield report
    finally:
        if bar is not None:
            bar.stop()


class Telling:
    """The line of a terminal that says what goes on, and for how long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._started_s = time.perf_counter()
        self._drawn = False
        self._lock = threading.Lock()

    def step(self, text: str) -> None:
        """Say something else from now on."""
        self._text = text

    def say(self, line: str, *, err: bool = True) -> None:
        """Print a line that stays."""
        with self._lock:
            self._wipe()
            click.echo(line, err=err)

    def draw(self) -> None:
        """Write the line anew."""
        with self._lock:
            sys.stderr.write(f"\r\033[K{self._text} ({time.perf_counter() - self._started_s:.0f} s)")
            sys.stderr.flush()
            self._drawn = True

    def wipe(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            self._wipe()

    def _wipe(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._drawn = False


@contextmanager
def working(text: str) -> Iterator[Telling]:
    """Say on the terminal what goes on, and for how long, once that has taken a second; leave nothing behind.

    What is printed meanwhile goes through the `Telling.say` of what this yields.
    """
    telling = Telling(text)
    if not sys.stderr.isatty():
        yield telling
        return
    done = threading.Event()

    def tell() -> None:
        while not done.wait(PATIENCE_S):
            telling.draw()

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield telling
    finally:
        done.set()
        teller.join()
        telling.wipe()
