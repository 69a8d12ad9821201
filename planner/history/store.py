"""The history of a project: every observed attempt, in one SQLite file.

A rollback journal and short transactions, so that the file may lie in an NFS home and several commands may use it at
once. An attempt is known by job id, submit time and task; adding it again changes nothing, unless the new record says
more.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from planner.core import failures, files
from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality

VERSION = 2
_BUSY_TIMEOUT_S = 30.0

_COLUMNS = (
    *("job_id", "submit_s", "task", "tool", "sample", "chromosome", "features", "peak_mb", "limit_mb", "wall_s"),
    *("outcome", "quality", "cpus", "start_s", "end_s", "evidence", "source"),
)
_SCHEMA = """
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
# Version 1 knew neither how many CPUs an attempt had nor when it ran, and took one task per job for granted.
_FROM_1 = (
    "DROP INDEX IF EXISTS observations_by_tool",
    "ALTER TABLE observations RENAME TO before",
    *(statement for statement in _SCHEMA.split(";") if statement.strip()),
    """INSERT INTO observations
       SELECT job_id, submit_s, task, tool, sample, chromosome, features, peak_mb, limit_mb, wall_s, outcome, quality,
              1, NULL, NULL, evidence, source, 0 FROM before""",
    "DROP TABLE before",
)
_MIGRATIONS: Mapping[int, tuple[str, ...]] = {1: _FROM_1}

# How much a record of a peak says; a better one replaces a worse one.
_RANK = {Quality.MISSING: 0, Quality.SAMPLED: 1, Quality.CENSORED: 2, Quality.MEASURED: 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What adding observations did."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0


class Store:
    """An open history; a context manager that closes it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the history, making it or bringing it to the current version where needed.

        Raises
        ------
        InputError
            When the file is no history, or was written by a newer chromplan.
        FailureError
            When it cannot be opened, or is locked for longer than half a minute.
        """
        files.make_folder(path.parent)
        with suppress(OSError):
            # SQLite would give it to its owner alone; a group that shares the folder shares it
            os.close(files.open_shared(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        with _explained(path):
            connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            store = cls(connection, path)
            try:
                store._prepare()
            except BaseException:
                connection.close()
                raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, observations: Iterable[Observation], *, guessed: bool = False) -> Counts:
        """Record attempts, all or none of them.

        Of two records of the same attempt, the one of better quality (measured, censored, sampled, missing) gives the
        numbers, the newer one where they are equal; features are united.

        Parameters
        ----------
        observations : iterable of Observation
        guessed : bool
            Tool, task and chromosome were guessed, as importers do. The same attempt under another, not guessed task is
            then left alone, and one that was guessed before is renamed. What is not guessed replaces what was.
        """
        tally = {"new": 0, "updated": 0, "unchanged": 0}
        with _explained(self._path), self._transaction():
            for observation in observations:
                tally[self._add(observation, guessed)] += 1
        return Counts(**tally)

    def observations(self, tool: str | None = None, task: str | None = None) -> list[Observation]:
        """Return the observations of a tool, of a task, or all, ordered by tool, submit time, job and task."""
        wanted = {"tool": tool, "task": task}
        terms = [f"{name} = ?" for name, value in wanted.items() if value is not None]
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        query = f"SELECT {', '.join(_COLUMNS)} FROM observations {where} ORDER BY tool, submit_s, job_id, task"  # noqa: S608 - fixed words only
        with _explained(self._path):
            rows = self._connection.execute(query, [value for value in wanted.values() if value is not None]).fetchall()
        try:
            return [_from_row(row) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{self._path}: a record cannot be read: {error}", "restore the file from a copy, or move it away"
            ) from error

    def tools(self) -> list[str]:
        """Return the tools that have observations, sorted."""
        with _explained(self._path):
            return [
                name for (name,) in self._connection.execute("SELECT DISTINCT tool FROM observations ORDER BY tool")
            ]

    def _prepare(self) -> None:
        if self._version() == VERSION:
            return
        with self._transaction():
            # looked up again: another command may have prepared the file while this one waited for the lock
            version = self._version()
            if version > VERSION:
                raise InputError(
                    f"{self._path}: written by a newer chromplan (history version {version}, known is {VERSION})",
                    "use that version of chromplan, or another project folder",
                )
            if version == 0:
                self._create()
            for step in range(max(version, 1), VERSION):
                for statement in _MIGRATIONS[step] if version else ():
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _create(self) -> None:
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise InputError(
                f"{self._path}: a database, but no history of chromplan", "move it away, or use another path"
            )
        for statement in _SCHEMA.split(";"):
            self._connection.execute(statement)

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # a full disk has ended the transaction already, and is what is to be told
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _add(self, new: Observation, guessed: bool) -> str:
        others = self._records(new)
        same = others.pop(new.task, None)
        if same is not None:
            old, was_guessed = same
            merged = _merge(old, new)
            if merged == old and was_guessed <= guessed:
                return "unchanged"
            self._write(merged, guessed and was_guessed)
            return "updated"
        if guessed and any(not was_guessed for _, was_guessed in others.values()):
            return "unchanged"
        stale = [task for task, (_, was_guessed) in others.items() if was_guessed]
        for task in stale:
            self._connection.execute(
                "DELETE FROM observations WHERE job_id = ? AND submit_s = ? AND task = ?", (*new.key, task)
            )
        self._write(new, guessed)
        return "updated" if stale else "new"

    def _records(self, observation: Observation) -> dict[str, tuple[Observation, bool]]:
        """Return what is known of the same attempt, by task."""
        query = f"SELECT {', '.join(_COLUMNS)}, guessed FROM observations WHERE job_id = ? AND submit_s = ?"  # noqa: S608 - fixed words only
        found: dict[str, tuple[Observation, bool]] = {}
        for *row, guessed in self._connection.execute(query, observation.key).fetchall():
            old = _from_row(row)
            found[old.task] = (old, bool(guessed))
        return found

    def _write(self, observation: Observation, guessed: bool) -> None:
        values = asdict(observation)
        values["features"] = json.dumps(values["features"], ensure_ascii=False, sort_keys=True, allow_nan=False)
        row = [*(values[name] for name in _COLUMNS), guessed]
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT OR REPLACE INTO observations ({', '.join(_COLUMNS)}, guessed) VALUES ({marks})",  # noqa: S608 - fixed words only
            row,
        )


def _merge(old: Observation, new: Observation) -> Observation:
    if _RANK[new.quality] < _RANK[old.quality]:
        return replace(old, features={**new.features, **old.features})
    merged = replace(
        new,
        features={**old.features, **new.features},
        sample=new.sample or old.sample,
        chromosome=new.chromosome or old.chromosome,
    )
    # the same facts in other words (text and JSON name a uid differently) are nothing new
    return old if replace(merged, evidence=old.evidence) == old else merged


def _from_row(row: Iterable[Any]) -> Observation:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["features"] = json.loads(values["features"])
    values["outcome"] = Outcome(values["outcome"])
    values["quality"] = Quality(values["quality"])
    return Observation(**values)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ones that a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise failures.explained(error, path) or error from error
