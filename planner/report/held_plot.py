"""The plot of memory over time: what was reserved, and what of it was in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.report import svg
from planner.report.memory_plots import TALL, memory_unit
from planner.report.svg import Plot


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSpan:
    """An attempt over time: what it had and what it used, MiB; instants in s."""

    start_s: float
    end_s: float
    asked_mb: float
    peak_mb: float


def over_time(held: Sequence[HeldSpan], capacity_mb: float | None = None) -> Plot | None:
    """Draw the memory that was reserved and used over time."""
    if not held:
        return None
    first = min(one.start_s for one in held)
    instants = sorted({one.start_s for one in held} | {one.end_s for one in held})
    asked, used = _levels(held, instants)
    unit, mb = memory_unit(max(asked))
    longest = instants[-1] - first
    time, seconds = ("hours", 3600.0) if longest > 7200 else ("minutes", 60.0) if longest > 120 else ("seconds", 1.0)
    there = capacity_mb if capacity_mb and capacity_mb < 3 * max(asked) else None
    bottom = TALL + 22
    across = svg.across(longest / seconds, left=44)
    up = svg.Axis(most=max(max(asked), there or 0) / mb * 1.02, first=bottom, last=22)
    parts = [
        svg.path(_steps(asked, instants, first, seconds, mb, across, up), "area wasted"),
        svg.path(_steps(used, instants, first, seconds, mb, across, up), "area used"),
        svg.grid(across, 22, bottom, f"time since the first start ({time})"),
        svg.side(up, across.first, across.last, f"memory ({unit})"),
    ]
    if there:
        parts.append(svg.line(across.first, up.at(there / mb), across.last, up.at(there / mb), "own"))
    whole = sum(one.asked_mb * (one.end_s - one.start_s) for one in held)
    share = sum(min(one.peak_mb, one.asked_mb) * (one.end_s - one.start_s) for one in held) / whole if whole else 0
    title = f"Of the memory held over time, at most {100 * share:.0f} % was in use"
    alt = "Memory reserved, and within it the peaks of the tasks that ran, over time."
    return Plot(
        title=title,
        alt=alt,
        svg=svg.svg(parts, bottom + 34, title=title, alt=alt),
        legend=[
            ("used", "peaks of what ran"),
            ("wasted", "reserved beyond it"),
            *([("own", "all that there is")] if there else []),
        ],
        columns=[f"{time}", f"reserved {unit}", f"peaks {unit}"],
        rows=[
            [f"{(instant - first) / seconds:.2f}", svg.amount(a / mb), svg.amount(u / mb)]
            for instant, a, u in zip(instants, asked, used, strict=True)
        ],
    )


def _levels(held: Sequence[HeldSpan], instants: Sequence[float]) -> tuple[list[float], list[float]]:
    changes: dict[float, list[float]] = {instant: [0.0, 0.0] for instant in instants}
    for one in held:
        for instant, sign in ((one.start_s, 1), (one.end_s, -1)):
            changes[instant][0] += sign * one.asked_mb
            changes[instant][1] += sign * min(one.peak_mb, one.asked_mb)
    asked, used = 0.0, 0.0
    levels: tuple[list[float], list[float]] = ([], [])
    for instant in instants:
        asked, used = asked + changes[instant][0], used + changes[instant][1]
        levels[0].append(max(asked, 0.0))
        levels[1].append(max(used, 0.0))
    return levels


def _steps(
    levels: Sequence[float],
    instants: Sequence[float],
    first: float,
    seconds: float,
    mb: float,
    across: svg.Axis,
    up: svg.Axis,
) -> list[tuple[float, float]]:
    points, before = [(across.at(0), up.at(0))], 0.0
    for instant, level in zip(instants, levels, strict=True):
        x = across.at((instant - first) / seconds)
        points += [(x, up.at(before / mb)), (x, up.at(level / mb))]
        before = level
    return [*points, (points[-1][0], up.at(0))]
