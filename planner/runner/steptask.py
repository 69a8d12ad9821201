"""Tasks as steps of a Slurm allocation, watched and ended; `planner.runner.step_launcher` starts them."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.core import files
from planner.core.exits import KILL, KILLED
from planner.core.records import Outcome
from planner.core.sampling import near_limit
from planner.history.sacct.outcomes import classify_log, said_by_slurm
from planner.plan.overheads import STEP_SHELLS_MB
from planner.runner import peak, processes, runs
from planner.runner.launch import Attempt, Seen
from planner.runner.processes import Together
from planner.runner.records import Record, runs_still

if TYPE_CHECKING:
    from planner.runner.step_launcher import StepLauncher

CLOSE_S = 30.0
"""How long a step that was told to end may take, s."""
_KILLED = (-KILL, KILL, KILLED)


@dataclass(frozen=True, slots=True)
class Begun:
    """The start record of a step that claimed its turn: its number, its outermost process, its temporary folder."""

    step: str
    pid: int
    tmp: str


class StepTask:
    """A started task."""

    def __init__(
        self, launcher: StepLauncher, attempt: Attempt, record: Record, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.attempt = attempt
        self._launcher = launcher
        self._record = record
        self._process = process
        self._begun: Begun | None = None
        self._began_s: float | None = None
        self._known: set[int] = set()
        self._together = Together()
        self._held_mb = 0.0
        self._peak_mb = 0.0
        self._last: Seen | None = None

    @property
    def start_s(self) -> float:
        """When it started, s since the epoch; until that is known, when its srun was called."""
        return self._began_s or self._record.start_s

    @property
    def begun(self) -> Begun | None:
        """Its own start record; None until it runs."""
        if self._begun is None:
            self._begun = self._launcher.begun(self.attempt.job_id)
            if self._begun is not None and self._process is not None:
                self._began_s = time.time()
        return self._begun

    def look(self) -> Seen:
        """Return its state at the launcher's last polling."""
        if self._last is None:
            self._measure()
            code = self._code()
            if code is None:
                return Seen(held_mb=self._held_mb, peak_mb=self._peak_mb)
            self._last = self._end(code)
        return self._last

    def stop(self, *, kill: bool) -> None:
        """Ask it to end, or kill it; one that has not started never will."""
        if not self._record.stopping:
            self._record = replace(self._record, stopping=True)
            with contextlib.suppress(OSError):  # a full disk must not keep it running
                self._launcher.kept.write(self._record)
        if self._last is not None:
            return
        if self._launcher.take_back(self._record):
            self.abandon()
        else:
            self._launcher.signal(self._record, "KILL" if kill else "TERM")

    def log(self) -> str:
        """Return the end of what it printed."""
        return files.tail(runs.log_path(self._launcher.folder, self.attempt.task.task, "drive"))

    def close(self) -> None:
        """Remove the records for finding it again; its processes end with the step, and are killed on this node."""
        if self._begun is not None and self._launcher.is_here(self.attempt):
            processes.kill_tree(self._begun.pid, self._known)
        if self._process is not None:
            try:
                self._process.wait(CLOSE_S)
            except subprocess.TimeoutExpired:  # the step was told to end, which slurmctld ensures
                self.abandon()
        self._launcher.close(self, self._record)

    def abandon(self) -> None:
        """End its srun: the step never started, or is ended in another way."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        elif self._record.host == socket.gethostname() and self._record.pid and runs_still(self._record):
            processes.send([self._record.pid], signal.SIGKILL)

    def _measure(self) -> None:
        begun = self.begun
        if begun is None:
            return
        if self._launcher.is_here(self.attempt):
            self._known = processes.members(self._launcher.processes, begun.pid, self._known)
            held = self._together.held(self._known)
            now_mb, most_mb = held.now_mb, held.peak_mb
        else:
            now_mb, most_mb = self._launcher.memory.get(begun.step, (0.0, 0.0))
        self._held_mb = now_mb
        self._peak_mb = max(self._peak_mb, most_mb)

    def _code(self) -> int | None:
        """Return its exit code; None while it runs."""
        if self._process is not None:
            return self._process.poll()
        if self._launcher.lives(self._record):
            return None
        return self._launcher.kept.exit_code(self.attempt.job_id)[0]

    def _end(self, code: int) -> Seen:
        _, _, told = self._launcher.kept.exit_code(self.attempt.job_id)
        own_mb = self._own_mb()
        peak_mb = max(own_mb or 0.0, self._peak_mb - STEP_SHELLS_MB if own_mb else self._peak_mb)
        seen = Seen(
            held_mb=0.0,
            peak_mb=peak_mb,
            code=code,
            end_s=time.time(),
            cut=told and not self._record.stopping,
        )
        if self._record.stopping:
            return seen
        if code != 0 and self._launcher.take_back(self._record):
            return self._launcher.never_began(seen, self._said())
        return replace(seen, verdict=self._killed_for_memory(code))

    def killed_unwatched(self) -> bool:
        """Whether it was killed for memory while unwatched."""
        return self.begun is not None and self._killed_for_memory(-signal.SIGKILL) is not None

    def _own_mb(self) -> float | None:
        """Return its own peak record, MiB."""
        path = peak.path(self._launcher.folder, self.attempt.task.task, self.attempt.job_id)
        own = peak.read(path)
        if own is None and not self._launcher.is_here(self.attempt):
            list(path.parent.iterdir())  # listing the folder refreshes a network file system's cache of missing files
            own = peak.read(path)
        return own.peak_mb if own else None

    def _killed_for_memory(self, code: int) -> tuple[Outcome, str] | None:
        """Return outcome and evidence if Slurm or the kernel killed it at its limit; otherwise None."""
        verdict = classify_log(f"{said_by_slurm(self.log())}\n{self._said()}")
        if verdict is not None:
            return Outcome.OOM, verdict.evidence
        limit_mb = self.attempt.limit_mb
        if code in _KILLED and near_limit(self._peak_mb, limit_mb):
            return Outcome.OOM, f"killed by signal 9, holding {self._peak_mb:.0f} of {limit_mb} MB (suspected)"
        return None

    def _said(self) -> str:
        """Return what srun printed."""
        return files.tail(self._launcher.kept.path(self.attempt.job_id, "srun"))
