"""SVG plots for HTML pages, with the page's colours and fonts: they follow its light or dark theme, and its width.

Drawn by hand, since matplotlib's SVG has fixed colours and shrinks its text with the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH = 360.0
"""Units, as wide as a telephone's screen: a unit is never less than a pixel there."""
ROW = 15.0
_LEFT, _RIGHT = 62.0, 12.0
# height of an axis with its numbers and its label
_AXIS = 34.0
# of the widest fonts that browsers take for system-ui
_CHARACTER = 7.4
_WIDEST_LABEL = 120.0
_STEPS = (1, 2, 2.5, 5, 10)
# the bases of a region, at the end of a task's name
_LEAST_MB = 0.1
_PART = re.compile(r"[_:]([0-9]+)-([0-9]+)$")


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot, its message, and the table behind it.

    Attributes
    ----------
    title : str
        Its message, in a sentence.
    alt : str
        A description for screen readers.
    svg : str
    legend : sequence of (str, str)
        CSS class of the symbol, and its meaning.
    columns : sequence of str
        Columns of the table.
    rows : sequence of sequences
    """

    title: str
    alt: str
    svg: str
    legend: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def plot(
    parts: Sequence[str],
    bottom: float,
    *,
    title: str,
    alt: str,
    legend: Sequence[tuple[str, str]],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> Plot:
    """Return a plot of these parts; the axis and its label are below ``bottom``."""
    drawn = svg(parts, bottom + _AXIS, title=title, alt=alt)
    return Plot(title=title, alt=alt, svg=drawn, legend=legend, columns=columns, rows=rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A linear axis from 0.

    Attributes
    ----------
    most : float
        Largest value to be shown.
    first, last : float
        Positions of 0 and ``most``, in units.
    """

    most: float
    first: float
    last: float

    def at(self, value: float) -> float:
        """Return the position of a value."""
        return self.first + (self.last - self.first) * min(max(value, 0.0), self.most) / self.most

    def ticks(self, wanted: int = 6) -> list[float]:
        """Return round values from 0 on."""
        rough = self.most / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * one for one in _STEPS if power * one >= rough * 0.999)
        return [step * place for place in range(int(self.most / step * 1.0001) + 1)]


def across(most: float, *, left: float = _LEFT) -> Axis:
    """Return a horizontal axis over the width of the plot."""
    return Axis(most=most or 1.0, first=left, last=WIDTH - _RIGHT)


def number(value: float) -> str:
    """Return a number as an axis shows it."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def amount(value: float) -> str:
    """Return an amount with three digits, or all before the point; never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 0.001 else "0"


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start") -> str:
    """Return a text; ``kind`` is its class."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def label(x: float, y: float, words: str) -> str:
    """Return the name of a row; if it does not fit before ``x``, only its end, or a region's in Mb."""
    room = int((x - 4) / _CHARACTER)
    shown = words if len(words) <= room else _PART.sub(_in_megabases, words)
    return text(x - 4, y, shown if len(shown) <= room else f"…{shown[1 - room :]}", anchor="end")


def _in_megabases(found: re.Match[str]) -> str:
    first, last = (round(int(found[number]) / 1e6, 2) for number in (1, 2))
    return f" {first:g}-{last:g}M" if last - first >= _LEAST_MB else found[0]


def beside(names: Iterable[str]) -> float:
    """Return where bars with these names begin, in units."""
    return min(_WIDEST_LABEL, max(_LEFT / 2, 6 + _CHARACTER * max(map(len, names), default=0)))


def rect(x: float, y: float, width: float, height: float, kind: str, said: str = "") -> str:
    """Return a rectangle; ``said`` is its tooltip."""
    title = f"<title>{escape(said)}</title>" if said else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{height:.1f}"'
    return f'<rect {place} class="{kind}">{title}</rect>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(points: Iterable[tuple[float, float]], kind: str) -> str:
    """Return a line through points; closed where it is an area."""
    return f'<path d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" class="{kind}"/>'


def grid(axis: Axis, top: float, bottom: float, name: str) -> str:
    """Return a horizontal axis below a plot, with its ticks, its grid, and its name with the unit."""
    parts = []
    for tick in axis.ticks():
        x = axis.at(tick)
        parts += [line(x, top, x, bottom, "grid"), text(x, bottom + 13, number(tick), kind="tick", anchor="middle")]
    parts.append(text((axis.first + axis.last) / 2, bottom + 28, name, kind="axis", anchor="middle"))
    return "".join(parts)


def side(axis: Axis, left: float, right: float, name: str) -> str:
    """Return a vertical axis beside a plot; its name is above it."""
    parts = []
    for tick in axis.ticks():
        y = axis.at(tick)
        parts += [line(left, y, right, y, "grid"), text(left - 4, y + 4, number(tick), kind="tick", anchor="end")]
    parts.append(text(2, axis.last - 8, name, kind="axis"))
    return "".join(parts)


def svg(parts: Iterable[str], height: float, *, title: str, alt: str) -> str:
    """Return the whole drawing, with its title and what it shows in words."""
    said = f"<title>{escape(title)}</title><desc>{escape(alt)}</desc>"
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label={quoteattr(f"{title}. {alt}")}>'
        f"{said}{''.join(parts)}</svg>"
    )
