"""Readers of history: the known formats, how each is recognised, and one interface to read them all.

To add a format, add a module with the four names of `HistoryReader`, and list it in `_readers`.
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
    """The user's options for reading a file; each reader uses some of them.

    Attributes
    ----------
    labels : Labels
        How tool, sample and chromosome are parsed from names.
    poll_s : float
        sacct: seconds between two samples of MaxRSS.
    sacct_columns : tuple of str or None
        sacct: the columns of text without a header.
    path_pattern : re.Pattern or None
        Snakemake: parses the path of a benchmark file.
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
        Its name for ``--format``.
    USES : frozenset of str
        The options of ``history import`` that it uses, besides those of all formats.
    """

    NAME: str
    USES: frozenset[str]

    def recognises(self, head: str) -> bool:
        """Whether a file that starts with these lines has this format."""

    def read(self, source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
        """Yield the file's attempts and skipped items; raise InputError when the file cannot be used."""


# Options with another name on the command line
_SPELLED = {"sacct_columns": "columns", "poll_s": "poll", "features": "feature"}


def _readers() -> tuple[HistoryReader, ...]:
    from planner.history.readers import cromwell, efficiency, miniwdl, nextflow, sacct, snakemake, tables

    # in the order in which they are tried: the last one recognises any table
    return (efficiency, cromwell, miniwdl, snakemake, nextflow, sacct, tables)


def names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(reader.NAME for reader in _readers())


def options() -> dict[str, tuple[str, list[str]]]:
    """Return name on the command line and formats of each format-specific option of ``history import``."""
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
    """Return the reader of a file: the named one, otherwise the first that recognises the file."""
    if kind is not None:
        return next(reader for reader in _readers() if kind == reader.NAME)
    head = source.head()
    found = next((reader for reader in _readers() if reader.recognises(head)), None)
    if found is None:
        why = "not a format that is known" if head.strip() else "it is empty"
        raise InputError(
            f"{source.name}, line 1: no attempt could be read: {why}",
            f"known formats: {', '.join(names())}; --format names one of them",
        )
    return found
