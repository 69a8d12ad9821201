"""Traces of other people's workflows, read as rows of size, peak and run time."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 2**20
NEEDED = ("process", "rchar", "rss", "realtime")

# the names of Galaxy's job metrics: control groups of either version, the best first
GALAXY_PEAKS = ("memory.peak", "memory.memsw.max_usage_in_bytes", "memory.max_usage_in_bytes")
GALAXY_NEEDED = ("tool_id", "runtime_seconds", "input_bytes")


@dataclass(frozen=True, slots=True)
class Row:
    """One task of a trace."""

    process: str
    size: float
    peak_mb: float
    wall_s: float
    preset_mb: float
    preset_peak_mb: float
    submit: float


def number(text: object) -> float:
    """Return a number, or NaN for what is none or not finite."""
    try:
        value = float(str(text or ""))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def read_trace(path: Path) -> list[Row]:
    """Return the rows that have size, peak and run time.

    Raises
    ------
    SystemExit
        When a column is missing.
    """
    columns, tasks = _table(path)
    if columns:  # an empty file is an empty trace
        _see_columns(path, [name for name in NEEDED if name not in columns])
    return _usable(
        Row(
            process=row["process"],
            size=number(row["rchar"]),
            peak_mb=number(row["rss"]) / MIB,
            wall_s=number(row["realtime"]) / 1000,
            preset_mb=number(row.get("memory")) / MIB,
            preset_peak_mb=number(row.get("peak_rss")) / MIB,
            submit=number(row.get("submit")),
        )
        for row in tasks
    )


def _table(path: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    """Return the names of the columns of a file, and its rows."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        return reader.fieldnames or (), list(reader)


def _see_columns(path: Path, missing: Sequence[str]) -> None:
    if missing:
        raise SystemExit(f"{path}: no column {', '.join(missing)}")


def _usable(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.peak_mb > 0 and not math.isnan(row.size) and not math.isnan(row.wall_s)]


def read_galaxy(path: Path) -> list[Row]:
    """Return the jobs of a Galaxy server, exported from its database as a table with a row for each job.

    Columns: ``tool_id``, ``input_bytes`` (of all input datasets together), and job metrics under Galaxy's own names:
    ``runtime_seconds``, a peak of control groups (`GALAXY_PEAKS`), ``galaxy_memory_mb`` (what the job got), and where
    there is one ``create_time``. The process is the tool, without the shed it comes from and with its version left out.

    Raises
    ------
    SystemExit
        When a column is missing.
    """
    columns, jobs = _table(path)
    missing = [name for name in GALAXY_NEEDED if name not in columns]
    if not set(GALAXY_PEAKS) & set(columns):
        missing.append(f"{GALAXY_PEAKS[0]} (or {' or '.join(GALAXY_PEAKS[1:])})")
    _see_columns(path, missing)
    jobs.sort(key=lambda job: job.get("create_time") or "~")  # ISO dates; jobs without one come last
    rows = []
    for order, job in enumerate(jobs):
        peaks = [number(job.get(name)) / MIB for name in GALAXY_PEAKS]
        peak_mb = next((mb for mb in peaks if mb > 0), math.nan)
        rows.append(
            Row(
                process=_galaxy_tool(job["tool_id"]),
                size=number(job["input_bytes"]),
                peak_mb=peak_mb,
                wall_s=number(job["runtime_seconds"]),
                preset_mb=number(job.get("galaxy_memory_mb")),
                preset_peak_mb=peak_mb,
                submit=float(order),
            )
        )
    return _usable(rows)


def _galaxy_tool(tool_id: str) -> str:
    """Return a tool's own name: of ``SHED/repos/OWNER/REPOSITORY/TOOL/VERSION`` the TOOL."""
    parts = tool_id.split("/")
    return parts[-2] if "repos" in parts and len(parts) > 2 else tool_id


def read_any(path: Path) -> list[Row]:
    """Return the tasks of a file of any of these formats: WfFormat, Galaxy's jobs, Nextflow's trace."""
    if path.suffix == ".json":
        return read_wfformat(path)
    with path.open(newline="", encoding="utf-8-sig") as stream:
        columns = next(csv.reader(stream), [])
    return read_galaxy(path) if "tool_id" in columns else read_trace(path)


def read_beagle(path: Path) -> list[Row]:
    """Return the Beagle runs as a trace: one process, 1 GB put down by the author."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Row(
            process="beagle",
            size=float(row["n_ref_variants"]) * float(row["n_ref_samples"]),
            peak_mb=float(row["peak_rss_mb"]),
            wall_s=float(row["wall_s"]),
            preset_mb=1e9 / MIB,
            preset_peak_mb=float(row["peak_rss_mb"]),
            submit=float(order),
        )
        for order, row in enumerate(rows)
        if row["gc"] == "serial"
    ]


def read_wfformat(path: Path) -> list[Row]:
    """Return the tasks of an instance in WfCommons' WfFormat 1.5, as WfInstances has them.

    The process is the task's name without its number; the size is that of all its input files. Tasks without memory or
    run time are left out.

    Raises
    ------
    SystemExit
        When the file is not such an instance.
    """
    try:
        workflow: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["workflow"]
        specification, execution = workflow["specification"], workflow["execution"]
        bytes_of = {one["id"]: float(one["sizeInBytes"]) for one in specification.get("files", [])}
        told = {one["id"]: one for one in specification["tasks"]}
        ran = [(one, told[one["id"]]) for one in execution["tasks"]]
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path}: not an instance in WfFormat 1.5: {type(error).__name__}: {error}") from None
    rows = [
        Row(
            process=re.sub(r"[._-]?(ID)?[0-9]+$", "", task["name"]),
            size=sum(bytes_of.get(name, 0.0) for name in task.get("inputFiles", [])),
            peak_mb=number(one.get("memoryInBytes")) / MIB,
            wall_s=number(one.get("runtimeInSeconds")),
            preset_mb=math.nan,
            preset_peak_mb=math.nan,
            submit=float(order),
        )
        for order, (one, task) in enumerate(ran)
    ]
    return [row for row in rows if row.peak_mb > 0 and not math.isnan(row.wall_s)]
