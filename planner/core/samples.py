"""Samples: a list of names, or a table whose first column has them and whose other columns are placeholders."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.core.wording import count

# names of a table's first column, without blanks, '_' and '-'; any other word there is a sample's name
_HEADING = re.compile(
    r"(sample|individual|patient|subject|participant|donor|specimen|isolate|strain|library|batch|cohort|family)s?"
    r"(id|name)?s?|[fi]?ids?|names?"
)
_LONGEST = 1000
_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "blanks", "\x1f": "nothing"}
_HINT = "the first line names the columns, each further line is a sample"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One row of the sample table: its name as written, and the other columns.

    Attributes
    ----------
    chromosome, task : str or None
        Of an element of a wrapped script: its only chromosome ("" for none), and its task's name.
    span : (int, int) or None
        Of such an element: first and last base, if it runs on a part of its chromosome.
    """

    name: str
    columns: Mapping[str, str]
    chromosome: str | None = None
    task: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _SampleLine:
    line: int
    cells: tuple[str, ...]


def listed(names: Sequence[str], *, where: str) -> list[Sample]:
    """Return the samples of a list of names; for an empty list a single sample without a name (a cohort).

    Raises
    ------
    InputError
        When a name is missing, listed twice or invalid; the message begins with ``where``.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        _check(name, f"{where}[{number}]")
        if name in seen:
            raise InputError(f"{where}: {name!r} is listed twice", "name each sample once")
        seen.add(name)
    return [Sample(name=name, columns={}) for name in names] or [Sample(name="", columns={})]


def read(path: Path, *, reserved: Collection[str]) -> list[Sample]:
    """Read a sample table, or a plain list of names, one per line.

    Tabs, semicolons, commas or blanks separate columns; empty lines and lines that begin with ``#`` are skipped (a name
    in quotes may begin with it). The first line of a table names its columns, the first of which is a word for samples
    (sample, id, name, …). Of PLINK's columns ``FID IID``, the individual is the sample.

    Parameters
    ----------
    path : Path
    reserved : collection of str
        Names that no column may have.

    Raises
    ------
    InputError
        Without samples, for a table whose first line does not name a column of samples, a line with another number of
        columns than the first, or a name that is listed twice; names file and line.
    """
    text = read_text(path, hint="pipeline.samples is a list of names or the path of a table").removeprefix("\ufeff")
    rows = _by_individual(_rows(path, text.replace("\r\n", "\n").replace("\r", "\n")))
    if not rows:
        raise InputError(f"{path}: no samples", "write one name per line")
    header: tuple[str, ...] = ("sample",)
    if len(rows[0].cells) > 1 and not _is_heading(rows[0].cells[0]):
        if len(rows) == 1:
            raise InputError(f"{path}:{rows[0].line}: several fields in the only line", "write one name per line")
        raise InputError(
            f"{path}:{rows[0].line}: {rows[0].cells[0]!r} is not a name for the column of samples",
            "put a line above that names the columns, or rename the first one: sample, id, name, patient, …",
        )
    if len(rows[0].cells) > 1 or _is_heading(rows[0].cells[0]):
        _check_header(f"{path}:{rows[0].line}", rows[0].cells, reserved)
        header, rows = rows[0].cells, rows[1:]
    if not rows:
        raise InputError(f"{path}: no samples below the first line", _HINT)
    first_seen: dict[str, int] = {}
    for row in rows:
        where = f"{path}:{row.line}"
        if len(row.cells) != len(header):
            hint = "complete or remove this line"
            if len(row.cells) == 1:
                hint += f"; its fields are separated by {_SEPARATORS[_separator(text)]}, as in the first line"
            raise InputError(f"{where}: {count(len(row.cells), 'field')}, the first line has {len(header)}", hint)
        name = row.cells[0]
        _check(name, where)
        if name in first_seen:
            raise InputError(
                f"{where}: {name!r} is listed twice, first in line {first_seen[name]}", "remove one of the two lines"
            )
        first_seen[name] = row.line
    return [Sample(name=row.cells[0], columns=dict(zip(header[1:], row.cells[1:], strict=True))) for row in rows]


def _rows(path: Path, text: str) -> list[_SampleLine]:
    separator, lines = _separator(text), text.split("\n")
    if separator == " ":
        split = [(number, number, line.split()) for number, line in enumerate(lines, 1)]
    else:
        reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
        split = []
        first = 1
        try:
            for record in reader:
                split.append((first, reader.line_num, record))
                first = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path}:{first}: {error}", 'quote a field as a whole or not at all: "a, b"') from None
    rows: list[_SampleLine] = []
    heading_due = True
    for first, last, written in split:
        cells = tuple(cell.strip(" \t") for cell in written)
        if not any(cells):
            continue
        if heading_due and cells[0].startswith("#") and _is_heading(cells[0]):
            rows.append(_SampleLine(line=last, cells=(cells[0].lstrip("# "), *cells[1:])))
        # a quoted name may begin with the comment sign
        elif not lines[first - 1].lstrip(" \t").startswith("#"):
            rows.append(_SampleLine(line=last, cells=cells))
        heading_due = False
    return rows


def _by_individual(rows: list[_SampleLine]) -> list[_SampleLine]:
    """Return a table in PLINK's columns, a family before an individual, with the individual first: it is the sample."""
    if not rows or [cell.lstrip("# ").lower() for cell in rows[0].cells[:2]] != ["fid", "iid"]:
        return rows
    return [_SampleLine(line=row.line, cells=(*row.cells[1::-1], *row.cells[2:])) for row in rows]


def _separator(text: str) -> str:
    """Return the separator of columns; for a single column a character that does not occur in text."""
    lines = [line for line in text.split("\n") if line.strip()]
    lines = [line for line in lines if not line.startswith("#") or _is_heading(line.split()[0].split(",")[0])]
    first = lines[0] if lines else ""
    for sign in "\t;,":
        if sign in first.strip():
            return sign
    words = [len(line.split()) for line in lines]
    # blanks may belong to names; they separate columns if there is a heading and every line has as many words
    if words and words[0] > 1 and len(set(words)) == 1 and _is_heading(first.split()[0]) and '"' not in text:
        return " "
    return "\x1f"


def _is_heading(word: str) -> bool:
    plain = word.strip('#"').translate({ord(sign): None for sign in " _-."}).lower()
    return _HEADING.fullmatch(plain) is not None


def _check_header(where: str, header: Sequence[str], reserved: Collection[str]) -> None:
    for place, name in enumerate(header[1:], 1):
        if not (name.isidentifier() and name.isascii()) or name in reserved:
            raise InputError(
                f"{where}: column {name!r} cannot be a placeholder",
                f"{_HINT}; columns are named with letters, digits and _, and not as chromplan's own",
            )
        if name in header[:place]:
            raise InputError(f"{where}: column {name!r} is listed twice", "rename one of the two columns")


def _check(name: str, where: str) -> None:
    if not name:
        raise InputError(f"{where}: a sample without a name", "complete or remove it")
    if "\0" in name or len(name) > _LONGEST:
        raise InputError(f"{where}: {name[:40]!r}… cannot name a sample", "use a shorter one, without NUL")
