"""Starts tasks as steps of a Slurm allocation, by srun, and finds them again when their driver was killed.

A step claims its turn by renaming a file before it runs anything (templates/driven.sh.j2). A driver that removes the
file first knows that this attempt will never run. So a lost start is repeated, and no task is started twice.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from planner import slurm
from planner.core import alive
from planner.core.errors import FailureError
from planner.plan.document import Plan
from planner.runner import peak, processes, runs
from planner.runner import records as kept
from planner.runner.allocation import Allocation, Deadline
from planner.runner.launch import Attempt, Seen
from planner.runner.processes import Kin
from planner.runner.records import Record, RunningRecords
from planner.runner.steptask import CLOSE_S, Begun, StepTask

SCRIPT = "driven.sh"
_LOOK_S = 0.5
_ASK_STEPS_S = 2.0
_ASK_MEMORY_S = 5.0
# after this many failed starts in a row no single task is to blame
_MOST_LOST = 3


class StepLauncher:
    """Starts a round's tasks as steps of an allocation.

    Parameters
    ----------
    plan : Plan
    root, folder : Path
        The project, and the round's folder with ``command.sh`` and ``driven.sh``.
    allocation : Allocation
    pool : bool
        Whether steps share the allocation's memory instead of having a limit each.
    """

    enforces = True

    def __init__(self, plan: Plan, *, root: Path, folder: Path, allocation: Allocation, pool: bool) -> None:
        self.folder = folder
        self.kept = RunningRecords(folder)
        self.processes: dict[int, Kin] = {}
        self.memory: dict[str, tuple[float, float]] = {}
        self.until_s = Deadline(allocation)
        self._plan = plan
        self._root = root
        self._allocation = allocation
        self._pool = pool
        self._steps: dict[str, str] = {}
        self._tasks: list[StepTask] = []
        self._asked_s = dict.fromkeys(("processes", "memory", "steps"), -math.inf)
        self._lost = 0
        self._why = ""

    def attempt_id(self, task: str, number: int) -> str:
        """Return the id of the n-th attempt of a task in this round."""
        return f"{self._allocation.job_id}.{task}.{number}"

    def closing(self) -> bool:
        """Whether the allocation is being ended."""
        return slurm.job_state(self._allocation.job_id) != "RUNNING"

    def spare_mb(self) -> float:
        """Return infinity, as Slurm divides a node's memory."""
        return math.inf

    def refresh(self) -> None:
        """Poll the steps: this node's processes twice a second, others' memory by one sstat every five seconds."""
        if any(self.is_here(task.attempt) for task in self._tasks) and self._due("processes", _LOOK_S):
            self.processes = processes.table()
        elsewhere = any(not self.is_here(task.attempt) and task.begun for task in self._tasks)
        if elsewhere and self._due("memory", _ASK_MEMORY_S):
            with contextlib.suppress(FailureError):  # if a site samples nothing, nothing is known before the end
                self.memory = slurm.step_memory(self._allocation.job_id)

    def start(self, attempt: Attempt) -> StepTask:
        """Start a task.

        Raises
        ------
        FailureError
            When several starts in a row have failed.
        """
        if self._lost >= _MOST_LOST:
            raise FailureError(
                f"steps cannot be started: {self._why}", "what has ended is recorded; that is what srun said"
            )
        task = attempt.task
        log = runs.log_path(self.folder, task.task, "drive")
        kept.fresh_log(log, attempt.job_id)
        if log.exists():  # the log of an interrupted try: Slurm's messages in it are not about this one
            log.replace(log.with_suffix(".cut.out"))
        own = peak.path(self.folder, task.task, attempt.job_id)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.unlink(missing_ok=True)
        record = Record(
            task=task.task,
            job_id=attempt.job_id,
            host=socket.gethostname(),
            request_mb=attempt.request_mb,
            limit_mb=attempt.limit_mb,
            start_s=time.time(),
            allocation=self._allocation.job_id,
            node=attempt.node,
            cpus=attempt.cpus,
            turn=secrets.token_hex(4),
        )
        self.kept.write(record)
        self._turn(record).touch()
        options = [
            *("--exact", "--nodes=1", "--ntasks=1", f"--nodelist={attempt.node}", f"--cpus-per-task={attempt.cpus}"),
            *(f"--mem={0 if self._pool else attempt.limit_mb}M", f"--job-name={task.task}"),
            # relative, as srun would read a % in the project's path as a pattern
            *(f"--output={os.path.relpath(log, self._root)}", "--open-mode=append"),
        ]
        command = ["bash", str(self.folder / SCRIPT), str(self.kept.state / attempt.job_id), record.turn, str(own)]
        environment = kept.variables(self._plan, task, attempt.request_mb, attempt.cpus)
        with self.kept.path(attempt.job_id, "srun").open("wb") as stderr:
            process = slurm.srun(
                [*options, *command], cwd=self._root, environment=os.environ | environment, stderr=stderr
            )
        record = replace(record, pid=process.pid, pid_start_s=alive.started_s(process.pid) or record.start_s)
        self.kept.write(record)
        self._tasks.append(StepTask(self, attempt, record, process))
        return self._tasks[-1]

    def survivors(self) -> Sequence[StepTask]:
        """Return the tasks of a driver that was killed: still running, or ended unwatched.

        Raises
        ------
        FailureError
            When they run in another allocation.
        """
        tasks = {task.task: task for task in self._plan.tasks}
        recorded = {run.job_id for run in runs.read(self.folder)}
        self._tasks = []
        for record in self.kept.records():
            task = tasks.get(record.task)
            if task is None or record.job_id in recorded:
                self.kept.remove(record)
                continue
            started = StepTask(self, record.attempt(task), record)
            if self._goes_on(started, record):
                self._tasks.append(started)
            else:
                self.kept.remove(record)
        return list(self._tasks)

    def _goes_on(self, started: StepTask, record: Record) -> bool:
        """Whether a task need not be started again: it runs, or it ended by itself and recorded that."""
        if record.allocation != self._allocation.job_id:
            if record.allocation is not None and runs_elsewhere(record):
                raise FailureError(
                    f"task {record.task} still runs in job {record.allocation}",
                    f"go on there, or end it: scancel {record.allocation}",
                )
        elif self.take_back(record):
            started.abandon()
            return False
        elif self.lives(record):
            if record.stopping:
                self._end_step(record)
            return not record.stopping
        return ended_by_itself(self.kept, record) or (not record.stopping and started.killed_unwatched())

    def _end_step(self, record: Record) -> None:
        """End a step that was told to, and wait until its memory is free."""
        deadline_s = time.monotonic() + CLOSE_S
        while self.lives(record) and time.monotonic() < deadline_s:
            self.signal(record, "KILL")
            time.sleep(_ASK_STEPS_S)

    def is_here(self, attempt: Attempt) -> bool:
        """Whether an attempt's processes are this node's."""
        return attempt.node == self._allocation.here

    def begun(self, job_id: str) -> Begun | None:
        """Return a step's start record; None before it claimed its turn."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            step, pid, tmp = self.kept.path(job_id, "begun").read_text().rstrip("\n").split(" ", 2)
            return Begun(f"{self._allocation.job_id}.{step}", int(pid), tmp)
        return None

    def take_back(self, record: Record) -> bool:
        """Withdraw a turn; return whether the step had not claimed it, and so never can."""
        return take_back(self._turn(record))

    def lives(self, record: Record) -> bool:
        """Whether a task's step runs."""
        if self._due("steps", _ASK_STEPS_S):
            self._steps = slurm.live_steps(self._allocation.job_id)
        begun = self.begun(record.job_id)
        return record.task in self._steps.values() if begun is None else begun.step in self._steps

    def signal(self, record: Record, name: str) -> None:
        """Send a signal to a task's step."""
        begun = self.begun(record.job_id)
        steps = [begun.step] if begun else [step for step, task in self._steps.items() if task == record.task]
        for step in steps:
            slurm.signal_step(step, name)

    def never_began(self, seen: Seen, said: str) -> Seen:
        """Return the state of a task whose start failed."""
        if self.closing():
            return replace(seen, cut=True)
        self._lost += 1
        self._why = said.strip().splitlines()[-1] if said.strip() else f"exit code {seen.code}"
        return replace(seen, lost=True)

    def close(self, task: StepTask, record: Record) -> None:
        """Clean up after a task that ended."""
        begun = task.begun
        if begun is not None:
            self._lost = 0
            if self.is_here(task.attempt):  # a killed step could not remove its folder
                shutil.rmtree(begun.tmp, ignore_errors=True)
        if task in self._tasks:
            self._tasks.remove(task)
        self.kept.remove(record)

    def _turn(self, record: Record) -> Path:
        return self.kept.path(record.job_id, f"{record.turn}.wait")

    def _due(self, what: str, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s - self._asked_s[what] < every_s:
            return False
        self._asked_s[what] = now_s
        return True


def take_back(turn: Path) -> bool:
    """Remove the turn file of a start, unless it was claimed: the file server decides which rename came first."""
    gone = turn.with_suffix(".void")
    try:
        turn.rename(gone)
    except FileNotFoundError:
        return False
    gone.unlink(missing_ok=True)
    return True


def ended_by_itself(state: RunningRecords, record: Record) -> bool:
    """Whether a task wrote its exit code without having been told to end."""
    return state.ended(record.job_id) and not record.stopping and not state.exit_code(record.job_id)[2]


def runs_elsewhere(record: Record) -> bool:
    """Whether a task's step runs in the allocation that it was started in."""
    if record.allocation is None or slurm.job_state(record.allocation) not in ("RUNNING", "COMPLETING", "SUSPENDED"):
        return False
    return record.task in slurm.live_steps(record.allocation).values()
