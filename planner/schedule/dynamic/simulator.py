"""Simulated runs of the dynamic scheduler: what would happen to tasks whose true peaks and durations are known."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from planner.schedule.dynamic.state import Done, Node, Overflow, Running, Sharing, Start, State, Waiting, Work


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The true course of a run, unknown to the scheduler.

    Attributes
    ----------
    works : tuple of Work
    true_mb, wall_s : tuple of float
        Peak and duration by task.
    peak_at : tuple of tuple of float
        By task and attempt: after which share of the run the peak is reached. Attempts beyond the last repeat it.
    """

    works: tuple[Work, ...]
    true_mb: tuple[float, ...]
    wall_s: tuple[float, ...]
    peak_at: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One attempt in a simulated run."""

    name: str
    node: str
    start_s: float
    end_s: float
    killed: bool
    limit_mb: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """A simulated run.

    Attributes
    ----------
    makespan_s : float
    overcommits : int
        Attempts killed for memory.
    spans : tuple of Span
        Every attempt, by end.
    """

    makespan_s: float
    overcommits: int
    spans: tuple[Span, ...]


def simulate(
    case: Case,
    decide: Callable[[State], Sequence[Start]],
    *,
    live: bool = False,
    sharing: Sharing = Sharing.POOL,
    nodes: Sequence[Node],
    again: Callable[[Running], bool] = lambda _: True,
    cores: int | None = None,
) -> Simulated:
    """Run a case.

    A task in a pool that reaches its peak while others run beside it and together they need more than the node has is
    killed; with limits, a task whose peak is above its own limit. A killed task loses its time and waits until another
    task completes or nothing runs.

    Parameters
    ----------
    decide : callable
        Called at the start, at every completion and kill, and with ``live`` also at every peak.
    live : bool
        Memory is watched: a task's peak is known from the instant it is reached.
    again : callable
        Whether a task that was killed is to run again.
    cores : int, optional
        Cores that all running tasks share, each using one: when more run, all advance more slowly. None: each has its
        own, whatever ``nodes`` say; those are for ``decide``.

    Raises
    ------
    RuntimeError
        When nothing runs and nothing is started although tasks wait.
    """
    return _Simulation(case, decide, live=live, sharing=sharing, nodes=tuple(nodes), again=again, cores=cores).run()


class _Simulation:
    def __init__(
        self,
        case: Case,
        decide: Callable[[State], Sequence[Start]],
        *,
        live: bool,
        sharing: Sharing,
        nodes: tuple[Node, ...],
        again: Callable[[Running], bool],
        cores: int | None,
    ) -> None:
        self._case = case
        self._decide = decide
        self._live = live
        self._sharing = sharing
        self._nodes = nodes
        self._again = again
        self._cores = math.inf if cores is None else cores
        self._capacity = {node.name: node.mem_mb for node in nodes}
        self._index = {work.name: k for k, work in enumerate(case.works)}
        self._now = 0.0
        self._waiting = {work.name: Waiting(work=work) for work in case.works}
        self._running: dict[str, Running] = {}
        self._done: list[Done] = []
        self._overflows: list[Overflow] = []
        self._attempts = dict.fromkeys(self._index, 0)
        # time if no task had ever waited for a core, 0 peak / 1 end, task, attempt
        self._events: list[tuple[float, int, str, int]] = []
        self._late_s = 0.0  # how far that time is behind
        self._late_at_start: dict[str, float] = {}
        self._spans: list[Span] = []

    def run(self) -> Simulated:
        self._start_some()
        while self._running:
            if self._next_event():
                self._start_some()
        return Simulated(
            makespan_s=self._now,
            overcommits=sum(span.killed for span in self._spans),
            spans=tuple(self._spans),
        )

    def _start_some(self) -> None:
        if not self._waiting:
            return
        for start in self._decide(self._state()):
            self._start(start)
        if not self._running:
            raise RuntimeError(f"nothing runs, nothing starts, {len(self._waiting)} tasks wait")

    def _state(self) -> State:
        return State(
            now_s=self._now,
            nodes=self._nodes,
            waiting=tuple(self._waiting.values()),
            running=tuple(self._running.values()),
            done=tuple(self._done),
            overflows=tuple(self._overflows),
            sharing=self._sharing,
            watched=self._live,
        )

    def _start(self, start: Start) -> None:
        task = self._waiting.pop(start.name)
        k = self._index[start.name]
        attempt = self._attempts[start.name]
        self._attempts[start.name] = attempt + 1
        shares = self._case.peak_at[k]
        wall = self._case.wall_s[k]
        begin = self._now - self._late_s
        heapq.heappush(self._events, (begin + shares[min(attempt, len(shares) - 1)] * wall, 0, start.name, attempt))
        heapq.heappush(self._events, (begin + wall, 1, start.name, attempt))
        self._late_at_start[start.name] = self._late_s
        self._running[start.name] = Running(
            work=task.work, node=start.node, start_s=self._now, limit_mb=start.limit_mb, kills=task.kills
        )

    def _next_event(self) -> bool:
        """Advance to the next event; return whether it requires a decision."""
        unhindered, is_end, name, attempt = heapq.heappop(self._events)
        self._advance(unhindered)
        if name not in self._running or attempt != self._attempts[name] - 1:
            return False  # of an attempt that was killed
        if is_end:
            self._complete(name)
            return True
        return self._reach_peak(name)

    def _advance(self, unhindered: float) -> None:
        """Advance to an event; tasks that share cores get there later, and all others with them."""
        at = unhindered + self._late_s
        slower = len(self._running) / self._cores
        if slower > 1:
            at = self._now + (at - self._now) * slower
            self._late_s = at - unhindered
        self._now = at

    def _complete(self, name: str) -> None:
        k = self._index[name]
        run = self._running.pop(name)
        self._spans.append(self._span(run, killed=False))
        wall_s = self._case.wall_s[k] + self._late_s - self._late_at_start[name]
        self._done.append(Done(work=run.work, peak_mb=self._case.true_mb[k], wall_s=wall_s))
        self._waiting = {name: replace(task, held=False) if task.held else task for name, task in self._waiting.items()}

    def _reach_peak(self, name: str) -> bool:
        run = self._running[name]
        overflow = self._overflow(run)
        if overflow is not None:
            self._overflows.append(overflow)
            self._kill(name)
        elif self._live:
            self._running[name] = replace(run, peak_mb=self._true(name))
        return overflow is not None or self._live

    def _overflow(self, run: Running) -> Overflow | None:
        """Return the overflow that this task's peak causes; None when it fits."""
        names: tuple[str, ...] = (run.work.name,)
        if self._sharing is Sharing.LIMITS:
            limit = math.inf if run.limit_mb is None else run.limit_mb
        else:
            names, limit = tuple(self._beside(run)), self._capacity[run.node]
            if len(names) == 1:
                return None
        return Overflow(names=names, mem_mb=limit) if sum(map(self._true, names)) > limit else None

    def _kill(self, name: str) -> None:
        run = self._running.pop(name)
        self._spans.append(self._span(run, killed=True))
        if self._again(run):
            self._waiting[name] = Waiting(work=run.work, kills=run.kills + 1, held=True)

    def _beside(self, run: Running) -> Iterator[str]:
        return (name for name, other in self._running.items() if other.node == run.node)

    def _true(self, name: str) -> float:
        return self._case.true_mb[self._index[name]]

    def _span(self, run: Running, *, killed: bool) -> Span:
        return Span(
            name=run.work.name,
            node=run.node,
            start_s=run.start_s,
            end_s=self._now,
            killed=killed,
            limit_mb=run.limit_mb,
        )
