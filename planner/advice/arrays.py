"""Attempts grouped into arrays, heterogeneous jobs, and single jobs that belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from planner.core import human
from planner.core.errors import InputError
from planner.core.job_ids import JobId, parse_job_id
from planner.core.records import Outcome, Quality
from planner.core.wording import count
from planner.history.labels import chromosome_in
from planner.history.sacct.attempts import JobAttempt

# what differs between the names of jobs that were submitted in a loop
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, kw_only=True)
class PastElement:
    """One element of an array, component of a heterogeneous job, or single job, with all its attempts.

    Attributes
    ----------
    label : str
        The array's index, ``+1`` for a component, the id of a single job.
    chromosome : str
        What it may stand for: the one in its name, else the one of its index; empty without.
    attempts : tuple of JobAttempt
        Oldest first; several after a requeue.
    features : mapping of str to float
        What was known of it before, where that is recorded; accounting knows nothing.
    """

    label: str
    chromosome: str
    attempts: tuple[JobAttempt, ...]
    features: Mapping[str, float] = field(default_factory=dict)

    @property
    def last(self) -> JobAttempt:
        """The attempt that counts."""
        return self.attempts[-1]

    @cached_property
    def measured(self) -> JobAttempt | None:
        """The latest attempt that ran to its end and whose peak can be trusted."""
        return next((one for one in reversed(self.attempts) if tells_peak(one)), None)

    @cached_property
    def killed(self) -> tuple[JobAttempt, ...]:
        """The attempts that were killed for memory."""
        return tuple(one for one in self.attempts if one.outcome is Outcome.OOM)

    @property
    def peak_mb(self) -> float | None:
        """The highest memory known of it, MiB; a lower bound unless it was `measured`."""
        if self.measured is not None:
            return self.measured.peak_mb
        return max((one.peak_mb for one in self.attempts if one.peak_mb is not None), default=None)

    @property
    def limit_mb(self) -> int | None:
        """The limit that the attempt had which shows the peak, MiB; the first one's where none does."""
        return (self.measured or (self.killed or self.attempts[:1])[-1]).limit_mb

    @property
    def quality(self) -> Quality:
        """How far `peak_mb` can be trusted."""
        if self.measured is not None:
            return self.measured.quality
        if self.killed:
            return Quality.CENSORED
        return Quality.MISSING if self.peak_mb is None else self.last.quality


def tells_peak(attempt: JobAttempt) -> bool:
    """Whether an attempt shows what its task needs."""
    trusted = attempt.quality not in (Quality.MISSING, Quality.CENSORED)
    return attempt.outcome is Outcome.COMPLETED and bool(attempt.peak_mb) and trusted


@dataclass(frozen=True, kw_only=True)
class PastArray:
    """Jobs that were submitted as one thing.

    Attributes
    ----------
    kind : str
        ``array``, ``het job``, ``job`` or ``jobs`` (single ones of the same name, numbers aside); ``project`` or
        ``history`` where attempts were recorded by chromplan.
    job_id : str
        The first one's.
    elements : tuple of PastElement
    """

    kind: str
    job_id: str
    name: str
    elements: tuple[PastElement, ...]

    @cached_property
    def attempts(self) -> tuple[JobAttempt, ...]:
        """Every attempt of every element."""
        return tuple(attempt for element in self.elements for attempt in element.attempts)

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of an array; empty for anything else."""
        return tuple(int(one.label) for one in self.elements) if self.kind == "array" else ()

    @property
    def submit_line(self) -> str:
        """The command that submitted it, where it is known."""
        return next((one.submit_line for one in self.attempts if one.submit_line), "")

    @property
    def title(self) -> str:
        """Its kind, id and name in words."""
        if self.kind == "jobs":
            return f"{count(len(self.elements), 'job')} called {self.name}"
        return f"{self.kind} {self.job_id} {self.name}".rstrip()


def gather(attempts: Iterable[JobAttempt], wanted: Sequence[JobId] = ()) -> list[PastArray]:
    """Return what was submitted, in the order in which it stands in accounting.

    Parameters
    ----------
    wanted : sequence of JobId
        Only these jobs, elements or components; all by default.
    """
    groups: dict[tuple[str, str], dict[str, list[tuple[JobId, JobAttempt]]]] = {}
    for attempt in attempts:
        job = parse_job_id(attempt.job_id)
        if not wanted or any(_is_part(job, one) for one in wanted):
            groups.setdefault(_group(job, attempt), {}).setdefault(attempt.job_id, []).append((job, attempt))
    return [_array(kind, name, list(found.values())) for (kind, name), found in groups.items()]


def _is_part(job: JobId, wanted: JobId) -> bool:
    if job.job != wanted.job:
        return False
    if wanted.pending:
        return job.index in wanted.pending
    return wanted.index in (None, job.index) and wanted.het_offset in (None, job.het_offset)


def _group(job: JobId, attempt: JobAttempt) -> tuple[str, str]:
    if job.index is not None:
        return "array", str(job.job)
    if job.het_offset is not None:
        return "het job", str(job.job)
    return "jobs", _without_numbers(attempt.name) or str(job.job)


def _without_numbers(name: str) -> str:
    """Return a name in which the numbers, and the chromosome, are left open."""
    chromosome = chromosome_in(name)
    if chromosome in ("X", "Y", "MT"):
        name = re.sub(rf"(chr\w*?[_\-. ]?){chromosome[:1]}T?(?![A-Za-z])", r"\1#", name, flags=re.IGNORECASE)
    return _NUMBER.sub("#", name)


def _array(kind: str, name: str, found: Sequence[Sequence[tuple[JobId, JobAttempt]]]) -> PastArray:
    single = kind == "jobs" and len(found) == 1
    first = found[0][0]
    elements = [_element(kind, [attempt for _, attempt in attempts], attempts[0][0]) for attempts in found]
    if kind == "array":
        elements.sort(key=lambda one: int(one.label))
    return PastArray(
        kind="job" if single else kind,
        job_id=str(first[0].job),
        name=name if kind == "jobs" and not single else first[1].name,
        elements=tuple(elements),
    )


def _element(kind: str, attempts: Sequence[JobAttempt], job: JobId) -> PastElement:
    ordered = tuple(sorted(attempts, key=lambda one: one.submit_s))
    label = {"array": str(job.index), "het job": f"+{job.het_offset}"}.get(kind, str(job.job))
    return PastElement(label=label, chromosome=_chromosome(job, ordered[-1]), attempts=ordered)


def _chromosome(job: JobId, attempt: JobAttempt) -> str:
    named = chromosome_in(attempt.name, *(step.name for step in attempt.steps))
    if named or job.index is None:
        return named
    try:
        return human.by_index(job.index)
    except InputError:
        return ""
