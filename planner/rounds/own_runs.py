"""Observations of the attempts that chromplan ran itself, in local runs and in allocations."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from planner.core import files
from planner.core.command import logs_its_heap
from planner.core.records import Observation, Outcome, Quality
from planner.history import java_log
from planner.history.sacct.outcomes import classify_log
from planner.plan.document import Plan
from planner.project.folder import ProjectFolder
from planner.runner import peak, runs
from planner.runner.runs import Run


def of_project(project: ProjectFolder, *, known: Collection[tuple[str, str]] = ()) -> list[Observation]:
    """Return the recorded attempts of all rounds, without those whose (task, job id) is in ``known``."""
    found: list[Observation] = []
    for number in project.round_numbers():
        folder = project.round_folder(number)
        new = [run for run in runs.read(folder) if (run.task, run.job_id) not in known]
        if new:
            found += observed(folder, project.plan(number), new)
    return found


def observed(folder: Path, plan: Plan, ended: Iterable[Run]) -> list[Observation]:
    """Return the observations of these attempts of a round's tasks; ``folder`` is the round's."""
    tasks = {task.task: task for task in plan.tasks}
    found: list[Observation] = []
    for run in ended:
        if run.task not in tasks:
            continue
        task = tasks[run.task]
        outcome, evidence = _outcome(folder, run)
        censored = outcome is Outcome.OOM
        found.append(
            Observation(
                tool=plan.tool,
                task=run.task,
                sample=task.sample,
                chromosome=task.chromosome,
                features=task.features,
                peak_mb=max(run.peak_mb, run.limit_mb) if censored else run.peak_mb or None,
                limit_mb=run.limit_mb,
                wall_s=run.wall_s,
                outcome=outcome,
                quality=Quality.CENSORED if censored else _quality(folder, run),
                job_id=run.job_id,
                submit_s=run.start_s,
                cpus=task.cpus,
                start_s=run.start_s,
                end_s=run.end_s,
                evidence=evidence,
                source=run.source,
                heap_kept_mb=_heap_kept_mb(folder, plan, run) if outcome is Outcome.COMPLETED else None,
            )
        )
    return found


def _outcome(folder: Path, run: Run) -> tuple[Outcome, str]:
    if run.outcome is Outcome.FAILED:
        # the Java heap was too small: it grows with the request, so a larger request helps
        shortage = classify_log(files.tail(runs.log_path(folder, run.task, run.source)))
        if shortage is not None:
            return Outcome.OOM, f"{run.evidence}; {shortage.evidence}"
    return run.outcome, run.evidence


def _heap_kept_mb(folder: Path, plan: Plan, run: Run) -> float | None:
    if not logs_its_heap(plan.command):
        return None
    return java_log.kept_mb(files.tail(runs.log_path(folder, run.task, run.source), java_log.MOST_BYTES))


def _quality(folder: Path, run: Run) -> Quality:
    own = peak.read(peak.path(folder, run.task, run.job_id))
    if own is not None:
        return own.quality
    if run.peak_mb:  # measured here ten times a second, or sampled by Slurm for a step on another node
        return Quality.MEASURED if run.source == "local" else Quality.SAMPLED
    return Quality.MISSING
