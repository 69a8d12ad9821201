"""The tasks of a round that an allocation still drives, from the round's files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.core import files
from planner.core.records import Outcome
from planner.project import manifest
from planner.runner import runs
from planner.runner.records import FOLDER, RunningRecords

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


def in_flight(folder: Path, entries: Sequence[manifest.Entry], *, over: bool = False) -> list[manifest.Entry]:
    """Return the driven tasks of a round that their allocation may still run.

    Parameters
    ----------
    over : bool
        Whether the allocation is known to have ended.
    """
    driven = [entry for entry in entries if entry.is_driven]
    if not driven or over or ended(folder) == driven[0].job_id:
        return []
    last = {attempt.task: attempt.outcome for attempt in runs.read(folder)}
    return [entry for entry in driven if last.get(entry.task) not in _FINAL]


def was_cut_short(folder: Path) -> bool:
    """Whether steps are running, or were running when their driver was killed."""
    return (folder / FOLDER).exists() and any(record.allocation for record in RunningRecords(folder).records())
