"""Tasks that share allocations: which node each goes to, and how much memory the job around them needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from planner.core.errors import InputError
from planner.plan.document import Batch, Target
from planner.schedule import listing as order
from planner.site import Partition

HARDLY_LONGER = 1.1
"""Factor by which a packing may exceed the shortest makespan if it reserves less memory."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of the tasks, one entry per task."""

    mem_mb: list[int]
    wall_s: list[float]
    limit_s: list[int]
    cpus: list[int]
    timed: bool
    """Whether ``wall_s`` is predicted; else it is 1 for every task."""

    def of(self, chosen: Sequence[int]) -> Load:
        """Return the requests of these tasks, in this order."""
        return Load(
            [self.mem_mb[i] for i in chosen],
            [self.wall_s[i] for i in chosen],
            [self.limit_s[i] for i in chosen],
            [self.cpus[i] for i in chosen],
            self.timed,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """Batches, the batch of each task, and its start time; no start times without predicted durations.

    ``sequence`` holds the tasks in the order they start; empty if they keep the given order. ``held_mb_s`` is the
    memory x time that the batches reserve, MiB s; ``notes`` name the alternatives.
    """

    batches: list[Batch]
    batch_of: dict[int, int]
    start_s: dict[int, float]
    makespan_s: float | None
    sequence: list[int] = field(default_factory=list)
    held_mb_s: float | None = None
    notes: tuple[str, ...] = ()


def holds(partition: Partition, load: Load, task: int, *, reserve_mb: int = 0) -> bool:
    """Whether a node of this type holds a task and ``reserve_mb`` (MiB) besides."""
    fits = load.mem_mb[task] + reserve_mb <= partition.cap_mb and load.cpus[task] <= partition.cores
    return fits and load.limit_s[task] <= partition.max_time_s


def arrange(tasks: list[int], load: Load, *, slots: int, cap_mb: int, effort: int) -> list[int]:
    """Return a batch's tasks in the order that ends soonest within slots and memory, never later than as given.

    Without durations, or if all may run at once, they keep their order. The search is seeded, so the same tasks always
    get the same order.
    """
    own = load.of(tasks)
    at_once = len(tasks) <= slots and sum(own.mem_mb) <= cap_mb
    if not load.timed or at_once or max(own.mem_mb) > cap_mb:
        return tasks
    return [tasks[rank] for rank in _soonest(tuple(own.mem_mb), tuple(own.wall_s), slots, cap_mb, effort)]


# cached, as a replay packs the same jobs in every run
@lru_cache(maxsize=1024)
def _soonest(
    mem_mb: tuple[int, ...], wall_s: tuple[float, ...], slots: int, cap_mb: int, effort: int
) -> tuple[int, ...]:
    """Return the order found for these tasks, by their positions."""
    from planner.schedule.order.problem import Problem
    from planner.schedule.order.search import search

    problem = Problem(mem_mb=mem_mb, wall_s=wall_s, slots=slots, cap_mb=cap_mb)
    return search(problem, evaluations=effort).order


def deal(
    chosen: Sequence[int], load: Load, partition: Partition, *, nodes: int | None, reserve_mb: int
) -> list[list[int]]:
    """Deal the tasks, costliest first, to enough nodes to hold all at once, or to all nodes if those are too few.

    The next task goes to the node with the least memory x time so far (longest processing time first, Graham 1969).
    """
    tasks = load.of(chosen)
    by_memory = math.ceil(sum(tasks.mem_mb) / max(1, partition.cap_mb - reserve_mb))
    enough = max(by_memory, math.ceil(sum(tasks.cpus) / partition.cores))
    groups: list[list[int]] = [[] for _ in range(max(1, min(enough, nodes or enough, len(chosen))))]
    cost = [0.0] * len(groups)
    for task in chosen:
        least = cost.index(min(cost))
        groups[least].append(task)
        cost[least] += load.mem_mb[task] * load.wall_s[task]
    return groups


def least(*limits: int | None) -> int | None:
    """Return the smallest limit, or None when there is none."""
    return min((limit for limit in limits if limit is not None), default=None)


def share_of(max_running: int | None, batches: int) -> int | None:
    """Return how many tasks may run at once in each of ``batches`` batches."""
    return None if max_running is None else max(1, max_running // batches)


def most_slots(load: Load, partition: Partition, most: int | None) -> int:
    """Return how many tasks a node's cores let run at once."""
    slots = min(len(load.mem_mb), partition.cores // max(load.cpus))
    return slots if most is None else min(slots, most)


def fill(
    number: int, load: Load, target: Target, partition: Partition, *, slots: int, share_mb: int, srun_mb: int = 0
) -> tuple[Batch, order.Schedule]:
    """Return the batch that runs tasks in this order on one node, and when each starts.

    Parameters
    ----------
    load : Load
        Memory requests including that of each task's srun.
    share_mb : int
        Memory of the job's script, MiB.
    srun_mb : int
        Memory of each task's srun, MiB; 0 if the sruns run elsewhere, or are included in ``share_mb``.
    """
    cap_mb = partition.cap_mb - share_mb
    check_fits(max(load.mem_mb) - srun_mb, share_mb + srun_mb, target, partition)
    # the slot dispatcher takes the tasks strictly in order
    everyone = range(len(load.mem_mb))
    expected = order.list_schedule(everyone, load.mem_mb, load.wall_s, order.Machine(slots=slots, cap_mb=cap_mb))
    at_worst = order.list_schedule(everyone, load.mem_mb, load.limit_s, order.Machine(slots=slots, cap_mb=cap_mb))
    # without durations any tasks may coincide
    pool_mb = math.ceil(expected.peak) if load.timed else min(cap_mb, sum(sorted(load.mem_mb)[-slots:]))
    batch = Batch(
        batch=number,
        pool_mb=pool_mb,
        mem_mb=pool_mb + share_mb,
        slots=slots,
        cpus=max(load.cpus),
        time_limit_s=int(min(at_worst.makespan, partition.max_time_s)),
        srun_mb=srun_mb,
    )
    return batch, expected


def check_fits(largest_mb: int, share_mb: int, target: Target, partition: Partition) -> None:
    """Raise an InputError when a task and what its batch script needs do not fit on a node together, MiB."""
    if largest_mb + share_mb > partition.cap_mb:
        raise InputError(
            f"a task of {largest_mb} MB and its batch script ({share_mb} MB) do not fit on a node of "
            f"{target.site.name} with {partition.cap_mb} MB",
            "use mode array, where no batch script shares the memory",
        )


def join(
    groups: Sequence[Sequence[int]],
    batches: Sequence[tuple[Batch, order.Schedule]],
    load: Load,
    starts_s: Sequence[float] | None = None,
) -> Packed:
    """Combine the batches; they start at once, or at the given times."""
    begin_s = starts_s or [0.0] * len(batches)
    start_s = {
        task: begin + start
        for group, (_, schedule), begin in zip(groups, batches, begin_s, strict=True)
        for task, start in zip(group, schedule.start_s, strict=True)
    }
    ends_s = [begin + schedule.makespan for (_, schedule), begin in zip(batches, begin_s, strict=True)]
    return Packed(
        batches=[batch for batch, _ in batches],
        batch_of={task: number for number, group in enumerate(groups) for task in group},
        start_s=start_s if load.timed else {},
        makespan_s=max(ends_s) if load.timed else None,
        sequence=sorted(start_s, key=start_s.__getitem__) if load.timed else [],
    )
