"""Submitting a round so that nothing is submitted twice, whatever dies when.

Every step is written to ``submission.json`` before and after it is taken. Job names carry the plan's token, so a job
whose id was not recorded any more is found again by its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from planner import files
from planner.documents import Document, parse_json, read_text
from planner.errors import InputError
from planner.jobs import Job, jobs, update_order
from planner.plan.document import Plan
from planner.records import Mode
from planner.rounds import manifest, slurm
from planner.rounds.project import Project

Say = Callable[[str], None]


class SubmittedJob(Document):
    """One sbatch of a round, and how far it got."""

    script: str
    name: str
    state: Literal["wanted", "held", "submitted", "cancelled"] = "wanted"
    job_id: str | None = None


class Submission(Document):
    """``submission.json``: the journal of a round's submission."""

    version: Literal[1] = 1
    token: str
    started_s: int
    mode: Mode
    jobs: list[SubmittedJob]
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether every job is on its way."""
        return all(job.state in ("submitted", "cancelled") for job in self.jobs)


def submit(project: Project, number: int, *, say: Say) -> Submission:
    """Submit a round, or go on where an earlier try stopped.

    Raises
    ------
    InputError
        When the round is not rendered, or empty.
    FailureError
        When Slurm refuses or does not answer; running it again goes on from there.
    """
    plan = project.plan(number)
    with project.lock():
        return _Submitter(project, plan, say).run()


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


class _Submitter:
    def __init__(self, project: Project, plan: Plan, say: Say) -> None:
        self._root = project.folder
        self._folder = project.round_folder(plan.round)
        self._plan = plan
        self._say = say
        self._journal = self._open()

    def run(self) -> Submission:
        if self._journal.done:
            self._say(f"round {self._plan.round_name} was submitted already: {self._ids()}")
            return self._journal
        self._cancel_refused()
        self._adopt()
        try:
            self._submit_all()
        except _NotTaken as refused:
            self._fall_back(str(refused))
            self._submit_all()
        self._say(f"submitted {len(self._plan.tasks)} tasks: {self._ids()}")
        return self._journal

    def _open(self) -> Submission:
        before = read_journal(self._folder)
        if before is not None:
            return before
        if not self._plan.tasks:
            raise InputError(
                f"round {self._plan.round_name} has no tasks", "'chromplan plan' says why each was left out"
            )
        for job in jobs(self._plan):
            self._script(job)
        if (self._folder / manifest.FILE).exists() or (self._folder / "local.jsonl").exists():
            raise InputError(f"round {self._plan.round_name} was started already", "see 'chromplan status'")
        return Submission(
            token=self._plan.token,
            started_s=int(time.time()),
            mode=self._plan.mode,
            jobs=_wanted(self._plan, self._plan.mode),
        )

    def _submit_all(self) -> None:
        layout = {job.script: job for job in jobs(self._plan, self._journal.mode)}
        for position, entry in enumerate(self._journal.jobs):
            if entry.script not in layout or entry.state in ("submitted", "cancelled"):
                continue
            job = layout[entry.script]
            if entry.state == "wanted":
                self._record()  # before sbatch: from here on the job may exist
                job_id = slurm.sbatch(self._script(job), cwd=self._root, options=["--hold"] if job.hold else [])
                entry = self._set(position, state="held" if job.hold else "submitted", job_id=job_id)
            if entry.state == "held":
                self._give_memory(entry, job)
                self._set(position, state="submitted")

    def _give_memory(self, entry: SubmittedJob, job: Job) -> None:
        """Give each element of the held array its memory, look whether it was taken, and let it go."""
        job_id = entry.job_id or ""
        wanted = {task.index: task.request_mb for task in update_order(job.tasks)}
        try:
            slurm.update_elements(job_id, wanted)
        except slurm.SlurmError as error:
            raise _NotTaken(error.said.splitlines()[0]) from None
        given = slurm.element_memory(job_id)
        wrong = sum(given.get(index) != mb for index, mb in wanted.items())
        if wrong:
            raise _NotTaken(f"{wrong} of {len(wanted)} elements kept another memory")
        slurm.release(job_id)

    def _fall_back(self, why: str) -> None:
        """Go on with tiers instead of the held array, which is cancelled."""
        note = (
            f"the cluster did not take the elements' own memory ({why}); the array was cancelled, tiers go out instead"
        )
        self._say(note)
        refused = [entry.model_copy(update={"state": "cancelled"}) for entry in self._journal.jobs]
        self._journal = self._journal.model_copy(
            update={
                "mode": Mode.TIERS,
                "jobs": refused + _wanted(self._plan, Mode.TIERS),
                "notes": (*self._journal.notes, note),
            }
        )
        self._record()
        self._cancel_refused()

    def _cancel_refused(self) -> None:
        for entry in self._journal.jobs:
            if entry.state == "cancelled" and entry.job_id:
                slurm.cancel(entry.job_id)

    def _adopt(self) -> None:
        """Find jobs that an interrupted try submitted without recording their ids."""
        lost = [entry for entry in self._journal.jobs if entry.state == "wanted"]
        if not journal_path(self._folder).exists() or not lost:
            return
        found = slurm.find_jobs([entry.name for entry in lost], since_s=int(time.time()) - self._journal.started_s + 60)
        layout = {job.script: job for job in jobs(self._plan, self._journal.mode)}
        for position, entry in enumerate(self._journal.jobs):
            if entry.state == "wanted" and entry.name in found:
                self._set(
                    position, state="held" if layout[entry.script].hold else "submitted", job_id=found[entry.name]
                )

    def _script(self, job: Job) -> Path:
        path = self._folder / job.script
        if not path.exists():
            raise InputError(f"{path}: not rendered", "run 'chromplan render' first")
        return path.relative_to(self._root)

    def _set(self, position: int, **changes: str) -> SubmittedJob:
        entry = self._journal.jobs[position].model_copy(update=changes)
        entries = list(self._journal.jobs)
        entries[position] = entry
        self._journal = self._journal.model_copy(update={"jobs": entries})
        self._record()
        return entry

    def _record(self) -> None:
        """Write the journal, and the manifest of what is submitted so far."""
        files.write_text(journal_path(self._folder), self._journal.model_dump_json(indent=2) + "\n")
        layout = {job.script: job for mode in (self._plan.mode, self._journal.mode) for job in jobs(self._plan, mode)}
        lines = [
            line
            for entry in self._journal.jobs
            if entry.job_id and entry.state == "submitted"
            for line in manifest.lines(layout[entry.script], entry.job_id)
        ]
        manifest.write(self._folder, lines)

    def _ids(self) -> str:
        ids = [entry.job_id for entry in self._journal.jobs if entry.state == "submitted" and entry.job_id]
        return (
            f"{self._journal.mode} job {ids[0]}" if len(ids) == 1 else f"{self._journal.mode} jobs {ids[0]} … {ids[-1]}"
        )


class _NotTaken(Exception):  # noqa: N818 - not an error: the way to tiers
    """The cluster did not take the elements' own memory."""


def _wanted(plan: Plan, mode: Mode) -> list[SubmittedJob]:
    return [SubmittedJob(script=job.script, name=job.name) for job in jobs(plan, mode)]


def describe(project: Project, number: int) -> list[str]:
    """Return what `submit` would do, a line per command."""
    folder = project.round_folder(number).relative_to(project.folder)
    steps: list[tuple[str, str]] = []
    for job in jobs(project.plan(number)):
        if not job.hold:
            steps.append((f"sbatch --parsable {folder}/{job.script}", f"{len(job.tasks)} tasks, {job.mem_mb} MB each"))
            continue
        smallest_mb = min(task.request_mb for task in job.tasks)
        steps += [
            (f"sbatch --parsable --hold {folder}/{job.script}", f"one array of {len(job.tasks)} tasks"),
            ("scontrol", f"each element's own memory, {smallest_mb} to {job.mem_mb} MB, by one process"),
            ("squeue --array", "verify; on a mismatch scancel, then tiers"),
            ("scontrol release", "let it go"),
        ]
    return [f"{command:<60} # {what}" for command, what in steps]
