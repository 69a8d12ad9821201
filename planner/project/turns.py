"""``turns/``: which job runs a task. A task that was submitted twice runs once.

A job's script makes a link named after its task that points to the job's own id: of two jobs one is first. The other
ends at once with `LOST`. A job that Slurm starts again finds its own id there, and goes on.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "turns"
LOST = 75
"""The exit code of a job that finds its task's turn taken: EX_TEMPFAIL of sysexits.h."""


def owners(folder: Path) -> dict[str, str]:
    """Return task -> the job that has its turn, of all tasks of a round that have begun."""
    try:
        names = os.listdir(folder / FOLDER)  # noqa: PTH208 - tens of thousands
    except FileNotFoundError:
        return {}
    return {name: found for name in names if (found := owner(folder, name))}


def owner(folder: Path, task: str) -> str | None:
    """Return the job that has a task's turn; None while none has."""
    try:
        return os.readlink(folder / FOLDER / task)  # noqa: PTH115 - tens of thousands
    except OSError:
        return None
