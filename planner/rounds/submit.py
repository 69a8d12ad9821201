"""Submitting a round so that nothing is submitted twice, whatever process is killed at whatever moment.

Every request to Slurm is written to the round's journal before it is made, and its result afterwards. Each job has a
comment of its own, by which it is found again if its id was not recorded.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from planner import slurm
from planner.core import units
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.core.wording import count
from planner.plan.document import Plan
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, SubmittedJob, entry, read_journal
from planner.rounds import log_folders, preview
from planner.rounds.batch_calls import call_of
from planner.rounds.continuation import jobs_before, own_command, waiting_already
from planner.rounds.elements import Elements, NotTaken
from planner.rounds.lost import end_late, find_again, theirs
from planner.scripts import render
from planner.scripts.job import Job, only
from planner.scripts.jobs import follow_up, jobs
from planner.scripts.options import follow_up_options, submit_options, updates

Say = Callable[[str], None]
# how long submit.sh may have run before it was interrupted
_SCRIPT_TOOK_S = 86_400


def submit(
    project: ProjectFolder,
    number: int,
    *,
    say: Say,
    then_next: bool = False,
    settings: slurm.Settings | None = None,
) -> Submission:
    """Submit a round, or continue where an earlier try stopped.

    Parameters
    ----------
    then_next : bool
        Whether to submit a job that waits for all others and starts the next round, even if the others were submitted
            before.
    settings : Settings, optional
        The cluster's settings, if they are known already.

    Raises
    ------
    InputError
        When the round is not rendered, or empty.
    FailureError
        When Slurm refuses or does not answer; running it again continues from there.
    """
    with project.lock():
        return _Submitter(project, project.plan(number), say, settings).run(then_next=then_next)


def go_on_later(project: ProjectFolder, *, say: Say, awaited: bool) -> bool:
    """Submit a job that starts the next round after what is still in progress, unless there is one already.

    Parameters
    ----------
    awaited : bool
        Whether something was in progress at the last look: an earlier step, whose result has not been seen since, or
            tasks of this project whose end is not in accounting yet.

    Returns
    -------
    bool
        False when nothing is in progress, so there is nothing to wait for.
    """
    started = [number for number in project.round_numbers() if read_journal(project.round_folder(number))]
    if not started or not (awaited or jobs_before(project)):
        return False
    with project.lock():
        waiting = waiting_already(project)
        if waiting is None:
            _Submitter(project, project.plan(started[-1]), say).follow_again()
        else:
            say(f"job {waiting} goes on with the next round, and waits for the steps before")
    return True


class _Submitter:
    def __init__(self, project: ProjectFolder, plan: Plan, say: Say, settings: slurm.Settings | None = None) -> None:
        self._project = project
        self._root = project.folder
        self._folder = project.round_folder(plan.round)
        self._plan = plan
        self._say = say
        self._layouts: dict[Mode, dict[str, Job]] = {}
        before = read_journal(self._folder)
        self._resumed = before is not None or (self._folder / manifest.PART_FILE).exists()
        self._journal = before or self._new()
        self._elements = Elements(plan, self._layout(Mode.TIERS) | self._layout(plan.mode), settings)
        # an earlier try may have submitted a moment ago
        self._last_s = time.monotonic() if self._resumed else None

    def run(self, *, then_next: bool) -> Submission:
        if self._resumed and not self._journal.done and self._journal.user != os.getuid():
            raise theirs(self._plan, self._journal)  # we can neither change nor release their jobs
        if then_next and not self._journal.then_next:
            self._change(then_next=True, jobs=(*self._journal.jobs, entry(follow_up(self._plan))))
        if self._resumed and self._journal.done:
            manifest.derive(self._folder, self._journal)
            self._say(f"round {self._plan.round_name} was submitted already: {self._ids()}")
            return self._journal
        self._see_rendered()
        if self._resumed:
            self._change(jobs=find_again(self._plan, self._journal).jobs)
        else:
            layout = self._layout(self._plan.mode).values()
            preview.check_memory(self._plan, layout)
            slurm.require("sbatch")  # so that the error names sbatch, not the first command that is called
            preview.check_counts(self._elements.settings, layout)
        self._record()
        self._say_how_long()
        self._say_how_many()
        if self._plan.user_script:
            log_folders.make(self._plan.user_script, self._say)
        self._submit_all()
        end_late(self._plan, self._journal)
        self._say(f"submitted {count(len(self._plan.tasks), 'task')} in mode {self._journal.mode}: {self._ids()}")
        return self._journal

    def follow_again(self) -> None:
        self._change(then_next=True, jobs=(*self._journal.jobs, entry(follow_up(self._plan))))
        self._record()
        self._follow()

    def _new(self) -> Submission:
        name = self._plan.round_name
        if not self._plan.tasks:
            raise InputError(f"round {name} has no tasks", "'chromplan plan' says why each was left out")
        if (self._folder / manifest.PART_FILE).exists():
            return self._left_by_script()
        if self._project.started(self._plan.round):
            raise InputError(f"round {name} was started already", "see 'chromplan status'")
        return self._whole(self._plan.mode)

    def _left_by_script(self) -> Submission:
        """Return the journal of a round that an interrupted submit.sh may have submitted in part."""
        part = (self._folder / manifest.PART_FILE).stat()
        asked_s = int(part.st_mtime)
        for mode in (Mode.TIERS, Mode.ARRAY) if self._plan.mode is Mode.ARRAY else (self._plan.mode,):
            whole = self._whole(mode)
            asked = tuple(job.model_copy(update={"state": "asked", "asked_s": asked_s}) for job in whole.jobs)
            left = whole.model_copy(update={"jobs": asked, "started_s": asked_s - _SCRIPT_TOOK_S, "user": part.st_uid})
            if any(job.job_id for job in find_again(self._plan, left).jobs):
                break
        return left

    def _whole(self, mode: Mode) -> Submission:
        return Submission(
            version=2,
            token=self._plan.token,
            user=os.getuid(),
            started_s=int(time.time()),
            mode=mode,
            jobs=tuple(entry(job) for job in self._layout(mode).values() if job.tasks),
        )

    def _layout(self, mode: Mode) -> dict[str, Job]:
        """Return script -> job of the plan in this mode, with the job that may follow them."""
        if mode not in self._layouts:
            found = [*jobs(self._plan, mode), follow_up(self._plan)]
            self._layouts[mode] = {job.script: job for job in found}
        return self._layouts[mode]

    def _see_rendered(self) -> None:
        """Raise if the round is not rendered; rewrite missing scripts of a round that is partly submitted."""
        missing = [name for name in render.needed(self._plan) if not (self._folder / name).exists()]
        if not missing:
            return
        if not self._resumed:
            raise InputError(f"{self._folder / missing[0]}: not rendered", "run 'chromplan render' first")
        rendered = render.render(self._plan)
        render.write({name: rendered[name] for name in missing}, self._folder)
        self._say(f"note: {', '.join(missing)} was missing, and was written again")

    def _submit_all(self) -> None:
        elements = self._elements
        if any(job.state == "refused" for job in self._journal.jobs):
            self._instead(elements)
        self._submit_wanted(elements)
        try:
            self._give_memory(elements)
        except NotTaken as refused:
            self._refuse(str(refused))
            self._instead(elements)
            self._submit_wanted(elements)
            self._give_memory(elements)
        self._follow()

    def _submit_wanted(self, elements: Elements) -> None:
        wanted = [at for at, job in enumerate(self._journal.jobs) if job.state == "wanted" and not job.follows]
        # the journal is written one or two hundred times, however many jobs there are
        size = 1 + len(wanted) // 100
        if any(job.absent for job in self._layout(self._journal.mode).values()):
            size = 1  # elements that do not run count against the user's limits until they are cancelled
        for first in range(0, len(wanted), size):
            places = wanted[first : first + size]
            self._ask(places, self._submit_one)
            for job in [self._journal.jobs[at] for at in places if self._journal.jobs[at].state == "held"]:
                elements.take_out(job)
                if elements.settings.goes_by_list:
                    elements.put_first(job)

    def _ask(self, places: Sequence[int], call: Callable[[SubmittedJob], str]) -> None:
        """Call sbatch for these jobs; each is written to the journal before, and its result afterwards."""
        asked_s = int(time.time())
        for at in places:
            self._set(at, state="asked", asked_s=asked_s)
        self._record()
        left = list(places)
        try:
            while left:
                job = self._journal.jobs[left[0]]
                self._set(left[0], state="held" if job.hold else "submitted", job_id=call(job))
                left.pop(0)
        except FailureError as error:
            unknown = isinstance(error, slurm.SlurmError) and error.verdict is not slurm.Verdict.REFUSED
            for at in left[unknown:]:
                self._set(at, state="wanted")
            if not unknown:
                raise
            self._change(jobs=find_again(self._plan, self._journal).jobs)
            if not self._journal.jobs[left[0]].job_id:
                self._set(left[0], state="asked")  # Slurm may still create the job: another try looks again
                raise
            self._ask(left[1:], call)
        finally:
            self._record()
            if self._journal.untouched:
                manifest.forget(self._folder)  # Slurm accepted none of it: it may be planned again

    def _submit_one(self, wanted: SubmittedJob) -> str:
        layout = self._layout(self._journal.mode)
        job = layout[wanted.script]
        ids = {one.script: one.job_id for one in self._journal.jobs if one.job_id}
        preview.check_nodes(self._plan, job)
        some = only(job, {task.task for task in wanted.tasks})
        options = submit_options(self._plan, some, ids, then_next=self._journal.then_next)
        if some.array != job.array:
            options.append(f"--array={some.array}")
        with self._paced():
            return slurm.submit(call_of(self._plan, some, root=self._root, options=options))

    def _follow(self) -> None:
        """Submit the job that starts the next round: last, when the ids it waits for are certain."""
        places = [at for at, job in enumerate(self._journal.jobs) if job.follows and job.state == "wanted"]
        for at in places:
            self._ask([at], self._submit_follow_up)
            job_id = self._journal.jobs[at].job_id
            self._say(f"job {job_id} goes on with the next round when they have ended; 'scancel {job_id}' prevents it")

    def _submit_follow_up(self, wanted: SubmittedJob) -> str:
        ours = self._journal.ids
        if any(job.follows and job.job_id for job in self._journal.jobs):
            # an earlier such job has waited for them: Slurm may have forgotten jobs that left the queue
            ours = sorted(slurm.queued(ours, cluster=self._plan.cluster))
        with self._paced():
            return slurm.sbatch(
                self._script(wanted.script),
                cwd=self._root,
                options=follow_up_options(self._plan, [*ours, *jobs_before(self._project)]),
                environment=own_command(),
            )

    def _say_how_long(self) -> None:
        interval_s = self._plan.target.site.submit_interval_s
        waits = sum(job.state == "wanted" for job in self._journal.jobs) - 1
        if interval_s and waits > 0:
            took = units.format_duration(math.ceil(waits * interval_s))
            self._say(
                f"site {self._plan.target.site.name} takes a submission every {interval_s:g} s: this takes {took}"
            )

    def _say_how_many(self) -> None:
        held = updates(self._plan, self._layout(self._journal.mode).values())
        if any(one.is_range for one in held):
            self._say(preview.records_of(held))

    @contextlib.contextmanager
    def _paced(self) -> Iterator[None]:
        """Submit inside this context: on entry it waits for the pause that the site wants between two submissions."""
        interval_s = self._plan.target.site.submit_interval_s
        if interval_s and self._last_s is not None:
            time.sleep(max(0.0, self._last_s + interval_s - time.monotonic()))
        try:
            yield
        finally:
            # the earlier one may have reached Slurm as late as this
            self._last_s = time.monotonic()

    def _give_memory(self, elements: Elements) -> None:
        """Set the memory of the elements of held arrays, and release them."""
        held = [at for at, job in enumerate(self._journal.jobs) if job.state == "held"]
        if not held:
            return
        for note in elements.give([self._journal.jobs[at] for at in held], resumed=self._resumed):
            self._say(note)
            self._change(notes=(*self._journal.notes, note))
        for at in held:
            self._set(at, state="submitted")
        self._record()

    def _refuse(self, why: str) -> None:
        refused = f"the cluster refused to change the elements' memory ({why})"
        note = f"{refused}: the array was cancelled, and tiers are submitted instead"
        self._say(note)
        for at, job in enumerate(self._journal.jobs):
            if job.state == "held":
                self._set(at, state="refused")
        self._change(mode=Mode.TIERS, notes=(*self._journal.notes, note))
        self._record()

    def _instead(self, elements: Elements) -> None:
        """Cancel the pending elements of refused arrays and submit their tasks in tiers. Started ones run on."""
        refused = {at: job for at, job in enumerate(self._journal.jobs) if job.state == "refused"}
        begun = elements.cancel(refused.values(), self._folder)
        for at, job in refused.items():
            kept = tuple(task for task in job.tasks if task.task in begun)
            self._set(at, state="submitted" if kept else "cancelled", tasks=kept, withdrawn_s=int(time.time()))
        tiers = [job for job in self._layout(Mode.TIERS).values() if job.tasks]
        left = [entry(job, [task for task in job.tasks if task.task not in begun]) for job in tiers]
        self._change(jobs=(*self._journal.jobs, *(job for job in left if job.tasks)))
        self._record()

    def _script(self, name: str) -> Path:
        return (self._folder / name).relative_to(self._root)

    def _set(self, place: int, **changes: object) -> None:
        """Change one job's entry in the journal."""
        found = list(self._journal.jobs)
        found[place] = found[place].model_copy(update=changes)
        self._change(jobs=tuple(found))

    def _change(self, **changes: object) -> None:
        self._journal = self._journal.model_copy(update=changes)

    def _record(self) -> None:
        manifest.record(self._folder, self._journal)

    def _ids(self) -> str:
        ids = self._journal.ids
        return f"job {ids[0]}" if len(ids) == 1 else f"jobs {ids[0]} … {ids[-1]}"
