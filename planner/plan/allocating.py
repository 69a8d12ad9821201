"""How much one allocation for all tasks asks for, when what runs beside what is decided within it (mode dynamic)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from planner.errors import InputError
from planner.plan.document import Batch, Target
from planner.plan.packing import SRUN_MB, Load, Packed, least, most_workers, share_of
from planner.schedule import order

# 'chromplan drive' held 62 MB on a node while it ran 22 tasks (CPython 3.11)
DRIVER_MB = 80
# the least memory is asked for with which the round takes at most this much longer than with all that may be had
_SLACK = 1.1
_SIZES = 24
# what the scheduler takes a predicted task to need while it has measured none, relative, and the shells around it, MiB
_DOUBT = 1.3
_SHELLS_MB = 8


def overhead_mb(tasks_at_once: int) -> int:
    """Return what the driver and its sruns need of the memory of the node it runs on, MiB."""
    return DRIVER_MB + SRUN_MB * tasks_at_once


def at_first_mb(predicted_mb: float | None, request_mb: int) -> int:
    """Return what a task is taken to need as long as its round has taught nothing, MiB."""
    return request_mb if predicted_mb is None else math.ceil(_DOUBT * (predicted_mb + _SHELLS_MB))


def allocate(chosen: Sequence[int], load: Load, target: Target, *, nodes: int, shared: bool) -> Packed:
    """Return the one allocation that all tasks share, and when each is expected to start in it.

    Parameters
    ----------
    chosen : sequence of int
        The tasks, costliest first.
    load : Load
        With what the scheduler takes them to need (`at_first_mb`).
    nodes : int
        At most so many.

    Raises
    ------
    InputError
        When a task and the driver do not fit on a node together.
    """
    tasks = load.of(chosen)
    nodes = least(nodes, target.partition.nodes, target.max_running, len(chosen)) or 1
    workers = most_workers(tasks, target.partition, share_of(target.max_running, nodes))
    nodes = min(nodes, math.ceil(len(chosen) / workers))
    share_mb = overhead_mb(nodes * workers)
    cap_mb = target.partition.cap_mb - share_mb
    largest_mb = max(tasks.mem_mb)
    if largest_mb > _DOUBT * cap_mb:  # with less doubt the whole node is taken for one task
        raise InputError(
            f"a task of {largest_mb / _DOUBT:.0f} MB and its driver ({share_mb} MB) do not fit on a node of "
            f"{target.site.name} with {target.partition.cap_mb} MB",
            "use mode array, where no driver shares the memory",
        )
    largest_mb = min(largest_mb, cap_mb)
    tasks = replace(tasks, mem_mb=[min(mb, cap_mb) for mb in tasks.mem_mb])
    pool_mb = _pool_mb(tasks, nodes, workers, largest_mb, cap_mb)
    expected = _schedule(tasks, tasks.wall_s, nodes, workers, pool_mb)
    at_worst = _schedule(tasks, [float(limit) for limit in tasks.limit_s], nodes, workers, pool_mb)
    batch = Batch(
        batch=0,
        pool_mb=pool_mb,
        mem_mb=pool_mb + share_mb,
        workers=workers,
        cpus=max(tasks.cpus),
        time_limit_s=int(min(at_worst.makespan, target.partition.max_time_s)),
        nodes=nodes,
        shared=shared,
    )
    return Packed(
        batches=[batch],
        batch_of=dict.fromkeys(chosen, 0),
        start_s=dict(zip(chosen, expected.start_s, strict=True)) if load.timed else {},
        makespan_s=expected.makespan if load.timed else None,
    )


def _pool_mb(tasks: Load, nodes: int, workers: int, largest_mb: int, cap_mb: int) -> int:
    """Return the memory for tasks on each node, MiB."""
    at_once_mb = math.ceil(sum(sorted(tasks.mem_mb)[-nodes * workers :]) / nodes)
    most_mb = min(cap_mb, max(at_once_mb, largest_mb))
    if not tasks.timed:
        return most_mb
    soonest_s = _schedule(tasks, tasks.wall_s, nodes, workers, most_mb).makespan
    for size in range(_SIZES):
        pool_mb = largest_mb + (most_mb - largest_mb) * size // _SIZES
        if _schedule(tasks, tasks.wall_s, nodes, workers, pool_mb).makespan <= _SLACK * soonest_s:
            return pool_mb
    return most_mb


def _schedule(tasks: Load, wall_s: list[float], nodes: int, workers: int, pool_mb: int) -> order.Schedule:
    return order.list_schedule(
        range(len(wall_s)),
        tasks.mem_mb,
        wall_s,
        workers=nodes * workers,
        cap_mb=nodes * pool_mb,
        dispatch=order.Dispatch.FIRST_FIT,
    )
