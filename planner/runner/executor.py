"""Runs the tasks of a plan side by side: asks the dynamic scheduler what may start, starts it, watches it, ends it.

A launcher starts, watches and ends the tasks: as processes of this machine, or as steps of an allocation. All state
that must outlive this process is kept by the launcher and in the recorded attempts, so a new executor continues where
another one stopped or was killed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from planner.core.exits import KILL, KILLED
from planner.core.records import Outcome
from planner.history.sacct.outcomes import classify_log
from planner.plan.document import PlannedTask
from planner.runner.launch import Attempt, Bounds, Launched, Launcher, Progress, Seen
from planner.runner.queue import TaskQueue
from planner.runner.runs import Run
from planner.schedule.dynamic.state import Overflow

LOOK_S = 0.1
# time from asking a task to end to killing it
GRACE_S = 3.0
# tasks are stopped this long before the allocation ends, to exit cleanly and to be recorded
STOP_S = 15.0
# when less than this share of the limit is left on the machine, the youngest task is stopped
_RESERVE = 0.02


@dataclass(slots=True, eq=False)
class _Child:
    launched: Launched
    seen: Seen = field(default_factory=lambda: Seen(held_mb=0.0, peak_mb=0.0))
    why: tuple[Outcome, str] | None = None  # set while it is being ended: the reason
    asked_s: float | None = None  # when it was told to end, on the monotonic clock
    short: bool = False  # whether the machine had little memory left while it ran

    @property
    def name(self) -> str:
        return self.launched.attempt.task.task

    @property
    def progress(self) -> tuple[Attempt, float, Seen]:
        return self.launched.attempt, self.launched.start_s, self.seen


class Executor:
    """Runs tasks until nothing more can run in this round.

    Parameters
    ----------
    tasks : sequence of PlannedTask
        All tasks of the round.
    before : sequence of Run
        Attempts recorded by earlier runs of the round, oldest first.
    launcher : Launcher
    bounds : Bounds
    record : callable
        Makes an ended attempt permanent.
    watch : callable
        Called with the progress at every polling of the tasks.

    Attributes
    ----------
    out_of_time : bool
        Whether tasks were left or stopped because the allocation is about to end.
    """

    def __init__(
        self,
        tasks: Sequence[PlannedTask],
        *,
        before: Sequence[Run],
        launcher: Launcher,
        bounds: Bounds,
        record: Callable[[Run], None],
        watch: Callable[[Progress], None],
    ) -> None:
        self._queue = TaskQueue(tasks, before, bounds)
        self._launcher = launcher
        self._bounds = bounds
        self._record = record
        self._watch = watch
        self._children: list[_Child] = []
        self._interrupted = False
        self.out_of_time = False

    def interrupt(self) -> None:
        """Make `run` stop the running tasks and raise KeyboardInterrupt as soon as it can."""
        self._interrupted = True

    def run(self) -> None:
        """Run all tasks that have not ended; an interruption stops the running ones, which run again next time."""
        try:
            self._children = [_Child(launched) for launched in self._launcher.survivors()]
            self._queue.fill(child.name for child in self._children)
            # what ended unwatched may have run on a node of another allocation: nothing is placed beside it
            self._look()
            self._start()
            while self._children and self._left_s() > 0:
                time.sleep(LOOK_S)
                if self._interrupted:
                    raise KeyboardInterrupt
                if self._look():
                    self._start()
            self.out_of_time = bool(self._children or self._queue.waiting)
        finally:
            self._stop_all()

    def collect(self) -> None:
        """Record tasks that ended unwatched; start nothing, and leave running tasks alone."""
        self._children = [_Child(launched) for launched in self._launcher.survivors()]
        self._launcher.refresh()
        for child in self._children:
            child.seen = child.launched.look()
            if child.seen.code is not None:
                self._ended(child, child.seen.code)

    def _left_s(self) -> float:
        """Return how long tasks may still run, s."""
        until_s = self._launcher.until_s()
        return math.inf if until_s is None else until_s - STOP_S - time.time()

    def _start(self) -> None:
        running = [child.progress for child in self._children]
        for one, start in self._queue.take(running, now_s=time.time(), left_s=self._left_s()):
            limit_mb = self._queue.limit_mb(one, start)
            attempt = Attempt(
                task=one.task,
                job_id=self._launcher.attempt_id(start.name, self._queue.tries(start.name) + 1),
                request_mb=one.request_mb if self._bounds.pool else limit_mb,
                limit_mb=limit_mb,
                cpus=self._queue.cpus(one.task),
                node=start.node,
            )
            self._children.append(_Child(self._launcher.start(attempt)))

    def _look(self) -> bool:
        """Poll all running tasks; return whether one has ended."""
        self._launcher.refresh()
        ended = False
        for child in list(self._children):
            child.seen = child.launched.look()
            if child.seen.code is not None:
                if child.seen.cut and child.why is None and self._launcher.closing():
                    raise KeyboardInterrupt
                self._children.remove(child)
                self._ended(child, child.seen.code)
                ended = True
            elif child.why is None:
                self._hold(child)
            elif child.asked_s is not None and time.monotonic() - child.asked_s > GRACE_S:
                child.launched.stop(kill=True)
        self._relieve()
        self._show(self._children)
        return ended

    def _show(self, children: Iterable[_Child], *, stopping: bool = False) -> None:
        so_far = [child.progress for child in children]
        self._watch(Progress(so_far, len(self._queue.waiting), self._queue.runs, self._bounds, stopping))

    def _hold(self, child: _Child) -> None:
        """End a task that passed its own limits."""
        attempt = child.launched.attempt
        if child.seen.peak_mb > attempt.limit_mb and not self._launcher.enforces:
            self._end(child, Outcome.OOM, f"its processes held {child.seen.peak_mb:.0f} MB of {attempt.limit_mb} MB")
        elif time.time() - child.launched.start_s > attempt.task.time_limit_s:
            self._end(child, Outcome.TIMEOUT, f"ran longer than {attempt.task.time_limit_s} s", kill=False)

    def _relieve(self) -> None:
        """Stop the youngest task before all together exceed the machine's memory."""
        spare_mb = self._launcher.spare_mb()
        low = spare_mb < _RESERVE * self._bounds.mem_mb
        for child in self._children:
            child.short = child.short or low
        if self._launcher.enforces and not self._bounds.pool:
            return
        for node in self._bounds.nodes:
            here = [child for child in self._children if child.launched.attempt.node == node.name]
            self._relieve_node(here, int(node.mem_mb), f"the machine had {spare_mb:.0f} MB left" if low else None)

    def _relieve_node(self, here: Sequence[_Child], mem_mb: int, low: str | None) -> None:
        going_on = [child for child in here if child.why is None]
        held_mb = sum(child.seen.held_mb for child in going_on)
        over = held_mb > mem_mb
        if not going_on or not (over or low) or len(going_on) < len(here):
            return  # a task that is being ended will free its memory
        youngest = max(going_on, key=lambda child: child.launched.start_s)
        why = low
        if over:
            names = tuple(child.name for child in going_on)
            self._queue.overflows.append(Overflow(names=names, mem_mb=mem_mb))
            why = f"{len(going_on)} tasks held {held_mb:.0f} MB of {mem_mb} MB"
        self._end(youngest, Outcome.INFRA, f"stopped as the youngest: {why}")

    def _end(self, child: _Child, outcome: Outcome, evidence: str, *, kill: bool = True) -> None:
        child.why = (outcome, evidence)
        child.asked_s = time.monotonic()
        child.launched.stop(kill=kill)

    def _ended(self, child: _Child, code: int) -> None:
        attempt = child.launched.attempt
        if child.seen.lost and child.why is None:
            child.launched.close()
            self._queue.again(child.name)
            return
        outcome, evidence = _judge(child, code)
        heap = classify_log(child.launched.log()) if outcome is Outcome.FAILED else None
        limit_mb = attempt.limit_mb
        if heap is not None:  # the heap grows with the request, so a larger request helps
            outcome, evidence, limit_mb = Outcome.OOM, f"{evidence}; {heap.evidence}", attempt.request_mb
        run = Run(
            task=child.name,
            job_id=attempt.job_id,
            outcome=outcome,
            exit_code=code,
            peak_mb=round(child.seen.peak_mb, 3),
            limit_mb=limit_mb,
            wall_s=round(max(0.0, child.seen.end_s - child.launched.start_s), 3),
            start_s=int(child.launched.start_s),
            end_s=int(child.seen.end_s),
            evidence=evidence,
        )
        self._record(run)
        child.launched.close()
        self._queue.ended(run)

    def _stop_all(self) -> None:
        """Stop running tasks; interrupted attempts are not recorded and run again next time, ended ones are."""
        self._launcher.refresh()
        for child in self._children:
            child.seen = child.launched.look()
        going_on = [child for child in self._children if child.seen.code is None]
        had_ended = [child for child in self._children if child not in going_on]
        if going_on:
            self._show(going_on, stopping=True)
        for child in going_on:
            child.launched.stop(kill=False)
        deadline_s = time.monotonic() + GRACE_S
        while self._still_run(going_on) and time.monotonic() < deadline_s:
            time.sleep(LOOK_S)
        for child in going_on:
            child.launched.stop(kill=True)
        for child in going_on:
            child.launched.close()
        self._children.clear()
        for child in had_ended:
            if child.seen.cut:
                child.launched.close()
            else:
                self._ended(child, child.seen.code or 0)

    def _still_run(self, children: Iterable[_Child]) -> bool:
        self._launcher.refresh()
        return any(child.launched.look().code is None for child in children)


def _judge(child: _Child, code: int) -> tuple[Outcome, str]:
    if child.why is not None and (code != 0 or child.why[0] is Outcome.TIMEOUT):
        return child.why
    if child.seen.verdict is not None:
        return child.seen.verdict
    if child.seen.cut:
        return Outcome.CANCELLED, "ended from outside: scancel of its step"
    if code == 0:
        return Outcome.COMPLETED, "exit code 0"
    evidence = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
    if code in (KILLED, -KILL):
        if child.short:
            return Outcome.INFRA, f"{evidence} while the machine had little memory left"
        evidence += f", not by chromplan: it held at most {child.seen.peak_mb:.0f} MB"
    return Outcome.FAILED, evidence


def too_large(tasks: Iterable[PlannedTask], mem_mb: int) -> PlannedTask | None:
    """Return a task that requests more than ``mem_mb``; None when there is none."""
    return next((task for task in tasks if task.request_mb > mem_mb), None)
