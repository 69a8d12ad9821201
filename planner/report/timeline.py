"""Plots of schedules: memory over time above, one labelled bar per task below, schedules side by side."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core import files
from planner.core.errors import InputError
from planner.core.wording import number
from planner.schedule.listing import Schedule, slots_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

# most rows of bars with a name each, and what such a row takes at least, inches
_LABELLED_ROWS, _LEAST_ROW = 110, 0.15
_ROW, _LEAST_BARS, _MOST_BARS = 0.34, 1.6, 9.0
# share of its row that a bar fills, and most letters across a bar
_FILLED, _HIGH = 0.86, 0.84
# a panel's width, inches
_PANEL = 6.5
# width of a letter as a share of its height; the smallest and largest that names are written in, points
_LETTER, _LEAST_POINTS, _MOST_POINTS = 0.68, 4.5, 8.0
# room for upright names, in letters
_UPRIGHT_POINTS = 5.5
# how much of a list of tasks fits above a panel
_LETTERS, _MOST_LINES = 64, 2
# draw a line for the total memory, unless it would compress the rest too much
_MOST_ABOVE = 3.0
_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One schedule of the tasks.

    Attributes
    ----------
    title : str
        A description of this schedule.
    order : sequence of int
    schedule : Schedule
    reserved : sequence of (float, float)
        Times, and the memory reserved from each on, if that is not the sum of the tasks.
    used : sequence of (float, float)
        Times, and the expected memory use from each on, if the tasks' memories are requests.
    """

    title: str
    order: Sequence[int]
    schedule: Schedule
    reserved: Sequence[tuple[float, float]] = ()
    used: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """What all panels have in common: the tasks, the labels of the axes, and a remark below them."""

    names: Sequence[str]
    mem: Sequence[float]
    wall: Sequence[float]
    mem_unit: str
    time_unit: str
    note: str = ""
    mem_is: str = "memory in use"
    """What the upper plot sums up: the tasks' use, or their requests."""
    cap_is: str = "cap"


def draw(path: Path, tasks: Tasks, panels: Sequence[Panel], *, heading: str, cap: float | None = None) -> None:
    """Draw schedules side by side into a PNG, SVG or PDF file.

    Parameters
    ----------
    path : Path
        Its suffix gives the format.
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
    """Write a figure, with its title and a description for screen readers."""
    title, kind = " ".join(title.split()), path.suffix.lower()
    words = {"Title": title, ("Subject" if kind == ".pdf" else "Description"): description}
    drawn = io.BytesIO()
    figure.savefig(drawn, format=kind.removeprefix("."), dpi=150, metadata=words)
    if kind != ".svg":
        files.write_bytes(path, drawn.getvalue())
        return
    from xml.sax.saxutils import escape

    text = drawn.getvalue().decode()
    start = text.index("<title>") if "<title>" in text else text.index(">", text.index("<svg")) + 1
    end = text.index("</title>") + len("</title>") if "<title>" in text else start
    named = f"<title>{escape(title)}</title>\n <desc>{escape(description)}</desc>"
    files.write_text(path, f"{text[:start]}{named}{text[end:]}")


def check_format(path: Path) -> None:
    """Raise an error unless the format is PNG, SVG or PDF.

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
    # where bars follow each other in a row, names may have to stand upright
    upright = max(map(len, tasks.names)) if most_rows < len(tasks.names) else 0
    bars_height = _bars_height(most_rows, upright)
    figure = Figure(figsize=(_PANEL * len(panels), 4.2 + bars_height), layout="constrained")
    axes = figure.subplots(
        2, len(panels), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": [2.6, bars_height]}
    )
    colours, scale = mpl.colormaps["YlOrRd"], Normalize(0, max(tasks.mem) * 1.15)
    for column, panel in enumerate(panels):
        _draw_memory(axes[0][column], tasks, panel, cap)
        _draw_bars(axes[1][column], tasks, panel, rows[column], (colours, scale))
    figure.colorbar(
        ScalarMappable(scale, colours), ax=axes[1].tolist(), label=f"memory of a task\n({tasks.mem_unit})", pad=0.01
    )
    summed_up = "memory" if any(panel.used for panel in panels) else tasks.mem_is  # the legend tells them apart
    axes[0][0].set_ylabel(f"{summed_up} ({tasks.mem_unit})")
    highest = max([panel.schedule.peak for panel in panels] + [mem for panel in panels for _, mem in panel.reserved])
    axes[0][0].set_ylim(0, max(highest, cap if cap is not None and is_drawn(cap, highest) else 0) * 1.18)
    axes[0][0].set_xlim(0, max(panel.schedule.makespan for panel in panels) * 1.02)
    axes[1][0].set_ylabel("tasks at once\n(a row each)")
    axes[1][0].set_ylim(most_rows - 0.4, -0.6)
    figure.suptitle(heading, fontsize=13, fontweight="bold")
    figure.supxlabel(_caption(tasks, width=(_LETTERS + 16) * len(panels)), fontsize=9, color="0.3")
    figure.draw_without_rendering()  # how large the bars are is known only then
    for column, panel in enumerate(panels):
        _name_bars(axes[1][column], tasks, panel, rows[column], scale)
    return figure


def _bars_height(rows: int, upright: int) -> float:
    """Return the height of the rows of bars, inches: enough for a name in each, unless there are too many.

    Parameters
    ----------
    upright : int
        Letters of the longest name that may stand upright.
    """
    most = max(_MOST_BARS, _LEAST_ROW * rows) if rows <= _LABELLED_ROWS else _MOST_BARS
    # the layout leaves the rows about three quarters of this
    row = max(_ROW, upright * _LETTER * _UPRIGHT_POINTS / (72 * _FILLED * 0.75))
    return min(max(_LEAST_BARS, row * rows), most)


def _caption(tasks: Tasks, width: int) -> str:
    above = f"Above: {tasks.mem_is}, summed over the tasks that run."
    below = (
        "Below: each bar is one task, as long as it runs; the darker, the more memory. A row runs one after another."
    )
    return "\n".join(textwrap.fill(line, width) for line in (above, below, tasks.note) if line)


def is_drawn(cap: float, highest: float) -> bool:
    """Whether a line for the cap leaves the rest large enough to read."""
    return cap < _MOST_ABOVE * highest


def _draw_memory(axes: Axes, tasks: Tasks, panel: Panel, cap: float | None) -> None:
    schedule, unit = panel.schedule, tasks.mem_unit
    times, summed = zip(*schedule.profile, strict=True)
    axes.fill_between(times, summed, step="post", color="#4c78a8", alpha=0.35, linewidth=0)
    named = f"{tasks.mem_is}, peak {number(schedule.peak)} {unit}"
    axes.step(times, summed, where="post", color="#4c78a8", linewidth=1.4, label=named)
    if panel.reserved:
        instants, reserved = zip(*panel.reserved, strict=True)
        named = f"allocations, {number(max(reserved))} {unit}"
        axes.step(instants, reserved, where="post", color="0.15", linewidth=1.2, linestyle="-.", label=named)
    if panel.used:
        instants, used = zip(*panel.used, strict=True)
        named = f"expected in use, at most {number(max(used))} {unit}"
        axes.step(instants, used, where="post", color="#2a7f3e", linewidth=1.4, label=named)
    if cap is not None and is_drawn(cap, schedule.peak):
        axes.axhline(cap, color="#b22222", linestyle=":", linewidth=1.4, label=f"{tasks.cap_is} {number(cap)} {unit}")
    elif cap is not None:
        axes.plot([], [], " ", label=f"{tasks.cap_is} {number(cap)} {unit}, far above")
    # below the axes, where no line runs through it
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.06), ncols=2, fontsize=8, frameon=False, borderaxespad=0)
    axes.set_title(f"{panel.title}\n{_listed(tasks.names, panel.order)}", fontsize=9)


def _draw_bars(axes: Axes, tasks: Tasks, panel: Panel, rows: Sequence[int], shades: tuple[Colormap, Normalize]) -> None:
    makespan = panel.schedule.makespan
    colours, scale = shades
    axes.barh(
        rows,
        tasks.wall,
        left=panel.schedule.start_s,
        height=_FILLED,
        color=[colours(scale(memory)) for memory in tasks.mem],
        edgecolor="white",
        linewidth=0.6,
    )
    axes.axvline(makespan, color="0.3", linewidth=1)
    axes.annotate(
        f"done after {number(makespan)} {tasks.time_unit}",
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


def _name_bars(axes: Axes, tasks: Tasks, panel: Panel, rows: Sequence[int], scale: Normalize) -> None:
    """Write names into the bars that have room for them, upright where there is none along; the layout is done."""
    if max(rows) >= _LABELLED_ROWS:
        return
    area = axes.get_window_extent()
    points = 72 / axes.figure.dpi
    width = points * area.width / abs(axes.get_xlim()[1] - axes.get_xlim()[0])
    row = _FILLED * points * area.height / abs(axes.get_ylim()[1] - axes.get_ylim()[0])
    for name, start, wall, memory, place in zip(
        tasks.names, panel.schedule.start_s, tasks.wall, tasks.mem, rows, strict=True
    ):
        along, upright = (
            min(_MOST_POINTS, length / (_LETTER * len(name)), _HIGH * across)
            for length, across in ((wall * width, row), (row, wall * width))
        )
        is_upright = along < _LEAST_POINTS
        size = upright if is_upright else along
        if size >= _LEAST_POINTS:
            colour = "white" if scale(memory) > 0.6 else "0.1"
            turned = 90 if is_upright else 0
            middle = (start + wall / 2, place)
            axes.text(*middle, name, ha="center", va="center", fontsize=size, color=colour, rotation=turned)


def _listed(names: Sequence[str], order: Sequence[int]) -> str:
    rest = f", … ({len(order)} tasks)"
    lines = textwrap.wrap(", ".join(names[task] for task in order), _LETTERS, break_long_words=False)
    if len(lines) <= _MOST_LINES:
        return "\n".join(lines)
    kept = lines[:_MOST_LINES]
    while len(kept[-1].rstrip(",")) + len(rest) > _LETTERS and "," in kept[-1].rstrip(","):
        kept[-1] = kept[-1].rstrip(",").rpartition(",")[0]
    return "\n".join(kept).rstrip(",") + rest
