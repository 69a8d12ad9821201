"""Running a round on this machine, as a small cluster: within its memory and cores, each task held to its request.

Every attempt is appended to ``local.jsonl`` as soon as it ends, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from planner.core.errors import InputError
from planner.plan.document import Plan
from planner.runner import runs
from planner.runner.executor import Executor, too_large
from planner.runner.launch import Bounds, Progress, one_node
from planner.runner.localtask import LocalLauncher
from planner.runner.records import FOLDER, RunningRecords
from planner.runner.runs import Run

# signals sent by a terminal, a user, Slurm at the end of a job, or a job's --signal
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def run(
    plan: Plan,
    *,
    root: Path,
    folder: Path,
    bounds: Bounds,
    on_end: Callable[[Run], None],
    watch: Callable[[Progress], None] = lambda _: None,
) -> list[Run]:
    """Run the remaining tasks, and return all attempts of the round.

    Parameters
    ----------
    plan : Plan
    root, folder : Path
        The project, and the round's folder with its rendered ``command.sh``.
    bounds : Bounds
    on_end : callable
        Called with every attempt that ends.
    watch : callable
        Called ten times a second with the progress.

    Raises
    ------
    InputError
        When the round is not rendered, or a task requests more than the bounds.
    KeyboardInterrupt
        After SIGINT, SIGTERM or SIGHUP, once all tasks are stopped.
    """
    if not (folder / "command.sh").exists():
        raise InputError(f"{folder / 'command.sh'}: not rendered", "run 'chromplan render' first")
    large = None if bounds.pool else too_large(plan.tasks, bounds.mem_mb)
    if large is not None:
        raise InputError(
            f"task {large.task} asks for {large.request_mb} MB, this run may use {bounds.mem_mb} MB",
            "give it more with --mem",
        )

    for other in folder.parent.glob("r*/running"):
        if other.parent != folder:  # an abandoned earlier round: its tasks are planned again in this one
            LocalLauncher(plan, root=root, folder=other.parent).end_all()
    executor = _executor(plan, root, folder, bounds, on_end, watch)
    with signals(executor.interrupt):
        executor.run()
    return runs.read(folder)


def was_cut_short(folder: Path) -> bool:
    """Whether tasks of the round are running here, or were running when their driver was killed."""
    return (folder / FOLDER).exists() and any(record.allocation is None for record in RunningRecords(folder).records())


def collect(plan: Plan, *, root: Path, folder: Path) -> None:
    """Record the tasks that ended after their driver was killed. No driver may be running: hold the project's lock."""
    bounds = one_node(mem_mb=1, cores=1)  # nothing is started
    _executor(plan, root, folder, bounds, lambda _: None, lambda _: None).collect()


def _executor(
    plan: Plan,
    root: Path,
    folder: Path,
    bounds: Bounds,
    on_end: Callable[[Run], None],
    watch: Callable[[Progress], None],
) -> Executor:
    def record(ended: Run) -> None:
        runs.append(folder, ended)
        on_end(ended)

    return Executor(
        plan.tasks,
        before=runs.read(folder),
        launcher=LocalLauncher(plan, root=root, folder=folder),
        bounds=bounds,
        record=record,
        watch=watch,
    )


@contextlib.contextmanager
def signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """Make terminating signals stop the run first, between two of its actions and never within one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        interrupt()

    before = {which: signal.signal(which, note) for which in ENDING}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
