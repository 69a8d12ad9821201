"""Messages for a submission that a person stops with Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from planner.cli.ui.output import in_place

if TYPE_CHECKING:
    from planner.project.folder import ProjectFolder


@contextlib.contextmanager
def telling_what_is_queued(project: ProjectFolder, number: int, *, called: str | None = None) -> Iterator[None]:
    """Say on Ctrl-C what of a round Slurm has, and what to do.

    Parameters
    ----------
    called : str, optional
        What ``-C`` takes for the project, where the command was not given it.
    """
    try:
        yield
    except KeyboardInterrupt:
        from planner.project.unfinished import stands

        for line in stands(project, number):
            click.echo(in_place(line, called), err=True)
        raise
