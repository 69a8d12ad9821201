"""What past jobs used, read from files: sacct output, tables, data frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, overload

from planner.core import genomes
from planner.core.frames import flat, frame, html_table
from planner.core.records import Observation
from planner.history.reading import Skipped

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("tool", "task", "outcome", "quality", "peak_mb", "limit_mb", "wall_s")


class Observations(Sequence[Observation]):
    """Recorded attempts of tasks, in order; a sequence that knows what was not read.

    Parameters
    ----------
    found : iterable of Observation
    skipped : iterable of Skipped
        Lines that were not read, and why.
    """

    def __init__(self, found: Iterable[Observation] = (), skipped: Iterable[Skipped] = ()) -> None:
        self._found = tuple(found)
        self.skipped = tuple(skipped)

    @overload
    def __getitem__(self, index: int) -> Observation: ...
    @overload
    def __getitem__(self, index: slice) -> Observations: ...
    def __getitem__(self, index: int | slice) -> Observation | Observations:
        return Observations(self._found[index]) if isinstance(index, slice) else self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Observations) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self._found)

    @property
    def tools(self) -> list[str]:
        """The tools of the attempts, sorted."""
        return sorted({one.tool for one in self._found})

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attempt; each feature is a column."""
        return frame(
            flat({name: value for name, value in asdict(one).items() if name != "features"}, {"features": one.features})
            for one in self._found
        )

    def __repr__(self) -> str:
        tools = ", ".join(self.tools) or "no tool"
        skipped = f", {len(self.skipped)} not read" if self.skipped else ""
        return f"<Observations: {len(self)} of {tools}{skipped}>"

    def _repr_html_(self) -> str:
        rows = [[getattr(one, name) for name in _COLUMNS] for one in self._found]
        return html_table(repr(self), _COLUMNS, rows)


def read_sacct(
    path: str | os.PathLike[str],
    *,
    tool: str,
    name_pattern: str | None = None,
    genome: str = genomes.DEFAULT,
    poll_s: float | None = None,
) -> Observations:
    """Read what sacct printed, as text or JSON.

    Parameters
    ----------
    path : path
        Output of ``sacct -P``, ``sacct --json`` or plain ``sacct`` with a header.
    tool : str
        The tool that the jobs ran.
    name_pattern : str, optional
        How job names are made, as ``{tool}.{sample}.chr{chromosome}``; without it, ``chr…`` in a name is looked for.
    genome : str
        Gives known chromosomes the feature ``length_mb``.
    poll_s : float, optional
        How often the site reads a job's memory, s: what a short job's peak is worth.

    Returns
    -------
    Observations
        ``skipped`` says what was not read, and why.

    Raises
    ------
    InputError
        When the file cannot be read, is not sacct's, or the pattern is wrong.
    """
    from planner.core.sampling import POLL_S
    from planner.history import labels
    from planner.history.readers import ReadOptions, sacct
    from planner.history.source import TextSource

    options = ReadOptions(
        labels=labels.Labels(tool=tool, pattern=None if name_pattern is None else labels.name_pattern(name_pattern)),
        poll_s=POLL_S if poll_s is None else poll_s,
    )
    found = labels.collected(sacct.read(TextSource.of_file(Path(path)), options))
    read = labels.add_length(found, genomes.lengths(genome))
    return Observations(read.observations, read.skipped)


def read_table(
    table: str | os.PathLike[str] | pd.DataFrame,
    *,
    tool: str | None = None,
    features: Sequence[str] | Mapping[str, str] = (),
    peak: str | None = None,
    wall: str | None = None,
    limit: str | None = None,
    sampled: bool = False,
) -> Observations:
    """Read a table of past runs, one run per row.

    Parameters
    ----------
    table : path or DataFrame
        CSV or TSV with a header, or a frame.
    tool : str, optional
        The tool of all rows; else the column ``tool`` says it.
    features : sequence of str, or mapping of str to str
        Columns that hold features, or feature name -> column.
    peak, wall, limit : str, optional
        Columns with the peak (MiB, or with a unit), the wall time (s, or as Slurm prints it) and the memory limit;
        the usual names are found without.
    sampled : bool
        Whether the peaks were polled, so that they may be too low.

    Returns
    -------
    Observations
        ``skipped`` says which rows were not read, and why.

    Raises
    ------
    InputError
        When the file cannot be read, a named column is not there, or no column holds the peak.
    """
    from planner.core.records import Quality
    from planner.history import reading
    from planner.history.readers import tables

    if isinstance(table, str | os.PathLike):
        text, source = reading.load_text(Path(table)), str(table)
    else:
        text, source = table.to_csv(index=False), "the data frame"
    read = tables.read_table(
        text,
        columns=reading.Columns(
            peak=peak,
            wall=wall,
            limit=limit,
            features=dict(features) if isinstance(features, Mapping) else {name: name for name in features},
        ),
        tool=tool,
        quality=Quality.SAMPLED if sampled else Quality.MEASURED,
        source=source,
    )
    return Observations(read.observations, read.skipped)
