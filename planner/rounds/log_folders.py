"""Folders of the log files of a user's own script: where one is missing, Slurm fails the jobs without a word."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from planner.core.failures import user_name
from planner.core.user_scripts import UserScript
from planner.scripts import patterns


def missing(script: UserScript) -> list[Path]:
    """Return the folders of ``--output`` and ``--error`` that do not exist, as far as their names are known before."""
    start, known = Path(script.folder, script.chdir), {"x": script.job_name, "u": user_name()}
    given = [Path(pattern).expanduser() for pattern in (script.output, script.error) if pattern]
    named = [patterns.expand(str(path.parent), known) for path in given]
    return sorted({start / name for name in named if name is not None and not os.path.isdir(start / name)})  # noqa: PTH112 - Path.is_dir raises where we may not look


def make(script: UserScript, say: Callable[[str], None]) -> None:
    """Make the missing folders below where the jobs start; say what was made, and what is missing still.

    Folders elsewhere may exist on the nodes alone. Those of a script that waits for other jobs may be theirs to make.
    """
    for folder in missing(script):
        if not script.dependency and folder.is_relative_to(Path(script.folder, script.chdir)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                pass
            else:
                say(f"made {folder}, the folder of the jobs' logs")
                continue
        say(f"note: {what_to_do(folder)}; without it Slurm fails the jobs at once, and leaves no log")


def what_to_do(folder: Path) -> str:
    """Return ``no folder /data/logs for the log: mkdir -p /data/logs``."""
    return f"no folder {folder} for the log: mkdir -p {shlex.quote(str(folder))}"
