"""Many orders evaluated at once: the same two models as `planner.schedule.listing`, one column per order.

Every evaluator steps through the positions of the orders and does each step for all columns with a handful of numpy
calls, so a thousand orders cost little more than one. The end of a running task and the task itself travel in one
64-bit integer (end in ticks, task in the low bits): the smallest integer is the task that ends next. A tick is 2^-40 of
the longest possible makespan; `planner.schedule.listing` gives the exact figures of the order finally chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planner.schedule.listing import ROUNDING

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Exponent 2^6 of the norm that stands in for the maximum: it also sees the second highest peak, so that annealing feels
# a move that lowers one of two equal peaks.
_DOUBLINGS = 6
_TICKS = 2.0**40


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a batch of orders, one value per column.

    Attributes
    ----------
    peak : array of float
        Most memory at any instant.
    soft : array of float
        The 64-norm of the memory after every start: at least the peak, and smooth.
    makespan : array of float
    used : array of float
        Memory after every start, (starts, columns); the last row is the start of the last task.
    """

    peak: Floats
    soft: Floats
    makespan: Floats
    used: Floats


class Evaluator(Protocol):
    """Scores orders given as a (tasks, columns) array."""

    def __call__(self, orders: Ints) -> Scores:
        """Return the scores of every column."""


class SlotBatch:
    """List scheduling on K slots, no other limit."""

    def __init__(self, mem: Floats, wall: Floats, slots: int) -> None:
        self._mem = mem
        self._packing = _Packing.of(wall)
        self._slots = min(slots, len(mem))
        self._scale = _scale(mem, wall, self._slots)

    def __call__(self, orders: Ints) -> Scores:
        """Return the scores of every column."""
        slots, width = self._slots, orders.shape[1]
        walls, used = self._packing.walls[orders], self._mem[orders]
        ends = walls[:slots].copy()
        used[slots - 1] = used[:slots].sum(axis=0)
        first, ended, is_first = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(ends.shape, bool)
        freed = np.empty(width)
        for position in range(slots, len(orders)):
            np.minimum.reduce(ends, axis=0, out=first)
            np.equal(ends, first, out=is_first)
            np.bitwise_and(first, self._packing.mask, out=ended)
            # the task that ends first gives its memory back, and the next one starts in its slot
            np.take(self._mem, ended, out=freed, mode="clip")
            now_used = used[position]
            now_used += used[position - 1]
            now_used -= freed
            first -= ended
            first += walls[position]
            np.copyto(ends, first, where=is_first)
        return _scores(used[slots - 1 :], self._packing.seconds(ends.max(axis=0)), self._scale)


class AssignedBatch:
    """List scheduling on K slots with every task kept on one slot, so that the makespan stays what it is.

    An order only says in which sequence each slot takes its tasks; `planned` turns it into the order to run.
    """

    def __init__(self, mem: Floats, wall: Floats, slot_of: Ints) -> None:
        self._wall, self._slot_of = wall, slot_of
        self._slots = int(slot_of.max()) + 1
        self._batch = SlotBatch(mem, wall, self._slots)

    def planned(self, orders: Ints) -> Ints:
        """Return the tasks by the start they have when every slot works through its own."""
        width = orders.shape[1]
        column, clock, starts = np.arange(width), np.zeros((self._slots, width)), np.empty(orders.shape)
        slots, walls = self._slot_of[orders], self._wall[orders]
        for position in range(len(orders)):
            slot = slots[position]
            start = clock[slot, column]
            starts[position] = start
            clock[slot, column] = start + walls[position]
        return np.take_along_axis(orders, np.argsort(starts, axis=0, kind="stable"), axis=0)

    def __call__(self, orders: Ints) -> Scores:
        """Return the scores of every column."""
        return self._batch(self.planned(orders))


class LimitBatch:
    """List scheduling in strict order under a memory cap, a core limit and a number of slots.

    With ``wants_peak`` false the scores hold the cap in place of the peak, and are had sooner.
    """

    def __init__(
        self,
        mem: Floats,
        wall: Floats,
        cpus: Ints,
        *,
        slots: int,
        cap: float = np.inf,
        cores: float = np.inf,
        wants_peak: bool = True,
    ) -> None:
        self._packing = _Packing.of(wall)
        # one more task, of nothing, fills the slots where nothing runs
        self._mem, self._cpus = np.append(mem, 0.0), np.append(cpus, 0).astype(float)
        self._cap, self._cores = cap * (1 + ROUNDING), cores
        self._slots = _most_running(mem, cpus, min(slots, len(mem)), self._cap, cores)
        self._scale = _scale(mem, wall, self._slots)
        self._wants_peak = wants_peak
        # a product with this sums up from above; much faster than cumsum along the first axis
        self._sum_up = np.tri(self._slots)

    def __call__(self, orders: Ints) -> Scores:
        """Return the scores of every column."""
        count, width = orders.shape
        # the ends of the tasks that started last to end, latest first: what may still run when the next one starts
        ends = np.full((self._slots, width), count, np.int64)
        work = _LimitBuffers.of(ends.shape)
        walls, mem = self._packing.walls[orders], self._mem[orders]
        rooms, cores_left = self._cap - mem, self._cores - self._cpus[orders]
        now = np.zeros(width, np.int64)
        for position in range(count):
            self._mark_must_end(ends, rooms[position], cores_left[position], work)
            self._wait_for_marked(ends, now, work)
            if self._wants_peak:
                np.multiply(work.held, ends > (now | self._packing.mask), out=work.held)
                mem[position] += work.held.sum(axis=0)
            np.bitwise_and(now, ~self._packing.mask, out=work.started)
            np.add(work.started, walls[position], out=work.started)
            _insert(ends, work.started)
        makespan = self._packing.seconds(ends[0])
        if not self._wants_peak:
            cap = np.full(width, self._cap)
            return Scores(cap, cap, makespan, cap[None, :])
        return _scores(mem, makespan, self._scale)

    def _mark_must_end(self, ends: Ints, room: Floats, cores_left: Floats, work: _LimitBuffers) -> None:
        """Mark the tasks that must have ended before the next one fits.

        Tasks that end earlier go first: a task that does not fit beside all those that end later must have ended.
        """
        np.bitwise_and(ends, self._packing.mask, out=work.running)
        self._mem.take(work.running, out=work.held, mode="clip")
        np.matmul(self._sum_up, work.held, out=work.sums)
        np.greater(work.sums, room, out=work.must_end)
        if np.isfinite(self._cores):
            too_many = self._sum_up @ self._cpus[work.running] > cores_left
            np.logical_or(work.must_end, too_many, out=work.must_end)
        work.must_end[-1] = True

    def _wait_for_marked(self, ends: Ints, now: Ints, work: _LimitBuffers) -> None:
        """Move ``now`` on to the latest end of the tasks that must have ended."""
        np.multiply(ends, work.must_end, out=work.running)
        np.maximum.reduce(work.running, axis=0, out=work.started)
        np.maximum(now, work.started, out=now)


@dataclass(frozen=True, slots=True)
class _LimitBuffers:
    """Arrays that every step of `LimitBatch` writes into, made once; (slots, columns), ``started`` (columns,)."""

    held: Floats
    sums: Floats
    must_end: NDArray[np.bool_]
    running: Ints
    started: Ints

    @classmethod
    def of(cls, shape: tuple[int, int]) -> _LimitBuffers:
        floats, ints = np.empty((2, *shape)), np.empty(shape, np.int64)
        return cls(floats[0], floats[1], np.empty(shape, bool), ints, np.empty(shape[1], np.int64))


class BarrierBatch:
    """Lockstep: batches with a barrier after each."""

    def __init__(
        self, mem: Floats, wall: Floats, cpus: Ints, *, slots: int, cap: float = np.inf, cores: float = np.inf
    ) -> None:
        self._mem, self._wall, self._cpus = mem, wall, cpus
        self._slots, self._cap, self._cores = slots, cap * (1 + ROUNDING), cores
        self._scale = _scale(mem, wall, min(slots, len(mem)))
        self._even = np.isinf(cap) and np.isinf(cores)

    def __call__(self, orders: Ints) -> Scores:
        """Return the scores of every column."""
        mem, wall = self._mem[orders], self._wall[orders]
        if self._even:
            cuts = np.arange(0, len(orders), self._slots)
            sums = np.add.reduceat(mem, cuts, axis=0)
            makespan = np.maximum.reduceat(wall, cuts, axis=0).sum(axis=0)
            return _scores(sums, makespan, self._scale)
        return self._filled(mem, wall, self._cpus[orders])

    def _filled(self, mem: Floats, wall: Floats, cpus: Ints) -> Scores:
        width = mem.shape[1]
        used, longest, makespan = np.zeros(width), np.zeros(width), np.zeros(width)
        cores, count = np.zeros(width, cpus.dtype), np.zeros(width, np.int64)
        for position in range(len(mem)):
            full = (used + mem[position] > self._cap) | (count >= self._slots)
            full |= cores + cpus[position] > self._cores
            makespan += np.where(full, longest, 0.0)
            goes_on = ~full
            used = used * goes_on + mem[position]
            longest = np.maximum(longest * goes_on, wall[position])
            cores = cores * goes_on + cpus[position]
            count = count * goes_on + 1
            mem[position] = used
        return _scores(mem, makespan + longest, self._scale)


@dataclass(frozen=True, slots=True)
class _Packing:
    """Durations in ticks, shifted so that a task's number fits below, with that number added."""

    walls: Ints
    mask: int
    bits: int
    tick: float

    @classmethod
    def of(cls, wall: Floats) -> _Packing:
        bits = len(wall).bit_length()
        tick = float(wall.sum()) / _TICKS or 1.0
        ticks = np.rint(wall / tick).astype(np.int64)
        return cls((ticks << bits) + np.arange(len(wall)), (1 << bits) - 1, bits, tick)

    def seconds(self, packed: Ints) -> Floats:
        return np.asarray((packed >> self.bits) * self.tick, dtype=np.float64)


def _insert(ends: Ints, new: Ints) -> None:
    """Put a new end into every column, latest first; the earliest falls out."""
    pushed_down = np.minimum(ends[:-1], new)
    np.maximum(ends[1:], pushed_down, out=ends[1:])
    np.maximum(ends[0], new, out=ends[0])


def _most_running(mem: Floats, cpus: Ints, slots: int, cap: float, cores: float) -> int:
    """Return a bound on how many tasks can run together."""
    by_mem = int(np.searchsorted(np.cumsum(np.sort(mem)), cap, side="right"))
    by_cores = int(np.searchsorted(np.cumsum(np.sort(cpus)), cores, side="right"))
    return max(1, min(slots, by_mem, by_cores))


def _scale(mem: Floats, wall: Floats, slots: int) -> float:
    """Return a typical peak, to keep the powers of `_scores` in range."""
    work = float(wall.sum())
    mean = float((mem * wall).sum()) / work if work else 0.0
    return max(slots * mean, float(mem.max()), 1e-300)


def _scores(used: Floats, makespan: Floats, scale: float) -> Scores:
    """Return the scores from the memory after every start (starts, columns)."""
    powers = used * (1 / scale)
    for _ in range(_DOUBLINGS):
        powers *= powers
    soft = scale * np.power(powers.sum(axis=0), 0.5**_DOUBLINGS)
    return Scores(used.max(axis=0), soft, makespan, used)
