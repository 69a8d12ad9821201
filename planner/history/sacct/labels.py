"""Which tool, sample and chromosome a job of the accounting was, when no manifest says so: read from names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from planner.core import genome
from planner.core.errors import InputError
from planner.core.records import Observation
from planner.core.units import SLURM_STEPS, parse_job_id
from planner.history.reading import HistoryRead, Skipped, chromosome_in
from planner.history.sacct.read import Attempt, SacctRead, Step, observe

_GROUPS = ("tool", "sample", "chromosome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """How to read job names.

    Attributes
    ----------
    tool : str or None
        The tool of all jobs, unless the pattern has a group ``tool``.
    pattern : re.Pattern or None
        With groups ``tool``, ``sample``, ``chromosome``; jobs that it does not match are skipped. Without it, a job or
        one of its steps must have ``chr…`` in its name.
    array_is_chromosome : bool
        The array index is the chromosome; 23, 24 and 25 are X, Y and MT.
    """

    tool: str | None = None
    pattern: re.Pattern[str] | None = None
    array_is_chromosome: bool = False


def name_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern for job names.

    Raises
    ------
    InputError
        When it is not a regular expression, or has none of the groups.
    """
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InputError(f"name pattern {text!r}: {error}", "it is a Python regular expression") from None
    if not set(pattern.groupindex) & set(_GROUPS):
        raise InputError(
            f"name pattern {text!r}: no named group", r"for example '(?P<sample>\w+)\.chr(?P<chromosome>\w+)'"
        )
    return pattern


def check_tool(labels: Labels) -> None:
    """Refuse labels that cannot tell the tool.

    Raises
    ------
    InputError
        When neither the tool nor a group ``tool`` is given.
    """
    if not labels.tool and (labels.pattern is None or "tool" not in labels.pattern.groupindex):
        raise InputError(
            "the tool of these jobs is not known", "name it with --tool, or with a group 'tool' in --name-pattern"
        )


def label(read: SacctRead, labels: Labels) -> HistoryRead:
    """Turn attempts into observations; what has not ended, or whose name does not tell enough, is named as skipped.

    A job of which several steps name a chromosome is a batch of tasks: each of these steps is an observation.
    """
    observations: list[Observation] = []
    skipped = list(read.skipped)
    for attempt in read.attempts:
        try:
            observations.extend(_observations(attempt, labels))
        except ValueError as error:
            skipped.append(Skipped(line=0, reason=str(error)))
    return HistoryRead(observations=tuple(observations), skipped=tuple(skipped))


def _observations(attempt: Attempt, labels: Labels) -> Iterator[Observation]:
    if attempt.outcome is None:
        raise ValueError("jobs that have not ended")
    named = {step: found for step in attempt.steps if (found := _named_chromosome(step, labels))}
    if len(set(named.values())) > 1:
        for step in named:
            if step.outcome is not None:
                yield _observe(attempt, _read_name(step.name, labels), step)
        return
    yield _observe(attempt, _of_attempt(attempt, labels))


def _named_chromosome(step: Step, labels: Labels) -> str:
    if step.name in SLURM_STEPS:
        return ""
    found = _read_name(step.name, labels)
    return found.get("chromosome", "") if found else ""


def _of_attempt(attempt: Attempt, labels: Labels) -> dict[str, str]:
    names = [attempt.name, *(step.name for step in attempt.steps if step.name not in SLURM_STEPS)]
    found = next((one for name in names if (one := _read_name(name, labels))), {})
    if labels.array_is_chromosome:
        index = parse_job_id(attempt.job_id).index
        try:
            chromosome = genome.by_index(index or 0)
        except InputError:
            raise ValueError("jobs whose array index is not a chromosome") from None
        return {"tool": labels.tool or "", **found, "chromosome": chromosome}
    if not found:
        raise ValueError(
            "jobs without a chromosome in their name (say how with --name-pattern or --array-is-chromosome)"
            if labels.pattern is None
            else "jobs whose name does not match the pattern"
        )
    return found


def _read_name(name: str, labels: Labels) -> dict[str, str]:
    """Return tool, sample and chromosome as the name tells them; nothing when it does not."""
    if labels.pattern is None:
        chromosome = chromosome_in(name)
        return {"tool": labels.tool or "", "chromosome": chromosome} if chromosome else {}
    match = labels.pattern.search(name)
    if match is None:
        return {}
    found = {group: match[group] or "" for group in _GROUPS if group in labels.pattern.groupindex}
    chromosome = found.get("chromosome", "")
    plain = chromosome_in(chromosome, f"chr{chromosome}") or chromosome
    return {"tool": labels.tool or "", **found, "chromosome": plain}


def _observe(attempt: Attempt, found: dict[str, str], step: Step | None = None) -> Observation:
    sample, chromosome = found.get("sample", ""), found.get("chromosome", "")
    parts = [sample, f"chr{chromosome}" if chromosome else ""]
    task = ".".join(part for part in parts if part) or attempt.name or attempt.job_id
    return observe(attempt, tool=found["tool"], task=task, sample=sample, chromosome=chromosome, step=step)


def add_length(read: HistoryRead, lengths_bp: Mapping[str, int]) -> HistoryRead:
    """Give each observation of a known chromosome the feature ``length_mb`` (1e6 bases), unless it has one."""
    return replace(read, observations=tuple(_with_length(one, lengths_bp) for one in read.observations))


def _with_length(observation: Observation, lengths_bp: Mapping[str, int]) -> Observation:
    if observation.chromosome not in lengths_bp:
        return observation
    length_mb = lengths_bp[observation.chromosome] / 1e6
    return replace(observation, features={"length_mb": length_mb, **observation.features})
