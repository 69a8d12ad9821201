"""Tables and plots on one HTML page that loads nothing."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Sequence[object]
Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""x and y by name of the line."""


def table(heads: Sequence[str], rows: Sequence[Row]) -> str:
    """Return an HTML table."""
    head = "".join(f"<th>{html.escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n"


def plot(title: str, across: str, up: str, lines: Lines) -> str:
    """Return a line plot as SVG: x and y by name of the line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for name, (xs, ys) in lines.items():
        axes.plot(xs, ys, label=name, marker="o", markersize=3, linewidth=1.4)
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure, title)


def bars(title: str, across: str, names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Return a plot of lying bars as SVG, for each name one of each series."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.9 + 0.45 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    thick = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        axes.barh([place + (number + 0.5) * thick - 0.4 for place in range(len(names))], values, thick, label=name)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=across)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure, title)


def _svg(figure: Figure, title: str) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    text = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(text, format="svg", metadata={"Date": None})
    drawn = text.getvalue()
    return f'<figure role="img" aria-label="{html.escape(title)}">{drawn[drawn.index("<svg") :]}</figure>\n'


def page(sections: Mapping[str, str], said: str) -> str:
    """Return the whole page."""
    body = "".join(f"<section><h2>{html.escape(name)}</h2>\n{text}</section>\n" for name, text in sections.items())
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}"
        "td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ccc}"
        "td:first-child,th:first-child{text-align:left;min-width:9rem}"
        "figure{margin:1rem 0;overflow-x:auto}svg{max-width:100%;min-width:34rem;height:auto}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The paper and chromplan</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>\n'
        f"<h1>arXiv 2511.15977 and chromplan</h1>\n<p>{html.escape(said)}</p>\n{body}</body></html>\n"
    )
