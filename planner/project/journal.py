"""``submission.json``: how far the submission of a round got."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from planner.core.documents import Document, parse_json, read_text
from planner.core.records import Mode
from planner.scripts.jobs import FOLLOW_UP

State = Literal["wanted", "held", "submitted", "cancelled"]


class SubmittedJob(Document):
    """One sbatch of a round, and how far it got."""

    script: str
    name: str
    state: State = "wanted"
    job_id: str | None = None


class Submission(Document):
    """``submission.json``: the journal of a round's submission."""

    version: Literal[1] = 1
    token: str
    started_s: int
    mode: Mode
    jobs: list[SubmittedJob]
    then_next: bool = False
    """Whether a job waits for all others and goes on with the next round."""
    notes: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """The jobs that run the round's tasks, as far as they are submitted."""
        return [job.job_id for job in self.jobs if job.state == "submitted" and job.job_id and job.script != FOLLOW_UP]

    @property
    def follow_up(self) -> SubmittedJob | None:
        """The job that goes on with the next round."""
        return next((job for job in self.jobs if job.script == FOLLOW_UP and job.state != "cancelled"), None)

    @property
    def done(self) -> bool:
        """Whether every job is on its way."""
        return all(job.state in ("submitted", "cancelled") for job in self.jobs)


def journal_path(folder: Path) -> Path:
    """Return where a round's journal lies."""
    return folder / "submission.json"


def read_journal(folder: Path) -> Submission | None:
    """Return a round's journal, or None when it was never submitted."""
    path = journal_path(folder)
    if not path.exists():
        return None
    hint = "restore it, or look for the jobs in squeue; without it the round cannot be followed"
    return parse_json(read_text(path, hint=hint), Submission, path=path, hint=hint)
