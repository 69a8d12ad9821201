"""Reading Nextflow's trace: ``-with-trace``, raw (bytes, milliseconds) or human-readable (``1.2 GB``, ``3m 4s``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import near_limit
from planner.history.reading import HistoryRead, Skipped, check_columns, chromosome_in, identity, split_rows

SOURCE = "nextflow"
_NEEDED = {"name": "the task", "status": "how it ended", "peak_rss": "its memory"}
_OUTCOMES = {"COMPLETED": Outcome.COMPLETED, "FAILED": Outcome.FAILED, "ABORTED": Outcome.CANCELLED}
# 128 + SIGKILL: what a kill for memory leaves, and what Nextflow pipelines retry with more memory
_KILLED = "137"
# Nextflow samples; of a task that is over sooner, it has mostly seen the wrapper script (3 MB)
_SAMPLED_FROM_S = 3.0

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGTP]?)i?B?", re.IGNORECASE)
_MIB = {"": 1 / 1024**2, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_size_mb(text: str) -> float | None:
    """Return MiB of ``274485248`` (bytes) or ``1.2 GB`` (Nextflow's GB is 1024^3 bytes); None for ``-``."""
    text = text.strip()
    if text in ("", "-"):
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a memory size: {text!r}")
    return float(match[1]) * _MIB[match[2].upper()]


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


def read_trace(text: str, *, tool: str | None = None, source: str = "trace") -> HistoryRead:
    """Read a trace file, tab- or comma-separated.

    The tool of a task is its process, without the workflows around it. Peaks are what Nextflow sampled.

    Parameters
    ----------
    tool : str, optional
        Only this process, in any case, with or without its workflows.

    Raises
    ------
    InputError
        When a column is missing, the file is cut, or no process is called ``tool``.
    """
    table = split_rows(text, source=source)
    check_columns(table.columns, _NEEDED, source=source)
    rows = [(line, row) for line, row in table.rows if tool is None or _is_process(row, tool)]
    if not rows:
        known = sorted({_process(row) for _, row in table.rows})
        raise InputError(f"{source}: no process {tool!r}", f"processes there: {', '.join(known)}")
    observations: list[Observation] = []
    skipped = list(table.skipped)
    for line, row in rows:
        try:
            observations.append(_observation(row))
        except ValueError as error:
            skipped.append(Skipped(line=line, reason=str(error)))
    return HistoryRead(observations=tuple(observations), skipped=tuple(skipped))


def _process(row: Mapping[str, str]) -> str:
    # "name" is "PROCESS (tag)"
    return (row.get("process") or row["name"].partition(" (")[0]).rpartition(":")[2]


def _is_process(row: Mapping[str, str], tool: str) -> bool:
    names = {_process(row).lower(), row.get("process", "").lower(), row["name"].partition(" (")[0].lower()}
    return tool.lower() in names


def _observation(row: Mapping[str, str]) -> Observation:
    tag = row.get("tag") or row["name"].partition(" (")[2].removesuffix(")")
    peak_mb = parse_size_mb(row["peak_rss"]) or None  # 0: it ended before the first sample
    limit_mb = parse_size_mb(row.get("memory", ""))
    wall_s = parse_span_s(row.get("realtime", "")) or None
    outcome, evidence = _judge(row, peak_mb, limit_mb)
    censored = outcome is Outcome.OOM
    if censored:
        peak_mb = max((bound for bound in (peak_mb, limit_mb) if bound is not None), default=None)
    elif peak_mb is not None and (wall_s or 0.0) < _SAMPLED_FROM_S:
        evidence = f"{evidence}; peak_rss {peak_mb:.0f} MB not trusted: ran {wall_s or 0.0:.1f} s"
        peak_mb = None
    cpus = row.get("cpus", "")
    process = _process(row)
    sample = "" if tag == "-" else tag
    return Observation(
        tool=process,
        task=f"{process} ({sample})" if sample else process,
        sample=sample,
        chromosome=chromosome_in(tag, row["name"]),
        features={},
        peak_mb=peak_mb,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=wall_s,
        outcome=outcome,
        quality=Quality.CENSORED if censored else Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=identity(SOURCE, *(row.get(name, "") for name in ("hash", "name", "submit", "attempt", "start"))),
        submit_s=_instant_s(row.get("submit", "")) or 0,
        cpus=int(cpus) if cpus.isdecimal() else 1,
        start_s=_instant_s(row.get("start", "")),
        end_s=_instant_s(row.get("complete", "")),
        evidence=evidence,
        source=SOURCE,
    )


def _judge(row: Mapping[str, str], peak_mb: float | None, limit_mb: float | None) -> tuple[Outcome, str]:
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
