"""Rows of sacct with line breaks inside, as in command lines, joined into one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def one_line_rows(lines: Iterable[str], columns: int, delimiter: str) -> Iterator[str]:
    """Yield each row as one line, with a blank for every line break inside.

    A row has ``columns - 1`` delimiters: a line goes on with the row before it until that has all of its own, and a
    line without any is the rest of a last column.

    Parameters
    ----------
    lines : iterable of str
        With their ends; no header.
    """
    row, found = "", 0
    for line in lines:
        here, text = line.count(delimiter), line.rstrip("\r\n")
        if row and (found < columns - 1 or not here):
            row, found = f"{row} {text}", found + here
            continue
        if row:
            yield f"{row}\n"
        row, found = text, here
    if row:
        yield f"{row}\n"
