"""A task's own peak record: what ``/usr/bin/time`` writes when the task ends.

It is the high-water mark of the largest process of the task: nothing is polled, so no peak is too short to be seen.
When the whole task is killed the record stays empty.
"""

from __future__ import annotations

import re
from pathlib import Path

TIME = Path("/usr/bin/time")
FORMAT = "peak_kib=%M elapsed_s=%e rc=%x"
_RECORD = re.compile(r"^peak_kib=(\d+) elapsed_s=[0-9.]+ rc=\d+$", re.MULTILINE)


END = ".end"
"""Behind the name of a peak record: where the task's script leaves its exit code."""


def path(folder: Path, task: str, job_id: str) -> Path:
    """Return where a task of the round in ``folder`` records its peak."""
    return folder / "peaks" / f"{task}.{job_id}"


def measuring(record: Path) -> list[str]:
    """Return the words to put before a command so that it records its peak; none where GNU time is missing."""
    return [str(TIME), "-f", FORMAT, "-o", str(record)] if TIME.exists() else []


def read(record: Path) -> float | None:
    """Return the recorded peak, MiB; None when there is no record or an empty one."""
    try:
        match = _RECORD.search(record.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
    return int(match[1]) / 1024 if match else None


def exit_code(record: Path) -> tuple[int, float] | None:
    """Return the exit code that a task's script left beside its peak record, and when, s since the epoch."""
    left = record.with_name(record.name + END)
    try:
        return int(left.read_text()), left.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
