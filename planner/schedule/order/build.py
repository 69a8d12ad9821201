"""Constructed orders: starting points of the search, good by themselves for hundreds of tasks."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from planner.schedule.listing import Dispatch, Machine, list_schedule
from planner.schedule.order.batch import Floats, Ints

_TARGETS = 24
_STREAM_DRAWS = 24


def streams(mem: Floats, wall: Floats, directions: Sequence[int]) -> list[int]:
    """Give each slot its own class of tasks, so that a large task is followed by one nearly as large.

    The tasks, sorted by memory, are cut into K runs of equal total duration; slot k works through run k. While all
    slots are busy the memory in use then stays near the sum of the runs' means, which is the least any schedule without
    idle slots can average. Where one slot goes down its run while another goes up, their drifts cancel.

    Parameters
    ----------
    mem, wall : array of float
        Memory and duration by task.
    directions : sequence of int
        By slot: 0 largest first, 1 smallest first, 2 largest at both ends, 3 largest in the middle.

    Returns
    -------
    list of int
        The tasks by planned start: list scheduling then gives each slot the task that was planned for it.
    """
    falling = np.argsort(-mem, kind="stable")
    ends = np.cumsum(wall[falling])
    slot = np.minimum((ends - wall[falling] / 2) / (ends[-1] or 1.0) * len(directions), len(directions) - 1).astype(int)
    start = np.zeros(len(mem))
    for number, direction in enumerate(directions):
        run = _turned(falling[slot == number], direction)
        start[run] = np.cumsum(wall[run]) - wall[run]
    return [int(task) for task in np.argsort(start, kind="stable")]


def filled(mem: Floats, wall: Floats, slots: int, target: float) -> list[int]:
    """Start, whenever a slot is free, the longest task that keeps the memory within a target, or else the smallest."""
    by_wall = np.argsort(-wall, kind="stable")
    waiting = mem[by_wall].astype(float)
    running: list[tuple[float, int]] = []
    order: list[int] = []
    now = used = 0.0
    for _ in range(len(mem)):
        if len(running) == slots:
            now, ended = heapq.heappop(running)
            used -= mem[ended]
        rank = int((waiting <= target - used).argmax())
        if waiting[rank] > target - used:
            rank = int(waiting.argmin())
        waiting[rank] = np.inf
        task = int(by_wall[rank])
        order.append(task)
        used += mem[task]
        heapq.heappush(running, (now + wall[task], task))
    return order


def longest_first(mem: Floats, wall: Floats) -> list[list[int]]:
    """Return the orders by duration, by memory × duration and by memory, largest first."""
    return [np.argsort(-key, kind="stable").tolist() for key in (wall, mem * wall, mem)]


def slot_starts(mem: Floats, wall: Floats, slots: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Build orders for list scheduling on K slots, from short to low."""
    yield from longest_first(mem, wall)
    mean = slots * float((mem * wall).sum()) / (float(wall.sum()) or 1.0)
    for target in np.linspace(mean, 1.3 * mean, _TARGETS):
        yield filled(mem, wall, slots, target)
    alternating = [number % 2 for number in range(slots)]
    yield streams(mem, wall, alternating)
    for _ in range(_STREAM_DRAWS):
        yield streams(mem, wall, rng.integers(0, 4, slots).tolist())


def limit_starts(
    mem: Floats, wall: Floats, cpus: Ints, *, slots: int, cap: float | None, cores: int | None
) -> Iterator[list[int]]:
    """Build orders for a memory cap or a core limit: first fit by several keys, then kept literally."""
    for order in longest_first(mem, wall):
        starts = list_schedule(
            order,
            mem.tolist(),
            wall.tolist(),
            Machine(slots=slots, cap_mb=cap, cores=cores, dispatch=Dispatch.FIRST_FIT),
            cpus=cpus.tolist(),
        ).start_s
        yield sorted(range(len(order)), key=starts.__getitem__)


def _turned(falling: Ints, direction: int) -> Ints:
    if direction == 1:
        return falling[::-1]
    if direction == 2:
        return np.concatenate([falling[::2], falling[1::2][::-1]])
    if direction == 3:
        return np.concatenate([falling[::2][::-1], falling[1::2]])
    return falling
