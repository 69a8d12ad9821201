"""An HTML page with plots, tables and explanations of each number: a single file that needs no network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import files, templates
from planner.report.svg import Plot

TEMPLATE = "report.html.j2"
_WHOLE = re.compile(r"--[a-z][a-z-]*(?:=\w+)?|[\d.,]+ (?:%|[GMT]B·h|core-h|unit-h)(?!\w)")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A headline figure: a number with its unit, what it is, and what it was computed from."""

    number: str
    what: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page about one thing.

    Attributes
    ----------
    lines : sequence of str
        Commands or text to copy; shown verbatim.
    advice : str
        The purpose of these lines.
    """

    title: str
    said: str = ""
    facts: Sequence[Fact] = ()
    plots: Sequence[Plot] = ()
    grids: Sequence[Grid] = ()
    advice: str = ""
    lines: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole page; the explanations of its numbers are in the template."""

    title: str
    said: str
    sections: Sequence[Section]


def unbroken(html: str) -> str:
    """Return HTML in which no line ends within an option of sbatch, or between a number and its unit."""
    return _WHOLE.sub(
        r'<span class="whole">\g<0></span>', str(html)
    )  # which may be jinja's Markup, that escapes what is added


def render(page: Page) -> str:
    """Return the page as HTML."""
    environment = templates.environment().overlay(autoescape=True)
    environment.filters["unbroken"] = unbroken
    return environment.get_template(TEMPLATE).render(page=page)


def write(path: Path, page: Page) -> None:
    """Write the page."""
    files.write_text(path, render(page))
