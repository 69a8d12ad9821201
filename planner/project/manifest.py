"""``manifest.tsv``: which Slurm job is which task of a round, for people and for other programs.

It is derived from the round's journal, and rewritten whenever it is missing or out of date. It is read only if
``submit.sh`` submitted the round without chromplan: then there is no journal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import files
from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.project.journal import Submission, journal_path, read_journal, write_journal

FILE = "manifest.tsv"
PART_FILE = f"{FILE}.new"
"""The manifest's file name while ``submit.sh`` has not submitted everything."""
COLUMNS = ("task", "job_id", "index", "request_mb", "cpus", "script", "runs_as")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One task of a round, and the job (or array element) that runs it; `withdrawn_s` is its job's."""

    task: str
    job_id: str
    request_mb: int
    runs_as: str = "job"
    withdrawn_s: int | None = None

    @property
    def is_step(self) -> bool:
        """Whether the task is a step, named after it, of a job that runs others too."""
        return self.runs_as == "step"

    @property
    def is_driven(self) -> bool:
        """Whether 'chromplan drive' runs the task in the job, and records its attempts itself."""
        return self.runs_as == "driven"


def record(folder: Path, submission: Submission) -> None:
    """Write a round's journal, and the manifest that follows from it."""
    write_journal(folder, submission)
    derive(folder, submission)


def derive(folder: Path, submission: Submission) -> None:
    """Write the manifest of a journal unless it is there."""
    text = "\n".join(("\t".join(COLUMNS), *_lines(submission))) + "\n"
    path = folder / FILE
    if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
        files.write_text(path, text)


def _lines(submission: Submission) -> Iterator[str]:
    for job in submission.live:
        for task in job.tasks:
            numbers = (str(task.index), str(task.request_mb), str(task.cpus))
            yield "\t".join((task.task, f"{job.job_id}{task.part}", *numbers, job.script, job.runs_as))


def forget(folder: Path) -> None:
    """Remove manifest and journal of a round, as if it had not been submitted; the journal is removed last."""
    for name in (FILE, PART_FILE):
        (folder / name).unlink(missing_ok=True)
    journal_path(folder).unlink(missing_ok=True)


def read(folder: Path, submission: Submission | None = None) -> list[Entry]:
    """Return the tasks of a round that have a job; none when nothing was submitted.

    Parameters
    ----------
    submission : Submission, optional
        The round's journal, if it has been read already.

    Raises
    ------
    InputError
        When the file cannot be read; names file and line.
    """
    submission = submission or read_journal(folder)
    if submission is None:
        return _from_file(folder / FILE)
    return [
        Entry(
            task=task.task,
            job_id=f"{job.job_id}{task.part}",
            request_mb=task.request_mb,
            runs_as=job.runs_as,
            withdrawn_s=job.withdrawn_s,
        )
        for job in submission.live
        for task in job.tasks
    ]


def _from_file(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    text = read_text(path, hint="restore it from a copy")
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter="\t"))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"{path}:1: not a manifest", f"its first line is {' '.join(COLUMNS)}, separated by tabs")
    return [_entry(path, number, row) for number, row in enumerate(rows[1:], start=2)]


def _entry(path: Path, number: int, row: Sequence[str]) -> Entry:
    if len(row) != len(COLUMNS) or not row[3].isdigit():
        raise InputError(
            f"{path}:{number}: not a line of a manifest", "it was edited or cut: each line is what submit.sh wrote"
        )
    return Entry(task=row[0], job_id=row[1], request_mb=int(row[3]), runs_as=row[6])
