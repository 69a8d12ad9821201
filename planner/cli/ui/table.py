"""Tables of plain lines: one line per row, as wide as the terminal, or as wide as needed in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import click

from planner.cli.ui import terminal

# rows that are shown unasked where no screen says how many fit: five samples of 22 chromosomes; and however low it is
_MOST_ROWS, _LEAST_ROWS = 110, 5
_GAP = "  "
_LEAST_LAST = 12
_LEAST_NAME = 10
# columns whose words get a colour, and the colour of each word
_COLOURED = {"outcome", "state"}
_COLOURS = {
    "completed": "green",
    "oom": "red",
    "timeout": "red",
    "failed": "red",
    "infra": "yellow",
    "cancelled": "yellow",
    "unknown": "yellow",
    "running": "cyan",
}


def speaks_unicode() -> bool:
    """Return whether more than ASCII can be printed."""
    return (sys.stdout.encoding or "").lower().startswith("utf")


def has_colour() -> bool:
    """Return whether what is printed may have colours: a terminal that has them, and nobody who said no."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shorten(text: str, width: int, *, middle: bool = False) -> str:
    """Return ``text`` in at most ``width`` columns, with an ellipsis for what is left out."""
    if text_width(text) <= width:
        return text
    ellipsis = "…" if speaks_unicode() else "..."
    room = max(width - len(ellipsis), 0)
    tail = room // 2 if middle else 0
    kept = _head(text, room - tail)
    end = _head(text[::-1], tail)[::-1] if tail else ""
    return (kept if middle else kept.rstrip()) + ellipsis + end


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One column: its heading, one line or several, and its cells."""

    name: str
    right: bool
    heading: tuple[str, ...]
    cells: tuple[str, ...]

    @cached_property
    def width(self) -> int:
        # asked for once a row: thousands of rows must not be measured thousands of times
        return max(map(text_width, (*self.heading, *self.cells)), default=0)

    def folded(self) -> _Column:
        """Return the column with a word of its heading per line, where the cells are narrower than the heading."""
        inside = max(map(text_width, self.cells), default=0)
        lines: list[str] = []
        for word in self.name.replace("/", "/ ").split():
            joined = f"{lines[-1]}{'' if lines[-1].endswith('/') else ' '}{word}" if lines else ""
            if lines and text_width(joined) <= inside:
                lines[-1] = joined
            else:
                lines.append(word)
        return _Column(name=self.name, right=self.right, heading=tuple(lines), cells=self.cells)

    def within(self, width: int, *, middle: bool) -> _Column:
        """Return the column with its cells shortened to ``width``."""
        cells = tuple(shorten(cell, width, middle=middle) for cell in self.cells)
        heading = tuple(shorten(line, width) for line in self.heading)
        return _Column(name=self.name, right=self.right, heading=heading, cells=cells)


def lines(columns: Sequence[str], rows: Iterable[Sequence[object]], *, width: int | None, colour: bool) -> list[str]:
    """Return a table as lines.

    Parameters
    ----------
    columns : sequence of str
        Headings; one that starts with ``>`` is right-aligned.
    rows : iterable of sequences
        Cells; None is empty.
    width : int or None
        Columns of the terminal. Headings are folded, then the last column and the longest names are shortened, then
        columns stand closer, until a row takes one line; numbers are never cut. None for no limit.
    colour : bool
        Whether headings are bold and outcomes coloured.
    """
    table = _table(columns, rows)
    if width is None:
        return _drawn(table, colour=colour)
    table = _fit(table, width)
    return _drawn(table, colour=colour, gap=_GAP if _total(table) <= width else _GAP[:1])


def fits(columns: Sequence[str], rows: Iterable[Sequence[object]], width: int) -> bool:
    """Return whether a table has room for all of each cell."""
    return _total([column.folded() for column in _table(columns, rows)]) <= width


def side_by_side(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, width: int, colour: bool, shortened: bool = False
) -> list[str] | None:
    """Return a table as lines, its second half beside its first; None where that has no room.

    Parameters
    ----------
    shortened : bool
        The names, in the first column, may be shortened, as long as they still tell the rows apart.
    """
    first = (len(rows) + 1) // 2
    nothing = [None] * len(columns)
    right = [*rows[first:], *([nothing] * (first - len(rows[first:])))]
    both = [[*one, None, *other] for one, other in zip(rows[:first], right, strict=True)]
    table = _table([*columns, "", *columns], both)
    folded = [column.folded() for column in table]
    tried = [table, folded, *([_with_short_names(folded, width)] if shortened else [])]
    fitting = next((one for one in tried if _total(one) <= width), None)
    return None if fitting is None else _drawn(fitting, colour=colour)


def _with_short_names(halves: list[_Column], width: int) -> list[_Column]:
    """Return a table of two halves with its names shortened to what has room; as it is where they would be alike."""
    names = (0, len(halves) // 2 + 1)
    left = width - _total(halves) + sum(halves[place].width for place in names)
    short = {place: halves[place].within(max(left // 2, _LEAST_NAME), middle=True) for place in names}
    shown = [{cell for place in names for cell in table[place].cells} for table in (halves, short)]
    if len(shown[0]) > len(shown[1]):
        return halves
    return [short.get(place, column) for place, column in enumerate(halves)]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[_Column]:
    cells = [["" if cell is None else _one_line(str(cell)) for cell in row] for row in rows]
    return [
        _Column(
            name=column.lstrip(">"),
            right=column.startswith(">"),
            heading=(column.lstrip(">"),),
            cells=tuple(row[place] for row in cells),
        )
        for place, column in enumerate(columns)
    ]


def _drawn(table: list[_Column], *, colour: bool, gap: str = _GAP) -> list[str]:
    height = max((len(column.heading) for column in table), default=0)
    heads = [[""] * (height - len(column.heading)) + list(column.heading) for column in table]
    shown = [_line(table, [head[row] for head in heads], gap=gap) for row in range(height)]
    if colour:
        shown = [click.style(line, bold=True) for line in shown]
    rows = zip(*(one.cells for one in table), strict=True)
    return shown + [_line(table, row, gap=gap, colour=colour) for row in rows]


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def screen_lines(texts: Iterable[str]) -> int:
    """Return how many lines of the terminal texts take."""
    width = terminal_width()
    return sum(1 if width is None else max(1, -(-text_width(text) // width)) for text in texts)


def most_rows() -> int:
    """Return how many rows are shown unasked: what fits on the screen beside headings, a sentence, what comes next."""
    return max(_LEAST_ROWS, shutil.get_terminal_size().lines - 2) if sys.stdout.isatty() else _MOST_ROWS


def room(around: int) -> int | None:
    """Return how many lines of the terminal are left beside others and the prompt; None for a pipe or a file."""
    return shutil.get_terminal_size().lines - around - 1 if sys.stdout.isatty() else None


def _fit(table: list[_Column], width: int) -> list[_Column]:
    if _total(table) <= width:
        return table
    table = [column.folded() for column in table]
    for place, least in ((len(table) - 1, _LEAST_LAST), *((place, _LEAST_NAME) for place in _longest_first(table))):
        column = table[place]
        spare = _total(table) - width
        if spare > 0 and not column.right and column.width > least:
            last = place == len(table) - 1
            table[place] = column.within(max(column.width - spare, least), middle=not last)
    return table


def _longest_first(table: list[_Column]) -> list[int]:
    return sorted(range(len(table) - 1), key=lambda place: -table[place].width)


def _total(table: Sequence[_Column]) -> int:
    return sum(column.width for column in table) + len(_GAP) * (len(table) - 1)


def _line(table: Sequence[_Column], cells: Sequence[str], *, gap: str, colour: bool = False) -> str:
    padded = []
    for column, cell in zip(table, cells, strict=True):
        space = " " * (column.width - text_width(cell))
        shown = _coloured(column.name, cell) if colour else cell
        padded.append(space + shown if column.right else shown + space)
    return gap.join(padded).rstrip()


def _coloured(column: str, cell: str) -> str:
    colour = _COLOURS.get(cell.partition(" ")[0]) if column in _COLOURED else None
    return click.style(cell, fg=colour) if colour else cell


def _one_line(text: str) -> str:
    """Return text without line ends, and without what a terminal would obey."""
    text = text if speaks_unicode() else terminal.plain(text)  # before it is measured: ">=" is two columns
    line = text if text.isprintable() else " ".join(text.split())
    return line if line.isprintable() else "".join(one if one.isprintable() else "?" for one in line)


def text_width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(text: str, width: int) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > width:
            return text[:place]
    return text
