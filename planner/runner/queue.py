"""The queue of a round: remaining tasks, and those that the scheduler starts now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.core.margins import TIME_MARGIN
from planner.core.records import Outcome
from planner.core.retry import after_watched_kill
from planner.plan.allocating import has_margin
from planner.plan.document import PlannedTask
from planner.runner.launch import Attempt, Bounds, Foreknown, Limits, Seen
from planner.runner.runs import Run
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import Policy
from planner.schedule.dynamic.state import Done, Overflow, Running, Sharing, Start, State, Waiting, Work


@dataclass(slots=True)
class Queued:
    """A task that waits.

    Attributes
    ----------
    request_mb : int
        Its current request, MiB.
    raised : bool
        Whether it was tried before: its request then follows from that attempt's end, whatever the round has learnt.
    """

    task: PlannedTask
    request_mb: int
    kills: int = 0
    held: bool = False
    raised: bool = False


class TaskQueue:
    """The waiting tasks of a round, and what is learnt from its ended attempts.

    Parameters
    ----------
    tasks : sequence of PlannedTask
        All tasks of the round.
    before : sequence of Run
        Attempts recorded by earlier runs of the round, oldest first.
    bounds : Bounds
    """

    def __init__(self, tasks: Sequence[PlannedTask], before: Sequence[Run], bounds: Bounds) -> None:
        self._tasks = {task.task: task for task in tasks}
        sizes = sorted({task.size for task in tasks}, reverse=True)
        # numbered like chromosomes: the largest is the first
        self._position = {size: number for number, size in enumerate(sizes, 1)}
        self._bounds = bounds
        self._node_mb = {node.name: int(node.mem_mb) for node in bounds.nodes}
        self.runs = list(before)
        self.overflows: list[Overflow] = []
        self.waiting: list[Queued] = []

    def fill(self, running: Iterable[str]) -> None:
        """Queue all tasks that have not ended and are not running."""
        busy = set(running)
        self.waiting = [one for one in map(self._queue, self._tasks.values()) if one and one.task.task not in busy]

    def ended(self, run: Run) -> None:
        """Learn from an ended attempt; queue its task again if this round is to run it again."""
        self.runs.append(run)
        if run.outcome is Outcome.COMPLETED:
            for one in self.waiting:
                one.held = False
        task = self._tasks.get(run.task)
        again = self._queue(task) if task else None
        if again is not None:
            self.waiting.append(again)

    def again(self, task: str) -> None:
        """Queue a task again whose start was lost."""
        one = self._queue(self._tasks[task])
        if one is not None:
            self.waiting.append(one)

    def tries(self, task: str) -> int:
        """Return how many attempts of a task are recorded in this round."""
        return sum(run.task == task for run in self.runs)

    def take(
        self, running: Iterable[tuple[Attempt, float, Seen]], *, now_s: float, left_s: float
    ) -> list[tuple[Queued, Start]]:
        """Remove the tasks to start now from the queue, and return them.

        Parameters
        ----------
        running : iterable of (Attempt, start, Seen)
        left_s : float
            How long from now tasks may run, s.
        """
        state = self._state(list(running), now_s=now_s, left_s=left_s)
        queued = {one.task.task: one for one in self.waiting}
        starts = [(queued[start.name], start) for start in dynamic.decide(state, self._bounds.scheduling.options)]
        for one, _ in starts:
            self.waiting.remove(one)
        return starts

    def limit_mb(self, one: Queued, start: Start) -> int:
        """Return the memory limit of a task that starts, MiB."""
        if self._bounds.pool or start.limit_mb is None:
            return self._node_mb[start.node]
        return max(1, int(start.limit_mb))  # rounded up they might not fit together

    def cpus(self, task: PlannedTask) -> int:
        """Return the cores that a task gets."""
        return min(task.cpus, self._bounds.cores)

    def _queue(self, task: PlannedTask) -> Queued | None:
        """Return the next attempt of a task, or None when this round does not run it again."""
        mine = [run for run in self.runs if run.task == task.task]
        kills = sum(run.outcome in (Outcome.OOM, Outcome.INFRA) for run in mine)
        if not mine:
            # a kill in an earlier round counts too
            return Queued(task, task.request_mb, raised=task.attempt > 1)
        last = mine[-1]
        tried = task.attempt - 1 + sum(run.outcome is not Outcome.INFRA for run in mine)
        killed = [self._after_kill(run) for run in mine if run.outcome is Outcome.OOM]
        least_mb = 0 if self._bounds.limits is Limits.LEARNT and killed else task.request_mb
        request_mb = max([least_mb, *killed])
        if last.outcome is Outcome.INFRA:
            if kills >= self._most_stops():
                return None
            return Queued(task, request_mb, kills, held=True, raised=bool(killed))
        if (
            last.outcome is not Outcome.OOM
            or last.limit_mb >= self._bounds.largest_mb
            or tried >= self._bounds.max_attempts
        ):
            return None
        return Queued(task, request_mb, kills, raised=True)

    def _after_kill(self, run: Run) -> int:
        """Return the next request (MiB) of a task killed for memory: twice its limit, and above the memory seen."""
        return min(after_watched_kill(run.limit_mb, run.peak_mb), self._bounds.largest_mb)

    def _most_stops(self) -> int:
        """Return how often a task may be stopped in favour of others, as memory may never suffice for it."""
        return len(self._tasks) + self._bounds.max_attempts

    def _state(self, running: Sequence[tuple[Attempt, float, Seen]], *, now_s: float, left_s: float) -> State:
        bounds = self._bounds
        learns = bounds.limits is not Limits.REQUESTS or self._policy is Policy.PAPER
        completed = [run for run in self.runs if run.outcome is Outcome.COMPLETED and run.task in self._tasks]
        pace_s = max((run.wall_s / self._size(self._tasks[run.task]) for run in completed), default=0.0)
        return State(
            now_s=now_s,
            nodes=bounds.nodes,
            waiting=tuple(
                Waiting(
                    work=self._work(one.task, one.request_mb), kills=one.kills, held=one.held, limit_mb=self._given(one)
                )
                for one in self.waiting
                if TIME_MARGIN * self._expected_s(one.task, pace_s) <= left_s
            ),
            running=tuple(self._running(*one) for one in running),
            done=tuple(self._done(run) for run in completed) if learns else (),
            overflows=(*self.overflows, *self._exceeded(running)),
            sharing=Sharing.POOL if bounds.pool else Sharing.LIMITS,
        )

    def _given(self, one: Queued) -> int | None:
        """Return a task's limit regardless of what the scheduler has learnt, MiB; None if it is up to the scheduler."""
        if self._bounds.limits is not Limits.LEARNT:
            return None if self._bounds.pool else one.request_mb
        most_mb = min(one.request_mb, self._bounds.largest_mb)
        if one.raised:
            return most_mb
        # before the round's first measurement, a request with a margin of its own is better informed
        taught = any(run.outcome in (Outcome.COMPLETED, Outcome.OOM) for run in self.runs)
        return most_mb if not taught and self._is_of_history(one.task) else None

    def _exceeded(self, running: Iterable[tuple[Attempt, float, Seen]]) -> list[Overflow]:
        """Return lower bounds of single tasks' memory: what they hold, and limits at which they were killed."""
        if self._bounds.limits is not Limits.LEARNT:
            return []
        seen = [
            Overflow(names=(attempt.task.task,), mem_mb=now.peak_mb) for attempt, _, now in running if now.peak_mb > 0
        ]
        return seen + [
            Overflow(names=(run.task,), mem_mb=max(run.limit_mb, run.peak_mb))
            for run in self.runs
            if run.outcome is Outcome.OOM and run.task in self._tasks
        ]

    def _work(self, task: PlannedTask, request_mb: int) -> Work:
        by_request = self._bounds.limits is Limits.REQUESTS and self._policy is Policy.CHROMPLAN
        return Work(
            name=task.task,
            size=request_mb if by_request else self._size(task),
            position=self._position[task.size],
            cpus=self.cpus(task),
            predicted_mb=request_mb if by_request else self._foreknown_mb(task),
            predicted_s=task.wall_s,
            tested=not self._bounds.doubts or self._is_of_history(task),
        )

    def _foreknown_mb(self, task: PlannedTask) -> float | None:
        """Return the memory that the scheduler assumes for a task, including its shells, MiB."""
        match self._bounds.scheduling.foreknown:
            case Foreknown.NONE:
                return None
            case Foreknown.CONSERVATIVE:
                return task.request_mb
            case Foreknown.POINT:
                return None if task.predicted_mb is None else task.predicted_mb + self._bounds.overhead_mb

    def _is_of_history(self, task: PlannedTask) -> bool:
        return task.predicted_mb is not None and has_margin(task.predicted_mb, task.request_mb)

    @property
    def _policy(self) -> Policy:
        options = self._bounds.scheduling.options
        return options.policy if options else Policy.CHROMPLAN

    def _running(self, attempt: Attempt, start_s: float, seen: Seen) -> Running:
        return Running(
            work=self._work(attempt.task, attempt.request_mb),
            node=attempt.node,
            start_s=start_s,
            limit_mb=None if self._bounds.pool else attempt.limit_mb,
            seen_mb=seen.peak_mb,
        )

    def _done(self, run: Run) -> Done:
        task = self._tasks[run.task]
        peak_mb = run.peak_mb + self._bounds.overhead_mb
        return Done(work=self._work(task, task.request_mb), peak_mb=peak_mb, wall_s=run.wall_s)

    def _expected_s(self, task: PlannedTask, pace_s: float) -> float:
        """Return the expected run time of a task, s; without a prediction from its size and the slowest rate so far."""
        return self._size(task) * pace_s if task.wall_s is None else task.wall_s

    def _size(self, task: PlannedTask) -> float:
        """Return the size of a task, with which memory and time grow."""
        size = task.size if task.predicted_mb is None else task.predicted_mb
        return max(size, 1e-9)
