"""Checks whether a process id of this machine still belongs to the same process."""

from __future__ import annotations

# psutil's start times shift a little when the clock is set
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
    """Whether the process of this id is still the one that started at that time, as ids are reused."""
    now_s = started_s(pid)
    return now_s is not None and abs(now_s - start_s) < _SAME_START_S
