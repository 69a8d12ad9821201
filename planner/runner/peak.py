"""A task's own peak record, as ``templates/measure.sh`` writes it while the task runs and when it ends.

The total memory of the task's processes is sampled, so that a short joint peak may be missed. GNU time gives the
high-water mark of the largest single process, which cannot be missed: a lower bound of the peak. The kernel's count for
the whole Slurm step, including files that were read, is an upper bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from planner.core import files
from planner.core.exits import KILLED, TERMINATED
from planner.core.records import Quality
from planner.core.sampling import POLLS_TO_TRUST

SCRIPT = "measure.sh"
MARK = "CHROMPLAN_RECORD"
"""The environment variable that marks a task's processes, whatever their parent: its value is the record's path."""

TIME = Path("/usr/bin/time")

END = ".end"
"""Suffix to the name of a peak record: the file in which the task's script leaves its exit code."""

_LARGEST = re.compile(r"^peak_kib=(\d+) elapsed_s=([0-9.]+) rc=(\d+)$", re.MULTILINE)
# GNU time gives the exit code 0 for a command that a signal ended
_SIGNALLED = re.compile(r"^Command terminated by signal (\d+)$", re.MULTILINE)
_TOGETHER = re.compile(r"^tree_kib=(\d+) looks=(\d+)(?: cgroup_kib=(\d+))?$", re.MULTILINE)
# if upper and lower bound differ by no more than this, samples add nothing
_CLOSE = 1.05
# a shorter task has time for a few samples only, but hardly for much memory in several processes
_BRIEF_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPeak:
    """What a task recorded of itself.

    Attributes
    ----------
    peak_mb : float
        Peak memory of all its processes together, as far as observed, MiB.
    quality : Quality
        Measured, unless there were too few samples and no other bound.
    evidence : str
        How the figure was obtained.
    code : int or None
        The exit code seen by GNU time, 128 and more after a signal; None if GNU time did not see the end.
    together : bool
        Whether its processes were sampled together, with shared memory counted once.
    """

    peak_mb: float
    quality: Quality
    evidence: str
    code: int | None = None
    together: bool = False

    @property
    def ended(self) -> bool:
        """Whether GNU time saw the task end by itself, not by SIGKILL or SIGTERM, with which Slurm kills."""
        return self.code is not None and self.code not in (KILLED, TERMINATED)


def path(folder: Path, task: str, job_id: str) -> Path:
    """Return the path of a task's peak record in the round's ``folder``."""
    return folder / "peaks" / f"{task}.{job_id}"


def script(folder: Path | None = None) -> Path:
    """Return the measuring script: the round's own, if ``folder`` has one, otherwise the shipped one."""
    own = None if folder is None else folder / SCRIPT
    return own if own is not None and own.exists() else files.shipped("templates") / SCRIPT


def read(record: Path) -> OwnPeak | None:
    """Return what a task recorded of itself; None when there is no record or an empty one."""
    try:
        text = record.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    largest = _LARGEST.search(text)
    seen = [tuple(int(part or 0) for part in found) for found in _TOGETHER.findall(text)]
    if largest is None and not seen:
        return None
    largest_kib = int(largest[1]) if largest else 0
    together_kib, looks, counted_kib = (max(column) for column in zip(*seen, strict=True)) if seen else (0, 0, 0)
    if counted_kib:
        together_kib = min(together_kib, counted_kib)
    peak_kib = max(largest_kib, together_kib)
    evidence = f"peak of its processes together, {looks} looks" if looks else "peak of its largest process"
    brief = largest is not None and float(largest[2]) < _BRIEF_S
    bounded = 0 < counted_kib <= _CLOSE * peak_kib
    few = 0 < looks < POLLS_TO_TRUST and not brief and not bounded
    quality = Quality.SAMPLED if few else Quality.MEASURED
    signalled = _SIGNALLED.search(text)
    code = None if largest is None else 128 + int(signalled[1]) if signalled else int(largest[3])
    return OwnPeak(peak_mb=peak_kib / 1024, quality=quality, evidence=evidence, code=code, together=looks > 0)


def add_largest(record: Path, peak_kib: int, elapsed_s: float, code: int) -> None:
    """Add to a record, in place of GNU time, the peak (KiB) of the largest process."""
    with record.open("a", encoding="utf-8") as stream:
        stream.write(f"peak_kib={peak_kib} elapsed_s={elapsed_s:.2f} rc={max(code, 0)}\n")


def exit_code(record: Path) -> tuple[int, float] | None:
    """Return the exit code that a task's script left beside its peak record, and when, s since the epoch."""
    left = record.with_name(record.name + END)
    try:
        return int(left.read_text()), left.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
