"""``turns/``: which job runs a task, so that a task that was submitted twice runs only once.

A job's script creates a link that is named after its task and points to the job's own id. Of two jobs only one
succeeds; the other exits at once with `LOST`. A job that Slurm restarts finds its own id there, and continues.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "turns"
LOST = 75
"""Exit code of a job whose task is run by another job: EX_TEMPFAIL of sysexits.h."""


def owners(folder: Path) -> dict[str, str]:
    """Return task -> the job that runs it, for all tasks of a round that have started."""
    try:
        names = os.listdir(folder / FOLDER)  # noqa: PTH208 - tens of thousands
    except FileNotFoundError:
        return {}
    return {name: found for name in names if (found := owner(folder, name))}


def owner(folder: Path, task: str) -> str | None:
    """Return the job that runs a task; None while there is none."""
    try:
        return os.readlink(folder / FOLDER / task)  # noqa: PTH115 - tens of thousands
    except OSError:
        return None
