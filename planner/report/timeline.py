"""Schedules drawn: memory over time above, one labelled bar per task below, schedules side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
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
# a line for what there is, unless it would press everything else down
_MOST_ABOVE = 3.0
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
    reserved : sequence of (float, float)
        Instants, and the memory reserved from each on, where that is not the sum of the tasks.
    """

    title: str
    order: Sequence[int]
    schedule: Schedule
    reserved: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """What is the same in every panel: the tasks, the words for the axes, and a remark below them."""

    names: Sequence[str]
    mem: Sequence[float]
    wall: Sequence[float]
    mem_unit: str
    time_unit: str
    note: str = ""
    mem_is: str = "memory in use"
    """What is summed up above: what tasks hold, or what is asked for them."""
    cap_is: str = "cap"


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
    save(draw_figure(tasks, panels, heading, cap), path, title=heading, description=_caption(tasks, width=10_000))


def save(figure: Figure, path: Path, *, title: str, description: str) -> None:
    """Write a figure, with its title and what it shows in words for those who do not see it."""
    title, kind = " ".join(title.split()), path.suffix.lower()
    words = {"Title": title, ("Subject" if kind == ".pdf" else "Description"): description}
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata=words)
    if kind == ".svg":
        from xml.sax.saxutils import escape

        text = path.read_text(encoding="utf-8")
        start = text.index("<title>") if "<title>" in text else text.index(">", text.index("<svg")) + 1
        end = text.index("</title>") + len("</title>") if "<title>" in text else start
        named = f"<title>{escape(title)}</title>\n <desc>{escape(description)}</desc>"
        path.write_text(f"{text[:start]}{named}{text[end:]}", encoding="utf-8")


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


def draw_figure(tasks: Tasks, panels: Sequence[Panel], heading: str, cap: float | None) -> Figure:
    """Return the figure: memory over time above, a bar per task below, a column per panel."""
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

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
    axes[0][0].set_ylabel(f"{tasks.mem_is} ({tasks.mem_unit})")
    highest = max([panel.schedule.peak for panel in panels] + [mem for panel in panels for _, mem in panel.reserved])
    axes[0][0].set_ylim(0, max(highest, cap if cap is not None and _is_drawn(cap, highest) else 0) * 1.18)
    axes[0][0].set_xlim(0, max(panel.schedule.makespan for panel in panels) * 1.02)
    axes[1][0].set_ylabel("tasks at once (a row each)")
    axes[1][0].set_ylim(most_rows - 0.4, -0.6)
    figure.suptitle(heading, fontsize=13, fontweight="bold")
    figure.supxlabel(_caption(tasks, width=(_MOST_LETTERS + 12) * len(panels)), fontsize=9, color="0.3")
    return figure


def _caption(tasks: Tasks, width: int) -> str:
    above = f"Above: {tasks.mem_is} of the running tasks together."
    below = (
        "Below: each bar is one task, as long as it runs; the darker, the more memory. A row runs one after another."
    )
    return "\n".join(textwrap.fill(line, width) for line in (above, below, tasks.note) if line)


def _is_drawn(cap: float, highest: float) -> bool:
    """Whether a line for the cap leaves the rest large enough to be read."""
    return cap < _MOST_ABOVE * highest


def _draw_memory(axes: Axes, tasks: Tasks, panel: Panel, cap: float | None) -> None:
    schedule = panel.schedule
    times, used = [time for time, _ in schedule.profile], [memory for _, memory in schedule.profile]
    axes.fill_between(times, used, step="post", color="#4c78a8", alpha=0.35, linewidth=0)
    axes.step(times, used, where="post", color="#4c78a8", linewidth=1.2)
    axes.axhline(schedule.peak, color="#b22222", linestyle="--", linewidth=1)
    if panel.reserved:
        instants, reserved = zip(*panel.reserved, strict=True)
        axes.step(instants, reserved, where="post", color="0.15", linewidth=1.2, linestyle="-.", label="reserved")
        axes.annotate(
            f"allocations {_number(max(reserved))} {tasks.mem_unit}",
            (0, max(reserved)),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=8,
            color="0.15",
        )
    apart = cap is not None and abs(cap - schedule.peak) > 0.02 * cap
    axes.annotate(
        f"peak {_number(schedule.peak)} {tasks.mem_unit}"
        + ("" if cap is None or apart else f" ({tasks.cap_is} {_number(cap)})"),
        (schedule.makespan, schedule.peak),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        color="#b22222",
        fontsize=9,
    )
    if cap is not None and apart and not _is_drawn(cap, schedule.peak):
        axes.annotate(
            f"{tasks.cap_is} {_number(cap)} {tasks.mem_unit}, above",
            (0, 1),
            xycoords="axes fraction",
            xytext=(3, -11),
            textcoords="offset points",
            fontsize=8,
            color="0.3",
        )
    elif cap is not None and apart:
        axes.axhline(cap, color="0.4", linestyle=":", linewidth=1)
        axes.annotate(
            f"{tasks.cap_is} {_number(cap)}",
            (0, cap),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=8,
            color="0.4",
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
        f"done after {_number(makespan)} {tasks.time_unit}",
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


def _listed(names: Sequence[str], order: Sequence[int]) -> str:
    listed = ", ".join(names[task] for task in order)
    if len(listed) <= _MOST_LETTERS:
        return listed
    shown = listed[: _MOST_LETTERS - len(f", … ({len(order)} tasks)")].rpartition(", ")[0]
    return f"{shown}, … ({len(order)} tasks)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
