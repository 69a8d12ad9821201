"""Results and options that all readers of history share."""

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
    """A skipped item: where it was, and why it was skipped."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRead:
    """Observations and skipped items of one file."""

    observations: tuple[Observation, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The roles of a table's columns; None for the default names.

    Attributes
    ----------
    peak : str or None
        Peak memory, MiB, or with a unit (``97288K``, ``1.2G``).
    wall : str or None
        Wall time, seconds, or as Slurm prints it.
    features : mapping of str to str
        Feature name -> column.
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
    """Return a job id for a record without one: a hash of its content, so that an import can be repeated."""
    digest = sha256("\x1f".join(parts).encode("utf-8", errors="replace")).hexdigest()
    return f"{source}:{digest[:16]}"


def count_of(text: str) -> int:
    """Return the number of CPUs; 1 when there is none."""
    return max(int(text), 1) if re.fullmatch(r"[0-9]+", text) else 1


class SkipTally:
    """Number of skipped items by reason, with the first few lines of each: a long file may have a million."""

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, list[int]]] = {}

    def add(self, one: Skipped) -> None:
        """Count one more."""
        count, lines = self.reasons.get(one.reason, (0, []))
        if one.line and len(lines) < _LINES_KEPT:
            lines.append(one.line)
        self.reasons[one.reason] = (count + 1, lines)
