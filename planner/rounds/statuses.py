"""The current state of the rounds: recorded attempts, Slurm's state of the others, why they wait. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from planner import slurm
from planner.core.errors import FailureError
from planner.core.records import Observation
from planner.project.folder import ProjectFolder
from planner.project.journal import began_s
from planner.rounds import ingest, progress
from planner.rounds.fates import WAITING
from planner.rounds.progress import IN_FLIGHT, TaskStatus
from planner.rounds.waiting import explain

Say = Callable[[str], None]
_PENDING, _RUNNING = "PENDING", "RUNNING"


def task_statuses(
    project: ProjectFolder, observations: Sequence[Observation], *, offline: bool = False, say: Say | None = None
) -> list[TaskStatus]:
    """Return the status of every attempt, and of tasks that are planned but not started.

    Makes one sacct call if tasks are in flight, then one squeue call, and one sstat call if some of them run.

    Parameters
    ----------
    observations : sequence of Observation
        The recorded attempts.
    offline : bool
        Make no call to Slurm.
    say : callable, optional
        Is told that sacct does not answer, and the status is then what squeue knows.

    Raises
    ------
    FailureError
        When sacct does not answer, and nobody is to be told, or squeue does not answer either.
    """
    since_s = began_s(map(project.round_folder, project.round_numbers()))
    recorded = {(one.task, one.job_id) for one in observations if one.submit_s >= since_s}
    seen: list[Observation] = []
    running: dict[str, str] = {}
    over: dict[int, str] = {}
    failure: FailureError | None = None
    if not offline:
        try:
            seen, running, over = ingest.look(project, recorded)
        except FailureError as error:
            if say is None:
                raise
            failure = error

    def known(one: TaskStatus) -> TaskStatus:
        if one.state == IN_FLIGHT and one.task in running:
            return replace(one, state=running[one.task])
        return replace(one, recorded=one.outcome is None or (one.task, one.job_id) in recorded)

    found = [known(one) for one in progress.statuses(project, [*observations, *seen], over=over)]
    if offline:
        return found
    found = _with_queue(project, found, failure)
    if failure is not None and say is not None:
        say(f"note: {failure.message.splitlines()[0]}; this is what squeue knows")
    return found


def _with_queue(project: ProjectFolder, found: list[TaskStatus], failure: FailureError | None) -> list[TaskStatus]:
    """Add why tasks in flight wait, or how much memory they hold; unchanged when Slurm does not say.

    After a ``failure`` of accounting, that is raised instead.
    """
    flying: dict[str | None, list[TaskStatus]] = {}
    clusters = {number: project.plan(number).cluster for number in {one.round for one in found if one.in_flight}}
    for one in found:
        if one.in_flight:
            flying.setdefault(clusters[one.round], []).append(one)
    queues: dict[str | None, _Queue] = {}
    for cluster, some in flying.items():
        try:
            queues[cluster] = _Queue(some, cluster)
        except FailureError:
            if failure is not None:
                raise failure from None
    return [
        queues[clusters[one.round]].seen(one) if one.in_flight and clusters[one.round] in queues else one
        for one in found
    ]


class _Queue:
    """Slurm's current state of the tasks in flight on one cluster.

    Raises
    ------
    FailureError
        When squeue does not answer.
    """

    def __init__(self, flying: Sequence[TaskStatus], cluster: str | None) -> None:
        tasks_of = Counter(one.job_id for one in flying)
        self._shared = {job_id for job_id, tasks in tasks_of.items() if tasks > 1}
        self._jobs = slurm.queued_jobs([job_id for job_id in tasks_of if job_id], cluster=cluster)
        running = {job_id: job for job_id, job in self._jobs.items() if job.state == _RUNNING and job_id in tasks_of}
        self._held_mb = slurm.memory_so_far([job.raw_id for job in running.values()], cluster=cluster)
        shared = [job.raw_id for job_id, job in running.items() if job_id in self._shared]
        self._step_of = {name: step for step, name in slurm.step_names(shared, cluster=cluster).items()}
        # for a job that is one task: its largest step
        self._most_mb: dict[str, float] = {}
        for step, held_mb in self._held_mb.items():
            raw_id = step.partition(".")[0]
            self._most_mb[raw_id] = max(held_mb, self._most_mb.get(raw_id, 0.0))

    def seen(self, one: TaskStatus) -> TaskStatus:
        """Return a task's status, updated from squeue and sstat."""
        job = self._jobs.get(one.job_id or "")
        if job is None:
            return one
        if job.state == _PENDING:
            return replace(one, state=_PENDING, wait=explain(job.reason))
        if one.job_id in self._shared:
            step = self._step_of.get(one.task)
            if step is None and job.state == _RUNNING and self._step_of:
                return replace(one, state=WAITING)
            return replace(one, held_mb=self._held_mb.get(step or ""))
        # accounting may lag by seconds
        return replace(one, state=job.state, held_mb=self._most_mb.get(job.raw_id))
