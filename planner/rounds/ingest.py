"""What became of a round: sacct, the tasks' own peak records and local runs become observations."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planner import slurm
from planner.core import files
from planner.core.errors import FailureError
from planner.core.records import Observation, Outcome, Quality
from planner.history.sacct import read as sacct
from planner.history.sacct.outcomes import classify_log
from planner.history.store import Store
from planner.plan.document import PlannedTask
from planner.project import manifest
from planner.project.folder import Project
from planner.project.journal import read_journal
from planner.runner import drive, local, peak, runs
from planner.runner.records import RunningRecords
from planner.scripts.options import poll_s

# accounting shows a job within seconds of its submission; one that is not there after this long never was
LOST_AFTER_S = 900
# in an allocation that runs
WAITING = "WAITING"
FIRST_PAUSE_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTask:
    """A started task whose end is not recorded yet."""

    round: int
    entry: manifest.Entry
    task: PlannedTask
    tool: str
    submitted_s: int
    poll_s: int
    cluster: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingested:
    """What one ingest found.

    Attributes
    ----------
    observations : list of Observation
        Recorded now, one per attempt.
    running : dict
        Task -> Slurm's state, of those that have not ended.
    """

    observations: list[Observation]
    running: dict[str, str]


def ingest(project: Project, store: Store) -> Ingested:
    """Record the ended attempts of all rounds: one sacct call, bounded by the manifests' ids.

    Raises
    ------
    FailureError
        When sacct does not answer; nothing is recorded then.
    """
    recorded = {(o.task, o.job_id) for o in store.observations()}
    found, running, over = look(project, recorded)
    _collect_local(project)
    for number, job_id in over.items():
        _collect_driven(project, number)
        drive.mark_ended(project.round_folder(number), job_id)
    found += [o for o in local_observations(project) if (o.task, o.job_id) not in recorded]
    store.add(found)
    return Ingested(observations=found, running=running)


def until_ended(project: Project, store: Store, *, wait_s: float) -> Ingested:
    """Ingest again, less and less often, until every task has ended or ``wait_s`` (seconds) are over.

    Accounting learns of an end seconds after the next job may have started; a database that does not answer may do so
    soon.
    """
    until_s = time.monotonic() + wait_s
    pause_s = FIRST_PAUSE_S
    seen: list[Observation] = []
    while True:
        last = time.monotonic() + pause_s > until_s
        try:
            found = ingest(project, store)
        except FailureError:
            if last:
                raise
        else:
            seen += found.observations
            if last or not found.running:
                return Ingested(observations=seen, running=found.running)
        time.sleep(pause_s)
        pause_s *= 2


def look(project: Project, recorded: set[tuple[str, str]]) -> tuple[list[Observation], dict[str, str], dict[int, str]]:
    """Return what is new: nothing is written.

    Returns
    -------
    list of Observation
        The ended attempts that are not recorded yet.
    dict
        Task -> Slurm's state, of those that have not ended.
    dict
        Round -> job, of the rounds whose allocation drives them no more.
    """
    waiting = _open_tasks(project, recorded)
    if not waiting:
        return [], {}, {}
    attempts: dict[tuple[str | None, str], list[sacct.JobAttempt]] = {}
    for cluster in {task.cluster for task in waiting}:
        printed = slurm.accounting([task.entry.job_id for task in waiting if task.cluster == cluster], cluster=cluster)
        for attempt in sacct.read_text(printed, poll_s=max(task.poll_s for task in waiting)).attempts:
            attempts.setdefault((cluster, attempt.job_id), []).append(attempt)
    now_s = int(time.time())
    found: list[Observation] = []
    running: dict[str, str] = {}
    over: dict[int, str] = {}
    for task in waiting:
        history = sorted(attempts.get((task.cluster, task.entry.job_id), []), key=lambda a: a.submit_s or 0)
        if task.entry.is_driven:
            state = _driven_state(project, task, history[-1].state) if history else "SUBMITTED"
            gone = history[-1].outcome is not None if history else now_s - task.submitted_s > LOST_AFTER_S
            if gone:
                over[task.round] = task.entry.job_id
            else:
                running[task.entry.task] = state
        elif not history:
            if now_s - task.submitted_s > LOST_AFTER_S:
                found.append(_without_record(task, "the accounting has no record of it"))
            else:
                running[task.entry.task] = "SUBMITTED"
        else:
            ended, going_on = _ended(project.round_folder(task.round), task, history)
            found += ended
            if going_on is not None:
                running[task.entry.task] = going_on
    return found, running, over


def _driven_state(project: Project, task: OpenTask, of_job: str) -> str:
    """Return the state of a task whose allocation is in this state: it may wait there for its turn."""
    started = {record.task for record in RunningRecords(project.round_folder(task.round)).records()}
    return WAITING if of_job == "RUNNING" and task.entry.task not in started else of_job


def _ended(folder: Path, task: OpenTask, history: list[sacct.JobAttempt]) -> tuple[list[Observation], str | None]:
    """Return a task's ended attempts, or the state of the last one while that goes on."""
    *requeued, last = history
    step = _step(task, last)
    record = step or last
    if record.outcome is None:
        return [], record.state
    if task.entry.is_step and step is None:
        return [_without_record(task, f"its job ended ({last.state}) before its step began")], None
    before = [_observe(task, attempt, _step(task, attempt)) for attempt in requeued if attempt.outcome]
    return [*before, _with_own_records(folder, task, last, step)], None


def _step(task: OpenTask, attempt: sacct.JobAttempt) -> sacct.Step | None:
    """Return the step that is the task, when it is one."""
    named = [step for step in attempt.steps if step.name == task.entry.task]
    return named[-1] if task.entry.is_step and named else None


def _open_tasks(project: Project, recorded: set[tuple[str, str]]) -> list[OpenTask]:
    waiting: list[OpenTask] = []
    for number in project.round_numbers():
        folder = project.round_folder(number)
        listed = manifest.read(folder)
        entries = [e for e in listed if not e.is_driven and (e.task, e.job_id) not in recorded]
        entries += drive.in_flight(folder, listed)
        if not entries:
            continue
        plan = project.plan(number)
        tasks = {task.task: task for task in plan.tasks}
        journal = read_journal(folder)
        submitted_s = journal.started_s if journal else int((folder / manifest.FILE).stat().st_mtime)
        waiting += [
            OpenTask(
                round=number,
                entry=entry,
                task=tasks[entry.task],
                tool=plan.tool,
                submitted_s=submitted_s,
                poll_s=poll_s(plan),
                cluster=plan.cluster,
            )
            for entry in entries
            if entry.task in tasks
        ]
    return waiting


def _with_own_records(folder: Path, task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None) -> Observation:
    """Return the observation of the last attempt: what the task's log and own peak record say counts, too."""
    log = _log_tail(folder, task)
    if step is not None:
        step = sacct.with_log(step, log, heap_follows_request=True)
    else:
        attempt = sacct.with_log(attempt, log, heap_follows_request=True)
    own_mb = peak.read(peak.path(folder, task.entry.task, task.entry.job_id))
    return with_own_peak(_observe(task, attempt, step), own_mb)


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
        # an attempt that never started has no limit in force: it is what was asked for
        limit_mb=task.entry.request_mb if observation.limit_mb is None else observation.limit_mb,
    )


def with_own_peak(observation: Observation, own_mb: float | None) -> Observation:
    """Return the observation with the task's own peak record, MiB, which no sampling can miss."""
    if own_mb is None:
        return observation
    peak_mb = max(own_mb, observation.peak_mb or 0.0)
    if observation.quality is Quality.CENSORED:
        return replace(observation, peak_mb=peak_mb)
    return replace(observation, peak_mb=peak_mb, quality=Quality.MEASURED)


def _without_record(task: OpenTask, evidence: str) -> Observation:
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


def _log_tail(folder: Path, task: OpenTask) -> str:
    pattern = f"{task.entry.task}.{task.entry.job_id}" if task.entry.is_step else f"*_{task.entry.job_id}"
    return next((files.tail(path) for path in folder.glob(f"logs/{pattern}.out")), "")


def _collect_local(project: Project) -> None:
    """Have what a killed local run left behind recorded, unless a run is at work and does it itself."""
    with contextlib.suppress(FailureError), project.lock(wait_s=0):
        for number in project.round_numbers():
            folder = project.round_folder(number)
            if local.was_cut_short(folder):
                local.collect(project.plan(number), root=project.folder.resolve(), folder=folder.resolve())


def _collect_driven(project: Project, number: int) -> None:
    """Have what a killed driver left behind recorded, now that its allocation is over."""
    folder = project.round_folder(number).resolve()
    with contextlib.suppress(FailureError), project.lock(number, wait_s=0):
        if drive.was_cut_short(folder):
            drive.collect(project.plan(number), root=project.folder.resolve(), folder=folder)


def local_observations(project: Project) -> list[Observation]:
    """Return the attempts that chromplan ran itself: of local runs, and of allocations that it drove."""
    found: list[Observation] = []
    for number in project.round_numbers():
        ended = runs.read(project.round_folder(number))
        if not ended:
            continue
        plan = project.plan(number)
        tasks = {task.task: task for task in plan.tasks}
        folder = project.round_folder(number)
        found += [_from_local(folder, run, tasks[run.task], plan.tool) for run in ended if run.task in tasks]
    return found


def _from_local(folder: Path, run: runs.Run, task: PlannedTask, tool: str) -> Observation:
    outcome, evidence = run.outcome, run.evidence
    if outcome is Outcome.FAILED:
        # a heap that was too small: it follows the request, so a larger one helps
        shortage = classify_log(files.tail(runs.log_path(folder, run.task, run.source)))
        if shortage is not None:
            outcome, evidence = Outcome.OOM, f"{evidence}; {shortage.evidence}"
    censored = outcome is Outcome.OOM
    own_mb = peak.read(peak.path(folder, run.task, run.job_id)) if run.source == "drive" else run.peak_mb
    quality = Quality.MEASURED if own_mb is not None else Quality.SAMPLED if run.peak_mb else Quality.MISSING
    return Observation(
        tool=tool,
        task=run.task,
        sample=task.sample,
        chromosome=task.chromosome,
        features=task.features,
        peak_mb=max(run.peak_mb, run.limit_mb) if censored else run.peak_mb or None,
        limit_mb=run.limit_mb,
        wall_s=run.wall_s,
        outcome=outcome,
        quality=Quality.CENSORED if censored else quality,
        job_id=run.job_id,
        submit_s=run.start_s,
        cpus=task.cpus,
        start_s=run.start_s,
        end_s=run.end_s,
        evidence=evidence,
        source=run.source,
    )


def summary(observations: Iterable[Observation]) -> Mapping[Outcome, int]:
    """Count outcomes."""
    counts: dict[Outcome, int] = {}
    for observation in observations:
        counts[observation.outcome] = counts.get(observation.outcome, 0) + 1
    return counts
