"""What every listing command shares: ``--json`` and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from planner.history.reading import Skipped

_LINES_SHOWN = 5
F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add ``--json`` (parameter ``as_json``) to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(function)


def echo_json(document: object) -> None:
    """Print a document as indented JSON on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table; a column whose name starts with ``>`` is right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = Console(soft_wrap=False)
    # a pipe has no width: give it what the table wants, rather than cutting at 80 columns
    if not console.is_terminal:
        console = Console(width=max(80, console.measure(table).maximum, 400))
    console.print(table)


def tell_skipped(skipped: Sequence[Skipped]) -> None:
    """Print what was not read, and why."""
    lines: dict[str, list[int]] = {}
    for one in skipped:
        lines.setdefault(one.reason, []).append(one.line)
    for reason, numbers in lines.items():
        known = [str(number) for number in numbers if number][:_LINES_SHOWN]
        rest = len(numbers) - len(known)
        where = f"line {', '.join(known)}" if known else ""
        more = f"{' and ' if known else ''}{rest}{' more' if known else ''}" if rest else ""
        click.echo(f"  skipped {where}{more}: {reason}")
