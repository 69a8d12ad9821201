"""Submitting a round so that nothing is submitted twice, whatever dies when.

Every step is written to ``submission.json`` before and after it is taken. Job names carry the plan's token, so a job
whose id was not recorded any more is found again by its name.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from planner import slurm
from planner.core import files, units
from planner.core.errors import FailureError, InputError
from planner.core.records import Mode
from planner.plan.document import Plan
from planner.project import manifest
from planner.project.folder import Project
from planner.project.journal import State, Submission, SubmittedJob, journal_path, read_journal
from planner.rounds import preview
from planner.scripts.jobs import FOLLOW_UP, Job, follow_up, jobs
from planner.scripts.options import Update, follow_up_options, submit_options, updates

Say = Callable[[str], None]


def submit(project: Project, number: int, *, say: Say, then_next: bool = False) -> Submission:
    """Submit a round, or go on where an earlier try stopped.

    Parameters
    ----------
    then_next : bool
        Whether a job waits for all others and goes on with the next round; also where they were submitted before.

    Raises
    ------
    InputError
        When the round is not rendered, or empty.
    FailureError
        When Slurm refuses or does not answer; running it again goes on from there.
    """
    plan = project.plan(number)
    with project.lock():
        return _Submitter(project, plan, say, then_next=then_next).run()


class _Submitter:
    def __init__(self, project: Project, plan: Plan, say: Say, *, then_next: bool) -> None:
        self._project = project
        self._root = project.folder
        self._folder = project.round_folder(plan.round)
        self._plan = plan
        self._cluster = plan.cluster
        self._say = say
        self._layouts: dict[Mode, dict[str, Job]] = {}
        self._journal = self._open(then_next=then_next)
        self._resumed = journal_path(self._folder).exists()
        # an earlier try may have submitted a moment ago
        self._last_s = time.monotonic() if self._resumed else None

    def run(self) -> Submission:
        if self._journal.done:
            self._say(f"round {self._plan.round_name} was submitted already: {self._ids()}")
            return self._journal
        self._cancel_refused()
        if self._resumed:
            self._adopt()
            self._see_released()
        else:
            preview.check_memory(self._plan, self._layout(self._plan.mode).values())
            self._record()  # before sbatch: from here on a job may exist
        self._say_how_long()
        try:
            self._submit_all()
        except _NotTaken as refused:
            self._fall_back(str(refused))
            self._submit_all()
        self._say(f"submitted {len(self._plan.tasks)} tasks in mode {self._journal.mode}: {self._ids()}")
        return self._journal

    def _open(self, *, then_next: bool) -> Submission:
        before = read_journal(self._folder)
        if before is not None:
            if not then_next or before.then_next:
                return before
            entries = [*before.jobs, _entry(follow_up(self._plan))]
            return before.model_copy(update={"then_next": True, "jobs": entries})
        if not self._plan.tasks:
            raise InputError(
                f"round {self._plan.round_name} has no tasks", "'chromplan plan' says why each was left out"
            )
        for job in self._layout(self._plan.mode).values():
            if job.tasks or then_next:
                self._script(job)
        if any((self._folder / name).exists() for name in (manifest.FILE, "local.jsonl", "running")):
            raise InputError(f"round {self._plan.round_name} was started already", "see 'chromplan status'")
        return Submission(
            token=self._plan.token,
            started_s=int(time.time()),
            mode=self._plan.mode,
            jobs=self._wanted(self._plan.mode, then_next=then_next),
            then_next=then_next,
        )

    def _layout(self, mode: Mode) -> dict[str, Job]:
        """Return the jobs of the plan in this mode, by their script, and the one that may follow them."""
        if mode not in self._layouts:
            found = [*jobs(self._plan, mode), follow_up(self._plan)]
            self._layouts[mode] = {job.script: job for job in found}
        return self._layouts[mode]

    def _wanted(self, mode: Mode, *, then_next: bool) -> list[SubmittedJob]:
        return [_entry(job) for job in self._layout(mode).values() if job.tasks or then_next]

    def _submit_all(self) -> None:
        layout = self._layout(self._journal.mode)
        ids = {entry.script: entry.job_id for entry in self._journal.jobs if entry.job_id}
        for position, entry in enumerate(self._journal.jobs):
            if entry.state != "wanted" or entry.script == FOLLOW_UP:
                continue
            job = layout[entry.script]
            ids[entry.script] = self._submit_one(job, ids)
            self._set({position: "held" if job.hold else "submitted"}, job_id=ids[entry.script])
            if job.hold and self._plan.target.site.scheduler == "builtin":
                # it goes by its list of jobs, where an element stands from its update on: before the next array's
                self._update([self._journal.jobs[position]])
        self._give_memory()
        self._follow()

    def _follow(self) -> None:
        """Submit the job that goes on with the next round: last, when it is certain what it waits for."""
        entry = self._journal.follow_up
        if entry is None or entry.state != "wanted":
            return
        self._pace()
        job_id = slurm.sbatch(
            self._script(self._layout(self._journal.mode)[FOLLOW_UP]),
            cwd=self._root,
            options=follow_up_options([*self._journal.ids, *_going_on_before(self._project)]),
            environment=_own_command(),
        )
        self._set({self._journal.jobs.index(entry): "submitted"}, job_id=job_id)
        self._say(f"job {job_id} goes on with the next round when they have ended; 'scancel {job_id}' prevents it")

    def _submit_one(self, job: Job, ids: Mapping[str, str]) -> str:
        try:
            preview.check_nodes(self._plan, job)
            self._pace()
            return slurm.sbatch(self._script(job), cwd=self._root, options=submit_options(self._plan, job, ids))
        except FailureError as error:
            taken = isinstance(error, slurm.SlurmError) and error.verdict is not slurm.Verdict.REFUSED
            if not ids and not taken:
                self._forget()
            raise

    def _say_how_long(self) -> None:
        interval_s = self._plan.target.site.submit_interval_s
        waits = sum(entry.state == "wanted" for entry in self._journal.jobs) - 1
        if interval_s and waits > 0:
            took = units.format_duration(math.ceil(waits * interval_s))
            self._say(
                f"site {self._plan.target.site.name} takes a submission every {interval_s:g} s: this takes {took}"
            )

    def _pace(self) -> None:
        """Wait as long as the site wants between two submissions."""
        interval_s = self._plan.target.site.submit_interval_s
        if interval_s and self._last_s is not None:
            time.sleep(max(0.0, self._last_s + interval_s - time.monotonic()))
        self._last_s = time.monotonic()

    def _give_memory(self) -> None:
        """Give each element of the held arrays its memory, look whether it was taken, and let them go."""
        held = {position: entry for position, entry in enumerate(self._journal.jobs) if entry.state == "held"}
        if not held:
            return
        ids = {entry.script: entry.job_id or "" for entry in held.values()}
        wanted = {f"{ids[one.script]}_{one.element}": one for one in self._update(held.values())}
        given = slurm.element_limits(ids.values(), cluster=self._cluster)
        wrong = sum(given.get(name, (None, None))[0] != one.mem_mb for name, one in wanted.items())
        if wrong:
            raise _NotTaken(f"{wrong} of {len(wanted)} elements kept another memory")
        self._see_times(given[name][1] == _seconds(one) for name, one in wanted.items() if one.time_limit)
        slurm.release(ids.values(), cluster=self._cluster)
        self._set(dict.fromkeys(held, "submitted"))

    def _update(self, held: Iterable[SubmittedJob]) -> list[Update]:
        """Give the elements of these arrays their memory and time limits, and return them.

        Where time limits are refused memory goes alone: the array's limit is long enough for each.
        """
        layout = self._layout(self._journal.mode)
        ids = {entry.script: entry.job_id or "" for entry in held}
        wanted = updates(self._plan, [layout[script] for script in ids])
        try:
            slurm.update([one.command(ids[one.script]) for one in wanted], cluster=self._cluster)
        except slurm.SlurmError as error:
            if not any(one.time_limit for one in wanted):
                raise _NotTaken(error.said.splitlines()[0]) from None
        else:
            return wanted
        try:
            slurm.update([one.command(ids[one.script], times=False) for one in wanted], cluster=self._cluster)
        except slurm.SlurmError as error:
            raise _NotTaken(error.said.splitlines()[0]) from None
        return wanted

    def _see_times(self, taken: Iterable[bool]) -> None:
        """Say when elements kept the array's time limit; they run all the same."""
        found = list(taken)
        if not all(found):
            note = f"{found.count(False)} of {len(found)} elements keep the array's time limit: theirs was refused"
            self._say(note)
            self._journal = self._journal.model_copy(update={"notes": (*self._journal.notes, note)})

    def _see_released(self) -> None:
        """Leave alone what an interrupted try let go already: its elements may run, or have ended."""
        held = {
            position: entry.job_id or "" for position, entry in enumerate(self._journal.jobs) if entry.state == "held"
        }
        if held:
            still = slurm.held(held.values(), cluster=self._cluster)
            self._set({position: "submitted" for position, job_id in held.items() if job_id not in still})

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
                "jobs": refused + self._wanted(Mode.TIERS, then_next=self._journal.then_next),
                "notes": (*self._journal.notes, note),
            }
        )
        self._record()
        self._cancel_refused()

    def _cancel_refused(self) -> None:
        for entry in self._journal.jobs:
            if entry.state == "cancelled" and entry.job_id:
                slurm.cancel(entry.job_id, cluster=self._cluster)

    def _adopt(self) -> None:
        """Find the job that an interrupted try submitted without recording its id."""
        lost = next((at for at, entry in enumerate(self._journal.jobs) if entry.state == "wanted"), None)
        if lost is None:
            return
        # one after the other: only the first without an id may have been submitted
        entry = self._journal.jobs[lost]
        since_s = int(time.time()) - self._journal.started_s + 60
        found = slurm.find_jobs([entry.name], since_s=since_s, cluster=self._cluster)
        if entry.name in found:
            hold = self._layout(self._journal.mode)[entry.script].hold
            self._set({lost: "held" if hold else "submitted"}, job_id=found[entry.name])

    def _script(self, job: Job) -> Path:
        path = self._folder / job.script
        if not path.exists():
            raise InputError(f"{path}: not rendered", "run 'chromplan render' first")
        return path.relative_to(self._root)

    def _set(self, states: Mapping[int, State], *, job_id: str | None = None) -> None:
        """Record how far these entries got, and the id that one of them was given."""
        entries = list(self._journal.jobs)
        for position, state in states.items():
            changes = {"state": state} | ({"job_id": job_id} if job_id else {})
            entries[position] = entries[position].model_copy(update=changes)
        self._journal = self._journal.model_copy(update={"jobs": entries})
        self._record()

    def _record(self) -> None:
        """Write the journal, and the manifest of what is submitted so far."""
        files.write_text(journal_path(self._folder), self._journal.model_dump_json(indent=2) + "\n")
        layout = self._layout(self._plan.mode) | self._layout(self._journal.mode)
        lines = [
            line
            for entry in self._journal.jobs
            if entry.job_id and entry.state == "submitted"
            for line in manifest.lines(layout[entry.script], entry.job_id)
        ]
        manifest.write(self._folder, lines)

    def _forget(self) -> None:
        """Leave the round as it was before: nothing of it was taken, so it may be planned anew."""
        if not any(entry.job_id for entry in self._journal.jobs):
            journal_path(self._folder).unlink()
            (self._folder / manifest.FILE).unlink(missing_ok=True)

    def _ids(self) -> str:
        ids = self._journal.ids
        return f"job {ids[0]}" if len(ids) == 1 else f"jobs {ids[0]} … {ids[-1]}"


def _entry(job: Job) -> SubmittedJob:
    return SubmittedJob(script=job.script, name=job.name)


def _going_on_before(project: Project) -> list[str]:
    """Return the jobs that go on with the earlier steps of a chain: what they submit, the next round here waits for."""
    wrap = project.config().wrap
    steps = [Project(project.folder / name) for name in (wrap.after if wrap else [])]
    journals = [read_journal(step.round_folder(step.latest())) for step in steps if step.round_numbers()]
    found = [journal.follow_up for journal in journals if journal]
    return [entry.job_id for entry in found if entry and entry.job_id]


def _own_command() -> dict[str, str]:
    """Return what tells a job where this chromplan is: the environment it lives in need not be on the PATH there."""
    named = Path(sys.argv[0])
    found = shutil.which(named) if named.name == "chromplan" else None
    path = found or shutil.which("chromplan")
    return {"CHROMPLAN": str(Path(path).absolute())} if path else {}


def _seconds(one: Update) -> float | None:
    return units.parse_duration_s(one.time_limit) if one.time_limit else None


class _NotTaken(Exception):  # noqa: N818 - not an error: the way to tiers
    """The cluster did not take the elements' own memory."""
