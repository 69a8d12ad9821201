"""The state or result of a task, from squeue (jobs not ended), sacct (ended jobs) and the task's own records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planner import slurm
from planner.core.errors import FailureError
from planner.core.exits import KILLED, TERMINATED
from planner.core.records import Observation, Outcome, Quality
from planner.history.sacct import read as sacct
from planner.history.sacct.outcomes import classify_log
from planner.plan.overheads import STEP_SHELLS_MB
from planner.project import turns
from planner.rounds import launches
from planner.rounds.accounted import Accounted
from planner.rounds.open_tasks import OpenTask
from planner.rounds.own import OwnRecords
from planner.rounds.waiting import DEPENDENCY_NEVER
from planner.runner.peak import OwnPeak
from planner.runner.records import RunningRecords

# in a running allocation
WAITING = "WAITING"
SUBMITTED = "SUBMITTED"
# it has ended, and accounting does not say how yet: ask again
ENDED = "ENDED"
# accounting gets this long to say more before a task's own exit code counts, s
_LATE_S = 300
# a task without any record that squeue does not know counts as lost this long after its last sign of life, s
_LOST_AFTER_S = 900
# the clocks of this machine and the controller differ by less, s
_CLOCKS_S = 60
_LIVING = frozenset(
    ("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "SIGNALING", "STAGE_OUT", "RESIZING")
)


@dataclass(slots=True)
class Fate:
    """The state or result of a task.

    Attributes
    ----------
    observations : list of Observation
        Attempts that have ended.
    state : str or None
        Slurm's state, while the task is not known to have ended.
    ran_as : str or None
        The id of another job that ran the task: the listed one did nothing.
    """

    observations: list[Observation] = field(default_factory=list)
    state: str | None = None
    ran_as: str | None = None


class SlurmView:
    """Slurm's current view of open tasks, of one or several projects: one squeue and one sacct call per cluster.

    Raises
    ------
    FailureError
        When sacct does not answer.
    """

    def __init__(self, tasks: Sequence[OpenTask]) -> None:
        self._accounted: dict[str | None, Accounted] = {}
        self._queues: dict[str | None, dict[str, slurm.QueuedJob] | None] = {}
        self._unaccounted: set[str | None] = set()
        self._records: dict[Path, OwnRecords] = {}
        self._started: dict[Path, set[str]] = {}
        self._hidden: dict[tuple[int, str | None], bool] = {}
        for cluster in {task.cluster for task in tasks}:
            some = [task for task in tasks if task.cluster == cluster]
            self._look(cluster, [task.entry.job_id for task in some], poll_s=max(task.poll_s for task in some))

    def _look(self, cluster: str | None, ids: list[str], *, poll_s: int) -> None:
        try:
            self._queues[cluster] = slurm.queued_jobs(ids, cluster=cluster, ended=True)
        except FailureError:
            self._queues[cluster] = None
        try:
            printed = slurm.accounting(ids, cluster=cluster)
        except slurm.SlurmError as error:
            if not slurm.no_accounting(error) or self._queues[cluster] is None:
                raise
            self._unaccounted.add(cluster)
            return
        self._accounted[cluster] = Accounted(printed, poll_s=poll_s)

    def fate(self, task: OpenTask) -> Fate:
        """Return the state or result of a task that is a job, an element or a step."""
        job = self._job(task)
        attempts = self._history(task)
        step = _step(task, attempts[-1]) if attempts else None
        record = step or (attempts[-1] if attempts else None)
        if job is not None and job.state in _LIVING and not (step is not None and step.outcome is not None):
            return Fate(state=job.state if record is None or record.outcome is not None else record.state)
        if record is None or record.outcome is None:
            return self._by_own_records(task, job, record)
        if record.outcome is not Outcome.COMPLETED or (task.entry.is_step and step is None):
            first = turns.owner(task.folder, task.entry.task)
            if first is not None and first != task.entry.job_id:
                return Fate(ran_as=first)
        last = attempts[-1]
        if task.entry.is_step and step is None:
            return self._without_step(task, job, last)
        before = [_observe(task, one, _step(task, one)) for one in attempts[:-1] if one.outcome]
        return Fate([*before, _unless_withdrawn(task, self._with_own_records(task, last, step))])

    def _without_step(self, task: OpenTask, job: slurm.QueuedJob | None, attempt: sacct.JobAttempt) -> Fate:
        """Judge a step that accounting lacks although its job has ended: its record may arrive later than the job's."""
        own = self._own(task)
        if not own.step_began(task.entry.task, task.entry.job_id):
            never_began = without_record(task, f"its job ended ({attempt.state}) before its step began")
            cancelled = attempt.outcome is Outcome.CANCELLED
            return Fate([replace(never_began, outcome=Outcome.CANCELLED) if cancelled else never_began])
        left = own.ended(task.entry.task, task.entry.job_id)
        if left is None and time.time() - (attempt.end_s or 0) > _LATE_S:
            return Fate([without_record(task, f"its job ended ({attempt.state}) while it ran, and it left no record")])
        return self._by_own_records(task, job, attempt)

    def allocation(self, task: OpenTask) -> str | None:
        """Return the state of a task that an allocation drives; None once the allocation has ended."""
        job, attempts = self._job(task), self._history(task)
        if job is not None and job.state in _LIVING:
            state = job.state
        elif attempts:
            if attempts[-1].outcome is not None:
                return None
            state = attempts[-1].state
        elif task.cluster in self._unaccounted or (
            time.time() - task.submitted_s > _LOST_AFTER_S and not self._may_be_hidden(task)
        ):
            return None
        else:
            return SUBMITTED
        if task.folder not in self._started:
            self._started[task.folder] = {record.task for record in RunningRecords(task.folder).records()}
        return WAITING if state == "RUNNING" and task.entry.task not in self._started[task.folder] else state

    def _job(self, task: OpenTask) -> slurm.QueuedJob | None:
        return (self._queues[task.cluster] or {}).get(task.entry.job_id)

    def _history(self, task: OpenTask) -> list[sacct.JobAttempt]:
        accounted = self._accounted.get(task.cluster)
        return accounted.attempts(task.entry.job_id) if accounted else []

    def _own(self, task: OpenTask) -> OwnRecords:
        return self._records.setdefault(task.folder, OwnRecords(task.folder))

    def _by_own_records(
        self, task: OpenTask, job: slurm.QueuedJob | None, record: sacct.JobAttempt | sacct.Step | None
    ) -> Fate:
        """Judge a task whose end is missing from accounting."""
        first = turns.owner(task.folder, task.entry.task)
        if first is not None and first != task.entry.job_id:
            return Fate(ran_as=first)
        if self._queues[task.cluster] is None:
            return Fate(state=record.state if record else SUBMITTED)
        if record is None and job is not None and job.state == "CANCELLED" and job.reason == DEPENDENCY_NEVER:
            # from 24.11 on such an element may be missing from accounting
            never_began = without_record(task, f"job CANCELLED before it began: {DEPENDENCY_NEVER}")
            return Fate([replace(never_began, outcome=Outcome.CANCELLED)])
        own, now_s = self._own(task), time.time()
        left = own.ended(task.entry.task, task.entry.job_id)
        unaccounted = task.cluster in self._unaccounted
        if unaccounted and job is not None and (left is None or (left[0] and job.state not in ("FAILED", "COMPLETED"))):
            return Fate([_unless_withdrawn(task, self._by_state(task, job.state))])
        # a time in the future (file server's clock, or a clock set back since) counts as old enough
        if left is not None and (unaccounted or abs(now_s - left[1]) > _LATE_S):
            return Fate([self._by_exit_code(task, *left)])
        seen_s = max(task.submitted_s, own.seen_s(task.entry.task, task.entry.job_id))
        if job is None and left is None and abs(now_s - seen_s) > _LOST_AFTER_S and not self._may_be_hidden(task):
            return Fate([without_record(task, "neither squeue nor sacct knows it, and it left no record")])
        return Fate(state=ENDED if job is not None or left is not None or record is not None else SUBMITTED)

    def _may_be_hidden(self, task: OpenTask) -> bool:
        """Whether Slurm may know a job all the same: one of another user."""
        asked = (task.user, task.cluster)
        if asked not in self._hidden:
            self._hidden[asked] = slurm.hides_jobs_of(task.user, cluster=task.cluster)
        return self._hidden[asked]

    def _by_exit_code(self, task: OpenTask, code: int, end_s: float) -> Observation:
        told = f"exit code {code} by its own record"
        if code == 0 and not self._was_killed(task):
            found = replace(without_record(task, told), outcome=Outcome.COMPLETED, end_s=int(end_s))
        else:
            found = replace(self._failed(task, told), end_s=int(end_s))
            if code in (KILLED, TERMINATED) and found.outcome is Outcome.FAILED:
                found = replace(found, outcome=Outcome.INFRA, evidence=f"{told}: ended for an unknown reason")
        own_peak = self._own(task).peak(task.entry.task, task.entry.job_id)
        return with_own_peak(found, own_peak, shared_twice=task.shared_twice)

    def _by_state(self, task: OpenTask, state: str) -> Observation:
        outcomes = {
            "COMPLETED": Outcome.COMPLETED,
            "TIMEOUT": Outcome.TIMEOUT,
            "DEADLINE": Outcome.TIMEOUT,
            "CANCELLED": Outcome.CANCELLED,
        }
        if state == "OUT_OF_MEMORY":
            return _killed_for_memory(task, state)
        if state == "FAILED":
            return self._failed(task, state)
        return replace(without_record(task, f"{state} by squeue"), outcome=outcomes.get(state, Outcome.INFRA))

    def _failed(self, task: OpenTask, told: str) -> Observation:
        """Return the observation of a failure; the log may show that it was a lack of memory."""
        shortage = classify_log(self._own(task).log_tail(task.entry.task, task.entry.job_id))
        if shortage is None:
            return replace(without_record(task, told), outcome=Outcome.FAILED)
        return _killed_for_memory(task, f"{told}; {shortage.evidence}")

    def _with_own_records(self, task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None) -> Observation:
        """Return the observation of the last attempt, corrected by the task's log and own peak record."""
        if launches.may_be_a_kill(attempt, step) and self._was_killed(task):
            # srun and accounting report 0 for a step that srun lost; accounting may also lack the step's limit
            step, attempt = step and replace(step, outcome=Outcome.FAILED), replace(attempt, outcome=Outcome.FAILED)
        attempt, step = launches.corrected(task, attempt, step, self._own(task))
        why = launches.failure(task, attempt, step, self._own(task))
        if why and not self._was_killed(task):
            lost = without_record(task, f"{(step or attempt).evidence}; {why}")
            return replace(lost, submit_s=attempt.submit_s)
        if (step or attempt).outcome is Outcome.FAILED:
            log = self._log(task, attempt)
            if step is not None:
                step = sacct.with_log(step, log, heap_follows_request=True)
            else:
                attempt = _with_log(task, attempt, log)
        own = self._own(task).peak(task.entry.task, task.entry.job_id)
        observation = with_own_peak(_observe(task, attempt, step), own, shared_twice=task.shared_twice)
        if not task.heap_logged or observation.outcome is not Outcome.COMPLETED:
            return observation
        return replace(observation, heap_kept_mb=self._own(task).heap_kept_mb(task.entry.task, task.entry.job_id))

    def _was_killed(self, task: OpenTask) -> bool:
        """Whether Slurm's message in a task's log says it was killed, and the task left no record of its own end."""
        own = self._own(task).peak(task.entry.task, task.entry.job_id)
        if task.logs is not None or (own is not None and own.ended):
            return False
        found = classify_log(self._own(task).log_tail(task.entry.task, task.entry.job_id))
        return found is not None and not found.own_heap

    def _log(self, task: OpenTask, attempt: sacct.JobAttempt) -> str:
        """Return the end of an attempt's output, from chromplan's log or from the user's own files."""
        if task.logs is None:
            return self._own(task).log_tail(task.entry.task, task.entry.job_id)
        return task.logs.tail(task.entry.job_id, start_s=attempt.start_s, end_s=attempt.end_s)


def _unless_withdrawn(task: OpenTask, found: Observation) -> Observation:
    """Return a task that began while we cancelled what waited of its job, and ended with it, as one to run again.

    scancel looks for waiting elements and then ends them: one that begins between the two is cancelled as well.
    """
    withdrawn_s = task.entry.withdrawn_s
    if found.outcome is not Outcome.CANCELLED or withdrawn_s is None or (found.end_s or 0) > withdrawn_s + _CLOCKS_S:
        return found
    told = f"{found.evidence}; it began while the waiting part of its job was cancelled"
    return replace(found, outcome=Outcome.INFRA, evidence=told)


def _with_log(task: OpenTask, attempt: sacct.JobAttempt, log: str) -> sacct.JobAttempt:
    """Return the attempt as killed for memory if its log says so.

    Not if a user's script sets its own Java heap size: more memory would not enlarge that, so it stays a failure.
    """
    if task.logs is not None and task.logs.script.fixed_heap:
        found = classify_log(log)
        if found is not None and found.of_java:
            return replace(attempt, evidence=f"{attempt.evidence}; {found.evidence}, of the size that the script gives")
    return sacct.with_log(attempt, log, heap_follows_request=True)


def _step(task: OpenTask, attempt: sacct.JobAttempt) -> sacct.Step | None:
    """Return the task's step; None when the task is a whole job."""
    named = [step for step in attempt.steps if step.name == task.entry.task]
    return named[-1] if task.entry.is_step and named else None


def _observe(task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None) -> Observation:
    observation = sacct.observe(
        attempt,
        step=step,
        tool=task.tool,
        task=task.entry.task,
        sample=task.task.sample,
        chromosome=task.task.chromosome,
        features=task.task.features,
    )
    return replace(
        observation,
        job_id=task.entry.job_id,
        # an attempt that never started had no limit in force: its limit is what was requested
        limit_mb=task.entry.request_mb if observation.limit_mb is None else observation.limit_mb,
    )


def with_own_peak(observation: Observation, own: OwnPeak | None, *, shared_twice: bool) -> Observation:
    """Return the observation with the task's own peak record: the larger figure counts.

    Slurm also counts the shells around the task, which the own record leaves out and requests add. If they counted as
    the task's where Slurm happened to look in time, tasks would seem to differ by chance.

    But if Slurm counts shared memory once per process (``shared_twice``), a complete record of the task's own is taken
    instead.
    """
    if own is None:
        return observation
    if observation.quality is Quality.CENSORED:
        return replace(observation, peak_mb=max(own.peak_mb, observation.peak_mb or 0.0))
    peak_mb = max(own.peak_mb, (observation.peak_mb or 0.0) - STEP_SHELLS_MB)
    if shared_twice and own.together and own.ended and own.quality is Quality.MEASURED:
        peak_mb = own.peak_mb
    return replace(
        observation, peak_mb=peak_mb, quality=own.quality, evidence=f"{observation.evidence}; {own.evidence}"
    )


def without_record(task: OpenTask, evidence: str) -> Observation:
    """Return the observation of an attempt that is missing from accounting."""
    return Observation(
        tool=task.tool,
        task=task.entry.task,
        sample=task.task.sample,
        chromosome=task.task.chromosome,
        features=task.task.features,
        peak_mb=None,
        limit_mb=task.entry.request_mb,
        wall_s=None,
        outcome=Outcome.INFRA,
        quality=Quality.MISSING,
        job_id=task.entry.job_id,
        submit_s=task.submitted_s,
        cpus=task.task.cpus,
        evidence=evidence,
    )


def _killed_for_memory(task: OpenTask, evidence: str) -> Observation:
    lost = without_record(task, evidence)
    return replace(lost, outcome=Outcome.OOM, quality=Quality.CENSORED, peak_mb=float(task.entry.request_mb))
