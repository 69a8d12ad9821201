"""The header of sacct's text: its columns and their delimiter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from planner.history.sacct.fields import NAMES, canonical

_USUAL_DELIMITERS = ("\x1f", "^|^", "|", "\t", ";", ",")
_LONGEST_DELIMITER = 8
# "> " before each line, as mail and Markdown quote
_QUOTED = re.compile(r"\s{0,3}(?:> ?)+")
_RULED = re.compile(r"[|+][-:|+ ]+[|+]")  # below the header of a table in Markdown, or around it in a database's client
_COLUMN_NAME = re.compile(r"[A-Za-z][\w %()./-]*")


def unquoted(row: str) -> str:
    """Return a line without quotation marks (``>``) before it."""
    return _QUOTED.sub("", row, count=1) if ">" in row[:4] else row


def unframed(row: str) -> str | None:
    """Return what is between the bars at both ends of a line, as in Markdown's tables; None without such bars."""
    line = row.strip()
    return line[1:-1] if len(line) > 1 and line[0] == line[-1] == "|" else None


def is_ruled(row: str) -> bool:
    """Whether a line only rules a table off."""
    return _RULED.fullmatch(row.strip()) is not None


def is_header(row: str) -> bool:
    """Whether a line is a header with columns of sacct."""
    text = unquoted(row).strip()
    inside = unframed(text)
    return "jobid" in row.lower() and header_columns(inside or text, "|" if inside else None) is not None


def header_columns(row: str, delimiter: str | None) -> tuple[list[str], str, bool] | None:
    """Return a header's columns, its delimiter, and whether it ends with one (sacct -p); None for any other line.

    Parameters
    ----------
    delimiter : str or None
        By default detected from the text between the names.
    """
    text = row.replace('"', "")
    # blanks may be part of the delimiter, or only padding: delimiters whose names need no stripping come first
    for line, strip in ((text, False), (text.strip(" "), True)):
        for one in [delimiter] if delimiter else _delimiters(line):
            names = line.split(one) if one.strip(" ") else []
            trailing = len(names) > 1 and not names[-1].strip()
            names = names[: -1 if trailing else None]
            found = [name.strip() for name in names] if strip else names
            if _are_columns(found):
                return canonical(found), one, trailing
    columns = text.split()
    return (canonical(columns), " ", False) if _are_columns(columns) else None


def _delimiters(header: str) -> Iterator[str]:
    """Yield possible delimiters of a header, from the text beside known names of columns."""
    lower = header.lower()
    first = next((name for name in sorted(NAMES, key=len, reverse=True) if lower.startswith(name)), "")
    rest = header[len(first) :] if first else ""
    for length in range(1, min(_LONGEST_DELIMITER, len(rest)) + 1):
        yield rest[:length]
    for match in re.finditer(r"jobid(?:raw)?([^A-Za-z0-9]+)|([^A-Za-z0-9]+)jobid", lower):
        yield match[1] or match[2]


def _are_columns(names: Sequence[str]) -> bool:
    if not names:
        return False
    lower = [name.lower() for name in names]
    known = sum(name in NAMES for name in lower)
    plain = all(_COLUMN_NAME.fullmatch(name) for name in names[1:]) and (not names[0] or names[0][0].isalpha())
    return "jobid" in lower and plain and (known == len(names) or (known > 1 and " " not in "".join(names)))


def delimiter_of(row: str, columns: int) -> str:
    """Return the delimiter of output without a header."""
    for one in _USUAL_DELIMITERS:
        if columns - 1 <= row.count(one) <= columns:
            return one
    # two delimiters around an empty cell look like one long run: try the shortest first
    marks = sorted(set(re.findall(r"[^\w.:+\-\[\]/%,= ]+", row)), key=len)
    return next((mark for mark in marks if columns - 1 <= row.count(mark) <= columns), "|")
