"""Tasks as processes of this machine: started, watched, ended, and found again when their driver was killed.

Before a task starts, ``running/JOBID.json`` says so; when it ends, it writes its exit code to ``running/JOBID.end``
itself. So a task that ends while nobody watches is known to have ended, and one that still runs is taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from planner import files
from planner.errors import FailureError
from planner.plan.document import Plan, PlannedTask
from planner.rounds import peak, processes, runs
from planner.rounds.executor import Attempt, Seen
from planner.rounds.processes import Kin

MARK = "CHROMPLAN_LOCAL"
LOG_TAIL_BYTES = 16_384
_MIB = 1 << 20
# $1: where the exit code goes; then the command. It is not to be ended before it has written the code.
_WRAPPER = 'trap : TERM; "${@:2}"; code=$?; echo "$code" >"$1.part" && mv "$1.part" "$1"; exit "$code"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What must be known of a running task when its driver is gone.

    Attributes
    ----------
    pid, pid_start_s : int or None, float or None
        Its outermost process; None between the decision to start it and the start.
    stopping : bool
        It was told to end: what it ends with means nothing.
    """

    task: str
    job_id: str
    host: str
    request_mb: int
    limit_mb: int
    start_s: float
    tmp: str
    pid: int | None = None
    pid_start_s: float | None = None
    stopping: bool = False


class LocalTask:
    """A started task."""

    def __init__(
        self, launcher: LocalLauncher, attempt: Attempt, record: Record, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.attempt = attempt
        self._launcher = launcher
        self._record = record
        self._process = process
        # ids are given out again: the recorded one counts only while it is known to be the task's
        self._root = record.pid if process is not None or runs_still(record) else None
        self._known: set[int] = set()
        self._peak_mb = 0.0
        self._code: int | None = None
        self._end_s = 0.0

    @property
    def start_s(self) -> float:
        """When it was started, s since the epoch."""
        return self._record.start_s

    def look(self) -> Seen:
        """Return how it stands, at the launcher's last look around."""
        self._known = self._members(self._launcher.processes)
        held = processes.held(self._known)
        self._peak_mb = max(self._peak_mb, held.peak_mb)
        if self._code is None:
            self._code = self._ended()
            if self._code is not None:
                own_mb = peak.read(peak.path(self._launcher.folder, self.attempt.task.task, self.attempt.job_id))
                self._peak_mb = max(self._peak_mb, own_mb or 0.0)
        return Seen(held_mb=held.rss_mb, peak_mb=self._peak_mb, code=self._code, end_s=self._end_s)

    def stop(self, *, kill: bool) -> None:
        """Ask its processes to end, or end them."""
        if not self._record.stopping:
            self._record = replace(self._record, stopping=True)
            with contextlib.suppress(OSError):  # a full disk must not keep it running
                self._launcher.write(self._record)
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
        path = runs.log_path(self._launcher.folder, self.attempt.task.task)
        with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
        return ""

    def close(self) -> None:
        """End what it left running, and remove what was kept to find it again."""
        if self._root is not None:
            processes.kill_tree(self._root, self._known)
        if self._process is not None:
            self._process.wait()
        self._launcher.end(self._record)

    def _members(self, now: Mapping[int, Kin]) -> set[int]:
        return set() if self._root is None else processes.members(now, self._root, self._known)

    def _measuring(self, mine: set[int]) -> set[int]:
        """Return those of its processes that only wait for the command: the wrapper and GNU time."""
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
        code, self._end_s = self._launcher.exit_code(self.attempt.job_id)
        return code


class LocalLauncher:
    """Starts a round's tasks on this machine.

    Parameters
    ----------
    plan : Plan
    root, folder : Path
        The project, and the round's folder with its rendered ``command.sh``.
    """

    def __init__(self, plan: Plan, *, root: Path, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[int, Kin] = {}
        self._plan = plan
        self._root = root
        self._state = folder / "running"
        self._host = socket.gethostname()

    def refresh(self) -> None:
        """Look at the machine's processes, once for all tasks."""
        self.processes = processes.table()

    def spare_mb(self) -> float:
        """Return what the machine has left, MiB."""
        return float(psutil.virtual_memory().available) / _MIB

    def start(self, attempt: Attempt) -> LocalTask:
        """Start a task, in a session of its own."""
        task = attempt.task
        log = runs.log_path(self.folder, task.task)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._keep_log(log, attempt.job_id)
        record = Record(
            task=task.task,
            job_id=attempt.job_id,
            host=self._host,
            request_mb=attempt.request_mb,
            limit_mb=attempt.limit_mb,
            start_s=time.time(),
            tmp=tempfile.mkdtemp(prefix="chromplan."),
        )
        self.write(record)
        own = peak.path(self.folder, task.task, attempt.job_id)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.unlink(missing_ok=True)
        command = [*peak.measuring(own), "bash", str(self.folder / "command.sh")]
        environment = variables(self._plan, task, attempt.request_mb)
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["bash", "-c", _WRAPPER, "chromplan", str(self._end_path(attempt.job_id)), *command],
                cwd=self._root,
                env={**os.environ, **environment, "CHROMPLAN_TMP": record.tmp, MARK: self.mark(attempt.job_id)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = replace(record, pid=process.pid, pid_start_s=processes.started_s(process.pid) or record.start_s)
        self.write(record)
        return LocalTask(self, attempt, record, process)

    def survivors(self) -> Sequence[LocalTask]:
        """Return the tasks of a driver that was killed: still running, or ended while nobody watched.

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
                found.append(LocalTask(self, _attempt(task, record), record))
        return found

    def end_all(self) -> None:
        """End whatever a killed driver left running."""
        for record in self._records():
            self.end(record)

    def _records(self) -> list[Record]:
        """Return what is kept of running tasks, all of this machine."""
        found: list[Record] = []
        for path in sorted(self._state.glob("*.json")):
            try:
                record = Record(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError):
                raise FailureError(
                    f"{path}: not a record of a running task",
                    f"see that none of the round's tasks runs, and remove {self._state}",
                ) from None
            if record.host != self._host:
                raise FailureError(
                    f"{path}: task {record.task} was started on {record.host}, and may run there still",
                    f"run it there again; when that machine is gone, remove {self._state}",
                )
            found.append(record)
        return found

    def _goes_on(self, record: Record) -> bool:
        """Whether a task needs no other start: it runs and was not told to end, or it ended and said so."""
        if record.stopping:
            return False
        return runs_still(record) or self._end_path(record.job_id).exists()

    def mark(self, job_id: str) -> str:
        """Return what the environment of an attempt's processes holds."""
        return f"{self.folder}:{job_id}"

    def exit_code(self, job_id: str) -> tuple[int, float]:
        """Return the exit code that a task wrote when it ended, and when; -9 when it could not."""
        path = self._end_path(job_id)
        try:
            return int(path.read_text()), path.stat().st_mtime
        except (FileNotFoundError, ValueError):
            return -signal.SIGKILL, time.time()

    def write(self, record: Record) -> None:
        """Keep what must be known of a running task."""
        files.write_text(self._record_path(record.job_id), json.dumps(asdict(record)) + "\n")

    def end(self, record: Record) -> None:
        """End what is left of a task, and remove its temporary folder and what was kept of it."""
        if runs_still(record) and record.pid is not None:
            processes.kill_tree(record.pid)
        processes.send(processes.marked(MARK, self.mark(record.job_id)), signal.SIGKILL)
        shutil.rmtree(record.tmp, ignore_errors=True)
        self._end_path(record.job_id).unlink(missing_ok=True)
        self._record_path(record.job_id).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._state.rmdir()

    def _record_path(self, job_id: str) -> Path:
        return self._state / f"{job_id}.json"

    def _end_path(self, job_id: str) -> Path:
        return self._state / f"{job_id}.end"

    def _keep_log(self, log: Path, job_id: str) -> None:
        """Put the log of the attempt before aside: what it says is not this attempt's."""
        before = int(job_id.rpartition(".")[2]) - 1
        kept = log.with_suffix(f".{before}.out")
        if before and log.exists() and not kept.exists():
            log.rename(kept)


def runs_still(record: Record) -> bool:
    """Whether a task's outermost process runs."""
    return (
        record.pid is not None and record.pid_start_s is not None and processes.is_same(record.pid, record.pid_start_s)
    )


def _attempt(task: PlannedTask, record: Record) -> Attempt:
    return Attempt(task=task, job_id=record.job_id, request_mb=record.request_mb, limit_mb=record.limit_mb)


def variables(plan: Plan, task: PlannedTask, request_mb: int) -> dict[str, str]:
    """Return the environment variables that a task's command sees."""
    heap_mb = request_mb - 120 if request_mb > 240 else request_mb // 2
    return {
        "CHROMPLAN_TASK": task.task,
        "CHROMPLAN_SAMPLE": task.sample,
        "CHROMPLAN_CHROMOSOME": task.chromosome,
        "CHROMPLAN_CPUS": str(task.cpus),
        "CHROMPLAN_MEM_MB": str(request_mb),
        "CHROMPLAN_JAVA_HEAP_MB": str(heap_mb),
        **{variable: task.parameters[column] for column, variable in plan.columns.items()},
    }
