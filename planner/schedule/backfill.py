"""Slurm's backfill: a waiting task may go ahead of others only if it delays none of them.

Backfill goes through the waiting jobs by priority. One that does not fit now is promised the earliest time and node
that the *time limits* of the running jobs allow; one behind it may start now only if, by its own time limit, it leaves
room for what is promised. Of an array, Slurm does this for 20 elements at a time (``bf_max_job_array_resv``).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter

from planner.schedule.nodes import FreeNodes

MOST_PROMISES = 20
"""Slurm's default of ``bf_max_job_array_resv``."""
MOST_TESTED = 500
"""Slurm's default of ``bf_max_job_test``: the waiting jobs that a pass looks at."""


@dataclass(frozen=True, slots=True)
class Need:
    """The memory, cores and time limit that a task asks for."""

    mem: float
    cpus: float
    limit: float


@dataclass(slots=True)
class _Promise:
    """A start that is promised on a node, and what is free there besides at that time."""

    start: float
    need: Need
    mem: float
    cpus: float


class Backfill:
    """Decides which waiting tasks may start, in passes over them by priority.

    Parameters
    ----------
    free : FreeNodes
        What is free now; the caller keeps it up to date.
    needs : sequence of Need
        By task.
    """

    def __init__(self, free: FreeNodes, needs: Sequence[Need]) -> None:
        self._free = free
        self._needs = needs
        self._ends: list[tuple[float, int, int]] = []
        """Ends of the running tasks' limits, nodes and tasks, ascending."""
        self._end_of: dict[int, tuple[float, int, int]] = {}
        self._promises: dict[int, list[_Promise]] = {}
        self._blocked: deque[Need] = deque()
        self._promised = 0
        self._opened: list[tuple[float, int, float, float]] = []
        self._openings = self._look_ahead()

    def open_pass(self) -> None:
        """Begin a pass: what was promised in the one before is forgotten."""
        self._promises.clear()
        self._blocked.clear()
        self._promised = 0
        self._opened, self._openings = [], self._look_ahead()

    def find(self, task: int, now: float) -> int | None:
        """Return the node on which the next waiting task can start now without delaying others; None without one."""
        need = self._needs[task]
        for node in self._free.having(need.mem, need.cpus):
            while self._blocked:  # only now, since in most passes nothing behind them fits
                self._promise(self._blocked.popleft())
            if self._leaves(node, now, need):
                return node
        return None

    def block(self, task: int) -> None:
        """Note that the next waiting task does not fit now: it is promised a later start."""
        if self._promised < MOST_PROMISES:
            self._promised += 1
            self._blocked.append(self._needs[task])

    def start(self, task: int, node: int, now: float) -> None:
        """Note that a task starts."""
        need = self._needs[task]
        self._take(node, now, need)
        self._opened, self._openings = [], self._look_ahead()
        self._end_of[task] = (now + need.limit, node, task)
        insort(self._ends, self._end_of[task])

    def end(self, task: int) -> None:
        """Note that a task has ended."""
        del self._ends[bisect_left(self._ends, self._end_of.pop(task))]

    def _promise(self, need: Need) -> None:
        for start, node, mem, cpus in chain(self._opened, self._openings):
            if mem < need.mem or cpus < need.cpus:
                continue
            for one in self._promises.get(node, ()):
                if one.start <= start < one.start + one.need.limit:
                    mem -= one.need.mem
                    cpus -= one.need.cpus
            if mem >= need.mem and cpus >= need.cpus and self._leaves(node, start, need):
                self._take(node, start, need)
                promise = _Promise(start, need, mem - need.mem, cpus - need.cpus)
                self._promises.setdefault(node, []).append(promise)
                return

    def _look_ahead(self) -> Iterator[tuple[float, int, float, float]]:
        """Yield when and on which node the limits of running tasks end, and the memory and cores free there then."""
        free: dict[int, tuple[float, float]] = {}
        for (end, node), ending in groupby(self._ends, key=itemgetter(0, 1)):
            mem, cpus = free.get(node) or self._free.on(node)
            for _, _, task in ending:
                mem += self._needs[task].mem
                cpus += self._needs[task].cpus
            free[node] = (mem, cpus)
            self._opened.append((end, node, mem, cpus))
            yield self._opened[-1]

    def _leaves(self, node: int, start: float, need: Need) -> bool:
        """Whether a task that starts here then leaves room for each promised one that starts while it runs."""
        during = self._during(node, start, need)
        return all(promise.mem >= need.mem and promise.cpus >= need.cpus for promise in during)

    def _take(self, node: int, start: float, need: Need) -> None:
        for promise in self._during(node, start, need):
            promise.mem -= need.mem
            promise.cpus -= need.cpus

    def _during(self, node: int, start: float, need: Need) -> Iterator[_Promise]:
        return (one for one in self._promises.get(node, ()) if start <= one.start < start + need.limit)
