"""The plot of a plan whose durations are not known yet: the memory that each task asks for."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.wording import count
from planner.plan.document import Plan
from planner.report import reserved, scales, timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# most bars with a name each; the height of a bar, and of what is around the bars, inches
_MOST_NAMED, _BAR, _AROUND = 110, 0.2, 1.9
_WIDTH, _LETTERS = 7.5, 95
_ASKED, _PREDICTED, _CAPACITY = "#a9c1dc", "#2a7f3e", "#b22222"
_NOT_TIMED = "How long the tasks take is not known yet; a first round measures it."


def draw(path: Path, plan: Plan, *, note: str = "") -> None:
    """Draw a bar for each task of a plan into a PNG, SVG or PDF file.

    Parameters
    ----------
    path : Path
    plan : Plan
        With at least one task.
    note : str
        A remark below the plot.
    """
    heading = f"{plan.name}, round {plan.round}: {count(len(plan.tasks), 'task')} on {plan.target.site.name}"
    words = " ".join(filter(None, (_NOT_TIMED, note)))
    timeline.save(_figure(plan, heading, words), path, title=heading, description=f"Memory asked for. {words}")


def _figure(plan: Plan, heading: str, words: str) -> Figure:
    from matplotlib.figure import Figure

    asked_mb, cap_mb = reserved.asked_mb(plan), plan.target.partition.cap_mb
    unit, mb = scales.memory_unit(max(asked_mb))
    rows = range(len(plan.tasks))
    figure = Figure(figsize=(_WIDTH, _AROUND + _BAR * min(len(rows), _MOST_NAMED)), layout="constrained")
    axes = figure.subplots()
    axes.barh(rows, [asked / mb for asked in asked_mb], color=_ASKED, label="memory asked for")
    predicted = [(task.predicted_mb / mb, row) for row, task in enumerate(plan.tasks) if task.predicted_mb is not None]
    if predicted:
        axes.plot(*zip(*predicted, strict=True), "|", color=_PREDICTED, markeredgewidth=2, label="predicted")
    if timeline.is_drawn(cap_mb, max(asked_mb)):
        axes.axvline(cap_mb / mb, color=_CAPACITY, linestyle=":", label="capacity (one node)")
    else:
        axes.plot([], [], " ", label=f"capacity (one node) {cap_mb / mb:,.0f} {unit}, far above")
    named = len(rows) <= _MOST_NAMED
    axes.set_yticks(rows if named else [], [task.task for task in plan.tasks] if named else [], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"memory ({unit})")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.suptitle(heading, fontsize=12, fontweight="bold")
    axes.set_title(textwrap.fill(words, _LETTERS), fontsize=9, color="0.3")
    return figure
