"""The tasks' own records in their round's folder: peak, exit code, log. Each folder is listed once."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path

from planner.core import files
from planner.history import java_log
from planner.runner import peak
from planner.runner.peak import OwnPeak

_LOG = re.compile(r"_(?:(\d+)_)?(\d+)\.out$")


class OwnRecords:
    """The tasks' own records of one round.

    Parameters
    ----------
    folder : Path
        The round's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: set[str] | None = None

    @cached_property
    def _by_writer(self) -> dict[str, str]:
        """Name of step, job or element -> its log."""
        logs: dict[str, str] = {}
        for name in _names(self._folder / "logs"):
            logs[name.removesuffix(".out")] = name
            match = _LOG.search(name)
            if match:
                # 12_3 in an array, 12 for a job; the job's name may end with a number too
                for key in (f"{match[1]}_{match[2]}" if match[1] else match[2], match[2]):
                    logs.setdefault(key, name)
        return logs

    def step_began(self, task: str, job_id: str) -> bool:
        """Whether a task that is a step has started: its log is created then."""
        return f"{task}.{job_id}" in self._by_writer

    def log(self, task: str, job_id: str) -> Path | None:
        """Return the log of a task's job, or of its step; None where there is none."""
        logs = self._by_writer
        found = logs.get(f"{task}.{job_id}") or logs.get(job_id)
        return self._folder / "logs" / found if found else None

    def log_tail(self, task: str, job_id: str) -> str:
        """Return the end of the task's log."""
        path = self.log(task, job_id)
        return files.tail(path) if path else ""

    def heap_kept_mb(self, task: str, job_id: str) -> float | None:
        """Return what the task's log says a Java heap held after garbage collections, MiB; None if it says nothing."""
        path = self.log(task, job_id)
        return java_log.kept_mb(files.tail(path, java_log.MOST_BYTES)) if path else None

    def job_log_tail(self, job_id: str) -> str:
        """Return the end of a job's own log, without the steps that have logs of their own."""
        name = self._by_writer.get(job_id)
        return files.tail(self._folder / "logs" / name) if name else ""

    def peak(self, task: str, job_id: str) -> OwnPeak | None:
        """Return the peak that a task recorded itself; None when there is none."""
        return peak.read(peak.path(self._folder, task, job_id))

    def ended(self, task: str, job_id: str) -> tuple[int, float] | None:
        """Return the exit code that a task's script recorded, and when (s since the epoch); None when it has none."""
        if self._ends is None:
            self._ends = {name for name in _names(self._folder / "peaks") if name.endswith(peak.END)}
        path = peak.path(self._folder, task, job_id)
        if path.name + peak.END not in self._ends:
            return None
        return peak.exit_code(path)

    def seen_s(self, task: str, job_id: str) -> float:
        """Return when a task gave its last sign of life, s since the epoch; 0 without any."""
        paths = [self.log(task, job_id), peak.path(self._folder, task, job_id), self._folder / "turns" / task]
        return max((_modified_s(path) for path in paths if path), default=0.0)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - tens of thousands
    except FileNotFoundError:
        return []


def _modified_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
