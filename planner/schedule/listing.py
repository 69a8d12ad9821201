"""List scheduling: start times, makespan, peak and memory over time of tasks run in a given order.

Two models run an order:

- *list scheduling*: whenever a slot is free the next task of the order starts; under a memory cap,
  once it fits. This is what a K-slot dispatcher or ``sbatch --array=...%K`` does.
- *lockstep*: tasks run in batches of K with a barrier after each batch, so a batch lasts as long as its longest task.

Memory and time may be in any unit as long as each is used throughout; chromosome lengths in Mb serve as both when
nothing better is known (arXiv 2511.15977, section on static scheduling).
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from planner.schedule.backfill import MOST_TESTED, Backfill, Need
from planner.schedule.nodes import FreeNodes

ROUNDING = 1e-9
"""Relative. Sums of memory in another order differ in the last bits; a task that fits exactly must still fit."""
_MOST_PASSES = 2000
"""About how often ``BACKFILL`` looks at what waits: for more tasks, ends that are close together count as one."""
_HARDLY_LATER = 0.01
"""By which share of a task's duration, at most."""


class Dispatch(StrEnum):
    """What happens when a slot is free and the next task of the order does not fit."""

    STRICT = "strict"  # everything behind it waits: the order is kept literally
    FIRST_FIT = "first-fit"  # the next one that fits goes ahead
    BACKFILL = "backfill"  # one that fits goes ahead if, by the time limits, it delays none before it, as in Slurm
    LOCKSTEP = "lockstep"  # nothing starts before the whole batch has ended


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What runs an order, and how.

    Attributes
    ----------
    slots : int, optional
        Most tasks at once (K).
    cap_mb : float, optional
        Most memory at once. Without it a task starts as soon as a slot is free, whatever it needs.
    cores : int, optional
        Most cores at once.
    nodes : int
        How many nodes there are with ``cap_mb`` and ``cores`` each; a task runs on one of them.
    dispatch : Dispatch
        ``STRICT`` keeps the order: no task starts before one ahead of it. Some order reaches the optimal makespan that
        way, which need not be so with ``FIRST_FIT``.
    gap : float
        How long what a task held is free before another task starts on it; the unit of the durations.
    """

    slots: int | None = None
    cap_mb: float | None = None
    cores: int | None = None
    nodes: int = 1
    dispatch: Dispatch = Dispatch.STRICT
    gap: float = 0.0


UNLIMITED = Machine()


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The schedule of an order.

    Attributes
    ----------
    start_s : tuple of float
        Start of every task, by task (not by rank).
    makespan : float
        When the last task ends; the unit of the durations.
    peak : float
        Most memory in use at any instant; the unit of the memories.
    profile : tuple of (float, float)
        Memory over time as steps: from each instant on, that much is in use; the last step is 0.
    """

    start_s: tuple[float, ...]
    makespan: float
    peak: float
    profile: tuple[tuple[float, float], ...]


def by_cost(mem_mb: Sequence[float], wall_s: Sequence[float]) -> list[int]:
    """Return the tasks by memory × duration, largest first; ties keep the order given.

    The order to hand to Slurm when every task is its own job: Slurm schedules the list itself.
    """
    return sorted(range(len(mem_mb)), key=lambda task: -mem_mb[task] * wall_s[task])


def list_schedule(
    order: Sequence[int],
    mem_mb: Sequence[float],
    wall_s: Sequence[float],
    machine: Machine = UNLIMITED,
    *,
    cpus: Sequence[int] | None = None,
    limit_s: Sequence[float] | None = None,
) -> Schedule:
    """Run an order by list scheduling.

    Parameters
    ----------
    order : sequence of int
        Every task once, first to start first.
    mem_mb, wall_s : sequence of float
        Memory and duration by task.
    machine : Machine
        What may run at once.
    cpus : sequence of int, optional
        Cores by task; 1 each when not given.
    limit_s : sequence of float, optional
        Time limits by task, in the unit of the durations, for ``BACKFILL``; the durations when not given.

    Raises
    ------
    ValueError
        When ``order`` is not a permutation, a number is negative or not finite, or a task alone exceeds a limit.
    """
    loads = _Loads(tuple(mem_mb), tuple(wall_s), tuple(cpus) if cpus is not None else (1,) * len(mem_mb))
    cap_mb = math.inf if machine.cap_mb is None else machine.cap_mb * (1 + ROUNDING)
    cores = math.inf if machine.cores is None else machine.cores
    run = _OrderRun(
        loads,
        machine.dispatch,
        slots=len(order) if machine.slots is None else machine.slots,
        cap_mb=cap_mb,
        cores=cores,
        free=FreeNodes(max(1, min(machine.nodes, len(order))), cap_mb, cores),
        gap=machine.gap if order else 0.0,
    )
    if machine.dispatch is Dispatch.BACKFILL:
        run.use_limits(wall_s if limit_s is None else limit_s)
    run.check(order)
    run.run(order)
    return Schedule(
        start_s=tuple(run.start_s), makespan=run.now - run.gap, peak=run.peak, profile=tuple(run.steps.items())
    )


def slots_of(order: Sequence[int], start_s: Sequence[float], wall_s: Sequence[float]) -> list[int]:
    """Return a slot by task, such that no two tasks of a slot overlap; slots are reused in the order they fall free."""
    free: list[tuple[float, int]] = []
    slot_of = [0] * len(order)
    for task in sorted(order, key=lambda task: start_s[task]):
        # sums of durations in another order or unit differ in the last bits
        falls_free = bool(free) and free[0][0] <= start_s[task] * (1 + ROUNDING)
        slot = heapq.heappop(free)[1] if falls_free else len(free)
        slot_of[task] = slot
        heapq.heappush(free, (start_s[task] + wall_s[task], slot))
    return slot_of


@dataclass(frozen=True, slots=True)
class _Loads:
    mem: tuple[float, ...]
    wall: tuple[float, ...]
    cpus: tuple[int, ...]

    def least_s(self, mem: float, cores: float) -> float:
        """Return the shortest time in which this much memory and so many cores could run all."""
        loads = ((self.mem, mem), (self.cpus, cores))
        return max(math.fsum(map(math.prod, zip(held, self.wall, strict=True))) / most for held, most in loads)


@dataclass(slots=True)
class _OrderRun:
    """The state while an order runs."""

    loads: _Loads
    dispatch: Dispatch
    slots: int
    cap_mb: float
    cores: float
    free: FreeNodes
    gap: float
    backfill: Backfill | None = None
    together: float = 0.0
    """Tasks that end within this time are taken to end with the last of them."""
    now: float = 0.0
    peak: float = 0.0
    used_mem: float = 0.0
    start_s: list[float] = field(default_factory=list)
    running: list[tuple[float, int, int]] = field(default_factory=list)
    """When what they hold is used again, tasks and nodes of the tasks that run."""
    steps: dict[float, float] = field(default_factory=dict)
    least_cpus: float = 0.0
    waiting_mem: list[float] = field(default_factory=list)
    """Memories of the tasks that have not started, ascending."""

    def use_limits(self, limit_s: Sequence[float]) -> None:
        """Let tasks overtake others as far as their time limits allow."""
        until_s = [max(both) + self.gap for both in zip(limit_s, self.loads.wall, strict=True)]
        self.backfill = Backfill(self.free, list(map(Need, self.loads.mem, self.loads.cpus, until_s)))
        tasks = max(1, len(until_s))
        mean_s = math.fsum(self.loads.wall) / tasks
        self.together = ROUNDING * mean_s  # equal predictions may differ in their last bits
        if tasks > _MOST_PASSES:
            least_s = self.loads.least_s(self.free.nodes * self.cap_mb, self.free.nodes * self.cores)
            self.together = min(least_s / _MOST_PASSES, _HARDLY_LATER * mean_s)

    def check(self, order: Sequence[int]) -> None:
        mem, wall, cpus = self.loads.mem, self.loads.wall, self.loads.cpus
        if sorted(order) != list(range(len(mem))) or len(wall) != len(order) or len(cpus) != len(order):
            raise ValueError("the order must hold every task exactly once")
        if not all(math.isfinite(value) and value >= 0 for value in (*mem, *wall, *cpus)):
            raise ValueError("memory, durations and cores must be finite and not negative")
        if self.slots < 1 and order:
            raise ValueError("at least one slot is needed")
        for task in order:
            if mem[task] > self.cap_mb or cpus[task] > self.cores:
                raise ValueError(f"task {task} alone exceeds the memory cap or the cores")

    def run(self, order: Sequence[int]) -> None:
        self.start_s = [0.0] * len(order)
        self.waiting_mem = sorted(self.loads.mem)
        self.least_cpus = min(self.loads.cpus, default=0)
        if self.dispatch is Dispatch.FIRST_FIT:
            self._run_first_fit(order)
        elif self.backfill is not None:
            self._run_backfill(order, self.backfill)
        else:
            waiting = list(order)
            while waiting:
                waiting = waiting[len(list(self._admitted(waiting))) :]
                self._end_next()
        while self.running:
            self._end_next()

    def _run_first_fit(self, order: Sequence[int]) -> None:
        """Start whatever fits, in order; of tasks that hold the same only the first is looked at."""
        waiting: dict[tuple[float, int], deque[tuple[int, int]]] = {}
        for rank, task in enumerate(order):
            waiting.setdefault((self.loads.mem[task], self.loads.cpus[task]), deque()).append((rank, task))
        while waiting:
            first = [] if self._full() else [(alike[0][0], held) for held, alike in waiting.items()]
            heapq.heapify(first)
            while first and not self._full():
                held = first[0][1]
                node = self.free.find(*held)
                if node is None:  # nor is there a node for the others until a task ends
                    heapq.heappop(first)
                    continue
                self._start(waiting[held].popleft()[1], node)
                if waiting[held]:
                    heapq.heapreplace(first, (waiting[held][0][0], held))
                else:
                    del waiting[held]
                    heapq.heappop(first)
            self._end_next()

    def _run_backfill(self, order: Sequence[int], backfill: Backfill) -> None:
        waiting = list(order)
        while waiting:
            if not self._full():
                for task in list(self._backfilled(backfill, waiting[:MOST_TESTED])):
                    waiting.remove(task)
            self._end_next()

    def _backfilled(self, backfill: Backfill, waiting: list[int]) -> Iterator[int]:
        backfill.open_pass()
        for task in waiting:
            # most do not fit, which is cheaper to see here
            node = backfill.find(task, self.now) if self.loads.mem[task] <= self.free.most_mem else None
            if node is None:
                backfill.block(task)
                continue
            self._start(task, node)
            backfill.start(task, node, self.now)
            yield task
            if self._full():
                return

    def _admitted(self, waiting: list[int]) -> Iterator[int]:
        if self.dispatch is Dispatch.LOCKSTEP and self.running:
            return
        if self._full():
            return
        for task in waiting:
            node = self.free.find(self.loads.mem[task], self.loads.cpus[task])
            if node is None:
                return
            self._start(task, node)
            yield task
            if self._full():
                return

    def _full(self) -> bool:
        """Whether no task can start, judged by the smallest values, without a look at all waiting tasks."""
        if len(self.running) >= self.slots or not self.waiting_mem:
            return True
        return self.waiting_mem[0] > self.free.most_mem or self.free.idle_cores < self.least_cpus

    def _start(self, task: int, node: int) -> None:
        self.start_s[task] = self.now
        heapq.heappush(self.running, (self.now + self.loads.wall[task] + self.gap, task, node))
        self.free.change(node, -self.loads.mem[task], -self.loads.cpus[task])
        self.used_mem += self.loads.mem[task]
        del self.waiting_mem[bisect_left(self.waiting_mem, self.loads.mem[task])]
        self.peak = max(self.peak, self.used_mem)
        self.steps[self.now] = self.used_mem

    def _end_next(self) -> None:
        """Advance to the next end, and end all tasks that end then."""
        self.now = self.running[0][0]
        until = self.now + self.together
        while self.running and self.running[0][0] <= until:
            self.now, task, node = heapq.heappop(self.running)
            self.free.change(node, self.loads.mem[task], self.loads.cpus[task])
            if self.backfill is not None:
                self.backfill.end(task)
            self.used_mem -= self.loads.mem[task]
        if not self.running:
            self.used_mem = 0.0
        self.steps[self.now] = self.used_mem
