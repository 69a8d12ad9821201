"""``chromplan logs``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from planner.actions.opening import open_planned
from planner.actions.rounds import latest_statuses
from planner.cli.ui import completion
from planner.cli.ui.options import project_option
from planner.core.errors import InputError

_LINES = 20
_FOLLOW_S = 1.0
_BLOCK = 65_536


@click.command("logs")
@click.argument("task", shell_complete=completion.tasks)
@click.option("-n", "lines", type=click.IntRange(min=0), default=_LINES, show_default=True, help="Number of lines.")
@click.option("--all", "whole", is_flag=True, help="Print the whole log.")
@click.option(
    "--round", "number", type=click.IntRange(min=1), help="The attempt of this round, instead of the last attempt."
)
@click.option("--path", "only_path", is_flag=True, help="Print only the path of the log.")
@click.option("--follow", is_flag=True, help="Keep printing as it grows, until Ctrl-C.")
@project_option
def command(
    folder: Path, task: str, lines: int, whole: bool, number: int | None, only_path: bool, follow: bool
) -> None:
    """Print the end of the log of a task's last attempt.

    TASK is a task's name as 'chromplan status' shows it; if there is only one sample, the region is enough.
    """
    from planner.rounds.logs import of_round
    from planner.rounds.names import find_task

    project = open_planned(folder)
    found = latest_statuses(project, offline=True)
    name = find_task(task, found)
    attempts = [one for one in found if one.task == name and one.job_id and number in (None, one.round)]
    if not attempts:
        when = f" in round {number}" if number else ""
        raise InputError(f"{name} was not started{when}", "'chromplan status' shows what has become of every task")
    last = attempts[-1]
    path = of_round(project, last.round).path(last.task, last.job_id)
    if path is None:
        raise InputError(
            f"{name}: job {last.job_id} has printed nothing yet", "its log is there as soon as the job has started"
        )
    if only_path:
        click.echo(path)
        return
    click.echo(f"==> {path} <==", err=True)
    position = _print_from(path, 0 if whole else _start_of(path, lines))
    while follow:
        time.sleep(_FOLLOW_S)
        position = _print_from(path, position)


def _start_of(path: Path, lines: int) -> int:
    """Return where the last lines of a file begin, reading it from its end."""
    with path.open("rb") as stream:
        size_b = position = stream.seek(0, 2)
        found = 0
        while position > 0 and lines:
            size = min(_BLOCK, position)
            position = stream.seek(position - size)
            block = stream.read(size)
            end = len(block)
            while (end := block.rfind(b"\n", 0, end)) >= 0:
                # the end of the last line is not the start of another
                found += position + end + 1 < size_b
                if found == lines:
                    return position + end + 1
        return 0 if lines else size_b


def _print_from(path: Path, position: int) -> int:
    """Print a file from a position on, and return where it ends."""
    with path.open("rb") as stream:
        stream.seek(position)
        while block := stream.read(_BLOCK):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
        return stream.tell()
