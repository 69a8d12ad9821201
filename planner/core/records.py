"""Frozen records shared by all parts: tasks, observations, outcomes.

Units are in the names: ``*_mb`` is MiB (what Slurm calls M), ``*_s`` is seconds; instants are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    OOM = "oom"
    TIMEOUT = "timeout"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INFRA = "infra"


class Quality(StrEnum):
    """How far a recorded peak can be trusted."""

    MEASURED = "measured"  # the task's own peak record
    SAMPLED = "sampled"  # polled MaxRSS: may have missed a short peak
    CENSORED = "censored"  # killed for memory: the true peak is at least limit_mb
    MISSING = "missing"


SHARED = "shared"
"""Source of shared attempts of others, which are used unless own attempts contradict them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One tool on one region of one sample: the unit that gets its own ``--mem``.

    Attributes
    ----------
    name : str
        Unique within a plan and safe as a file or job name (``[A-Za-z0-9._-]``).
    tool : str
        The command family whose memory model applies.
    sample, chromosome : str
        As the user wrote them; any characters.
    region : str
        The chromosome or its part, in the notation of tools.
    length_bp : int
        Length of the region; 0 if unknown.
    cpus : int
    element : int
        Its array index in Slurm.
    features : mapping of str to float
        Numbers known before the task runs.
    parameters : mapping of str to str
        Further placeholders of the command: columns of the sample table, and the position of its region.
    """

    name: str
    tool: str
    sample: str
    chromosome: str
    region: str = ""
    length_bp: int = 0
    cpus: int = 1
    element: int = 0
    features: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One attempt of a task as recorded.

    ``(job_id, submit_s)`` identifies an attempt: a requeued job keeps its id and gets a new submit time.

    Attributes
    ----------
    peak_mb : float or None
        Highest resident memory seen, MiB. A lower bound when ``quality`` is censored.
    limit_mb : int or None
        The memory limit in force, MiB.
    evidence : str
        What the outcome is based on.
    source : str
        Where the record came from (``sacct``, ``local``, ``drive``, ``nextflow``, ``snakemake``, ``table``, `SHARED`).
    heap_kept_mb : float or None
        Java: most of the heap that was in use right after a garbage collection, by the program's own log, MiB.
    recorded_by : str
        The user who recorded it, in a history that several use; empty for the user who reads it.
    """

    tool: str
    task: str
    sample: str
    chromosome: str
    features: Mapping[str, float]
    peak_mb: float | None
    limit_mb: int | None
    wall_s: float | None
    outcome: Outcome
    quality: Quality
    job_id: str
    submit_s: int
    cpus: int = 1
    start_s: int | None = None
    end_s: int | None = None
    evidence: str = ""
    source: str = "sacct"
    heap_kept_mb: float | None = None
    recorded_by: str = field(default="", compare=False)

    @property
    def is_own(self) -> bool:
        """Whether it is the reader's own run: neither another user's, nor merged from a file."""
        return self.source != SHARED and not self.recorded_by

    @property
    def key(self) -> tuple[str, int]:
        """The attempt's identity: job id and submit time."""
        return (self.job_id, self.submit_s)
