"""The course of a replayed strategy: every attempt, and the memory held over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.schedule.dynamic.simulator import Span

# Slurm's G: 1024 of its M


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldMemory:
    """Memory reserved for a while, MiB."""

    start_s: float
    end_s: float
    mem_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """One replay of all jobs under one strategy.

    Attributes
    ----------
    spans : tuple of Span
        Every attempt.
    held : tuple of HeldMemory
        The memory that Slurm reserves: each attempt's request, or the allocations that contain the attempts.
    """

    spans: tuple[Span, ...]
    held: tuple[HeldMemory, ...]

    @property
    def makespan_s(self) -> float:
        """When the last attempt ends."""
        return max(span.end_s for span in self.spans)

    @property
    def waits_s(self) -> list[float]:
        """How long each job waits for its first start, s, all being submitted at 0."""
        starts: dict[str, float] = {}
        for span in self.spans:
            starts[span.name] = min(span.start_s, starts.get(span.name, span.start_s))
        return list(starts.values())

    @property
    def killed(self) -> int:
        """Attempts killed for memory."""
        return sum(span.killed for span in self.spans)

    @property
    def reserved_mb_s(self) -> float:
        """Memory x time reserved, MiB s."""
        return sum(held.mem_mb * (held.end_s - held.start_s) for held in self.held)


def steps(pieces: Iterable[HeldMemory]) -> tuple[list[float], list[float]]:
    """Return the times at which the sum of the pieces changes, and the sum from each time on.

    Returns
    -------
    list of float
        s, rising, from 0.
    list of float
        MiB, as many; the last is 0.
    """
    changes: dict[float, float] = {0.0: 0.0}
    for piece in pieces:
        changes[piece.start_s] = changes.get(piece.start_s, 0.0) + piece.mem_mb
        changes[piece.end_s] = changes.get(piece.end_s, 0.0) - piece.mem_mb
    instants = sorted(changes)
    level, levels = 0.0, []
    for instant in instants:
        level += changes[instant]
        levels.append(max(0.0, level))
    levels[-1] = 0.0  # sums of floats are not exactly 0
    return instants, levels


def most_running(spans: Sequence[Span]) -> int:
    """Return how many attempts ran at once, at most."""
    _, levels = steps(HeldMemory(start_s=span.start_s, end_s=span.end_s, mem_mb=1.0) for span in spans)
    return round(max(levels))
