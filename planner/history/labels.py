"""Tool, sample and chromosome parsed from a job's name, for jobs that are not in a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from planner.core.errors import InputError
from planner.core.records import Observation
from planner.core.regions import Span, part_in
from planner.history.reading import HistoryRead, Skipped

# "chr7", "chrom_X", "chromosome-22", anywhere between characters that are neither letters nor digits
_CHROMOSOME = re.compile(
    r"(?<![a-z0-9])chr(?:om(?:osome)?)?[_\-. ]?(?P<name>[0-9]{1,2}|x|y|mt?)(?![a-z0-9])", re.IGNORECASE
)
# sacct cuts a name that is too long for its column and ends it with "+": "phas.chr1+" may be chr12
_CUT_WORD = re.compile(r"[A-Za-z0-9]*\+$")
CUT_NAME = "jobs whose name sacct cut off (print it in full: -o JobName%100, or -P)"
CHROMOSOME_KEYS = ("chromosome", "chrom", "chr", "contig")
"""Names of columns, wildcards and inputs that hold a chromosome."""
SAMPLE_KEYS = ("sample", "sample_id", "sample_name")
"""Names of those that hold a sample."""

_GROUPS = ("tool", "sample", "chromosome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """How to read the names of jobs and tasks.

    Attributes
    ----------
    tool : str or None
        The tool of all jobs, unless the pattern has a group ``tool``.
    pattern : re.Pattern or None
        With groups ``tool``, ``sample``, ``chromosome``; jobs that it does not match are skipped. Without a pattern,
        the name of a Slurm job or of one of its steps must contain ``chr…``.
    array_is_chromosome : bool
        The array index is the chromosome; 23, 24 and 25 are X, Y and MT.
    name_is_task : bool
        A job without a chromosome in its name is a task with the job's name and its array index.
    """

    tool: str | None = None
    pattern: re.Pattern[str] | None = None
    array_is_chromosome: bool = False
    name_is_task: bool = False


def name_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern for job names.

    Raises
    ------
    InputError
        When it is not a regular expression, or has none of these groups.
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
    """Raise an error for labels that do not give the tool.

    Raises
    ------
    InputError
        When neither the tool nor a group ``tool`` is given.
    """
    if not labels.tool and (labels.pattern is None or "tool" not in labels.pattern.groupindex):
        raise InputError(
            "the tool of these jobs is not known", "name it with --tool, or with a group 'tool' in --name-pattern"
        )


def chromosome_in(*texts: str) -> str:
    """Return the plain name of the first chromosome written as ``chr…`` in the texts, or "".

    A chromosome at the end of a text that was cut off (``phas.chr1+``) is not trusted.
    """
    for text in texts:
        match = _CHROMOSOME.search(_CUT_WORD.sub("", text) if text.endswith("+") else text)
        if match:
            name = match["name"].upper()
            return "MT" if name == "M" else name.lstrip("0") or name
    return ""


def plain_chromosome(text: str) -> str:
    """Return ``7`` for ``chr7``, ``07`` and ``7``; text that is not a chromosome is unchanged."""
    return (chromosome_in(text, f"chr{text}") or text) if text else ""


def read_name(name: str, labels: Labels) -> dict[str, str]:
    """Return tool, sample and chromosome from a name; an empty dict when it has none.

    Raises
    ------
    ValueError
        When a group of the pattern reaches the end of a name that was cut off.
    """
    if labels.pattern is None:
        chromosome = chromosome_in(name)
        return {"tool": labels.tool or "", "chromosome": chromosome} if chromosome else {}
    match = labels.pattern.search(name)
    if match is None:
        return {}
    groups = [group for group in _GROUPS if group in labels.pattern.groupindex]
    if name.endswith("+") and any(match.end(group) >= len(name) - 1 for group in groups):
        raise ValueError(CUT_NAME)
    found = {group: match[group] or "" for group in groups}
    return {"tool": labels.tool or "", **found, "chromosome": plain_chromosome(found.get("chromosome", ""))}


def add_length(read: HistoryRead, lengths_bp: Mapping[str, int]) -> HistoryRead:
    """Give each observation of a known chromosome the feature ``length_mb`` (1e6 bases), unless it has one."""
    return replace(read, observations=tuple(with_length(one, lengths_bp) for one in read.observations))


def length_bp(observation: Observation, lengths_bp: Mapping[str, int]) -> int:
    """Return the length of an attempt's region: of its chromosome, or of the part in its name; 0 if unknown."""
    whole = lengths_bp.get(observation.chromosome, 0)
    part = part_in(observation.task)
    if part is None or part[1] > whole:
        return whole
    return part[1] - part[0] + 1


def length_of(span: Span | None) -> dict[str, float]:
    """Return the length of a part of a chromosome as the feature ``length_mb``; nothing without one."""
    return {} if span is None else {"length_mb": (span[1] - span[0] + 1) / 1e6}


def with_length(observation: Observation, lengths_bp: Mapping[str, int]) -> Observation:
    """Return the observation with the length of its region as ``length_mb``, if that is known and not yet set."""
    length_mb = length_bp(observation, lengths_bp) / 1e6
    if not length_mb or "length_mb" in observation.features:
        return observation
    return replace(observation, features={"length_mb": length_mb, **observation.features})


def collected(found: Iterable[Observation | Skipped]) -> HistoryRead:
    """Return observations and skipped items, separated."""
    observations: list[Observation] = []
    skipped: list[Skipped] = []
    for one in found:
        if isinstance(one, Skipped):
            skipped.append(one)
        else:
            observations.append(one)
    return HistoryRead(observations=tuple(observations), skipped=tuple(skipped))
