"""Runs the tasks of a plan side by side: asks the dynamic scheduler what may start, starts it, watches it, ends it.

How a task is started, watched and ended is the launcher's affair. Everything that must outlive this process is with the
launcher and in the recorded attempts: an executor made from them goes on where another one stopped, or was killed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from planner.history.outcomes import classify_log
from planner.plan.document import PlannedTask
from planner.records import Outcome
from planner.rounds.runs import Run
from planner.schedule import dynamic
from planner.schedule.state import Done, Node, Overflow, Running, Sharing, State, Waiting, Work

POLL_S = 0.1
# from being asked to end to being killed
GRACE_S = 3.0
# once the machine has less left than this part of the limit, the youngest task is stopped
_RESERVE = 0.02
_NODE = "here"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try of a task, as the launcher is told it.

    Attributes
    ----------
    request_mb : int
        What the command is told that it has, MiB.
    limit_mb : int
        What it is held to, MiB: its request, or in a pool all of it.
    """

    task: PlannedTask
    job_id: str
    request_mb: int
    limit_mb: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a started task stands.

    Attributes
    ----------
    held_mb : float
        Memory now, MiB.
    peak_mb : float
        The most it is known to have held, MiB.
    code : int or None
        Its exit code, negative for a signal; None while it runs.
    end_s : float
        When it ended.
    """

    held_mb: float
    peak_mb: float
    code: int | None = None
    end_s: float = 0.0


class Launched(Protocol):
    """A started task."""

    @property
    def attempt(self) -> Attempt:
        """What was started."""

    @property
    def start_s(self) -> float:
        """When, s since the epoch."""

    def look(self) -> Seen:
        """Return how it stands."""

    def stop(self, *, kill: bool) -> None:
        """Ask it to end, or end it; it has ended once `look` gives a code."""

    def log(self) -> str:
        """Return the end of what it printed."""

    def close(self) -> None:
        """Forget it: what it left running is ended, what was kept to find it again is removed."""


class Launcher(Protocol):
    """Where tasks run."""

    def survivors(self) -> Sequence[Launched]:
        """Return what an earlier process started and did not see end."""

    def start(self, attempt: Attempt) -> Launched:
        """Start a task."""

    def refresh(self) -> None:
        """Look at everything that runs, once for all tasks."""

    def spare_mb(self) -> float:
        """Return what the machine has left, MiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What may be used.

    Attributes
    ----------
    mem_mb : int
        Memory of all tasks together, MiB.
    cores : int
        Cores of all tasks together.
    pool : bool
        Tasks share the memory instead of being held each to its request.
    max_attempts : int
        How often a task may run, all rounds counted.
    """

    mem_mb: int
    cores: int
    pool: bool = False
    max_attempts: int = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """What a person watching wants to see: each running task with what it holds."""

    running: list[tuple[Attempt, float, Seen]]
    waiting: int
    ended: list[Run]
    bounds: Bounds


@dataclass(slots=True)
class _Queued:
    task: PlannedTask
    request_mb: int
    kills: int = 0
    held: bool = False


@dataclass(slots=True, eq=False)
class _Child:
    launched: Launched
    seen: Seen = field(default_factory=lambda: Seen(held_mb=0.0, peak_mb=0.0))
    why: tuple[Outcome, str] | None = None  # it is being ended, and why
    asked_s: float | None = None
    short: bool = False  # the machine had little left while it ran

    @property
    def name(self) -> str:
        return self.launched.attempt.task.task


class Executor:
    """Runs tasks until nothing more can run in this round.

    Parameters
    ----------
    tasks : sequence of PlannedTask
        All of the round.
    before : sequence of Run
        What earlier runs of the round recorded, oldest first.
    launcher : Launcher
    bounds : Bounds
    token : str
        Of the plan: part of the attempts' ids.
    record : callable
        Makes an ended attempt permanent.
    watch : callable
        Called with the progress at every look.
    """

    def __init__(
        self,
        tasks: Sequence[PlannedTask],
        *,
        before: Sequence[Run],
        launcher: Launcher,
        bounds: Bounds,
        token: str,
        record: Callable[[Run], None],
        watch: Callable[[Progress], None],
    ) -> None:
        self._tasks = {task.task: task for task in tasks}
        self._runs = list(before)
        self._launcher = launcher
        self._bounds = bounds
        self._token = token
        self._record = record
        self._watch = watch
        self._children: list[_Child] = []
        self._overflows: list[Overflow] = []
        self._waiting: list[_Queued] = []
        self._interrupted = False

    def interrupt(self) -> None:
        """Have `run` stop the running tasks and raise KeyboardInterrupt, as soon as it can."""
        self._interrupted = True

    def run(self) -> None:
        """Run what has not ended; whatever interrupts it stops the running tasks, which then run again next time."""
        try:
            self._children = [_Child(launched) for launched in self._launcher.survivors()]
            running = {child.name for child in self._children}
            self._waiting = [q for q in map(self._queue, self._tasks.values()) if q and q.task.task not in running]
            self._start()
            while self._children:
                time.sleep(POLL_S)
                if self._interrupted:
                    raise KeyboardInterrupt
                if self._look():
                    self._start()
        finally:
            self._stop_all()

    def collect(self) -> None:
        """Record what ended while nobody watched; start nothing, and leave alone what still runs."""
        self._children = [_Child(launched) for launched in self._launcher.survivors()]
        self._launcher.refresh()
        for child in self._children:
            child.seen = child.launched.look()
            if child.seen.code is not None:
                self._ended(child, child.seen.code)

    def _queue(self, task: PlannedTask) -> _Queued | None:
        """Return the next attempt of a task, or None when this round does not run it again."""
        mine = [run for run in self._runs if run.task == task.task]
        kills = sum(run.outcome in (Outcome.OOM, Outcome.INFRA) for run in mine)
        if not mine:
            return _Queued(task, task.request_mb)
        last = mine[-1]
        tried = task.attempt - 1 + sum(run.outcome is not Outcome.INFRA for run in mine)
        request_mb = max([task.request_mb, *(self._after_kill(run) for run in mine if run.outcome is Outcome.OOM)])
        if last.outcome is Outcome.INFRA:
            return _Queued(task, request_mb, kills, held=True) if kills < self._most_stops() else None
        if (
            last.outcome is not Outcome.OOM
            or last.limit_mb >= self._bounds.mem_mb
            or tried >= self._bounds.max_attempts
        ):
            return None
        return _Queued(task, request_mb, kills)

    def _after_kill(self, run: Run) -> int:
        """Return what a task killed for memory asks for next: twice what it had, and more than it was seen to use."""
        return min(max(2 * run.limit_mb, math.ceil(1.1 * run.peak_mb)), self._bounds.mem_mb)

    def _most_stops(self) -> int:
        """Return how often a task may be stopped for others' sake: the machine may never have enough for it."""
        return len(self._tasks) + self._bounds.max_attempts

    def _start(self) -> None:
        queued = {one.task.task: one for one in self._waiting}
        for start in dynamic.decide(self._state()):
            one = queued[start.name]
            self._waiting.remove(one)
            attempt = Attempt(
                task=one.task,
                job_id=f"local.{self._token}.{start.name}.{self._tries(start.name) + 1}",
                request_mb=one.request_mb,
                limit_mb=self._bounds.mem_mb if self._bounds.pool else one.request_mb,
            )
            self._children.append(_Child(self._launcher.start(attempt)))

    def _tries(self, task: str) -> int:
        return sum(run.task == task for run in self._runs)

    def _state(self) -> State:
        pool = self._bounds.pool
        ended = [run for run in self._runs if run.outcome is Outcome.COMPLETED and run.task in self._tasks]
        return State(
            now_s=time.time(),
            nodes=(Node(name=_NODE, mem_mb=self._bounds.mem_mb, cores=self._bounds.cores),),
            waiting=tuple(
                Waiting(
                    work=self._work(q.task, q.request_mb),
                    kills=q.kills,
                    held=q.held,
                    limit_mb=None if pool else q.request_mb,
                )
                for q in self._waiting
            ),
            running=tuple(self._running(child) for child in self._children),
            done=tuple(self._done(run) for run in ended) if pool else (),
            overflows=tuple(self._overflows),
            sharing=Sharing.POOL if pool else Sharing.LIMITS,
        )

    def _work(self, task: PlannedTask, request_mb: int) -> Work:
        cpus = min(task.cpus, self._bounds.cores)
        if not self._bounds.pool:
            return Work(name=task.task, size=request_mb, cpus=cpus, predicted_mb=request_mb, predicted_s=task.wall_s)
        size = max(task.features.values(), default=1.0) if task.predicted_mb is None else task.predicted_mb
        return Work(
            name=task.task, size=max(size, 1e-9), cpus=cpus, predicted_mb=task.predicted_mb, predicted_s=task.wall_s
        )

    def _running(self, child: _Child) -> Running:
        attempt = child.launched.attempt
        return Running(
            work=self._work(attempt.task, attempt.request_mb),
            node=_NODE,
            start_s=child.launched.start_s,
            limit_mb=None if self._bounds.pool else attempt.limit_mb,
            seen_mb=child.seen.peak_mb,
        )

    def _done(self, run: Run) -> Done:
        task = self._tasks[run.task]
        return Done(work=self._work(task, task.request_mb), peak_mb=run.peak_mb, wall_s=run.wall_s)

    def _look(self) -> bool:
        """Look at everything that runs; return whether something ended."""
        self._launcher.refresh()
        ended = False
        for child in list(self._children):
            child.seen = child.launched.look()
            if child.seen.code is not None:
                self._children.remove(child)
                self._ended(child, child.seen.code)
                ended = True
            elif child.why is None:
                self._hold(child)
            elif child.asked_s is not None and time.time() - child.asked_s > GRACE_S:
                child.launched.stop(kill=True)
        self._relieve()
        running = [(child.launched.attempt, child.launched.start_s, child.seen) for child in self._children]
        self._watch(Progress(running, len(self._waiting), self._runs, self._bounds))
        return ended

    def _hold(self, child: _Child) -> None:
        """End a task that passed its own limits."""
        attempt = child.launched.attempt
        if child.seen.peak_mb > attempt.limit_mb:
            self._end(child, Outcome.OOM, f"its processes held {child.seen.peak_mb:.0f} MB of {attempt.limit_mb} MB")
        elif time.time() - child.launched.start_s > attempt.task.time_limit_s:
            self._end(child, Outcome.TIMEOUT, f"ran longer than {attempt.task.time_limit_s} s", kill=False)

    def _relieve(self) -> None:
        """Stop the youngest task before all of them together take more than there is."""
        spare_mb = self._launcher.spare_mb()
        low = spare_mb < _RESERVE * self._bounds.mem_mb
        for child in self._children:
            child.short = child.short or low
        going_on = [child for child in self._children if child.why is None]
        held_mb = sum(child.seen.held_mb for child in going_on)
        over = held_mb > self._bounds.mem_mb
        if not going_on or not (over or low) or len(going_on) < len(self._children):
            return  # what is being ended already gives its memory back
        youngest = max(going_on, key=lambda child: child.launched.start_s)
        if over:
            self._overflows.append(Overflow(names=tuple(child.name for child in going_on), mem_mb=self._bounds.mem_mb))
            why = f"{len(going_on)} tasks held {held_mb:.0f} MB of {self._bounds.mem_mb} MB"
        else:
            why = f"the machine had {spare_mb:.0f} MB left"
        self._end(youngest, Outcome.INFRA, f"stopped as the youngest: {why}")

    def _end(self, child: _Child, outcome: Outcome, evidence: str, *, kill: bool = True) -> None:
        child.why = (outcome, evidence)
        child.asked_s = time.time()
        child.launched.stop(kill=kill)

    def _ended(self, child: _Child, code: int) -> None:
        attempt = child.launched.attempt
        outcome, evidence = _judge(child, code)
        heap = classify_log(child.launched.log()) if outcome is Outcome.FAILED else None
        limit_mb = attempt.limit_mb
        if heap is not None:  # a heap follows the request: a larger one helps
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
        self._runs.append(run)
        if outcome is Outcome.COMPLETED:
            for one in self._waiting:
                one.held = False
        again = self._queue(attempt.task)
        if again is not None:
            self._waiting.append(again)

    def _stop_all(self) -> None:
        """Stop what runs; attempts cut short are not recorded and run again next time, those that had ended are."""
        self._launcher.refresh()
        going_on = [child for child in self._children if child.launched.look().code is None]
        had_ended = [child for child in self._children if child not in going_on]
        for child in going_on:
            child.launched.stop(kill=False)
        deadline_s = time.time() + GRACE_S
        while self._still_run(going_on) and time.time() < deadline_s:
            time.sleep(POLL_S)
        for child in going_on:
            child.launched.stop(kill=True)
            child.launched.close()
        self._children.clear()
        for child in had_ended:
            child.seen = child.launched.look()
            self._ended(child, child.seen.code or 0)

    def _still_run(self, children: Iterable[_Child]) -> bool:
        self._launcher.refresh()
        return any(child.launched.look().code is None for child in children)


def _judge(child: _Child, code: int) -> tuple[Outcome, str]:
    if child.why is not None and (code != 0 or child.why[0] is Outcome.TIMEOUT):
        return child.why
    if code == 0:
        return Outcome.COMPLETED, "exit code 0"
    evidence = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
    if code in (137, -9):
        if child.short:
            return Outcome.INFRA, f"{evidence} while the machine had little memory left"
        evidence += f", not by chromplan: it held at most {child.seen.peak_mb:.0f} MB"
    return Outcome.FAILED, evidence


def too_large(tasks: Iterable[PlannedTask], mem_mb: int) -> PlannedTask | None:
    """Return a task that asks for more than there is, if any."""
    return next((task for task in tasks if task.request_mb > mem_mb), None)
