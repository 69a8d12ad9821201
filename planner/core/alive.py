"""Whether a process id of this machine still belongs to the same process."""

from __future__ import annotations

# a clock that was set between two looks moves psutil's start times a little
_SAME_START_S = 2.0


def started_s(pid: int) -> float | None:
    """Return when a process started, s since the epoch; None when it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def is_same(pid: int, start_s: float) -> bool:
    """Whether the process of this id is still the one that started then: ids are given out again."""
    now_s = started_s(pid)
    return now_s is not None and abs(now_s - start_s) < _SAME_START_S
