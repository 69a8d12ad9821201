"""What every reader of history hands back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from planner.core.errors import InputError
from planner.core.records import Observation

# "chr7", "chrom_X", "chromosome-22", anywhere between characters that are neither letters nor digits
_CHROMOSOME = re.compile(
    r"(?<![a-z0-9])chr(?:om(?:osome)?)?[_\-. ]?(?P<name>[0-9]{1,2}|x|y|mt?)(?![a-z0-9])", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Something that was not read, where it was, and why."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRead:
    """What a reader made of one file."""

    observations: tuple[Observation, ...]
    skipped: tuple[Skipped, ...] = ()


def load_text(path: Path) -> str:
    """Return a file's text; bytes that are not UTF-8 (names can hold any) become replacement characters.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8", errors="replace").removeprefix("\ufeff")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", "check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", "check the path and its permissions") from None


def guess_format(text: str) -> str:
    """Return which reader a file is for: ``sacct``, ``nextflow``, ``snakemake`` or ``table``."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    names = re.split(r"[\t,]", first.strip())
    if first.lstrip()[:1] == "{" or "\x1f" in first or "|" in first or re.search(r"\bJobID\b", first):
        return "sacct"
    if {"status", "peak_rss"} <= set(names):
        return "nextflow"
    if {"s", "max_rss"} <= set(names):
        return "snakemake"
    return "table" if len(names) > 1 else "sacct"


def chromosome_in(*texts: str) -> str:
    """Return the plain name of the first chromosome written as ``chr…`` in the texts, or nothing."""
    for text in texts:
        match = _CHROMOSOME.search(text)
        if match:
            name = match["name"].upper()
            return "MT" if name == "M" else name.lstrip("0") or name
    return ""


def identity(source: str, *parts: str) -> str:
    """Return a job id for a record that has none; the same content gives the same id, so that imports can repeat."""
    digest = sha256("\x1f".join(parts).encode("utf-8", errors="replace")).hexdigest()
    return f"{source}:{digest[:16]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of a CSV or TSV file, each with its line number, and the rows that were not whole."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    skipped: tuple[Skipped, ...]


def split_rows(text: str, *, source: str) -> Table:
    """Split a CSV or TSV file with a header, whichever it is.

    Raises
    ------
    InputError
        Naming file and line, when it is empty or its last row is cut.
    """
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = tuple(name.strip() for name in next(reader, []))
    rows: list[tuple[int, dict[str, str]]] = []
    skipped: list[Skipped] = []
    for cells in reader:
        if len(cells) == len(columns):
            rows.append((reader.line_num, dict(zip(columns, (cell.strip() for cell in cells), strict=True))))
        elif cells:
            skipped.append(Skipped(line=reader.line_num, reason=f"{len(cells)} columns where {len(columns)} belong"))
    if skipped and skipped[-1].line == reader.line_num:
        raise InputError(
            f"{source}, line {reader.line_num}: the last row is cut", "the file is not complete: nothing of it was used"
        )
    if not rows:
        raise InputError(f"{source}: no rows", "a header line and at least one row are needed")
    return Table(columns=columns, rows=tuple(rows), skipped=tuple(skipped))


def check_columns(found: Iterable[str], needed: Mapping[str, str], *, source: str) -> None:
    """Refuse a table that lacks a column.

    Parameters
    ----------
    found : iterable of str
    needed : mapping of str to str
        Column to what it is for.
    source : str
        The file, for the error.
    """
    present = list(found)
    for column, purpose in needed.items():
        if column not in present:
            raise InputError(f"{source}: no column {column!r} ({purpose})", f"columns there: {', '.join(present)}")
