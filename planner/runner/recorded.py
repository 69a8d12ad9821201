"""A command run unchanged and measured: the peak of its whole process tree, its time, its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from planner.core.records import Quality
from planner.runner import peak, processes

# signals that a user or batch system sends to this process and means for the command
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGINT", "SIGQUIT")
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """The result of a command.

    Attributes
    ----------
    exit_code : int
        As in a shell: 128 plus the signal's number for a command that was ended by a signal.
    peak_mb : float
        The larger of the sampled total of its processes and the high-water mark of the largest one, MiB.
    quality : Quality
        Measured, unless its processes were sampled too few times.
    evidence : str
        How the peak was obtained.
    start_s, end_s : float
        Seconds since the epoch.
    """

    exit_code: int
    peak_mb: float
    quality: Quality
    evidence: str
    start_s: float
    end_s: float
    wall_s: float


def run(command: Sequence[str]) -> RecordedRun:
    """Run a command to its end; it inherits input, output and terminal, and signals are forwarded to it.

    Raises
    ------
    OSError
        When it cannot be started.
    """
    start_s, begun = time.time(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chromplan.") as folder, _Relay() as relay:
        record = Path(folder) / "peak"
        record.touch()
        child = subprocess.Popen(list(command), env=os.environ | {peak.MARK: str(record)})
        relay.start(child.pid)
        with _watched(child.pid, record):
            _, status, usage = os.wait4(child.pid, 0)
        code = child.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - begun
        peak.add_largest(record, usage.ru_maxrss // (1 if sys.platform != "darwin" else 1024), wall_s, code)
        own = peak.read(record)
    return RecordedRun(
        exit_code=code if code >= 0 else 128 - code,
        peak_mb=own.peak_mb if own else 0.0,
        quality=own.quality if own else Quality.MISSING,
        evidence=own.evidence if own else "",
        start_s=start_s,
        end_s=time.time(),
        wall_s=wall_s,
    )


@contextmanager
def _watched(pid: int, record: Path) -> Iterator[None]:
    """Sample a process and its descendants; without bash, do nothing."""
    try:
        watcher = subprocess.Popen(
            ["bash", str(peak.script()), "--beside", str(pid), str(record)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        yield
        return
    try:
        yield
    finally:
        watcher.kill()  # its samples are already written
        watcher.wait()


class _Relay:
    """Forwards signals to the command until it ends, including those from before its start.

    Signals of the terminal's keys reach the command directly.
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
        """Forward signals that arrived before the command ran."""
        self._pid = pid
        for number in self._early:
            processes.send([pid], signal.Signals(number))

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        if self._pid is None:
            self._early.append(number)
        else:
            processes.send([self._pid], signal.Signals(number))

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """Ignore the signal: the command has received it too and decides."""
