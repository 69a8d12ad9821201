"""Joining rows of sacct that contain line breaks, as in command lines, into one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def one_line_rows(lines: Iterable[str], columns: int, delimiter: str) -> Iterator[str]:
    """Yield each row as one line, with a blank for every line break inside.

    A row has ``columns - 1`` delimiters: lines are appended to a row until it has all of them, and a line without any
    belongs to the last column of the row before it.

    Parameters
    ----------
    lines : iterable of str
        Lines with their line ends, without a header.
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
