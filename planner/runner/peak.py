"""A task's own peak record, as ``templates/measure.sh`` writes it while the task runs and when it ends.

What the task's processes hold together is looked at now and then, so that a short peak of several may be missed. GNU
time's figure is the high-water mark of the largest process alone, which no look can miss: the peak is at least that.
What the kernel counted for the whole Slurm step, files that were read included, is a bound from above.
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
"""The environment variable by which a task's processes are known, wherever they went: it names the record."""

TIME = Path("/usr/bin/time")

END = ".end"
"""Behind the name of a peak record: where the task's script leaves its exit code."""

_LARGEST = re.compile(r"^peak_kib=(\d+) elapsed_s=([0-9.]+) rc=(\d+)$", re.MULTILINE)
# GNU time gives 0 for the exit code of what a signal ended
_SIGNALLED = re.compile(r"^Command terminated by signal (\d+)$", re.MULTILINE)
_TOGETHER = re.compile(r"^tree_kib=(\d+) looks=(\d+)(?: cgroup_kib=(\d+))?$", re.MULTILINE)
# where what was counted from above and from below differs by no more, looks add nothing
_CLOSE = 1.05
# a task that ends sooner has no time for more than a few looks, nor for much memory in several processes
_BRIEF_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPeak:
    """What a task recorded of itself.

    Attributes
    ----------
    peak_mb : float
        The most that its processes held together, as far as it was seen, MiB.
    quality : Quality
        Measured, unless the processes were looked at too few times and nothing else bounds what they held.
    evidence : str
        What the figure is.
    code : int or None
        The exit code with which GNU time saw the task end, 128 and more after a signal; None where it did not.
    together : bool
        Whether its processes were looked at together, what they share counted once.
    """

    peak_mb: float
    quality: Quality
    evidence: str
    code: int | None = None
    together: bool = False

    @property
    def ended(self) -> bool:
        """Whether GNU time saw the task end by itself: not by SIGKILL or SIGTERM, by which Slurm ends what it kills."""
        return self.code is not None and self.code not in (KILLED, TERMINATED)


def path(folder: Path, task: str, job_id: str) -> Path:
    """Return where a task of the round in ``folder`` records its peak."""
    return folder / "peaks" / f"{task}.{job_id}"


def script(folder: Path | None = None) -> Path:
    """Return the script that measures: a round's own, where ``folder`` has one, else the shipped one."""
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
    """Add to a record what GNU time would, where another measured it: the peak of the largest process, KiB."""
    with record.open("a", encoding="utf-8") as stream:
        stream.write(f"peak_kib={peak_kib} elapsed_s={elapsed_s:.2f} rc={max(code, 0)}\n")


def exit_code(record: Path) -> tuple[int, float] | None:
    """Return the exit code that a task's script left beside its peak record, and when, s since the epoch."""
    left = record.with_name(record.name + END)
    try:
        return int(left.read_text()), left.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
