"""Memory and cores that were reserved, in five sums: used, idle, killed, failed in another way, and unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.advice.arrays import tells_peak
from planner.core.records import Outcome
from planner.history.sacct.attempts import JobAttempt


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """An amount that was reserved, and where it went; MiB s, or core s. ``reserved`` is the sum of the others.

    Attributes
    ----------
    used : float
        By attempts that ran to their end: memory up to the peak as long as they ran, processor time.
    idle : float
        Reserved by these attempts and not used.
    killed : float
        All that attempts had which were killed for memory.
    otherwise : float
        All that attempts had which failed, timed out, were cancelled or lost.
    unknown : float
        Of attempts that ran to their end, or run yet, and of which nothing trustworthy is recorded.
    """

    used: float = 0.0
    idle: float = 0.0
    killed: float = 0.0
    otherwise: float = 0.0
    unknown: float = 0.0

    @property
    def reserved(self) -> float:
        """All of it."""
        return self.used + self.idle + self.killed + self.otherwise + self.unknown

    @property
    def wasted(self) -> float:
        """What another ``--mem`` would have saved: what was idle, and what was killed for memory."""
        return self.idle + self.killed

    def __add__(self, other: Share) -> Share:
        return Share(
            used=self.used + other.used,
            idle=self.idle + other.idle,
            killed=self.killed + other.killed,
            otherwise=self.otherwise + other.otherwise,
            unknown=self.unknown + other.unknown,
        )


def memory(attempts: Iterable[JobAttempt]) -> Share:
    """Return where the memory x time of attempts went, MiB s."""
    return sum((_memory(one) for one in attempts), Share())


def cores(attempts: Iterable[JobAttempt]) -> Share:
    """Return where the cores x time of attempts went, s."""
    return sum((_cores(one) for one in attempts), Share())


def own_price_s(attempts: Sequence[JobAttempt]) -> float | None:
    """Return the same as `billed_unit_s`; None also where a unit is a core, so that nothing more is said by it."""
    billed_s = billed_unit_s(attempts)
    as_cores = all(one.billing == one.cpus for one in attempts if one.wall_s)
    return None if as_cores else billed_s


def billed_unit_s(attempts: Iterable[JobAttempt]) -> float | None:
    """Return the site's billing units x time of attempts, s; None where accounting lacks those of one that ran."""
    ran = [one for one in attempts if one.wall_s]
    units = [one.billing for one in ran]
    if not ran or None in units:
        return None
    return sum((one.billing or 0.0) * (one.wall_s or 0.0) for one in ran)


def _memory(attempt: JobAttempt) -> Share:
    reserved = (attempt.limit_mb or 0) * (attempt.wall_s or 0.0)
    used = (attempt.peak_mb or 0.0) * (attempt.wall_s or 0.0) if tells_peak(attempt) else None
    return _share(attempt, reserved, used)


def _cores(attempt: JobAttempt) -> Share:
    return _share(attempt, attempt.cpus * (attempt.wall_s or 0.0), attempt.cpu_s)


def _share(attempt: JobAttempt, reserved: float, used: float | None) -> Share:
    match attempt.outcome:
        case Outcome.OOM:
            return Share(killed=reserved)
        case Outcome.COMPLETED | None:
            if used is None or attempt.outcome is None:
                return Share(unknown=reserved)
            # memory that was never limited, and hyperthreads, can be used beyond what was reserved
            used = min(used, reserved)
            return Share(used=used, idle=reserved - used)
    return Share(otherwise=reserved)
