"""Mode dynamic: the request of the one allocation for all tasks, in which their schedule is decided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from planner.core.errors import InputError
from planner.plan.document import Batch, Target
from planner.plan.overheads import STEP_SHELLS_MB, driver_mb
from planner.plan.packing import HARDLY_LONGER, Load, Packed, least, most_slots, share_of
from planner.schedule import listing as order
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.state import Node, Sharing, State, Waiting, Work

_SIZES = 24
# largest share of a task's first limit that may be a margin for doubt
_DOUBT = 1.3
# more tasks may run at once than those of mean size: small ones, or ones that turn out smaller than predicted
_MORE = 1.5


def at_first_mb(predicted_mb: Sequence[float | None], request_mb: Sequence[int]) -> list[int]:
    """Return the limit of each task before the round has measured any peak, MiB.

    A request with a margin of its own is kept; otherwise the scheduler decides, as in 'chromplan drive'.
    """
    sizes = {
        str(task): predicted
        for task, (predicted, request) in enumerate(zip(predicted_mb, request_mb, strict=True))
        if predicted is not None and not has_margin(predicted, request)
    }
    works = (
        Work(name=name, size=max(mb, 1e-9), predicted_mb=mb + STEP_SHELLS_MB, tested=True) for name, mb in sizes.items()
    )
    roomy = Node(name="", mem_mb=2 * sum(request_mb) + 1e9)
    state = State(
        now_s=0.0, nodes=(roomy,), waiting=tuple(Waiting(work=work) for work in works), sharing=Sharing.LIMITS
    )
    given = {start.name: math.ceil(start.limit_mb or 0) for start in dynamic.decide(state)}
    return [given.get(str(task), request) for task, request in enumerate(request_mb)]


def has_margin(predicted_mb: float, request_mb: int) -> bool:
    """Whether a request is above its prediction: history then shows by how much peaks exceed it (`planner.memory`)."""
    return request_mb > math.ceil(predicted_mb)


def allocate(chosen: Sequence[int], load: Load, target: Target, *, nodes: int, shared: bool) -> Packed:
    """Return the one allocation that all tasks share, and when each is expected to start in it.

    Parameters
    ----------
    chosen : sequence of int
        The tasks, costliest first.
    load : Load
        With the memory that the scheduler assumes at first (`at_first_mb`).
    nodes : int
        Most nodes of the allocation.

    Raises
    ------
    InputError
        When a task and the driver do not fit on a node together.
    """
    tasks = load.of(chosen)
    nodes = least(nodes, target.partition.nodes, target.max_running, len(chosen)) or 1
    slots = most_slots(tasks, target.partition, share_of(target.max_running, nodes))
    nodes = min(nodes, math.ceil(len(chosen) / slots))
    # if memory lets fewer tasks run at once than cores do, request only the cores and sruns for those
    most_mb = nodes * (target.partition.cap_mb - driver_mb(nodes))
    slots = min(slots, math.ceil(_MORE * _at_once(tasks.mem_mb, most_mb) / nodes))
    share_mb = driver_mb(nodes * slots)
    cap_mb = target.partition.cap_mb - share_mb
    largest_mb = max(tasks.mem_mb)
    if largest_mb > _DOUBT * cap_mb:  # otherwise the whole node is requested for one task
        raise InputError(
            f"a task of about {largest_mb / _DOUBT:.0f} MB and its driver ({share_mb} MB) do not fit on a node of "
            f"{target.site.name} with {target.partition.cap_mb} MB",
            "use mode array, where no driver shares the memory",
        )
    largest_mb = min(largest_mb, cap_mb)
    tasks = replace(tasks, mem_mb=[min(mb, cap_mb) for mb in tasks.mem_mb])
    spare_mb = (nodes - 1) * share_mb  # the driver runs on one node only
    pool_mb = _pool_mb(tasks, nodes, slots, largest_mb, cap_mb, spare_mb)
    expected = _schedule(tasks.mem_mb, tasks.wall_s, nodes * slots, nodes * pool_mb + spare_mb)
    at_worst = _schedule(tasks.mem_mb, tasks.limit_s, nodes * slots, nodes * pool_mb + spare_mb)
    batch = Batch(
        batch=0,
        pool_mb=pool_mb,
        mem_mb=pool_mb + share_mb,
        slots=slots,
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


def _at_once(mem_mb: Sequence[int], most_mb: int) -> int:
    """Return how many tasks of mean size fit into the memory at once."""
    return max(1, min(len(mem_mb), round(most_mb * len(mem_mb) / sum(mem_mb))))


def _pool_mb(tasks: Load, nodes: int, slots: int, largest_mb: int, cap_mb: int, spare_mb: int) -> int:
    """Return the memory for tasks on the driver's node, MiB; the other nodes have ``spare_mb`` more together."""
    at_once_mb = math.ceil(sum(sorted(tasks.mem_mb)[-nodes * slots :]) / nodes)
    most_mb = min(cap_mb, max(at_once_mb, largest_mb))
    if not tasks.timed:
        return most_mb
    return _least_mb(tuple(tasks.mem_mb), tuple(tasks.wall_s), nodes, slots, largest_mb, most_mb, spare_mb)


# cached, as a replay allocates for the same jobs in every run
@lru_cache(maxsize=256)
def _least_mb(
    mem_mb: tuple[int, ...],
    wall_s: tuple[float, ...],
    nodes: int,
    slots: int,
    largest_mb: int,
    most_mb: int,
    spare_mb: int,
) -> int:
    """Return the least memory, MiB, with which the round takes hardly longer than with the most."""

    def makespan_s(pool_mb: int) -> float:
        return _schedule(mem_mb, wall_s, nodes * slots, nodes * pool_mb + spare_mb).makespan

    soonest_s = makespan_s(most_mb)
    for size in range(_SIZES):
        pool_mb = largest_mb + (most_mb - largest_mb) * size // _SIZES
        if makespan_s(pool_mb) <= HARDLY_LONGER * soonest_s:
            return pool_mb
    return most_mb


def _schedule(mem_mb: Sequence[int], wall_s: Sequence[float], slots: int, pool_mb: int) -> order.Schedule:
    return order.list_schedule(
        range(len(wall_s)),
        mem_mb,
        wall_s,
        order.Machine(slots=slots, cap_mb=pool_mb, dispatch=order.Dispatch.FIRST_FIT),
    )
