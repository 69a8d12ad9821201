"""CSV, TSV and similar tables: rows by column name, and incomplete rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from planner.core.errors import InputError
from planner.history.reading import Skipped

MISSING = ("", "-", "NA", "N/A", "nan", "None")
"""Texts of a cell without a value."""

_DELIMITERS = "\t,;|"
_MARKS = re.compile(r"[^\w\s%().:/\"'+-]+")  # characters that no column name has
_ONE = "\x1f"  # in place of a delimiter of several characters


@dataclass(frozen=True, kw_only=True, slots=True)
class DelimitedTable:
    """Rows of a table, each with its line number, and incomplete rows.

    Attributes
    ----------
    unended : int
        Line of the last row if it has no line end, so that its last cell may be cut; otherwise 0.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    skipped: tuple[Skipped, ...]
    unended: int = 0

    def whole_rows(self, used: Container[str]) -> Iterator[tuple[int, dict[str, str]] | Skipped]:
        """Yield the rows and skipped items: a last row whose last cell may be cut is skipped if that column is used."""
        yield from self.skipped
        for line, row in self.rows:
            if line == self.unended and self.columns[-1] in used:
                yield Skipped(line=line, reason=f"the last line has no end: {self.columns[-1]!r} may be cut there")
            else:
                yield line, row


def header_of(text: str) -> set[str]:
    """Return the column names of a table's first line that is not blank."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    first, delimiter = _with_one_mark(first, first)
    return {name.strip() for name in split_line(first, delimiter)}


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; none where csv cannot read it."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def split_rows(text: str, *, source: str) -> DelimitedTable:
    """Split a table with a header at tabs, commas, semicolons, bars, or any other delimiter between all its columns.

    Raises
    ------
    InputError
        When it is empty or its last row lacks columns; names file and line.
    """
    text = text.lstrip("\r\n")
    text, delimiter = _with_one_mark(text, text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, dict[str, str]]] = []
    skipped: list[Skipped] = []
    try:
        columns = tuple(name.strip() for name in next(reader, []))
        for cells in reader:
            if len(cells) == len(columns):
                rows.append((reader.line_num, dict(zip(columns, (cell.strip() for cell in cells), strict=True))))
            elif cells:
                reason = f"{len(cells)} columns where {len(columns)} belong"
                skipped.append(Skipped(line=reader.line_num, reason=reason))
    except csv.Error as error:
        raise InputError(
            f"{source}, line {reader.line_num}: not a table: {error}", "a quotation mark may have no partner"
        ) from None
    if skipped and skipped[-1].line == reader.line_num:
        raise InputError(
            f"{source}, line {reader.line_num}: the last row is cut", "the file is not complete: nothing of it was used"
        )
    if not rows:
        raise InputError(f"{source}: no rows", "a header line and at least one row are needed")
    unended = 0 if text.endswith(("\n", "\r", '"')) else rows[-1][0]
    return DelimitedTable(columns=columns, rows=tuple(rows), skipped=tuple(skipped), unended=unended)


def _with_one_mark(text: str, header: str) -> tuple[str, str]:
    """Return the text with its columns separated by one character, as csv requires, and that character."""
    delimiter = _delimiter(header)
    return (text, delimiter) if len(delimiter) == 1 else (text.replace(delimiter, _ONE), _ONE)


def _delimiter(header: str) -> str:
    usual = max(_DELIMITERS, key=header.count)
    mark, times = next(iter(Counter(_MARKS.findall(header)).most_common(1)), ("", 0))
    between_all = times > 1 and header.count(usual) == times * mark.count(usual)
    return mark if between_all else usual


def check_columns(found: Iterable[str], needed: Mapping[str, str], *, source: str) -> None:
    """Raise an error for a table that lacks a column.

    Parameters
    ----------
    found : iterable of str
    needed : mapping of str to str
        Column -> its purpose.
    source : str
        The file, for the error.
    """
    present = list(found)
    for column, purpose in needed.items():
        if column not in present:
            raise InputError(f"{source}: no column {column!r} ({purpose})", f"its columns: {', '.join(present)}")
