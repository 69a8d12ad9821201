"""``submission.json``: the state of a round's submission, and which job runs which task. It is the only source of both.

Each version is written completely, then renamed into place. A request to Slurm is written before it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from planner.core import files
from planner.core.documents import Document, FileName, Line, parse_json, read_text
from planner.core.modes import Mode
from planner.plan.document import PlannedTask
from planner.scripts.job import Job
from planner.scripts.jobs import FOLLOW_UP

State = Literal["wanted", "asked", "held", "refused", "submitted", "cancelled"]
"""
wanted
    Not asked for.
asked
    sbatch was, or may have been, called: there may be a job, whose id is not known.
held
    There is an array, whose elements wait for their memory.
refused
    The elements that wait are cancelled, because the cluster does not take their memory; others of them may have begun.
submitted
    On its way.
cancelled
    Runs nothing, and will not.
"""


# difference between the clocks of this machine and the cluster, s
_CLOCKS_DIFFER_S = 600
# a job that slurmctld has not created within this time of the request will never appear, s
_LATEST_S = 86_400


class SubmittedTask(Document):
    """A task in its job."""

    task: FileName
    part: Annotated[str, Field(pattern=r"^([_+][0-9]+)?$")]
    """What stands behind the job's id in the id of the task's part of it: ``_3`` of an array, ``+1`` of a component."""
    index: int
    request_mb: int
    cpus: int


class SubmittedJob(Document):
    """One sbatch of a round, and how far it got."""

    script: Line
    name: Line
    runs_as: Literal["job", "step", "driven"] = "job"
    hold: bool = False
    """Whether its elements get their own memory before it is released."""
    state: State = "wanted"
    asked_s: int | None = None
    """When sbatch was called for it, s since the epoch."""
    job_id: Annotated[str, Field(pattern=r"^[0-9]+$")] | None = None
    lost_s: int | None = None
    """When a job was last looked for in vain after sbatch had left no answer, s since the epoch: one may appear yet."""
    withdrawn_s: int | None = None
    """When we last cancelled what of it waited, s since the epoch; an element that began just then may be, too."""
    tasks: tuple[SubmittedTask, ...] = ()

    @property
    def follows(self) -> bool:
        """Whether it runs no task, but starts the next round."""
        return self.script == FOLLOW_UP


class Submission(Document):
    """``submission.json``: the journal of a round's submission."""

    version: Literal[2]
    token: FileName
    user: int
    """Whose jobs they are: a user's id."""
    started_s: int
    mode: Mode
    jobs: tuple[SubmittedJob, ...]
    then_next: bool = False
    """Whether a job waits for all others and goes on with the next round."""
    notes: tuple[str, ...] = ()

    @property
    def live(self) -> list[SubmittedJob]:
        """The jobs that run tasks, as far as their ids are known."""
        return [job for job in self.jobs if job.job_id and job.state in ("held", "submitted") and not job.follows]

    @property
    def ids(self) -> list[str]:
        """The ids of the submitted jobs that run tasks."""
        return [job.job_id for job in self.live if job.job_id and job.state == "submitted"]

    def waited_for(self, array_size: int) -> list[str]:
        """Return the ids that ``--dependency`` must name for a job to wait until all tasks have completed.

        An array with elements that were cancelled before it started never counts as completed: its other elements are
        named.

        Parameters
        ----------
        array_size : int
            Number of elements of the user's own array.
        """
        found: list[str] = []
        for job in self.live:
            whole = len(job.tasks) == array_size
            found += [job.job_id or ""] if whole else [f"{job.job_id}{task.part}" for task in job.tasks]
        return found

    @property
    def follow_up(self) -> SubmittedJob | None:
        """The last job that starts the next round; None when there is none."""
        return next((job for job in reversed(self.jobs) if job.follows and job.state != "cancelled"), None)

    @property
    def done(self) -> bool:
        """Whether every job is submitted."""
        return all(job.state in ("submitted", "cancelled") for job in self.jobs)

    @property
    def untouched(self) -> bool:
        """Whether no request was made to Slurm, so that the round counts as not started."""
        return all(job.state == "wanted" and job.lost_s is None for job in self.jobs)

    def doubted(self, now_s: float) -> list[SubmittedJob]:
        """Return the jobs of which a duplicate may still appear, because the answer to an sbatch was lost.

        Jobs whose own id is still unknown are not included: a job that is found for them is no duplicate.

        Parameters
        ----------
        now_s : float
            s since the epoch.
        """
        lost = [job for job in self.jobs if job.lost_s is not None and now_s - job.lost_s < _LATEST_S]
        return [job for job in lost if job.state != "asked"]

    def ran_elsewhere(self, ran: Mapping[str, str], *, at_s: int) -> Submission:
        """Return the journal with other jobs for these tasks.

        Parameters
        ----------
        ran : mapping
            Task -> job, element or component id.
        at_s : int
            When that was found, s since the epoch; until then what waited of duplicates was cancelled.
        """
        jobs: list[SubmittedJob] = []
        withdrawn_s = {job.job_id: job.withdrawn_s for job in self.jobs}
        for job in self.jobs:
            moved = [task for task in job.tasks if task.task in ran and f"{job.job_id}{task.part}" != ran[task.task]]
            kept = tuple(task for task in job.tasks if task not in moved)
            if not moved:
                jobs.append(job)
                continue
            jobs.append(job.model_copy(update={"tasks": kept, "state": job.state if kept else "cancelled"}))
            for task in moved:
                number, part = _split(ran[task.task])
                there = {"job_id": number, "tasks": (task.model_copy(update={"part": part}),), "state": "submitted"}
                jobs.append(job.model_copy(update={**there, "withdrawn_s": withdrawn_s.get(number, at_s)}))
        return self.model_copy(update={"jobs": tuple(jobs)})


def entry(job: Job, tasks: Sequence[PlannedTask] | None = None) -> SubmittedJob:
    """Return the journal entry of a job to be submitted, with all its tasks or only these."""
    return SubmittedJob(
        script=job.script,
        name=job.name,
        runs_as=job.runs_as,
        hold=job.hold,
        tasks=tuple(
            SubmittedTask(
                task=task.task, part=job.part(task), index=task.index, request_mb=job.given_mb(task), cpus=task.cpus
            )
            for task in (job.tasks if tasks is None else tasks)
        ),
    )


def _split(name: str) -> tuple[str, str]:
    """Return a job's number and the rest of its id: ``12_3`` is 12 and ``_3``."""
    number = re.match(r"\d*", name)
    return (number[0], name[len(number[0]) :]) if number else ("", name)


def journal_path(folder: Path) -> Path:
    """Return the path of a round's journal."""
    return folder / "submission.json"


def read_journal(folder: Path) -> Submission | None:
    """Return a round's journal, or None when it was never submitted."""
    path = journal_path(folder)
    hint = "restore it, or look for the jobs in squeue; without it the round cannot be followed"
    if not path.exists():
        return None
    return _parsed(path, read_text(path, hint=hint), hint)


@lru_cache(maxsize=8)
def _parsed(path: Path, text: str, hint: str) -> Submission:
    # one command reads the same journal repeatedly
    return parse_json(text, Submission, path=path, hint=hint)


def write_journal(folder: Path, submission: Submission) -> None:
    """Write a round's journal; it is on disk when this returns."""
    files.write_text(journal_path(folder), submission.model_dump_json(exclude_defaults=True) + "\n")


def began_s(folders: Iterable[Path]) -> int:
    """Return the earliest time at which a project's jobs can have been submitted, s since the epoch; 0 if unknown.

    Needed because a history may be shared, and job ids repeat on another or reinstalled cluster.
    """
    folders = list(folders)
    known = [one.started_s for one in journals(folders)]
    ran_here = any((folder / "local.jsonl").exists() for folder in folders)
    return min(known) - _CLOCKS_DIFFER_S if known and not ran_here else 0


def journals(folders: Iterable[Path]) -> list[Submission]:
    """Return the journals of the rounds that have one."""
    return [found for folder in folders if (found := read_journal(folder))]
