"""Tasks as processes of this machine: started, watched, ended, and found again when their driver was killed.

Their records (`planner.runner.records`) tell of a task that ended unwatched; one that still runs is taken over.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from planner.core import alive, files
from planner.core.errors import FailureError
from planner.core.units import BYTES_PER_MB
from planner.plan.document import Plan
from planner.runner import peak, processes, runs
from planner.runner import records as kept
from planner.runner.launch import Attempt, Seen
from planner.runner.processes import Kin, Together
from planner.runner.records import Record, RunningRecords, runs_still

MARK = "CHROMPLAN_LOCAL"
# $1: file for the exit code; then the command. The wrapper must not be ended before it has written the code.
_WRAPPER = 'trap : TERM; "${@:2}"; code=$?; echo "$code" >"$1.part" && mv "$1.part" "$1"; exit "$code"'


class LocalTask:
    """A started task."""

    def __init__(
        self, launcher: LocalLauncher, attempt: Attempt, record: Record, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.attempt = attempt
        self._launcher = launcher
        self._record = record
        self._process = process
        # ids are reused: the recorded one counts only while it is known to be the task's
        self._root = record.pid if process is not None or runs_still(record) else None
        self._known: set[int] = set()
        self._together = Together()
        self._peak_mb = 0.0
        self._code: int | None = None
        self._end_s = 0.0

    @property
    def start_s(self) -> float:
        """Start time, s since the epoch."""
        return self._record.start_s

    def look(self) -> Seen:
        """Return its state at the launcher's last polling."""
        self._known = self._members(self._launcher.processes)
        held = self._together.held(self._known)
        self._peak_mb = max(self._peak_mb, held.peak_mb)
        if self._code is None:
            self._code = self._ended()
            if self._code is not None:
                own = peak.read(peak.path(self._launcher.folder, self.attempt.task.task, self.attempt.job_id))
                self._peak_mb = max(self._peak_mb, own.peak_mb if own else 0.0)
        return Seen(held_mb=held.now_mb, peak_mb=self._peak_mb, code=self._code, end_s=self._end_s)

    def stop(self, *, kill: bool) -> None:
        """Ask its processes to end, or kill them."""
        if not self._record.stopping:
            self._record = replace(self._record, stopping=True)
            with contextlib.suppress(OSError):  # a full disk must not keep it running
                self._launcher.kept.write(self._record)
        if self._root is None or self._code is not None:
            return
        if kill:
            processes.kill_tree(self._root, self._known)
        else:
            self._launcher.refresh()
            mine = self._members(self._launcher.processes)
            processes.send(mine - self._measuring(mine), signal.SIGTERM)

    def log(self) -> str:
        """Return the end of what it printed."""
        return files.tail(runs.log_path(self._launcher.folder, self.attempt.task.task))

    def close(self) -> None:
        """End processes that it left running, and remove the records for finding it again."""
        if self._root is not None:
            processes.kill_tree(self._root, self._known)
        if self._process is not None:
            self._process.wait()
        self._launcher.end(self._record)

    def _members(self, now: Mapping[int, Kin]) -> set[int]:
        return set() if self._root is None else processes.members(now, self._root, self._known)

    def _measuring(self, mine: set[int]) -> set[int]:
        """Return those of its processes that only wait for the command: the wrapper, and GNU time if it is used."""
        outer = {pid for pid in mine if pid == self._root}
        if peak.TIME.exists():
            table = self._launcher.processes
            outer |= {pid for pid in mine if pid in table and table[pid].parent == self._root}
        return outer

    def _ended(self) -> int | None:
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._end_s = time.time()
            return code
        if runs_still(self._record):
            return None
        self._root = None
        code, self._end_s, _ = self._launcher.kept.exit_code(self.attempt.job_id)
        return code


class LocalLauncher:
    """Starts a round's tasks on this machine.

    Parameters
    ----------
    plan : Plan
    root, folder : Path
        The project, and the round's folder with its rendered ``command.sh``.
    """

    enforces = False

    def __init__(self, plan: Plan, *, root: Path, folder: Path) -> None:
        self.folder = folder
        self.kept = RunningRecords(folder)
        self.processes: dict[int, Kin] = {}
        self._plan = plan
        self._root = root
        self._host = socket.gethostname()

    def attempt_id(self, task: str, number: int) -> str:
        """Return the id of the n-th attempt of a task in this round."""
        return f"local.{self._plan.token}.{task}.{number}"

    def until_s(self) -> float | None:
        """Return None: the machine ends nothing by itself."""
        return None

    def closing(self) -> bool:
        """Return False: the machine ends nothing by itself."""
        return False

    def refresh(self) -> None:
        """Read the machine's processes once for all tasks."""
        self.processes = processes.table()

    def spare_mb(self) -> float:
        """Return the machine's free memory, MiB."""
        import psutil

        return float(psutil.virtual_memory().available) / BYTES_PER_MB

    def start(self, attempt: Attempt) -> LocalTask:
        """Start a task, in a session of its own."""
        task = attempt.task
        log = runs.log_path(self.folder, task.task)
        kept.fresh_log(log, attempt.job_id)
        record = Record(
            task=task.task,
            job_id=attempt.job_id,
            host=self._host,
            request_mb=attempt.request_mb,
            limit_mb=attempt.limit_mb,
            start_s=time.time(),
            tmp=tempfile.mkdtemp(prefix="chromplan."),
            cpus=attempt.cpus,
        )
        self.kept.write(record)
        own = peak.path(self.folder, task.task, attempt.job_id)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.unlink(missing_ok=True)
        command = ["bash", str(peak.script(self.folder)), str(own), "bash", str(self.folder / "command.sh")]
        environment = kept.variables(self._plan, task, attempt.request_mb, attempt.cpus)
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["bash", "-c", _WRAPPER, "chromplan", str(self.kept.path(attempt.job_id, "end")), *command],
                cwd=self._root,
                env={**os.environ, **environment, "CHROMPLAN_TMP": record.tmp, MARK: self.mark(attempt.job_id)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = replace(record, pid=process.pid, pid_start_s=alive.started_s(process.pid) or record.start_s)
        self.kept.write(record)
        return LocalTask(self, attempt, record, process)

    def survivors(self) -> Sequence[LocalTask]:
        """Return the tasks of a driver that was killed: still running, or ended unwatched.

        Raises
        ------
        FailureError
            When they were started on another machine, where they may still run.
        """
        tasks = {task.task: task for task in self._plan.tasks}
        recorded = {run.job_id for run in runs.read(self.folder)}
        found: list[LocalTask] = []
        for record in self._records():
            task = tasks.get(record.task)
            if task is None or record.job_id in recorded or not self._goes_on(record):
                self.end(record)
            else:
                found.append(LocalTask(self, record.attempt(task), record))
        return found

    def end_all(self) -> None:
        """End all tasks that a killed driver left running."""
        for record in self._records():
            self.end(record)

    def _records(self) -> list[Record]:
        """Return the records of running tasks of this machine, without those of steps of an allocation."""
        found = [record for record in self.kept.records() if record.allocation is None]
        for record in found:
            if record.host != self._host:
                path = self.kept.path(record.job_id, "json")
                raise FailureError(
                    f"{path}: task {record.task} was started on {record.host}, and may run there still",
                    f"run it there again; when that machine is gone, remove {self.kept.state}",
                )
        return [record if record.pid is not None else self._with_process(record) for record in found]

    def _with_process(self, record: Record) -> Record:
        """Return the record of a task whose driver was killed before it could note the process."""
        started = {pid: alive.started_s(pid) for pid in processes.marked(MARK, self.mark(record.job_id))}
        first = min(((at_s, pid) for pid, at_s in started.items() if at_s is not None), default=None)
        return record if first is None else replace(record, pid=first[1], pid_start_s=first[0])

    def _goes_on(self, record: Record) -> bool:
        """Whether a task need not be started again: it runs and was not told to end, or it recorded its end."""
        if record.stopping:
            return False
        return runs_still(record) or self.kept.ended(record.job_id)

    def mark(self, job_id: str) -> str:
        """Return the mark in the environment of an attempt's processes."""
        return f"{self.folder}:{job_id}"

    def end(self, record: Record) -> None:
        """End the remaining processes of a task, and remove its temporary folder and records."""
        if runs_still(record) and record.pid is not None:
            processes.kill_tree(record.pid)
        processes.send(processes.marked(MARK, self.mark(record.job_id)), signal.SIGKILL)
        shutil.rmtree(record.tmp, ignore_errors=True)
        self.kept.remove(record)
