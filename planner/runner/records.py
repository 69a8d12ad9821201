"""Running records in ``running/``, by which tasks are found again after their driver was killed.

Before a task starts, ``JOBID.json`` says so; when it ends, it writes its exit code to ``JOBID.end`` itself.
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
    """What must be known of a running task when its driver is gone.

    Attributes
    ----------
    host : str
        Where its driver ran.
    pid, pid_start_s : int or None, float or None
        Its outermost process there; None between the decision to start it and the start.
    tmp : str
        Its temporary folder; "" where it makes one itself.
    stopping : bool
        It was told to end: what it ends with means nothing.
    allocation : str or None
        The Slurm job whose step it is.
    node : str
        Where in that job.
    turn : str
        What only this start of the attempt may claim.
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
        The round's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / FOLDER

    def path(self, job_id: str, suffix: str) -> Path:
        """Return where something of an attempt is kept."""
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
        """Keep what must be known of a running task."""
        files.write_text(self.path(record.job_id, "json"), json.dumps(asdict(record)) + "\n")

    def ended(self, job_id: str) -> bool:
        """Whether a task wrote its exit code."""
        return self.path(job_id, "end").exists()

    def exit_code(self, job_id: str) -> tuple[int, float, bool]:
        """Return the exit code that a task wrote when it ended, when, and whether it was told to end.

        The code is -9 when it could not write one.
        """
        path = self.path(job_id, "end")
        try:
            code, *told = path.read_text().split()
            return int(code), path.stat().st_mtime, bool(told)
        except (FileNotFoundError, ValueError):
            return -signal.SIGKILL, time.time(), False

    def remove(self, record: Record) -> None:
        """Remove everything that was kept of a task."""
        for suffix in ("end", "begun", f"{record.turn}.wait", "srun", "json"):
            self.path(record.job_id, suffix).unlink(missing_ok=True)
        if not any(self.state.glob("*.json")):
            # a driver that was killed as it wrote a record left half of it
            shutil.rmtree(self.state, ignore_errors=True)


def runs_still(record: Record) -> bool:
    """Whether a task's outermost process runs, on this machine."""
    return record.pid is not None and record.pid_start_s is not None and alive.is_same(record.pid, record.pid_start_s)


def fresh_log(log: Path, job_id: str) -> None:
    """Put the log of the attempt before aside: what it says is not this attempt's."""
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
