"""The schedule one would make knowing every peak and duration: what simulated runs are measured against.

For every case orders are searched by simulated annealing, eight chains of 250 moves (a swap or an insertion) from the
order by memory x duration; an order is run by list scheduling on true values: whatever fits starts, at every
completion. All chains of all cases advance together in numpy. A case gives the same figure in whatever company.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.reference.cases import CAPACITY
from planner.schedule.dynamic.simulator import Case

CHAINS = 8
MOVES = 250
_HOT, _COLD = 0.01, 0.0005  # temperatures, relative to the area bound

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def makespans(
    cases: Sequence[Case], *, capacity_mb: float = CAPACITY, chains: int = CHAINS, moves: int = MOVES
) -> list[float]:
    """Return the best makespan found for each case (all with the same number of tasks), s.

    Raises
    ------
    ValueError
        When a task alone exceeds the capacity.
    """
    if not cases:
        return []
    mem, wall = np.array([case.true_mb for case in cases]), np.array([case.wall_s for case in cases])
    if mem.max() > capacity_mb:
        raise ValueError("a task alone exceeds the capacity")
    area = (mem * wall).sum(axis=1) / capacity_mb
    problem = _Chains(np.repeat(mem, chains, axis=0), np.repeat(wall, chains, axis=0), capacity_mb)
    best = _anneal(problem, np.repeat(area, chains), chains, moves)
    return [float(value) for value in best.reshape(len(cases), chains).min(axis=1)]


def area_bounds(cases: Sequence[Case], *, capacity_mb: float = CAPACITY) -> list[float]:
    """Return for each case what no schedule beats: the memory x time of its tasks over the capacity, or the longest."""
    return [
        max(sum(m * d for m, d in zip(case.true_mb, case.wall_s, strict=True)) / capacity_mb, max(case.wall_s))
        for case in cases
    ]


class _Chains:
    """List schedules of one order per chain."""

    def __init__(self, mem: Floats, wall: Floats, capacity_mb: float) -> None:
        self.mem, self.wall = mem, wall
        self._capacity = capacity_mb * (1 + 1e-12)

    def makespan(self, orders: Ints) -> Floats:
        mem = np.ascontiguousarray(np.take_along_axis(self.mem, orders, axis=1).T)
        wall = np.ascontiguousarray(np.take_along_axis(self.wall, orders, axis=1).T)
        tasks, chains = mem.shape
        end = np.full((tasks, chains), np.inf)
        waiting = np.ones((tasks, chains), dtype=bool)
        free, now = np.full(chains, self._capacity), np.zeros(chains)
        column = np.arange(chains)
        while True:
            for task in range(tasks):
                fits = waiting[task] & (mem[task] <= free)
                free -= np.where(fits, mem[task], 0.0)
                end[task] = np.where(fits, now + wall[task], end[task])
                waiting[task] &= ~fits
            if not waiting.any():
                return np.asarray(np.where(np.isinf(end), now, end).max(axis=0))
            # one end at a time; an ended task is marked by an end in the past
            first = np.where(end > now, end, np.inf).argmin(axis=0)
            now = end[first, column]
            free += mem[first, column]


def _anneal(problem: _Chains, area: Floats, chains: int, moves: int) -> Floats:
    orders = np.argsort(-problem.mem * problem.wall, axis=1, kind="stable")
    current = problem.makespan(orders) / area
    best = current.copy()
    tasks = orders.shape[1]
    # every case sees the same moves, so that a case's figure does not depend on which others are searched with it
    rng = np.random.default_rng(0)
    repeat = len(area) // chains
    for move in range(moves):
        temperature = _HOT * (_COLD / _HOT) ** (move / moves)
        one, two = (np.tile(rng.integers(tasks, size=chains), repeat) for _ in range(2))
        insert, luck = (np.tile(rng.random(chains), repeat) for _ in range(2))
        proposed = _moved(orders, one, two, insert < 0.5)
        makespan = problem.makespan(proposed) / area
        accepted = luck < np.exp(np.minimum(0.0, (current - makespan) / temperature))
        orders[accepted] = proposed[accepted]
        current = np.where(accepted, makespan, current)
        best = np.minimum(best, current)
    return np.asarray(best * area)


def _moved(orders: Ints, one: Ints, two: Ints, insert: NDArray[np.bool_]) -> Ints:
    """Swap two positions, or take the task at the lower one out and put it in at the higher one."""
    row = np.arange(len(orders))
    swapped = orders.copy()
    swapped[row, one], swapped[row, two] = orders[row, two], orders[row, one]
    position = np.arange(orders.shape[1])[None, :]
    low, high = np.minimum(one, two)[:, None], np.maximum(one, two)[:, None]
    source = np.where((position >= low) & (position < high), position + 1, np.where(position == high, low, position))
    inserted = np.take_along_axis(orders, source, axis=1)
    return np.asarray(np.where(insert[:, None], inserted, swapped))
