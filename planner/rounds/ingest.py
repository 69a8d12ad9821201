"""What became of a round: sacct, the tasks' own peak records and local runs become observations."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planner.asking import poll_s
from planner.errors import FailureError
from planner.history import sacct
from planner.history.outcomes import classify_log
from planner.history.store import Store
from planner.plan.document import PlannedTask
from planner.records import Observation, Outcome, Quality
from planner.rounds import local, manifest, peak, runs, slurm
from planner.rounds.journal import read_journal
from planner.rounds.project import Project

# accounting shows a job within seconds of its submission; one that is not there after this long never was
LOST_AFTER_S = 900
LOG_TAIL_BYTES = 16_384
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
    found, running = look(project, recorded)
    _collect_local(project)
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


def look(project: Project, recorded: set[tuple[str, str]]) -> tuple[list[Observation], dict[str, str]]:
    """Return the ended attempts that are not recorded yet, and the state of the others; nothing is written."""
    waiting = _open_tasks(project, recorded)
    if not waiting:
        return [], {}
    printed = slurm.accounting([task.entry.job_id for task in waiting])
    read = sacct.read_text(printed, poll_s=max(task.poll_s for task in waiting))
    attempts: dict[str, list[sacct.Attempt]] = {}
    for attempt in read.attempts:
        attempts.setdefault(attempt.job_id, []).append(attempt)
    now_s = int(time.time())
    found: list[Observation] = []
    running: dict[str, str] = {}
    for task in waiting:
        history = sorted(attempts.get(task.entry.job_id, []), key=lambda a: a.submit_s or 0)
        if not history:
            if now_s - task.submitted_s > LOST_AFTER_S:
                found.append(_without_record(task, "the accounting has no record of it"))
            else:
                running[task.entry.task] = "SUBMITTED"
            continue
        *requeued, last = history
        step = _step(task, last)
        record = step or last
        if record.outcome is None:
            running[task.entry.task] = record.state
        elif task.entry.is_step and step is None:
            found.append(_without_record(task, f"its job ended ({last.state}) before its step began"))
        else:
            found += [_observe(task, attempt, _step(task, attempt)) for attempt in requeued if attempt.outcome]
            found.append(_with_own_records(project.round_folder(task.round), task, last, step))
    return found, running


def _step(task: OpenTask, attempt: sacct.Attempt) -> sacct.Step | None:
    """Return the step that is the task, when it is one."""
    named = [step for step in attempt.steps if step.name == task.entry.task]
    return named[-1] if task.entry.is_step and named else None


def _open_tasks(project: Project, recorded: set[tuple[str, str]]) -> list[OpenTask]:
    waiting: list[OpenTask] = []
    for number in project.round_numbers():
        folder = project.round_folder(number)
        entries = [e for e in manifest.read(folder) if (e.task, e.job_id) not in recorded]
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
            )
            for entry in entries
            if entry.task in tasks
        ]
    return waiting


def _with_own_records(folder: Path, task: OpenTask, attempt: sacct.Attempt, step: sacct.Step | None) -> Observation:
    """Return the observation of the last attempt: what the task's log and own peak record say counts, too."""
    log = _log_tail(folder, task)
    if step is not None:
        step = sacct.with_log(step, log, heap_follows_request=True)
    else:
        attempt = sacct.with_log(attempt, log, heap_follows_request=True)
    own_mb = peak.read(peak.path(folder, task.entry.task, task.entry.job_id))
    return with_own_peak(_observe(task, attempt, step), own_mb)


def _observe(task: OpenTask, attempt: sacct.Attempt, step: sacct.Step | None) -> Observation:
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
    return next((_tail(path) for path in folder.glob(f"logs/{pattern}.out")), "")


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _collect_local(project: Project) -> None:
    """Have what a killed local run left behind recorded, unless a run is at work and does it itself."""
    with contextlib.suppress(FailureError), project.lock():
        for number in project.round_numbers():
            folder = project.round_folder(number)
            if local.was_cut_short(folder):
                local.collect(project.plan(number), root=project.folder.resolve(), folder=folder.resolve())


def local_observations(project: Project) -> list[Observation]:
    """Return the attempts of local runs."""
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
        shortage = classify_log(_tail(runs.log_path(folder, run.task)))
        if shortage is not None:
            outcome, evidence = Outcome.OOM, f"{evidence}; {shortage.evidence}"
    censored = outcome is Outcome.OOM
    return Observation(
        tool=tool,
        task=run.task,
        sample=task.sample,
        chromosome=task.chromosome,
        features=task.features,
        peak_mb=max(run.peak_mb, run.limit_mb) if censored else run.peak_mb,
        limit_mb=run.limit_mb,
        wall_s=run.wall_s,
        outcome=outcome,
        quality=Quality.CENSORED if censored else Quality.MEASURED,
        job_id=run.job_id,
        submit_s=run.start_s,
        cpus=task.cpus,
        start_s=run.start_s,
        end_s=run.end_s,
        evidence=evidence,
        source="local",
    )


def summary(observations: Iterable[Observation]) -> Mapping[Outcome, int]:
    """Count outcomes."""
    counts: dict[Outcome, int] = {}
    for observation in observations:
        counts[observation.outcome] = counts.get(observation.outcome, 0) + 1
    return counts
