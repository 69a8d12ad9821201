"""Plots of a replay: for each strategy the memory reserved over time, and the memory needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.memory_time import unit_for
from planner.core.units import MB_PER_GB
from planner.replay.replay import StrategyFigures
from planner.replay.shared_node import Course, HeldMemory, steps
from planner.report import scales, timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RESERVED, _NEEDED, _KILLED = "#b9cfe6", "#2f5f8f", "#c0392b"
# draw a line for the total memory, unless it would compress the rest too much
_MOST_ABOVE = 1.6


def draw(
    path: Path,
    outcomes: Sequence[StrategyFigures],
    *,
    peaks_mb: Mapping[str, float],
    titles: Sequence[str],
    heading: str,
    there_is_mb: float | None,
) -> None:
    """Draw the first run of every strategy into a PNG, SVG or PDF file, one below the other with the same axes.

    Parameters
    ----------
    path : Path
        Its suffix gives the format.
    outcomes : sequence of StrategyFigures
        The strategies that ran.
    peaks_mb : mapping of job name to float
        The peak of each job, MiB.
    titles : sequence of str
        A description of each strategy.
    heading : str
        The message of the figure, in a sentence.
    there_is_mb : float or None
        Memory of all nodes, MiB; drawn if it is of the size of the reserved memory.

    Raises
    ------
    InputError
        When the suffix is none of the three.
    """
    timeline.check_format(path)
    figure = _figure(outcomes, peaks_mb, titles, heading, there_is_mb)
    words = "; ".join(f"{title}: {_figures(outcome)}" for title, outcome in zip(titles, outcomes, strict=True))
    timeline.save(figure, path, title=heading, description=f"Memory reserved and needed over time. {words}")


def _figure(
    outcomes: Sequence[StrategyFigures],
    peaks_mb: Mapping[str, float],
    titles: Sequence[str],
    heading: str,
    there_is_mb: float | None,
) -> Figure:
    from matplotlib.figure import Figure

    courses = [outcome.courses[0] for outcome in outcomes]
    unit, scale_s = scales.time_unit(max(course.makespan_s for course in courses))
    reserved = [_scaled(course.held, scale_s) for course in courses]
    highest = max(max(levels) for _, levels in reserved)
    cap = None if there_is_mb is None else there_is_mb / MB_PER_GB
    shown_cap = cap if cap is not None and cap < _MOST_ABOVE * highest else None
    figure = Figure(figsize=(10, 1.4 + 1.55 * len(outcomes)), layout="constrained")
    axes = figure.subplots(len(outcomes), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, outcome, title, (times, levels) in zip(axes, outcomes, titles, reserved, strict=True):
        axis.fill_between(times, levels, step="post", color=_RESERVED, linewidth=0, label="reserved")
        _draw_needed(axis, outcome.courses[0], peaks_mb, scale_s)
        _draw_killed(axis, outcome.courses[0], scale_s)
        axis.set_title(title, fontsize=9.5, loc="left", fontweight="bold")
        axis.set_title(_figures(outcome), fontsize=9.5, loc="right")
        if shown_cap is not None:
            axis.axhline(shown_cap, color="0.4", linestyle=":", linewidth=1, label="all nodes")
        _draw_end(axis, outcome.courses[0].makespan_s / scale_s, unit)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylim(0, 1.08 * max(highest, shown_cap or 0.0))
    axes[0].set_xlim(0, 1.2 * max(course.makespan_s for course in courses) / scale_s)
    axes[-1].set_xlabel(f"time ({unit})")
    figure.supylabel("memory (GB)", fontsize=10)
    figure.suptitle(heading, fontsize=12, fontweight="bold")
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), [_LEGEND[label] for label in handles], loc="outside lower center", ncols=2, fontsize=9
    )
    return figure


_LEGEND = {
    "reserved": "reserved: kept from everybody else",
    "needed": "needed: the peaks of the jobs that run",
    "killed": "a job is killed for memory, its time lost",
    "all nodes": "all there is on the nodes",
}


def _draw_needed(axes: Axes, course: Course, peaks_mb: Mapping[str, float], scale_s: float) -> None:
    pieces = [
        HeldMemory(
            start_s=span.start_s,
            end_s=span.end_s,
            mem_mb=min(peaks_mb[span.name], span.limit_mb or peaks_mb[span.name]),
        )
        for span in course.spans
    ]
    times, levels = _scaled(pieces, scale_s)
    axes.fill_between(times, levels, step="post", color=_NEEDED, linewidth=0, label="needed")


def _draw_end(axes: Axes, end: float, unit: str) -> None:
    axes.axvline(end, color="0.3", linewidth=1)
    axes.annotate(
        f"done after {end:.3g} {unit}",
        (end, 0.5),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=9,
        color="0.3",
    )


def _draw_killed(axes: Axes, course: Course, scale_s: float) -> None:
    instants = [span.end_s / scale_s for span in course.spans if span.killed]
    if instants:
        axes.plot(
            instants,
            [0.04] * len(instants),
            "x",
            color=_KILLED,
            markersize=6,
            markeredgewidth=1.6,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            label="killed",
        )


def _scaled(pieces: Sequence[HeldMemory], scale_s: float) -> tuple[list[float], list[float]]:
    instants, levels = steps(pieces)
    return [instant / scale_s for instant in instants], [level / MB_PER_GB for level in levels]


def _figures(outcome: StrategyFigures) -> str:
    course = outcome.courses[0]
    killed = f", {course.killed} killed" if course.killed else ""
    reserved = unit_for(course.reserved_mb_s).text(course.reserved_mb_s)
    return f"{reserved}, {outcome.used_mb_s / course.reserved_mb_s:.0%} needed{killed}"
