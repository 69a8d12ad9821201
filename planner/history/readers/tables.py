"""Any table of past runs with a header, one run per row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from planner.core import levels
from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.core.units import parse_duration_s, parse_mem_mb
from planner.history.delimited import MISSING, check_columns, header_of, split_rows
from planner.history.labels import CHROMOSOME_KEYS, SAMPLE_KEYS, collected, plain_chromosome
from planner.history.readers import ReadOptions
from planner.history.reading import Columns, HistoryRead, Skipped, count_of, identity
from planner.history.source import TextSource

NAME = "table"
USES = frozenset({"peak", "wall", "limit", "chromosome", "sample", "features", "sampled"})

_TRUE = ("1", "true", "yes", "t", "y")

# Default names of each column: the first one that is present is used.
_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "peak": ("peak_mb", "peak_rss_mb", "max_rss_mb", "max_rss", "MaxRSS"),
    "wall": ("wall_s", "elapsed_s", "duration_s", "seconds"),
    "limit": ("limit_mb", "mem_mb", "ReqMem"),
    "chromosome": CHROMOSOME_KEYS,
    "sample": SAMPLE_KEYS,
    "task": ("task", "run_id"),
    "tool": ("tool",),
    "cpus": ("cpus", "threads", "n_threads"),
    "outcome": ("outcome",),
    "oom": ("oom",),
    "timed_out": ("timed_out",),
    "exit_code": ("exit_code", "exit"),
}


def recognises(head: str) -> bool:
    """Whether the first line has several columns."""
    return len(header_of(head)) > 1


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Return the runs of a table; see `read_table`."""
    return _runs(source.text(), options.columns, options.labels.tool, options.quality, source.name)


def read_table(
    text: str,
    *,
    columns: Columns | None = None,
    tool: str | None = None,
    quality: Quality = Quality.MEASURED,
    source: str = "table",
) -> HistoryRead:
    """Read a table of runs.

    A row is an oom when its ``outcome`` or ``oom`` column says so, a failure when ``exit_code`` is not 0, and completed
    otherwise. Importing a file twice is harmless, as a row is identified by its content.

    Parameters
    ----------
    tool : str, optional
        The tool of all rows; by default it is in the column ``tool``.
    quality : Quality
        How the peaks were obtained: by the operating system (measured) or by polling (sampled).
    source : str
        The file, for errors.

    Raises
    ------
    InputError
        When a named column is missing, no column holds the peak, no tool is known, or the file is cut.
    """
    return collected(_runs(text, columns or Columns(), tool, quality, source))


def _runs(
    text: str, columns: Columns, tool: str | None, quality: Quality, source: str
) -> Iterator[Observation | Skipped]:
    table = split_rows(text, source=source)
    places = _places(table.columns, columns, source)
    if tool is None and "tool" not in places:
        raise InputError(f"{source}: the tool is not known", "name it with --tool, or add a column 'tool'")
    copies: Counter[str] = Counter()
    for found in table.whole_rows({*places.values(), *map(levels.column, columns.features.values())}):
        if isinstance(found, Skipped):
            yield found
            continue
        line, row = found
        content = "\x1f".join(row.values())
        copies[content] += 1
        job_id = identity(NAME, *table.columns, content, str(copies[content]))
        try:
            yield _observation(row, places, columns.features, tool, quality, job_id)
        except ValueError as error:
            yield Skipped(line=line, reason=str(error))


def _places(present: tuple[str, ...], columns: Columns, source: str) -> dict[str, str]:
    """Return quantity -> column, for all that the table has."""
    named = {name: getattr(columns, name) for name in _DEFAULTS if getattr(columns, name, None)}
    features = {name: levels.column(source) for name, source in columns.features.items()}
    needed = {column: name for name, column in (*named.items(), *features.items())}
    check_columns(present, needed, source=source)
    places = dict(named)
    for name, usual in _DEFAULTS.items():
        found = next((column for column in usual if column in present), None)
        if found is not None:
            places.setdefault(name, found)
    if "peak" not in places:
        raise InputError(
            f"{source}: no column holds the peak memory", f"name it with --peak; its columns: {', '.join(present)}"
        )
    return places


def _observation(
    row: Mapping[str, str],
    places: Mapping[str, str],
    features: Mapping[str, str],
    tool: str | None,
    quality: Quality,
    job_id: str,
) -> Observation:
    cells = {name: "" if row[column] in MISSING else row[column] for name, column in places.items()}
    used_tool = tool or cells["tool"]
    if not used_tool:
        raise ValueError("the tool is empty")
    outcome, evidence = _judge(cells)
    peak_mb, limit_mb = _memory_mb(cells["peak"]), _memory_mb(cells.get("limit", ""))
    if outcome is Outcome.OOM:
        quality = Quality.CENSORED
        peak_mb = max((bound for bound in (peak_mb, limit_mb) if bound is not None), default=None)
    elif peak_mb is None:
        quality = Quality.MISSING
    chromosome = plain_chromosome(cells.get("chromosome", ""))
    sample = cells.get("sample", "")
    named = ".".join(part for part in (sample, f"chr{chromosome}" if chromosome else "") if part)
    return Observation(
        tool=used_tool,
        task=cells.get("task") or named or job_id.replace(":", "-"),
        sample=sample,
        chromosome=chromosome,
        features=_features(row, features),
        peak_mb=peak_mb,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=_seconds(cells.get("wall", "")),
        outcome=outcome,
        quality=quality,
        job_id=job_id,
        submit_s=0,
        cpus=count_of(cells.get("cpus", "")),
        evidence=evidence,
        source=NAME,
    )


def _judge(cells: Mapping[str, str]) -> tuple[Outcome, str]:
    word = cells.get("outcome", "").lower()
    if word:
        return Outcome(word), f"column outcome: {word}"
    if cells.get("oom", "").lower() in _TRUE:
        return Outcome.OOM, "column oom"
    if cells.get("timed_out", "").lower() in _TRUE:
        return Outcome.TIMEOUT, "column timed_out"
    code = cells.get("exit_code", "")
    if code not in ("", "0"):
        return Outcome.FAILED, f"exit code {code}"
    return Outcome.COMPLETED, f"exit code {code}" if code else "a row of a table"


def _memory_mb(text: str) -> float | None:
    # "1e3" is a number to those who write tables, though not to Slurm
    return _finite(text, "memory") if "e" in text.lower() else parse_mem_mb(text) or None


def _seconds(text: str) -> float | None:
    if ":" in text:
        return parse_duration_s(text)
    return _finite(text, "wall") if text else None


def _features(row: Mapping[str, str], sources: Mapping[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, source in sources.items():
        column = levels.column(source)
        if source == column:
            found[name] = _number(row, column)
        elif row[column] in MISSING:
            raise ValueError(f"{column}: empty")
        else:
            found |= levels.kept(name, row[column])
    return found


def _number(row: Mapping[str, str], column: str) -> float:
    return _finite(row[column], column)


def _finite(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{what}: not a number: {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{what}: not a finite number: {text!r}")
    return value


def columns_named(options: Mapping[str, Any]) -> Columns:
    """Return the roles of a table's columns from the options of the command line."""
    features: dict[str, str] = {}
    for text in options["features"]:
        # "a=x,b=y" is allowed as well as one option per feature
        for one in text.split(","):
            name, equals, column = (part.strip() for part in one.partition("="))
            if not name or (equals and not column):
                raise InputError(
                    f"--feature {one!r}: NAME=COLUMN is expected, or COLUMN",
                    "for example --feature variants=n_variants",
                )
            features[name] = column or name
    named = {name: options[name] for name in ("peak", "wall", "limit", "chromosome", "sample")}
    return Columns(features=features, **named)
