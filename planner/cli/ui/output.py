"""Tables and ``--json``, shared by all commands that list something."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from planner.history.reading import Skipped

_REASONS_SHOWN = 20
_COMMAND = re.compile(r"\bchromplan (?:history import|[a-z]+)")
F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add ``--json`` (parameter ``as_json``) to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(function)


def echo_json(document: object) -> None:
    """Print a document as indented JSON on stdout."""
    import json

    from planner.cli.ui.table import speaks_unicode

    click.echo(json.dumps(document, indent=2, ensure_ascii=not speaks_unicode(), allow_nan=False))


def wide_option(function: F) -> F:
    """Add ``--wide`` (parameter ``wide``) to a command."""
    return click.option("--wide", is_flag=True, help="Do not cut lines to the width of the terminal.")(function)


def echo_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    wide: bool = False,
    narrow: Sequence[Sequence[str]] = (),
    around: int = 0,
    below: str | None = None,
) -> bool:
    """Print a table, one line a row; a column whose name starts with ``>`` is right-aligned.

    On a terminal the last column is shortened to what has room, unless ``wide``, or it goes ``below``.

    Parameters
    ----------
    narrow : sequence of sequences of str
        Columns that will do where the rows fit the screen side by side only; the first of these that has room is taken,
        with shorter names in the first column if there is no other way.
    around : int
        Lines of the screen that are printed besides, the title apart.
    below : str or None
        The column that names a row where the last column has no room: what it says then follows the table, whole.

    Returns
    -------
    bool
        Whether each row was shown whole.
    """
    from planner.cli.ui import table  # takes milliseconds, which --help need not

    rows = list(rows)
    colour = table.has_colour()
    if title:
        click.echo(click.style(title, bold=True) if colour else title)
    width = None if wide else table.terminal_width()
    told: list[str] = []
    if below is not None and width is not None and not table.fits(columns, rows, width):
        name = [column.lstrip(">") for column in columns].index(below)
        told = [line for row in rows if row[-1] for line in _indented(f"{row[name]}: {row[-1]}", width)]
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    shown = table.lines(columns, rows, width=width, colour=colour)
    room = table.room(around + bool(title))
    halves = None
    if width is not None and room is not None and len(shown) > room:
        tried = (
            _side_by_side(columns, rows, kept, width=width, colour=colour, shortened=shortened)
            for shortened in (False, True)
            for kept in narrow
        )
        halves = next((one for one in tried if one is not None and len(one) <= room), None)
    click.echo("\n".join([*(halves or shown), *told]), color=colour)
    return halves is None


def _indented(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _side_by_side(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    kept: Sequence[str],
    *,
    width: int,
    colour: bool,
    shortened: bool,
) -> list[str] | None:
    from planner.cli.ui import table

    places = [place for place, column in enumerate(columns) if column.lstrip(">") in kept]
    cells = [[row[place] for place in places] for row in rows]
    heads = [columns[place] for place in places]
    return table.side_by_side(heads, cells, width=width, colour=colour, shortened=shortened)


def in_place(line: str, called: str | None = None) -> str:
    """Return a line with commands to give, each with the ``-C`` that this command was given, or with another one."""
    context = click.get_current_context(silent=True)
    folder = called or (str(context.params.get("folder", ".")) if context else ".")
    if folder == ".":
        return line
    return _COMMAND.sub(lambda found: f"{found[0]} -C {shlex.quote(folder)}", line)


def tell_skipped(skipped: Iterable[Skipped]) -> None:
    """Print what was not read, and why."""
    from planner.history.reading import SkipTally

    tally = SkipTally()
    for one in skipped:
        tally.add(one)
    tell_reasons(tally.reasons)


def tell_reasons(reasons: Mapping[str, tuple[int, Sequence[int]]]) -> None:
    """Print why something was not read, each reason with how often and the first lines."""
    for reason, (count, lines) in list(reasons.items())[:_REASONS_SHOWN]:
        rest = count - len(lines)
        where = f"line {', '.join(map(str, lines))}" if lines else ""
        more = f"{' and ' if lines else ''}{rest}{' more' if lines else ''}" if rest else ""
        click.echo(f"  skipped {where}{more}: {reason}")
    if len(reasons) > _REASONS_SHOWN:
        others = sum(count for count, _ in list(reasons.values())[_REASONS_SHOWN:])
        click.echo(f"  skipped {others} more, for {len(reasons) - _REASONS_SHOWN} other reasons")
