"""The history of a project: every observed attempt, in one SQLite file.

A rollback journal and short transactions, so that the file may lie in an NFS home and several commands may use it at
once. An attempt is identified by job id, submit time and task; adding it again changes nothing, unless
the new record has more.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Self

from planner.core import failures, files
from planner.core.errors import InputError
from planner.core.records import Observation, Quality
from planner.history.schema import COLUMNS, CREATE, MIGRATIONS, VERSION, from_row, to_row

BUSY_TIMEOUT_S = 30.0
# Rows passed to SQLite at once
_CHUNK = 2000
# merged in some tenths of a second
_PART = 20_000
# between two parts: SQLite asks again for a lock after a tenth of a second
_PAUSE_S = 0.12
# Number of values that every SQLite accepts in one statement
_MOST_VALUES = 900

# Rank of a peak's quality; a better record replaces a worse one.
_RANK = {Quality.MISSING: 0, Quality.SAMPLED: 1, Quality.CENSORED: 2, Quality.MEASURED: 3}


_NAMES = ", ".join(COLUMNS)
# Of the jobs with one new and one stored record: those whose record is unchanged.
_ONCE = "job_id NOT IN (SELECT job_id FROM temp.incoming GROUP BY job_id HAVING count(*) > 1)"
_SAME_CELLS = " AND ".join(
    f"old.{name} IS incoming.{name}" for name in COLUMNS if name not in ("evidence", "recorded_by")
)
_FORGET_KNOWN = f"""
DELETE FROM temp.incoming WHERE place IN (
SELECT incoming.place FROM temp.incoming JOIN observations AS old
ON old.job_id = incoming.job_id AND old.submit_s = incoming.submit_s AND old.task = incoming.task
WHERE incoming.{_ONCE} AND {_SAME_CELLS} AND old.guessed <= :guessed
)"""  # noqa: S608 - fixed words only
_MARK_NEW = f"""
UPDATE temp.incoming SET fresh = 1
WHERE {_ONCE} AND NOT EXISTS (SELECT 1 FROM observations AS old WHERE old.job_id = incoming.job_id)
"""  # noqa: S608 - fixed words only
_INSERT_NEW = f"""
INSERT INTO observations ({_NAMES}, guessed) SELECT {_NAMES}, :guessed FROM temp.incoming WHERE fresh
"""  # noqa: S608 - fixed words only


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many observations were added, changed or unchanged."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            new=self.new + other.new,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
        )

    def __str__(self) -> str:
        return f"history: {self.new} new, {self.updated} updated, {self.unchanged} unchanged"


class Store:
    """An open history; a context manager that closes it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._user = failures.user_name()

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the history; create it or migrate it to the current version if needed.

        Raises
        ------
        InputError
            When the file is not a history, or was written by a newer chromplan.
        FailureError
            When it cannot be opened, or is locked for longer than half a minute.
        """
        files.make_folder(path.parent)
        with suppress(OSError):
            # SQLite would make it private to its owner; in a folder that a group shares it must be the group's too
            os.close(files.open_shared(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        with _explained(path):
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
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

    def add(
        self,
        observations: Iterable[Observation],
        *,
        guessed: bool = False,
        reports: Callable[[], Mapping[str, str]] = dict,
    ) -> Counts:
        """Record all attempts, or none if one of them cannot be read.

        They are collected in a temporary table first, some thousands at a time, so that a long file needs little
        memory. That table is merged in parts, whole jobs each, so that others never wait for more than one part of a
        long file; if a merge is interrupted between two parts, adding the same again completes it.

        Of two records of the same attempt, the one of better quality (measured, censored, sampled, missing) gives the
        numbers, or the newer one if they are equal; their features are merged.

        Parameters
        ----------
        observations : iterable of Observation
        guessed : bool
            Whether tool, task and chromosome were guessed, as by importers. A guessed record does not change a record
            of the same attempt whose task is not guessed, but renames one that was guessed before. A record that is not
            guessed replaces guessed ones.
        reports : callable
            Called when all are collected: returns digest -> text to keep for each imported file; see `report`.
        """
        with _explained(self._path):
            self._gather(observations)
            counts = Counts()
            for first, end in pairwise([*self._parts(), None]):
                self._take(first or "", end)
                if first:
                    sleep(_PAUSE_S)
                with self._transaction():
                    part = self._merge_taken(guessed)
                    if part.updated:  # reports of earlier imports may no longer be true
                        self._connection.execute("DELETE FROM imports")
                    if end is None:
                        self._connection.executemany("INSERT OR REPLACE INTO imports VALUES (?, ?)", reports().items())
                counts += part
        return counts

    def report(self, digest: str) -> str | None:
        """Return the text kept for a file that was imported before, unless the history has changed since."""
        with _explained(self._path):
            found = self._connection.execute("SELECT report FROM imports WHERE digest = ?", (digest,)).fetchone()
        return None if found is None else str(found[0])

    def remove(self, *, tool: str | None = None, before_s: int | None = None, source: str | None = None) -> int:
        """Delete attempts that meet all given conditions; return how many.

        Parameters
        ----------
        before_s : int
            Attempts that ended (else started, else were submitted) before this time, s since the epoch; those without
            any time stay.
        source : str
            Source of the records.
        """
        conditions = {
            "tool = ?": tool,
            "coalesce(end_s, start_s, nullif(submit_s, 0)) < ?": before_s,
            "source = ?": source,
        }
        used = {term: value for term, value in conditions.items() if value is not None}
        if not used:
            raise ValueError("without a condition the whole history would be deleted")
        with _explained(self._path), self._transaction():
            query = f"DELETE FROM observations WHERE {' AND '.join(used)}"  # noqa: S608 - fixed words only
            removed = self._connection.execute(query, list(used.values())).rowcount
            self._connection.execute("DELETE FROM imports")
        return removed

    def observations(self, tool: str | None = None, task: str | None = None) -> list[Observation]:
        """Return the observations of a tool, of a task, or all, ordered by tool, submit time, job and task."""
        wanted = {"tool": tool, "task": task}
        terms = [f"{name} = ?" for name, value in wanted.items() if value is not None]
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        query = f"SELECT {_NAMES} FROM observations {where} ORDER BY tool, submit_s, job_id, task"  # noqa: S608 - fixed words only
        return self._selected(query, [value for value in wanted.values() if value is not None])

    def of_jobs(self, job_ids: Iterable[str]) -> list[Observation]:
        """Return the observations of these jobs, elements and steps only: all that one run needs of a long history."""
        ids = list(job_ids)
        found: list[Observation] = []
        for first in range(0, len(ids), _MOST_VALUES):
            some = ids[first : first + _MOST_VALUES]
            query = f"SELECT {_NAMES} FROM observations WHERE job_id IN ({', '.join('?' * len(some))})"  # noqa: S608 - fixed words only
            found += self._selected(query, some)
        return found

    def _selected(self, query: str, values: Sequence[str]) -> list[Observation]:
        with _explained(self._path):
            rows = self._connection.execute(query, values).fetchall()
        try:
            return [from_row(row, self._user) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{self._path}: a record cannot be read: {error}", "restore the file from a copy, or move it away"
            ) from error

    def attempts(self, *, since_s: int = 0) -> set[tuple[str, str]]:
        """Return task and job id of every attempt that was submitted since then, s since the epoch."""
        query = "SELECT task, job_id FROM observations WHERE submit_s >= ?"
        with _explained(self._path):
            return set(self._connection.execute(query, (since_s,)).fetchall())

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
                for statement in MIGRATIONS[step] if version else ():
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _create(self) -> None:
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise InputError(
                f"{self._path}: a database, but not a history of chromplan", "move it away, or use another path"
            )
        for statement in CREATE:
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
            # a full disk has already ended the transaction, and is the error to report
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _gather(self, observations: Iterable[Observation]) -> None:
        """Write observations into a temporary table, which needs no lock on the history."""
        execute = self._connection.execute
        for table in ("gathered", "incoming"):
            execute(f"DROP TABLE IF EXISTS temp.{table}")
            execute(f"CREATE TEMP TABLE {table} (place INTEGER PRIMARY KEY, fresh DEFAULT 0, {_NAMES})")
        marks = ", ".join("?" * len(COLUMNS))
        insert = f"INSERT INTO temp.gathered ({_NAMES}) VALUES ({marks})"  # noqa: S608 - fixed words only
        rows = (to_row(one, self._user) for one in observations)
        while chunk := list(islice(rows, _CHUNK)):
            execute("BEGIN")
            self._connection.executemany(insert, chunk)
            execute("COMMIT")

    def _parts(self) -> list[str]:
        """Return the job id with which each part of the collected records begins."""
        execute = self._connection.execute
        number = execute("SELECT count(*) FROM temp.gathered").fetchone()[0]
        if number <= _PART:
            return [""]
        execute("CREATE INDEX temp.by_job ON gathered (job_id)")
        first = "SELECT job_id FROM temp.gathered ORDER BY job_id LIMIT 1 OFFSET ?"
        begins = [execute(first, (place,)).fetchone()[0] for place in range(_PART, number, _PART)]
        return ["", *dict.fromkeys(begin for begin in begins if begin)]

    def _take(self, first: str, end: str | None) -> None:
        """Copy a part of the collected records, for which no lock is needed either."""
        self._connection.execute("DELETE FROM temp.incoming")
        self._connection.execute(
            "INSERT INTO temp.incoming SELECT * FROM temp.gathered WHERE job_id >= :first "
            "AND (:end IS NULL OR job_id < :end)",
            {"first": first, "end": end},
        )

    def _merge_taken(self, guessed: bool) -> Counts:
        """Merge a part of the collected records: at once for new and unchanged jobs, one by one for the others."""
        execute = self._connection.execute
        unchanged = execute(_FORGET_KNOWN, {"guessed": guessed}).rowcount
        execute(_MARK_NEW)
        new = execute(_INSERT_NEW, {"guessed": guessed}).rowcount
        tally = {"new": new, "updated": 0, "unchanged": unchanged}
        rest = execute(f"SELECT {_NAMES} FROM temp.incoming WHERE NOT fresh ORDER BY place").fetchall()  # noqa: S608 - fixed words only
        for row in rest:
            tally[self._add(from_row(row, self._user), guessed)] += 1
        return Counts(**tally)

    def _add(self, new: Observation, guessed: bool) -> str:
        others = self._records(new)
        same = others.pop(new.task, None)
        if same is not None:
            old, was_guessed = same
            merged = _merge(old, new)
            if merged == old and was_guessed <= guessed:
                return "unchanged"
            self._forget(old)
            self._write(merged, guessed and was_guessed)
            return "updated"
        if guessed and any(not was_guessed for _, was_guessed in others.values()):
            return "unchanged"
        stale = [old for old, was_guessed in others.values() if was_guessed]
        for old in stale:
            self._forget(old)
        self._write(new, guessed)
        return "updated" if stale else "new"

    def _records(self, observation: Observation) -> dict[str, tuple[Observation, bool]]:
        """Return task -> stored record of the same attempt, and whether it was guessed."""
        query = f"SELECT {_NAMES}, guessed FROM observations WHERE job_id = ?"  # noqa: S608 - fixed words only
        found: dict[str, tuple[Observation, bool]] = {}
        for *row, guessed in self._connection.execute(query, (observation.job_id,)).fetchall():
            old = from_row(row, self._user)
            if _is_same_attempt(old, observation):
                found[old.task] = (old, bool(guessed))
        return found

    def _forget(self, old: Observation) -> None:
        self._connection.execute(
            "DELETE FROM observations WHERE job_id = ? AND submit_s = ? AND task = ?", (*old.key, old.task)
        )

    def _write(self, observation: Observation, guessed: bool) -> None:
        row = [*to_row(observation, self._user), guessed]
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT OR REPLACE INTO observations ({_NAMES}, guessed) VALUES ({marks})",  # noqa: S608 - fixed words only
            row,
        )


def _is_same_attempt(old: Observation, new: Observation) -> bool:
    """Whether two records of one job are of the same attempt, by submit time, or by start time if that is missing."""
    if old.submit_s == new.submit_s:
        return True
    stand_in = any(one.submit_s in (0, one.start_s) for one in (old, new))
    return stand_in and old.start_s is not None and old.start_s == new.start_s


def _merge(old: Observation, new: Observation) -> Observation:
    if _RANK[new.quality] < _RANK[old.quality]:
        return replace(old, features={**new.features, **old.features})
    merged = replace(
        new,
        features={**old.features, **new.features},
        sample=new.sample or old.sample,
        chromosome=new.chromosome or old.chromosome,
        submit_s=old.submit_s if new.submit_s in (0, new.start_s) else new.submit_s,
        heap_kept_mb=old.heap_kept_mb if new.heap_kept_mb is None else new.heap_kept_mb,
        recorded_by=old.recorded_by,
    )
    # the same facts in other words (text and JSON print a uid differently) do not count as a change
    return old if replace(merged, evidence=old.evidence) == old else merged


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into errors that a user can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise failures.explained(error, path) or error from error
