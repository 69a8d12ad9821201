"""The plot of memory over time: reserved, and in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.report import scales, svg
from planner.report.memory_plots import TALL
from planner.report.svg import Plot


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSpan:
    """An attempt over time: its limit and peak, MiB; times in s."""

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
    unit, mb = scales.memory_unit(max(asked))
    longest = instants[-1] - first
    time, seconds = scales.time_unit(longest)
    there = capacity_mb if capacity_mb and capacity_mb < 3 * max(asked) else None
    bottom = TALL + 22
    across = svg.across(longest / seconds, left=44)
    up = svg.Axis(most=max(max(asked), there or 0) / mb * 1.02, first=bottom, last=22)
    xs = [across.at((instant - first) / seconds) for instant in instants]
    parts = [
        svg.path(_steps(xs, [up.at(level / mb) for level in asked], up.at(0)), "area wasted"),
        svg.path(_steps(xs, [up.at(level / mb) for level in used], up.at(0)), "area used"),
        svg.grid(across, 22, bottom, f"time since the first start ({time})"),
        svg.side(up, across.first, across.last, f"memory ({unit})"),
    ]
    if there:
        parts.append(svg.line(across.first, up.at(there / mb), across.last, up.at(there / mb), "own"))
    whole = sum(one.asked_mb * (one.end_s - one.start_s) for one in held)
    share = sum(min(one.peak_mb, one.asked_mb) * (one.end_s - one.start_s) for one in held) / whole if whole else 0
    title = f"Of the memory held over time, at most {100 * share:.0f} % was in use"
    alt = "Memory reserved, and within it the peaks of the tasks that ran, over time."
    return svg.plot(
        parts,
        bottom,
        title=title,
        alt=alt,
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


def _steps(xs: Sequence[float], heights: Sequence[float], ground: float) -> list[tuple[float, float]]:
    """Return the outline of an area whose height changes at each x, from the ground and back to it."""
    points, before = [(xs[0], ground)], ground
    for x, height in zip(xs, heights, strict=True):
        points += [(x, before), (x, height)]
        before = height
    return [*points, (xs[-1], ground)]
