"""``manifest.tsv``: which Slurm job is which task of a round."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import files
from planner.core.errors import InputError
from planner.scripts.jobs import DRIVEN, Job

FILE = "manifest.tsv"
COLUMNS = ("task", "job_id", "index", "request_mb", "cpus", "script", "runs_as")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One task of a round, and the job (or array element) that runs it."""

    task: str
    job_id: str
    request_mb: int
    is_step: bool = False
    """Whether the task is a step, named after it, of a job that runs others too."""
    is_driven: bool = False
    """Whether 'chromplan drive' runs the task in the job, and records its attempts itself."""


def lines(job: Job, job_id: str) -> list[str]:
    """Return the manifest's lines for one submitted job."""
    return [
        "\t".join(
            (
                task.task,
                job.id_of(task, job_id),
                str(task.index),
                str(job.given_mb(task)),
                str(task.cpus),
                job.script,
                job.runs_as,
            )
        )
        for task in job.tasks
    ]


def write(folder: Path, rows: Iterable[str]) -> None:
    """Write a round's manifest."""
    files.write_text(folder / FILE, "\n".join(("\t".join(COLUMNS), *rows)) + "\n")


def read(folder: Path) -> list[Entry]:
    """Return a round's manifest; empty when nothing was submitted.

    Raises
    ------
    InputError
        Names the file and line that cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"{path}:1: not a manifest", f"its first line is {' '.join(COLUMNS)}, separated by tabs")
    return [_entry(path, number, row) for number, row in enumerate(rows[1:], start=2)]


def _entry(path: Path, number: int, row: Sequence[str]) -> Entry:
    if len(row) != len(COLUMNS) or not row[3].isdigit():
        raise InputError(
            f"{path}:{number}: not a line of a manifest",
            "it was edited or cut; the submission's journal lies beside it",
        )
    return Entry(
        task=row[0], job_id=row[1], request_mb=int(row[3]), is_step=row[6] == "step", is_driven=row[6] == DRIVEN
    )
