"""Schedules drawn: memory over time above, one labelled bar per task below, schedules side by side."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import InputError
from planner.schedule.listing import Schedule, slots_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

# Most rows of bars that still can be read.
_LABELLED_ROWS = 40
# Longest list of tasks that fits above a panel.
_MOST_LETTERS = 80
_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One schedule of the tasks.

    Attributes
    ----------
    title : str
        What this schedule is, in words.
    order : sequence of int
    schedule : Schedule
    """

    title: str
    order: Sequence[int]
    schedule: Schedule


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """What is the same in every panel: the tasks, the words for the axes, and a remark below them."""

    names: Sequence[str]
    mem: Sequence[float]
    wall: Sequence[float]
    mem_unit: str
    time_unit: str
    note: str = ""


def draw(path: Path, tasks: Tasks, panels: Sequence[Panel], *, heading: str, cap: float | None = None) -> None:
    """Draw schedules side by side into a PNG, SVG or PDF file.

    Parameters
    ----------
    path : Path
        The suffix says the format.
    tasks : Tasks
    panels : sequence of Panel
        Drawn from left to right with the same axes.
    heading : str
        The message of the figure, in a sentence.
    cap : float, optional
        Memory cap, drawn as a line.

    Raises
    ------
    InputError
        When the suffix is none of the three.
    """
    check_format(path)
    figure = _figure(tasks, panels, heading, cap)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def time_unit(longest_s: float) -> tuple[str, float]:
    """Return the unit to draw times in, and how many seconds it has."""
    if longest_s > 2 * 3600:
        return "hours", 3600.0
    return ("minutes", 60.0) if longest_s > 120 else ("seconds", 1.0)


def check_format(path: Path) -> None:
    """Refuse to draw what is neither PNG, SVG nor PDF.

    Raises
    ------
    InputError
        When the suffix is none of the three.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path}: cannot draw a {path.suffix or 'file without suffix'}", "name it .png, .svg or .pdf")


def _figure(tasks: Tasks, panels: Sequence[Panel], heading: str, cap: float | None) -> Figure:
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    tasks = _without_common_start(tasks)
    rows = [slots_of(panel.order, panel.schedule.start_s, tasks.wall) for panel in panels]
    most_rows = max(max(row, default=0) for row in rows) + 1
    bars_height = min(max(1.6, 0.34 * most_rows), 9.0)
    figure = Figure(figsize=(6.5 * len(panels), 3.9 + bars_height), layout="constrained")
    axes = figure.subplots(
        2, len(panels), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": [2.6, bars_height]}
    )
    colours, scale = mpl.colormaps["YlOrRd"], Normalize(0, max(tasks.mem) * 1.15)
    for column, panel in enumerate(panels):
        _draw_memory(axes[0][column], tasks, panel, cap)
        _draw_bars(axes[1][column], tasks, panel, rows[column], colours, scale)
    figure.colorbar(
        ScalarMappable(scale, colours), ax=axes[1].tolist(), label=f"memory of a task\n({tasks.mem_unit})", pad=0.01
    )
    axes[0][0].set_ylabel(f"memory in use ({tasks.mem_unit})")
    axes[0][0].set_ylim(0, max(*(panel.schedule.peak for panel in panels), cap or 0) * 1.18)
    axes[0][0].set_xlim(0, max(panel.schedule.makespan for panel in panels) * 1.02)
    axes[1][0].set_ylabel("tasks running")
    axes[1][0].invert_yaxis()
    figure.suptitle(heading, fontsize=13, fontweight="bold")
    figure.supxlabel(_caption(tasks.note, width=(_MOST_LETTERS + 12) * len(panels)), fontsize=9, color="0.3")
    return figure


def _caption(note: str, width: int) -> str:
    above = "Above: memory of all running tasks together; its highest point is what must be reserved."
    bars = "Below: each bar is one task, as long as it runs; the darker, the more memory it needs."
    rows = "Each row runs one task after another."
    return "\n".join(textwrap.fill(line, width) for line in (above, f"{bars} {rows}", note) if line)


def _draw_memory(axes: Axes, tasks: Tasks, panel: Panel, cap: float | None) -> None:
    schedule = panel.schedule
    times, used = [time for time, _ in schedule.profile], [memory for _, memory in schedule.profile]
    axes.fill_between(times, used, step="post", color="#4c78a8", alpha=0.35, linewidth=0)
    axes.step(times, used, where="post", color="#4c78a8", linewidth=1.2)
    axes.axhline(schedule.peak, color="#b22222", linestyle="--", linewidth=1)
    apart = cap is not None and abs(cap - schedule.peak) > 0.02 * cap
    axes.annotate(
        f"peak {_number(schedule.peak)} {tasks.mem_unit}" + ("" if cap is None or apart else f" (cap {_number(cap)})"),
        (schedule.makespan, schedule.peak),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        color="#b22222",
        fontsize=9,
    )
    if cap is not None and apart:
        axes.axhline(cap, color="0.4", linestyle=":", linewidth=1)
        axes.annotate(
            f"cap {_number(cap)}", (0, cap), xytext=(3, 3), textcoords="offset points", fontsize=8, color="0.4"
        )
    axes.set_title(f"{panel.title}\n{_listed(tasks.names, panel.order)}", fontsize=10)


def _draw_bars(
    axes: Axes, tasks: Tasks, panel: Panel, rows: Sequence[int], colours: Colormap, scale: Normalize
) -> None:
    starts, makespan = panel.schedule.start_s, panel.schedule.makespan
    axes.barh(
        rows,
        tasks.wall,
        left=starts,
        height=0.86,
        color=[colours(scale(memory)) for memory in tasks.mem],
        edgecolor="white",
        linewidth=0.6,
    )
    if max(rows) < _LABELLED_ROWS:
        for name, start, wall, memory, row in zip(tasks.names, starts, tasks.wall, tasks.mem, rows, strict=True):
            if wall >= makespan * 0.012 * len(name):
                dark = scale(memory) > 0.6
                axes.text(
                    start + wall / 2, row, name, ha="center", va="center", fontsize=8, color="white" if dark else "0.1"
                )
    axes.axvline(makespan, color="0.3", linewidth=1)
    axes.annotate(
        f"done at {_number(makespan)}",
        (makespan, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 2),
        textcoords="offset points",
        ha="right",
        fontsize=9,
        color="0.3",
    )
    axes.set_yticks([])
    axes.set_xlabel(f"time ({tasks.time_unit})")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _without_common_start(tasks: Tasks) -> Tasks:
    """Leave out what every name starts with, so that more of them fit into their bars."""
    first, last = min(tasks.names), max(tasks.names)
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    start = "".join(letter for letter, _ in alike).rstrip("0123456789")
    if len(tasks.names) < 2 or not start or start in tasks.names:
        return tasks
    note = f"{tasks.note} The name of each task starts with {start}".strip()
    return replace(tasks, names=[name.removeprefix(start) for name in tasks.names], note=note)


def _listed(names: Sequence[str], order: Sequence[int]) -> str:
    listed = ", ".join(names[task] for task in order)
    if len(listed) <= _MOST_LETTERS:
        return listed
    shown = listed[: _MOST_LETTERS - len(f", … ({len(order)} tasks)")].rpartition(", ")[0]
    return f"{shown}, … ({len(order)} tasks)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
