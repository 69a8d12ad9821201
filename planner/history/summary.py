"""Summaries of the resource use of each tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from planner.core.records import Observation, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The attempts of one tool.

    Attributes
    ----------
    peaks : int
        Number of completed attempts with a known peak; the sizes are theirs, MiB.
    asked_per_used : float or None
        Sum of the limits divided by sum of the peaks, over those of them that had a limit.
    wall_s : float or None
        Median wall time of completed attempts.
    """

    tool: str
    attempts: int
    completed: int
    oom: int
    other: int
    peaks: int
    min_mb: float | None
    median_mb: float | None
    max_mb: float | None
    asked_per_used: float | None
    wall_s: float | None


def summarize(observations: Iterable[Observation]) -> list[Summary]:
    """Return one summary per tool, in the order of their names."""
    by_tool: dict[str, list[Observation]] = {}
    for observation in observations:
        by_tool.setdefault(observation.tool, []).append(observation)
    return [_summary(tool, by_tool[tool]) for tool in sorted(by_tool)]


def _summary(tool: str, attempts: list[Observation]) -> Summary:
    completed = [one for one in attempts if one.outcome is Outcome.COMPLETED]
    oom = sum(one.outcome is Outcome.OOM for one in attempts)
    peaks = [one.peak_mb for one in completed if one.peak_mb is not None]
    limited = [(one.limit_mb, one.peak_mb) for one in completed if one.limit_mb is not None and one.peak_mb]
    walls = [one.wall_s for one in completed if one.wall_s is not None]
    return Summary(
        tool=tool,
        attempts=len(attempts),
        completed=len(completed),
        oom=oom,
        other=len(attempts) - len(completed) - oom,
        peaks=len(peaks),
        min_mb=min(peaks, default=None),
        median_mb=median(peaks) if peaks else None,
        max_mb=max(peaks, default=None),
        asked_per_used=sum(limit for limit, _ in limited) / sum(peak for _, peak in limited) if limited else None,
        wall_s=median(walls) if walls else None,
    )
