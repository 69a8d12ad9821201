"""The tasks of a round that an allocation still drives, from the round's files alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from planner.core import files
from planner.core.records import Outcome
from planner.project import manifest
from planner.runner.records import FOLDER, RunningRecords
from planner.runner.runs import Run

ENDED = "allocation.ended"
# outcomes after which a round does not run a task again
_FINAL = (Outcome.COMPLETED, Outcome.FAILED, Outcome.TIMEOUT, Outcome.CANCELLED)


def ended(folder: Path) -> str | None:
    """Return the job that has stopped driving a round; None while a job may drive it."""
    path = folder / ENDED
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def mark_ended(folder: Path, job_id: str) -> None:
    """Record that a job has stopped driving a round."""
    files.write_text(folder / ENDED, job_id + "\n")


def is_over(folder: Path, entries: Sequence[manifest.Entry]) -> bool:
    """Whether the allocation of a round's driven tasks has recorded that it stopped driving them."""
    job_id = ended(folder)
    return job_id is not None and any(entry.is_driven and entry.job_id == job_id for entry in entries)


def in_flight(entries: Iterable[manifest.Entry], attempts: Iterable[Run]) -> list[manifest.Entry]:
    """Return the driven tasks that an allocation may still run, given the attempts that have ended in it."""
    last = {attempt.task: attempt.outcome for attempt in attempts}
    return [entry for entry in entries if entry.is_driven and last.get(entry.task) not in _FINAL]


def was_cut_short(folder: Path) -> bool:
    """Whether steps are running, or were running when their driver was killed."""
    return (folder / FOLDER).exists() and any(record.allocation for record in RunningRecords(folder).records())
