"""A bar for what takes longer than a moment."""

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


@contextmanager
def working(text: str) -> Iterator[None]:
    """Say on the terminal what goes on, and for how long, once that has taken a second; leave nothing behind."""
    if not sys.stderr.isatty():
        yield
        return
    started = time.perf_counter()
    done = threading.Event()

    def tell() -> None:
        while not done.wait(PATIENCE_S):
            sys.stderr.write(f"\r\033[K{text} ({time.perf_counter() - started:.0f} s)")
            sys.stderr.flush()

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        if time.perf_counter() - started > PATIENCE_S:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def say_step(what: str) -> None:
    """Overwrite the line on a terminal that tells what is being done; nothing in a pipe."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{what}", err=True, nl=False)
