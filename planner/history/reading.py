"""What every reader of history hands back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from planner.errors import InputError
from planner.records import Observation

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
