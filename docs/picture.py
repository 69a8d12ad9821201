"""Draw the picture in README.md, a plot of 'chromplan advise --html' as a file of its own: ``python docs/picture.py``.

It is drawn on a card, in light or dark, as the reader's system prefers.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import planner
from planner.core.files import shipped
from planner.report import advised
from planner.report.memory_plots import asked_and_used
from planner.report.svg import WIDTH, Plot

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "picture.svg"
JOBS = ROOT / "examples" / "data" / "sacct_array.txt"
_MARGIN, _LINE, _CHARACTER = 12.0, 16.0, 5.4


def drawn() -> str:
    """Return the picture of the example's array."""
    (advice,) = planner.advise(JOBS)
    plot = asked_and_used(advised.task_bars(advice))
    if plot is None:
        sys.exit(f"error: {JOBS} has no peaks")
    return standing_alone(plot)


def standing_alone(plot: Plot) -> str:
    """Return a plot with its title, its legend and the page's colours."""
    height = float(plot.svg.split('viewBox="0 0 ', 1)[1].split('"')[0].split()[1])
    bars = plot.svg.split(">", 1)[1].rpartition("</svg>")[0]
    lines = textwrap.wrap(plot.title, 54)
    head = _MARGIN + _LINE * len(lines)
    titles = [
        f'<text x="{_MARGIN}" y="{_MARGIN + _LINE * number + 10}" style="font-weight: 600">{escape(words)}</text>'
        for number, words in enumerate(lines)
    ]
    legend, below = _legend(plot.legend, head + height + 2 * _MARGIN)
    wide, high = WIDTH + 2 * _MARGIN, below + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{1.5 * wide:.0f}" height="{1.5 * high:.0f}" role="img">\n<style>\n{_style()}\n</style>\n'
        f'<rect class="card" width="{wide:.0f}" height="{high:.0f}" rx="6"/>\n{"".join(titles)}\n'
        f'<g transform="translate({_MARGIN} {head + 8:.0f})">{bars}</g>\n{legend}\n</svg>\n'
    )


def _legend(found: Sequence[tuple[str, str]], y: float) -> tuple[str, float]:
    """Return the legend from this line on, and where it ends."""
    parts, x = [], _MARGIN
    for kind, words in found:
        width = 3 if kind == "own" else 12
        needs = width + 18 + _CHARACTER * len(words)
        if x > _MARGIN and x + needs > WIDTH + _MARGIN:
            x, y = _MARGIN, y + _LINE
        parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{y - 8:.1f}" width="{width}" height="9"/>')
        parts.append(f'<text class="note" x="{x + width + 4:.1f}" y="{y:.1f}">{escape(words)}</text>')
        x += needs
    return "".join(parts), y


def _style() -> str:
    """Return what the report's page says of its colours and of its plots."""
    page = (shipped("templates") / "report.html.j2").read_text(encoding="utf-8")
    colours = re.findall(r"^:root.*\n.*|^@media \(prefers.*\n.*", page, re.MULTILINE)
    plots = re.findall(r"^(?:svg \.|svg text|svg rect|svg path|\.grid-line|\.used|\.killed).*", page, re.MULTILINE)
    own = ["svg rect.own { fill: var(--own); stroke: none; }", ".card { fill: var(--card); stroke: var(--rule); }"]
    return "\n".join([*colours, *plots, *own])


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
    print(f"wrote {PICTURE}")
