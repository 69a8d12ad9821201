"""A command run as it is, with its memory looked at: the peak of its whole process tree, its time, its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self

from planner.core.records import Quality
from planner.core.sampling import POLLS_TO_TRUST
from planner.runner import processes

# A look may cost this share of the time until the next one
_SHARE = 0.004
_SHORTEST_S, _LONGEST_S = 0.02, 1.0
# What a person or a batch system sends to the process that it knows, and means for the command
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGINT", "SIGQUIT")
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """What became of a command.

    Attributes
    ----------
    exit_code : int
        As a shell has it: 128 and the signal's number for a command that a signal ended.
    peak_mb : float
        The larger of what its processes were seen to hold together and the high-water mark of the largest, MiB.
    looks : int
        How often the processes were looked at.
    quality : Quality
        Measured, unless several processes were seen too few times.
    start_s, end_s : float
        Seconds since the epoch.
    """

    exit_code: int
    peak_mb: float
    looks: int
    quality: Quality
    start_s: float
    end_s: float
    wall_s: float


def run(command: Sequence[str]) -> RecordedRun:
    """Run a command to its end; its input, output and terminal are ours, and signals sent to us reach it.

    Raises
    ------
    OSError
        When it cannot be started.
    """
    start_s, begun = time.time(), time.monotonic()
    with _Relay() as relay:
        child = subprocess.Popen(list(command))
        relay.start(child.pid)
        peak_mb, looks, several = 0.0, 0, False
        known: set[int] = set()
        while True:
            spent = time.thread_time()
            known = processes.descendants({child.pid, *known})
            held_mb = processes.held(known).peak_mb if len(known) < 2 else _together_mb(known, peak_mb)
            peak_mb, looks, several = max(peak_mb, held_mb), looks + 1, several or len(known) > 1
            cost_s = time.thread_time() - spent
            pause_s = min(max((time.monotonic() - begun) / 50, _SHORTEST_S, cost_s / _SHARE), _LONGEST_S)
            if (ended := _wait(child.pid, pause_s)) is not None:
                break
        child.returncode = os.waitstatus_to_exitcode(ended[0])
    code = child.returncode
    return RecordedRun(
        exit_code=code if code >= 0 else 128 - code,
        peak_mb=max(peak_mb, ended[1]),
        looks=looks,
        quality=Quality.SAMPLED if several and looks < POLLS_TO_TRUST else Quality.MEASURED,
        start_s=start_s,
        end_s=time.time(),
        wall_s=time.monotonic() - begun,
    )


def _together_mb(pids: set[int], highest_mb: float) -> float:
    """Return what several processes hold together; pages that they share count once, where that could be a new peak."""
    held = processes.held(pids)
    if held.rss_mb <= highest_mb:
        return 0.0
    shares = [processes.share_mb(pid) for pid in pids]
    known = [share for share in shares if share is not None]
    return sum(known) if len(known) == len(shares) else held.rss_mb


def _wait(pid: int, pause_s: float) -> tuple[int, float] | None:
    """Wait for a child, not longer than the pause; return its status and its largest process's peak, MiB."""
    until = time.monotonic() + pause_s
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        left_s = until - time.monotonic()
        if left_s <= 0:
            return None
        time.sleep(min(left_s, _SHORTEST_S))


class _Relay:
    """Hands signals on to the command until it ends, those from before its start, too.

    What the terminal's own keys send reaches the command without us.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        terminal = sys.stdin is not None and sys.stdin.isatty()
        for name in _PASSED_ON:
            if not (terminal and name in _FROM_TERMINAL):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._hand_on)
            else:
                self._before[getattr(signal, name)] = signal.signal(getattr(signal, name), self._leave)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def start(self, pid: int) -> None:
        """Hand on what came before the command ran."""
        self._pid = pid
        for number in self._early:
            processes.send([pid], signal.Signals(number))

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        if self._pid is None:
            self._early.append(number)
        else:
            processes.send([self._pid], signal.Signals(number))

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """Go on: the command has got the same signal and decides."""
