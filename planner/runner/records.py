"""Records of running tasks in ``running/``, by which they are found again after their driver was killed.

``JOBID.json`` is written before a task starts; when the task ends, it writes its exit code to ``JOBID.end`` itself.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.core import alive, files, java
from planner.core.command import PLACEHOLDERS
from planner.core.errors import FailureError
from planner.plan.document import Plan, PlannedTask
from planner.runner.launch import HERE, Attempt

FOLDER = "running"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """All that must be known of a running task if its driver is killed.

    Attributes
    ----------
    host : str
        The host on which its driver ran.
    pid, pid_start_s : int or None, float or None
        Its outermost process on that host, and its start time; None until it is started.
    tmp : str
        Its temporary folder; "" if it creates one itself.
    stopping : bool
        Whether it was told to end: its exit code then means nothing.
    allocation : str or None
        The Slurm job whose step it is.
    node : str
        The node of that job.
    turn : str
        Name of the turn that only this start of the attempt may claim.
    """

    task: str
    job_id: str
    host: str
    request_mb: int
    limit_mb: int
    start_s: float
    tmp: str = ""
    pid: int | None = None
    pid_start_s: float | None = None
    stopping: bool = False
    allocation: str | None = None
    node: str = HERE
    cpus: int = 1
    turn: str = ""

    def attempt(self, task: PlannedTask) -> Attempt:
        """Return the attempt that was started."""
        return Attempt(
            task=task,
            job_id=self.job_id,
            request_mb=self.request_mb,
            limit_mb=self.limit_mb,
            cpus=self.cpus,
            node=self.node,
        )


class RunningRecords:
    """The records of a round's running tasks.

    Parameters
    ----------
    folder : Path
        The round's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / FOLDER

    def path(self, job_id: str, suffix: str) -> Path:
        """Return the path of one of an attempt's files."""
        return self.state / f"{job_id}.{suffix}"

    def records(self) -> list[Record]:
        """Return the records of all running tasks.

        Raises
        ------
        FailureError
            When one cannot be read.
        """
        found: list[Record] = []
        for path in sorted(self.state.glob("*.json")):
            try:
                found.append(Record(**json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, TypeError):
                raise FailureError(
                    f"{path}: not a record of a running task",
                    f"see that none of the round's tasks runs, and remove {self.state}",
                ) from None
        return found

    def write(self, record: Record) -> None:
        """Write the record of a running task."""
        files.write_text(self.path(record.job_id, "json"), json.dumps(asdict(record)) + "\n")

    def ended(self, job_id: str) -> bool:
        """Whether a task wrote its exit code."""
        return self.path(job_id, "end").exists()

    def exit_code(self, job_id: str) -> tuple[int, float, bool]:
        """Return the exit code that a task wrote when it ended, when, and whether it was told to end.

        The code is -9 if it could not write one.
        """
        path = self.path(job_id, "end")
        try:
            code, *told = path.read_text().split()
            return int(code), path.stat().st_mtime, bool(told)
        except (FileNotFoundError, ValueError):
            return -signal.SIGKILL, time.time(), False

    def remove(self, record: Record) -> None:
        """Remove all files of a task."""
        for suffix in ("end", "begun", f"{record.turn}.wait", "srun", "json"):
            self.path(record.job_id, suffix).unlink(missing_ok=True)
        if not any(self.state.glob("*.json")):
            # a driver that was killed while writing a record leaves a part of it
            shutil.rmtree(self.state, ignore_errors=True)


def runs_still(record: Record) -> bool:
    """Whether a task's outermost process is running on this machine."""
    return record.pid is not None and record.pid_start_s is not None and alive.is_same(record.pid, record.pid_start_s)


def fresh_log(log: Path, job_id: str) -> None:
    """Move the log of the previous attempt aside, so that it is not mistaken for this attempt's."""
    log.parent.mkdir(parents=True, exist_ok=True)
    before = int(job_id.rpartition(".")[2]) - 1
    kept = log.with_suffix(f".{before}.out")
    if before and log.exists() and not kept.exists():
        log.rename(kept)


def variables(plan: Plan, task: PlannedTask, request_mb: int, cpus: int) -> dict[str, str]:
    """Return the environment variables that a task's command sees."""
    values = {
        "task": task.task,
        "sample": task.sample,
        "chromosome": task.chromosome,
        "cpus": str(cpus),
        "mem_mb": str(request_mb),
        "java_heap_mb": str(java.heap_mb(request_mb)),
    }
    columns = {variable: task.parameters[column] for column, variable in plan.columns.items()}
    return {PLACEHOLDERS[name]: value for name, value in values.items()} | columns
