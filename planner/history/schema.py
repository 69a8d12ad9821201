"""The tables of a history: columns, conversion between rows and observations, and migration of older files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from planner.core.records import Observation, Outcome, Quality

VERSION = 5

COLUMNS = (
    *("job_id", "submit_s", "task", "tool", "sample", "chromosome", "features", "peak_mb", "limit_mb", "wall_s"),
    *("outcome", "quality", "cpus", "start_s", "end_s", "evidence", "source", "heap_kept_mb", "recorded_by"),
)
_OBSERVATIONS_3 = """
CREATE TABLE observations (
    job_id TEXT NOT NULL,
    submit_s INTEGER NOT NULL,
    task TEXT NOT NULL,
    tool TEXT NOT NULL,
    sample TEXT NOT NULL,
    chromosome TEXT NOT NULL,
    features TEXT NOT NULL,
    peak_mb REAL,
    limit_mb INTEGER,
    wall_s REAL,
    outcome TEXT NOT NULL,
    quality TEXT NOT NULL,
    cpus INTEGER NOT NULL,
    start_s INTEGER,
    end_s INTEGER,
    evidence TEXT NOT NULL,
    source TEXT NOT NULL,
    guessed INTEGER NOT NULL,
    PRIMARY KEY (job_id, submit_s, task)
);
CREATE INDEX observations_by_tool ON observations (tool, task);
"""
_RECORDED_BY = "recorded_by TEXT NOT NULL DEFAULT ''"
_HEAP_KEPT = "heap_kept_mb REAL"
_OBSERVATIONS = _OBSERVATIONS_3.replace(" PRIMARY KEY", f" {_RECORDED_BY}, {_HEAP_KEPT}, PRIMARY KEY")
# Reports on imported files, by a hash of content and options.
_IMPORTS = "CREATE TABLE imports (digest TEXT PRIMARY KEY, report TEXT NOT NULL);"
CREATE = tuple(statement for statement in (_OBSERVATIONS + _IMPORTS).split(";") if statement.strip())

# Version 1 had neither the CPUs of an attempt nor its times, and assumed one task per job.
_FROM_1 = (
    "DROP INDEX IF EXISTS observations_by_tool",
    "ALTER TABLE observations RENAME TO before",
    *(statement for statement in _OBSERVATIONS_3.split(";") if statement.strip()),
    """INSERT INTO observations
       SELECT job_id, submit_s, task, tool, sample, chromosome, features, peak_mb, limit_mb, wall_s, outcome, quality,
              1, NULL, NULL, evidence, source, 0 FROM before""",
    "DROP TABLE before",
)
MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    1: _FROM_1,
    2: (_IMPORTS.rstrip(";"),),
    3: (f"ALTER TABLE observations ADD COLUMN {_RECORDED_BY}",),
    4: (f"ALTER TABLE observations ADD COLUMN {_HEAP_KEPT}",),
}


def to_row(observation: Observation, user: str) -> list[Any]:
    """Return the cells of an observation in the order of `COLUMNS`; what nobody else recorded is this user's.

    Raises
    ------
    ValueError
        When a feature is not a finite number.
    """
    row = [getattr(observation, name) for name in COLUMNS]
    row[COLUMNS.index("features")] = json.dumps(
        dict(observation.features), ensure_ascii=False, sort_keys=True, allow_nan=False
    )
    row[COLUMNS.index("recorded_by")] = observation.recorded_by or user
    return row


def from_row(row: Iterable[Any], user: str) -> Observation:
    """Return the observation that a row holds, as this user reads it."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["features"] = json.loads(values["features"])
    values["outcome"] = Outcome(values["outcome"])
    values["quality"] = Quality(values["quality"])
    values["recorded_by"] = "" if values["recorded_by"] == user else values["recorded_by"]
    return Observation(**values)
