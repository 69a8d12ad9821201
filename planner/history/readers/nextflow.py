"""Nextflow's trace: ``-with-trace``, raw (bytes, milliseconds) or human-readable (``1.2 GB``, ``3m 4s``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from planner.core.errors import InputError
from planner.core.exits import KILLED
from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import near_limit
from planner.core.units import MB_PER_UNIT
from planner.history.delimited import check_columns, header_of, split_rows
from planner.history.labels import Labels, chromosome_in, read_name
from planner.history.readers import ReadOptions
from planner.history.reading import Skipped, count_of, identity
from planner.history.source import TextSource

NAME = "nextflow"
USES = frozenset({"name_pattern"})

_USED = ("name", "process", "tag", "status", "exit", "peak_rss", "rss", "memory", "realtime", "cpus", "submit", "start")
# columns that identify a run of a task
_IDENTITY = ("hash", "name", "submit", "attempt", "start")
_OUTCOMES = {"COMPLETED": Outcome.COMPLETED, "FAILED": Outcome.FAILED, "ABORTED": Outcome.CANCELLED}
# exit codes of kills for memory, which Nextflow pipelines retry with more memory
_KILLED = str(KILLED)
# Nextflow samples memory: for shorter tasks it mostly sees the wrapper script (3 MB)
_SAMPLED_FROM_S = 3.0

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGTP]?)i?B?", re.IGNORECASE)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_size_mb(text: str) -> float | None:
    """Return MiB of ``274485248`` (bytes) or ``1.2 GB`` (Nextflow's GB is 1024^3 bytes); None for ``-``."""
    text = text.strip()
    if text in ("", "-"):
        return None
    match = _SIZE.fullmatch(text)
    if match is None or (not match[2] and "." in match[1] and "B" not in text):
        raise ValueError(f"not a memory size: {text!r}")
    return float(match[1]) * MB_PER_UNIT[match[2].upper() or "B"]


def parse_span_s(text: str) -> float | None:
    """Return seconds of ``12291`` (milliseconds), ``3m 4s`` or ``1d 2h``; None for ``-``."""
    text = text.strip()
    if text in ("", "-"):
        return None
    if text.isdecimal():
        return int(text) / 1000
    if not re.fullmatch(rf"(?:{_SPAN.pattern} ?)+", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text))


def recognises(head: str) -> bool:
    """Whether the header has a trace's columns."""
    columns = header_of(head)
    named = {"name", "status"} <= columns or {"process", "realtime"} <= columns
    return named and bool(columns & {"peak_rss", "rss"})


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Yield each task of a trace, with any delimiter.

    The tool of a task is its process, without the enclosing workflows. Peaks are sampled by Nextflow: ``peak_rss``, or
    ``rss`` in old traces without it.

    Raises
    ------
    InputError
        When a column is missing, the file is cut, or no process has the name ``labels.tool``.
    """
    table = split_rows(source.text(), source=source.name)
    check_columns(table.columns, _needed(table.columns), source=source.name)
    tool = options.labels.tool
    if tool is not None and not any(_is_process(row, tool) for _, row in table.rows):
        known = sorted({_process(row) for _, row in table.rows})
        raise InputError(f"{source.name}: no process {tool!r}", f"its processes: {', '.join(known)}")
    for found in table.whole_rows(_USED):
        if isinstance(found, Skipped):
            yield found
            continue
        line, row = found
        if tool is not None and not _is_process(row, tool):
            continue
        try:
            yield _observation(row, options.labels)
        except ValueError as error:
            yield Skipped(line=line, reason=str(error))


def _needed(columns: Sequence[str]) -> dict[str, str]:
    name = "process" if "process" in columns else "name"
    peak = "rss" if "rss" in columns and "peak_rss" not in columns else "peak_rss"
    return {name: "the task", peak: "its memory"}


def _process(row: Mapping[str, str]) -> str:
    # "name" is "PROCESS (tag)"
    return (row.get("process") or row.get("name", "").partition(" (")[0]).rpartition(":")[2]


def _is_process(row: Mapping[str, str], tool: str) -> bool:
    names = {_process(row).lower(), row.get("process", "").lower(), row.get("name", "").partition(" (")[0].lower()}
    return tool.lower() in names


def _observation(row: Mapping[str, str], labels: Labels) -> Observation:
    name = row.get("name", "")
    tag = row.get("tag") or name.partition(" (")[2].removesuffix(")")
    peak_mb = parse_size_mb(row["peak_rss"] if "peak_rss" in row else row["rss"]) or None  # 0: no sample before its end
    limit_mb = parse_size_mb(row.get("memory", ""))
    wall_s = parse_span_s(row.get("realtime", "")) or None
    outcome, evidence = _judge(row, peak_mb, limit_mb)
    censored = outcome is Outcome.OOM
    if censored:
        peak_mb = max((bound for bound in (peak_mb, limit_mb) if bound is not None), default=None)
    elif peak_mb is not None and (wall_s or 0.0) < _SAMPLED_FROM_S:
        evidence = f"{evidence}; peak_rss {peak_mb:.0f} MB not trusted: ran {wall_s or 0.0:.1f} s"
        peak_mb = None
    process = _process(row)
    sample = "" if tag == "-" else tag
    task, told = f"{process} ({sample})" if sample else process, {}
    if labels.pattern is not None:
        told = read_name(name or task, replace(labels, tool=None))
        if not told:
            raise ValueError("tasks whose name does not match the pattern")
        sample = told.get("sample", sample)
    return Observation(
        tool=told.get("tool") or process,
        task=task,
        sample=sample,
        chromosome=told.get("chromosome") or chromosome_in(tag, name),
        features={},
        peak_mb=peak_mb,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=wall_s,
        outcome=outcome,
        quality=Quality.CENSORED if censored else Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=_identity(row),
        submit_s=_instant_s(row.get("submit", "")) or 0,
        cpus=count_of(row.get("cpus", "")),
        start_s=_instant_s(row.get("start", "")),
        end_s=_instant_s(row.get("complete", "")),
        evidence=evidence,
        source=NAME,
    )


def _identity(row: Mapping[str, str]) -> str:
    told = "hash" in row or ("name" in row and ("submit" in row or "start" in row))
    return identity(NAME, *(row.get(part, "") for part in _IDENTITY) if told else row.values())


def _judge(row: Mapping[str, str], peak_mb: float | None, limit_mb: float | None) -> tuple[Outcome, str]:
    if "status" not in row:
        return Outcome.COMPLETED, "trace without a column 'status': taken as completed"
    status, code = row["status"].upper(), row.get("exit", "-")
    if status == "CACHED":
        raise ValueError("cached: it did not run")
    if status not in _OUTCOMES:
        raise ValueError(f"status {row['status']!r}: it has not ended")
    evidence = f"trace {status}, exit {code}"
    unknown = peak_mb is None or limit_mb is None
    if status == "FAILED" and code == _KILLED and (unknown or near_limit(peak_mb, limit_mb)):
        return Outcome.OOM, f"{evidence} (killed; suspected)"
    return _OUTCOMES[status], evidence


def _instant_s(text: str) -> int | None:
    text = text.strip()
    if text in ("", "-"):
        return None
    if text.isdecimal():
        return int(text) // 1000
    return int(datetime.fromisoformat(text).timestamp())
