"""The task of each attempt in Slurm's accounting, parsed from the names of jobs and steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from planner.core import human
from planner.core.errors import InputError
from planner.core.job_ids import SLURM_STEPS, parse_job_id
from planner.core.records import Observation
from planner.core.regions import part_in
from planner.history.labels import CUT_NAME, Labels, collected, read_name
from planner.history.reading import HistoryRead, Skipped
from planner.history.sacct.read import JobAttempt, SacctRead, Step, observe


def label(read: SacctRead, labels: Labels) -> HistoryRead:
    """Turn attempts into observations; attempts that have not ended, or whose name is not enough, are skipped.

    A job with several steps that name a chromosome is a batch of tasks: each of these steps is an observation.
    """
    return collected(labelled(chain(read.skipped, read.attempts), labels))


def labelled(found: Iterable[JobAttempt | Skipped], labels: Labels) -> Iterator[Observation | Skipped]:
    """Turn attempts into observations one by one; see `label`."""
    for one in found:
        if isinstance(one, Skipped):
            yield one
            continue
        try:
            yield from _observations(one, labels)
        except ValueError as error:
            yield Skipped(line=0, reason=str(error))


def _observations(attempt: JobAttempt, labels: Labels) -> Iterator[Observation]:
    if attempt.outcome is None:
        raise ValueError("jobs that have not ended")
    named = {step: found for step in attempt.steps if (found := _named_chromosome(step, labels))}
    if len(set(named.values())) > 1:
        for step in named:
            if step.outcome is not None:
                yield _observe(attempt, read_name(step.name, labels), step)
        return
    yield _observe(attempt, _of_attempt(attempt, labels))


def _named_chromosome(step: Step, labels: Labels) -> str:
    if step.name in SLURM_STEPS:
        return ""
    found = read_name(step.name, labels)
    return found.get("chromosome", "") if found else ""


def _of_attempt(attempt: JobAttempt, labels: Labels) -> dict[str, str]:
    names = [attempt.name, *(step.name for step in attempt.steps if step.name not in SLURM_STEPS)]
    found = next((one for name in names if (one := read_name(name, labels))), {})
    if labels.array_is_chromosome:
        index = parse_job_id(attempt.job_id).index
        try:
            chromosome = human.by_index(index or 0)
        except InputError:
            raise ValueError("jobs whose array index is not a chromosome") from None
        return {"tool": labels.tool or "", **found, "chromosome": chromosome}
    if not found and labels.pattern is None and labels.name_is_task:
        return {"tool": labels.tool or "", "task": _own_name(attempt)}
    if not found and attempt.name.endswith("+"):
        raise ValueError(CUT_NAME)
    if not found:
        raise ValueError(
            "jobs without a chromosome in their name (--name-pattern, --array-is-chromosome or --name-is-task say more)"
            if labels.pattern is None
            else "jobs whose name does not match the pattern"
        )
    return found


def _own_name(attempt: JobAttempt) -> str:
    if attempt.name.endswith("+"):
        raise ValueError(CUT_NAME)
    index = parse_job_id(attempt.job_id).index
    return attempt.name if index is None else f"{attempt.name}_{index}"


def _observe(attempt: JobAttempt, found: dict[str, str], step: Step | None = None) -> Observation:
    sample, chromosome = found.get("sample", ""), found.get("chromosome", "")
    names = [attempt.name, *(one.name for one in attempt.steps)] if step is None else [step.name]
    part = next((f"_{span[0]}-{span[1]}" for name in names if (span := part_in(name))), "")
    parts = [sample, f"chr{chromosome}{part}" if chromosome else ""]
    task = found.get("task") or ".".join(part for part in parts if part) or attempt.name or attempt.job_id
    return observe(attempt, tool=found["tool"], task=task, sample=sample, chromosome=chromosome, step=step)
