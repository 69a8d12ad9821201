"""Running a round on this machine: in plan order, at most K at once, within a memory limit.

Each task is held to its request as Slurm would hold it: its process tree is killed when its resident memory passes the
request. Every attempt that ends is appended to ``local.jsonl`` at once, so a run that was interrupted goes on where it
stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from planner.errors import InputError
from planner.plan.document import Plan, PlannedTask
from planner.records import Outcome
from planner.rounds import peak

FILE = "local.jsonl"
POLL_S = 0.1
GRACE_S = 3.0
_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One attempt of a task on this machine."""

    task: str
    job_id: str
    outcome: Outcome
    exit_code: int
    peak_mb: float
    limit_mb: int
    wall_s: float
    start_s: int
    end_s: int
    evidence: str


def read(folder: Path) -> list[Run]:
    """Return the attempts recorded in a round's folder; a last line cut short by a crash is left out."""
    path = folder / FILE
    if not path.exists():
        return []
    runs: list[Run] = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            values = json.loads(line)
            runs.append(Run(**values | {"outcome": Outcome(values["outcome"])}))
        except (ValueError, TypeError, KeyError):
            if number == len(lines):
                break
            raise InputError(f"{path}:{number}: not a record of a local run", "remove that line") from None
    return runs


def log_path(folder: Path, task: str) -> Path:
    """Return where a task of the round in ``folder`` writes what it prints."""
    return folder / "logs" / f"{task}.local.out"


@dataclass(slots=True)
class _Child:
    task: PlannedTask
    process: subprocess.Popen[bytes]
    job_id: str
    peak_file: Path
    start_s: float
    tmp: str
    peak_mb: float = 0.0
    over: bool = False
    late: bool = False
    killed_s: float | None = None


class LocalRun:
    """Runs the tasks of a plan on this machine.

    Parameters
    ----------
    plan : Plan
    root, folder : Path
        The project, and the round's folder with its rendered ``command.sh``.
    workers : int
        Most tasks at once.
    mem_mb : int
        Most memory asked for at once, MiB.
    on_change : callable
        Called with the ended attempt.
    """

    def __init__(
        self, plan: Plan, *, root: Path, folder: Path, workers: int, mem_mb: int, on_change: Callable[[Run], None]
    ) -> None:
        self._plan = plan
        self._root = root
        self._folder = folder
        self._workers = workers
        self._mem_mb = mem_mb
        self._on_change = on_change
        self._running: list[_Child] = []

    def run(self) -> list[Run]:
        """Run what has not run yet; return all attempts of the round."""
        if not (self._folder / "command.sh").exists():
            raise InputError(f"{self._folder / 'command.sh'}: not rendered", "run 'chromplan render' first")
        done = {run.task for run in read(self._folder)}
        waiting = [task for task in self._plan.tasks if task.task not in done]
        for task in waiting:
            if task.request_mb > self._mem_mb:
                raise InputError(
                    f"task {task.task} asks for {task.request_mb} MB, this run may use {self._mem_mb} MB",
                    "give it more with --mem",
                )
        try:
            while waiting or self._running:
                self._start(waiting)
                time.sleep(POLL_S)
                self._look()
        finally:
            self._stop_all()
        return read(self._folder)

    def _start(self, waiting: list[PlannedTask]) -> None:
        """Start waiting tasks in plan order, passing over those that do not fit now."""
        for task in list(waiting):
            if len(self._running) >= self._workers:
                return
            if sum(child.task.request_mb for child in self._running) + task.request_mb <= self._mem_mb:
                waiting.remove(task)
                self._running.append(self._spawn(task))

    def _spawn(self, task: PlannedTask) -> _Child:
        log = log_path(self._folder, task.task)
        log.parent.mkdir(parents=True, exist_ok=True)
        tmp = tempfile.mkdtemp(prefix="chromplan.")
        attempts = sum(run.task == task.task for run in read(self._folder))
        job_id = f"local.{self._plan.token}.{task.task}.{attempts + 1}"
        peak_file = peak.path(self._folder, task.task, job_id)
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [*peak.measuring(peak_file), "bash", str(self._folder / "command.sh")],
                cwd=self._root,
                env={**os.environ, **variables(self._plan, task), "CHROMPLAN_TMP": tmp},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return _Child(task=task, process=process, job_id=job_id, peak_file=peak_file, start_s=time.time(), tmp=tmp)

    def _look(self) -> None:
        for child in list(self._running):
            child.peak_mb = max(child.peak_mb, tree_mb(child.process.pid))
            if child.process.poll() is not None:
                self._running.remove(child)
                self._ended(child)
            elif child.killed_s is not None:
                if time.time() - child.killed_s > GRACE_S:
                    _signal(child, signal.SIGKILL)
            elif child.peak_mb > child.task.request_mb:
                child.over = True
                self._kill(child, signal.SIGKILL)
            elif time.time() - child.start_s > child.task.time_limit_s:
                child.late = True
                self._kill(child, signal.SIGTERM)

    def _kill(self, child: _Child, which: signal.Signals) -> None:
        child.killed_s = time.time()
        _signal(child, which)

    def _ended(self, child: _Child) -> None:
        _signal(child, signal.SIGKILL)  # what it left in the background
        shutil.rmtree(child.tmp, ignore_errors=True)
        end_s = time.time()
        code = child.process.returncode
        outcome, evidence = _judge(child, code)
        run = Run(
            task=child.task.task,
            job_id=child.job_id,
            outcome=outcome,
            exit_code=code,
            peak_mb=round(max(child.peak_mb, peak.read(child.peak_file) or 0.0), 3),
            limit_mb=child.task.request_mb,
            wall_s=round(end_s - child.start_s, 3),
            start_s=int(child.start_s),
            end_s=int(end_s),
            evidence=evidence,
        )
        with (self._folder / FILE).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(run)) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._on_change(run)

    def _stop_all(self) -> None:
        """Stop the children of an interrupted run; their attempts are not recorded, so they run again next time."""
        for child in self._running:
            _signal(child, signal.SIGTERM)
        deadline = time.time() + GRACE_S
        for child in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.time()))
            _signal(child, signal.SIGKILL)
            child.process.wait()
            shutil.rmtree(child.tmp, ignore_errors=True)
        self._running.clear()


def variables(plan: Plan, task: PlannedTask) -> dict[str, str]:
    """Return the environment variables that a task's command sees."""
    heap_mb = task.request_mb - 120 if task.request_mb > 240 else task.request_mb // 2
    return {
        "CHROMPLAN_TASK": task.task,
        "CHROMPLAN_SAMPLE": task.sample,
        "CHROMPLAN_CHROMOSOME": task.chromosome,
        "CHROMPLAN_CPUS": str(task.cpus),
        "CHROMPLAN_MEM_MB": str(task.request_mb),
        "CHROMPLAN_JAVA_HEAP_MB": str(heap_mb),
        **{variable: task.parameters[column] for column, variable in plan.columns.items()},
    }


def tree_mb(pid: int) -> float:
    """Return the resident memory of a process and all it started, MiB."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total / _MIB


def _judge(child: _Child, code: int) -> tuple[Outcome, str]:
    if child.over:
        return Outcome.OOM, f"its processes held {child.peak_mb:.0f} MB of {child.task.request_mb} MB"
    if child.late:
        return Outcome.TIMEOUT, f"ran longer than {child.task.time_limit_s} s"
    if code == 0:
        return Outcome.COMPLETED, "exit code 0"
    return Outcome.FAILED, f"exit code {code}" if code > 0 else f"killed by signal {-code}"


def _signal(child: _Child, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, which)
