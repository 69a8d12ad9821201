"""What every reader of history returns, and its options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from planner.core.records import Observation
from planner.history.source import TextSource

_LINES_KEPT = 5


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which column of a table holds what; None stands for the usual names.

    Attributes
    ----------
    peak : str or None
        Peak memory, MiB, or with a unit (``97288K``, ``1.2G``).
    wall : str or None
        Wall time, seconds, or as Slurm prints it.
    features : mapping of str to str
        Feature name to column.
    """

    peak: str | None = None
    wall: str | None = None
    limit: str | None = None
    chromosome: str | None = None
    sample: str | None = None
    task: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)


def load_text(path: Path) -> str:
    """Return a file's text.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    return TextSource.of_file(path).text()


def identity(source: str, *parts: str) -> str:
    """Return a job id for a record that has none; the same content gives the same id, so that imports can repeat."""
    digest = sha256("\x1f".join(parts).encode("utf-8", errors="replace")).hexdigest()
    return f"{source}:{digest[:16]}"


def count_of(text: str) -> int:
    """Return a number of CPUs; 1 where none is told."""
    return max(int(text), 1) if re.fullmatch(r"[0-9]+", text) else 1


class SkipTally:
    """What was skipped, by reason, with the first few lines of each: a long file may skip a million."""

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, list[int]]] = {}

    def add(self, one: Skipped) -> None:
        """Count one more."""
        count, lines = self.reasons.get(one.reason, (0, []))
        if one.line and len(lines) < _LINES_KEPT:
            lines.append(one.line)
        self.reasons[one.reason] = (count + 1, lines)
