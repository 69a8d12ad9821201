"""Plots of a page about past or planned tasks: memory requested, used, predicted and wasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from planner.core.memory_time import MemoryTimeUnit, unit_for
from planner.report import scales, svg
from planner.report.svg import ROW, Plot

_MOST_BARS = 60
_BAR = 9.0
TALL = 190.0
"""Height of a plot with two axes."""
_NOTHING = 0.005
_MOST_REACHES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskBar:
    """A task in a plot.

    Attributes
    ----------
    asked_mb, peak_mb, predicted_mb, request_mb : float or None
        Its limit, its peak, the prediction, and chromplan's request, MiB.
    killed : bool
        Whether it was killed for memory and never completed: its peak is then a lower bound.
    """

    name: str
    asked_mb: float | None
    peak_mb: float | None
    killed: bool
    predicted_mb: float | None = None
    request_mb: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WayBar:
    """A way to request memory: MiB s used and wasted, and the number of kills."""

    name: str
    used_mb_s: float
    wasted_mb_s: float
    killed: float


def asked_and_used(tasks: Sequence[TaskBar]) -> Plot | None:
    """Draw the request and peak of each task; for many tasks, a histogram of the share used."""
    known = [one for one in tasks if one.peak_mb is not None]
    if not known:
        return None
    if len(known) > _MOST_BARS:
        return _shares(known) if any(one.asked_mb for one in known) else None
    unit, mb = scales.memory_unit(max(max(one.asked_mb or 0, one.peak_mb or 0, one.request_mb or 0) for one in known))
    axis = svg.across(
        max(max(one.asked_mb or 0, one.peak_mb or 0, one.request_mb or 0) for one in known) / mb,
        left=svg.beside(one.name for one in known),
    )
    bottom = ROW * len(known) + 4
    parts = [svg.grid(axis, 0, bottom, f"memory ({unit})")]
    for place, one in enumerate(known):
        y = ROW * place + 4
        peak, asked = (one.peak_mb or 0) / mb, (one.asked_mb or 0) / mb
        said = f"{one.name}: {'at least ' * one.killed}{svg.amount(peak)} of {svg.amount(asked)} {unit}"
        parts.append(svg.label(axis.first, y + _BAR, one.name))
        if asked:
            parts.append(svg.rect(axis.first, y, axis.at(asked) - axis.first, _BAR, "asked", said))
        parts.append(
            svg.rect(axis.first, y, axis.at(peak) - axis.first, _BAR, "killed" if one.killed else "used", said)
        )
        if asked:
            parts.append(svg.rect(axis.first, y, axis.at(asked) - axis.first, _BAR, "rim"))
        if one.killed:
            parts.append(svg.text(axis.at(peak) - 4, y + _BAR - 1, "×", kind="cross", anchor="end"))
        if one.request_mb:
            x = axis.at(one.request_mb / mb)
            parts.append(svg.line(x, y - 2, x, y + _BAR + 2, "own"))
    asked_mb, peak_mb = (
        sum(one.asked_mb or 0 for one in known),
        sum(min(one.peak_mb or 0, one.asked_mb or 0) for one in known),
    )
    used = f"{100 * peak_mb / asked_mb:.0f} % of the memory that was asked for was used" if asked_mb else "Peaks"
    dead = sum(one.killed for one in known)
    title = f"{used}{f', and {dead} were killed for lack of it' if dead else ''}"
    own = any(one.request_mb for one in known)
    alt = f"A bar per task: its peak within what it asked for, in {unit}."
    return svg.plot(
        parts,
        bottom,
        title=title,
        alt=alt,
        legend=[
            ("asked", "asked for"),
            ("used", "peak"),
            *([("killed", "× killed there: it needs more")] if dead else []),
            *([("own", "what chromplan asks, told by the others")] if own else []),
        ],
        columns=["task", "asked MB", "peak MB", "killed", *(["chromplan asks MB"] if own else [])],
        rows=[
            [one.name, _mb(one.asked_mb), _mb(one.peak_mb), "yes" if one.killed else ""]
            + ([_mb(one.request_mb)] if own else [])
            for one in known
        ],
    )


def _mb(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _shares(known: Sequence[TaskBar]) -> Plot:
    shares = [(one.peak_mb or 0) / one.asked_mb for one in known if one.asked_mb]
    tenths = Counter(min(int(10 * share), 10) for share in shares)
    axis = svg.across(max(tenths.values(), default=1), left=svg.beside(["90-100 %"]))
    shown = range(max(tenths, default=0), -1, -1)
    names = {tenth: f"{10 * tenth}-{10 * tenth + 10} %" if tenth < 10 else "≥ 100 %" for tenth in shown}
    bottom = ROW * len(names) + 4
    parts = [svg.grid(axis, 0, bottom, "tasks")]
    for place, tenth in enumerate(shown):
        y = ROW * place + 4
        parts.append(svg.label(axis.first, y + _BAR, names[tenth]))
        width = axis.at(tenths[tenth]) - axis.first
        parts.append(svg.rect(axis.first, y, width, _BAR, "used", f"{tenths[tenth]} tasks"))
    half = sum(share < 0.5 for share in shares)
    title = f"{half} of {len(shares)} tasks used less than half of what they had asked for"
    alt = "How many tasks used which share of the memory that they had asked for."
    return svg.plot(
        parts,
        bottom,
        title=title,
        alt=alt,
        legend=[("used", "tasks whose peak was this share of what they asked for")],
        columns=["peak / asked", "tasks"],
        rows=[[names[tenth], tenths[tenth]] for tenth in shown],
    )


def ways(found: Sequence[WayBar]) -> Plot | None:
    """Draw the memory used and wasted by each way to request it."""
    if not found:
        return None
    most = max(one.used_mb_s + one.wasted_mb_s for one in found)
    unit = unit_for(most)
    axis = svg.across(most / unit.mb_s, left=svg.beside(one.name for one in found))
    row = 2 * ROW
    bottom = row * len(found) + 4
    parts = [svg.grid(axis, 0, bottom, f"memory x time reserved ({unit.name})")]
    for place, one in enumerate(found):
        y = row * place + 6
        used, whole = (axis.at(mb_s / unit.mb_s) for mb_s in (one.used_mb_s, one.used_mb_s + one.wasted_mb_s))
        note = f"{_wasted(one, unit)} wasted, {one.killed:g} killed"
        said = f"{one.name}: {unit.text(one.used_mb_s)} used, {note}"
        parts.append(svg.label(axis.first, y + 8, one.name))
        parts.append(svg.rect(axis.first, y, used - axis.first, _BAR, "used", said))
        parts.append(svg.rect(used, y, whole - used, _BAR, "wasted", said))
        parts.append(svg.text(axis.first + 2, y + 20, note, kind="note"))
    asked, own = found[0], next((one for one in found if one.name == "each its own"), found[-1])
    less = 1 - own.wasted_mb_s / asked.wasted_mb_s if asked.wasted_mb_s else 0.0
    title = (
        f"Each its own would have wasted {100 * less:.0f} % less than what was asked"
        if less > 0
        else "What was asked wasted no more than other ways"
    )
    alt = "A bar per way to ask for memory: what was used of the memory x time reserved, and what was wasted."
    return svg.plot(
        parts,
        bottom,
        title=title,
        alt=alt,
        legend=[("used", "used"), ("wasted", "wasted: idle, or lost to kills")],
        columns=["way", f"used {unit.name}", f"wasted {unit.name}", "killed"],
        rows=[[one.name, unit.number(one.used_mb_s), _wasted(one, unit), f"{one.killed:g}"] for one in found],
    )


def _wasted(one: WayBar, unit: MemoryTimeUnit) -> str:
    return "0" if one.wasted_mb_s < _NOTHING * one.used_mb_s else unit.number(one.wasted_mb_s)


def predicted(tasks: Sequence[TaskBar]) -> Plot | None:
    """Draw prediction and request against the measured peak."""
    known = [one for one in tasks if one.peak_mb and one.predicted_mb and one.request_mb and not one.killed]
    if len(known) < 2:
        return None
    unit, mb = scales.memory_unit(max(one.request_mb or 0 for one in known))
    across = svg.across(max(one.peak_mb or 0 for one in known) / mb, left=44)
    most = max(max(one.request_mb or 0, one.peak_mb or 0) for one in known) / mb
    bottom = TALL + 22
    up = svg.Axis(most=most, first=bottom, last=22)
    corner = min(across.most, up.most)
    parts = [
        svg.grid(across, 22, bottom, f"measured peak ({unit})"),
        svg.side(up, across.first, across.last, f"predicted, asked for ({unit})"),
        svg.line(across.at(0), up.at(0), across.at(corner), up.at(corner), "exact"),
    ]
    for one in known:
        x = across.at((one.peak_mb or 0) / mb)
        low, high = up.at((one.predicted_mb or 0) / mb), up.at((one.request_mb or 0) / mb)
        if len(known) <= _MOST_REACHES:
            parts.append(svg.line(x, low, x, high, "reach"))
        parts.append(svg.line(x - 3, high, x + 3, high, "own"))
        said = f"{one.name}: predicted {_mb(one.predicted_mb)}, asked {_mb(one.request_mb)}, used {_mb(one.peak_mb)} MB"
        parts.append(f'<circle cx="{x:.1f}" cy="{low:.1f}" r="3" class="point"><title>{escape(said)}</title></circle>')
    within = sum((one.request_mb or 0) >= (one.peak_mb or 0) for one in known)
    title = f"{within} of {len(known)} requests were enough, each made without knowing its own task"
    alt = (
        "A point per task: its predicted against its measured peak; a mark above it is the request, "
        "which is enough where it lies above the line."
    )
    return svg.plot(
        parts,
        bottom,
        title=title,
        alt=alt,
        legend=[("point", "predicted"), ("own", "asked for"), ("exact", "as measured: what lies above is enough")],
        columns=["task", "predicted MB", "asked MB", "peak MB"],
        rows=[[one.name, _mb(one.predicted_mb), _mb(one.request_mb), _mb(one.peak_mb)] for one in known],
    )
