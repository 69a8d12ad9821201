"""What the shell completes: sites, tools, formulas, tasks, genomes, files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from planner.core.errors import PlannerError

Completed = list[CompletionItem]


def sites(_context: click.Context, _parameter: click.Parameter, begun: str) -> Completed:
    """Complete the name of a site, or the path of a site file."""
    from planner import site

    return _matching(site.names(), begun) or files(_context, _parameter, begun)


def genomes(_context: click.Context, _parameter: click.Parameter, begun: str) -> Completed:
    """Complete the name of a genome."""
    from planner.core import bundled

    return _matching(bundled.genomes(), begun)


def tools(context: click.Context, _parameter: click.Parameter, begun: str) -> Completed:
    """Complete a tool that the project's history knows."""
    from planner.actions import opening

    with contextlib.suppress(PlannerError):
        project = opening.open_project(_folder(context))
        if project.store_path.is_file():
            with opening.open_store(project) as store:
                return _matching(store.tools(), begun)
    return []


def formulas(context: click.Context, parameter: click.Parameter, begun: str) -> Completed:
    """Complete a bundled formula, or the path of a formula file."""
    from planner.actions import formulas as known

    return _matching(known.bundled(), begun) or files(context, parameter, begun)


def tasks(context: click.Context, _parameter: click.Parameter, begun: str) -> Completed:
    """Complete a task of the last round."""
    from planner.actions import opening

    with contextlib.suppress(PlannerError):
        project = opening.open_project(_folder(context))
        return _matching((task.task for task in project.plan(project.latest()).tasks), begun)
    return []


def files(_context: click.Context, _parameter: click.Parameter, begun: str) -> Completed:
    """Let the shell complete a file."""
    return [CompletionItem(begun, type="file")]


def _folder(context: click.Context) -> Path:
    folder: Path | None = context.params.get("folder")
    return folder or Path()


def _matching(known: Iterable[str], begun: str) -> Completed:
    return [CompletionItem(name) for name in known if name.startswith(begun)]
