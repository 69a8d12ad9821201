"""The readers of history: which formats are known, how each is recognised, and the one way to read any of them.

One more reader is one more module here with the four names of `HistoryReader`, and its place in `READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from planner.core.errors import InputError
from planner.core.records import Observation, Quality
from planner.core.sampling import POLL_S
from planner.history.labels import Labels
from planner.history.reading import Columns, Skipped
from planner.history.source import TextSource


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """What a person said about how to read a file; each reader uses its part.

    Attributes
    ----------
    labels : Labels
        How names tell tool, sample and chromosome.
    poll_s : float
        sacct: seconds between two samples of MaxRSS.
    sacct_columns : tuple of str or None
        sacct: the columns of text without a header.
    path_pattern : re.Pattern or None
        Snakemake: what the path of a benchmark file tells.
    columns : Columns
        Tables: which column holds what.
    quality : Quality
        Tables: how the peaks were obtained.
    """

    labels: Labels = field(default_factory=Labels)
    poll_s: float = POLL_S
    sacct_columns: tuple[str, ...] | None = None
    path_pattern: re.Pattern[str] | None = None
    columns: Columns = field(default_factory=Columns)
    quality: Quality = Quality.MEASURED


class HistoryReader(Protocol):
    """A module that reads one format.

    Attributes
    ----------
    NAME : str
        What ``--format`` calls it.
    USES : frozenset of str
        The options of ``history import`` that mean something to it, besides those that all formats know.
    """

    NAME: str
    USES: frozenset[str]

    def recognises(self, head: str) -> bool:
        """Whether a file that starts with these lines is of this format."""

    def read(self, source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
        """Return what the file holds, one by one; raise InputError when it cannot be used."""


# Options whose name on the command line is another
_SPELLED = {"sacct_columns": "columns", "poll_s": "poll", "features": "feature"}


def _readers() -> tuple[HistoryReader, ...]:
    from planner.history.readers import cromwell, efficiency, miniwdl, nextflow, sacct, snakemake, tables

    # in the order in which they are asked: the last recognises whatever has columns
    return (efficiency, cromwell, miniwdl, snakemake, nextflow, sacct, tables)


def names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(reader.NAME for reader in _readers())


def options() -> dict[str, tuple[str, list[str]]]:
    """Return what each special option of ``history import`` is called, and the formats that it is for."""
    readers = _readers()
    found = sorted({name for reader in readers for name in reader.USES})
    return {
        name: (
            f"--{_SPELLED.get(name, name).replace('_', '-')}",
            [reader.NAME for reader in readers if name in reader.USES],
        )
        for name in found
    }


def reader_for(source: TextSource, kind: str | None = None) -> HistoryReader:
    """Return the reader of a file: the one that is named, else the first that recognises it."""
    if kind is not None:
        return next(reader for reader in _readers() if kind == reader.NAME)
    head = source.head()
    found = next((reader for reader in _readers() if reader.recognises(head)), None)
    if found is None:
        why = "not a format that is known" if head.strip() else "it is empty"
        raise InputError(
            f"{source.name}, line 1: no attempt could be read: {why}",
            f"known are {', '.join(names())}; --format names one of them",
        )
    return found
