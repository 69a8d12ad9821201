"""Mode packed: which tasks share a job, by the requested packer or the one that reserves least."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from planner.core import units
from planner.core.memory_time import unit_for
from planner.core.modes import BatchPacker
from planner.plan.document import Batch, Target
from planner.plan.overheads import BATCH_SCRIPT_MB, SRUN_MB, batch_mb
from planner.plan.packing import (
    HARDLY_LONGER,
    Load,
    Packed,
    arrange,
    check_fits,
    deal,
    fill,
    holds,
    join,
    least,
    most_slots,
    share_of,
)
from planner.schedule import knapsack
from planner.schedule import listing as order
from planner.site import Partition

# Orders tried over all batches of a plan: about half a second.
_EVALUATIONS, _FEWEST = 300_000, 1_000
# Steps of a node's memory in the knapsack; above this many tasks it is used only on request.
_STEPS, _MOST_TASKS = 1000, 2_000

_Groups = list[tuple[Partition, list[int]]]


def pack(
    chosen: Sequence[int],
    load: Load,
    target: Target,
    types: Sequence[Partition] | None = None,
    packer: BatchPacker = BatchPacker.AUTO,
) -> Packed:
    """Distribute the tasks over jobs of one node each.

    ``LPT`` deals them, longest first, to as many jobs as there are nodes; each job runs its share in its best order.
    With ``KNAPSACK`` a job is a batch whose tasks run at once, and waits in the queue for a node.

    Parameters
    ----------
    chosen : sequence of int
        The tasks, costliest first.
    types : sequence of Partition, optional
        Node types, the smallest first: a task goes to the first that holds it and its batch script. By default only
        the target's partition.
    packer : BatchPacker
        ``AUTO``: of the packings that end soonest or nearly so, the one that reserves least memory x time; ``LPT``
        while no durations are known.

    Raises
    ------
    InputError
        When a task and the batch script do not fit on a node together.
    """
    of_type = _by_type(chosen, load, target, types or [target.partition])
    for partition, tasks in of_type:
        check_fits(max(load.mem_mb[task] for task in tasks), batch_mb(1), target, partition)
    # every running step has an srun process, which takes memory of the job
    load = replace(load, mem_mb=[mem + SRUN_MB for mem in load.mem_mb])
    ways: dict[str, Packed] = {}
    if packer is not BatchPacker.KNAPSACK:
        ways["longest first"] = _dealt(of_type, load, target)
    if packer is BatchPacker.KNAPSACK or (packer is BatchPacker.AUTO and load.timed and len(chosen) <= _MOST_TASKS):
        for value, worth in _values(load).items():
            ways[f"by knapsack of {value}"] = _filled(of_type, load, target, worth)
    return cheapest(ways)


def cheapest(ways: dict[str, Packed]) -> Packed:
    """Return, of the packings that end soonest or nearly so, the one that reserves least, with notes on each."""
    if len(ways) == 1 or any(way.makespan_s is None for way in ways.values()):
        return next(iter(ways.values()))
    soonest_s = min(way.makespan_s or 0.0 for way in ways.values())
    near = {name: way for name, way in ways.items() if (way.makespan_s or 0.0) <= HARDLY_LONGER * soonest_s}
    best = min(near, key=lambda name: near[name].held_mb_s or 0.0)
    unit = unit_for(max(way.held_mb_s or 0.0 for way in ways.values()))
    figures = {
        name: f"{unit.text(way.held_mb_s or 0.0)}, {units.format_duration(round(way.makespan_s or 0.0))}"
        for name, way in ways.items()
    }
    others = "; ".join(f"{name} {figure}" for name, figure in figures.items() if name != best)
    return replace(near[best], notes=(f"packed {best}: {figures[best]} ({others})",))


def fullest(
    tasks: Sequence[int], load: Load, cap_mb: int, most: int, worth: Callable[[int], float] | None
) -> list[list[int]]:
    """Return batches whose tasks fit on a node at once, each as full as possible, the longest batch first."""
    batches = knapsack.batches(
        [load.mem_mb[task] for task in tasks],
        cap_mb,
        values=None if worth is None else [worth(task) for task in tasks],
        most=most,
        step_mb=max(1, cap_mb // _STEPS),
    )
    named = [[tasks[k] for k in batch] for batch in batches]
    return sorted(named, key=lambda batch: -max(load.wall_s[task] for task in batch))


def _values(load: Load) -> dict[str, Callable[[int], float] | None]:
    """Return the values that a task may have in the knapsack; without durations memory x time is memory alone."""
    by_memory: dict[str, Callable[[int], float] | None] = {"memory": None}
    return (
        by_memory | {"memory x time": lambda task: load.mem_mb[task] * load.wall_s[task]} if load.timed else by_memory
    )


def _by_type(chosen: Sequence[int], load: Load, target: Target, types: Sequence[Partition]) -> _Groups:
    """Group the tasks by the smallest node type that holds each and its batch script."""
    found: dict[int, list[int]] = {}
    for task in chosen:
        fitting = (n for n, one in enumerate(types) if holds(one, load, task, reserve_mb=batch_mb(1)))
        found.setdefault(next(fitting, len(types) - 1), []).append(task)
    if target.max_running is not None and target.max_running < len(found):
        return [(target.partition, list(chosen))]
    return [(types[number], tasks) for number, tasks in sorted(found.items())]


def _dealt(of_type: _Groups, load: Load, target: Target) -> Packed:
    parts = [
        (partition, group)
        for partition, tasks in of_type
        for group in deal(
            tasks,
            load,
            partition,
            nodes=least(partition.nodes, share_of(target.max_running, len(of_type))),
            reserve_mb=BATCH_SCRIPT_MB,
        )
    ]
    most = share_of(target.max_running, len(parts))
    effort = max(_FEWEST, _EVALUATIONS // len(parts))
    arranged = []
    for partition, tasks in parts:
        slots = most_slots(load.of(tasks), partition, most)
        cap_mb = partition.cap_mb - BATCH_SCRIPT_MB
        arranged.append((partition, arrange(tasks, load, slots=slots, cap_mb=cap_mb, effort=effort), slots))
    return _joined(arranged, load, target, named=len(of_type) > 1)


def _filled(of_type: _Groups, load: Load, target: Target, worth: Callable[[int], float] | None) -> Packed:
    """Return batches that run at once and follow each other on the nodes of their type."""
    parts: list[tuple[Partition, list[int], int]] = []
    starts_s: list[float] = []
    for partition, tasks in of_type:
        share = share_of(target.max_running, len(of_type))
        nodes = least(partition.nodes, share) or 1
        most = most_slots(load.of(tasks), partition, None if share is None else max(1, share // nodes))
        batches = fullest(tasks, load, partition.cap_mb - BATCH_SCRIPT_MB, most, worth)
        walls_s = [max(load.wall_s[task] for task in batch) for batch in batches]
        lanes = order.Machine(slots=nodes if partition.nodes or share else None)
        starts_s += order.list_schedule(range(len(batches)), [0.0] * len(batches), walls_s, lanes).start_s
        parts += [(partition, batch, len(batch)) for batch in batches]
    return _joined(parts, load, target, named=len(of_type) > 1, starts_s=starts_s)


def _joined(
    parts: Iterable[tuple[Partition, list[int], int]],
    load: Load,
    target: Target,
    *,
    named: bool,
    starts_s: Sequence[float] | None = None,
) -> Packed:
    """Return the batches of these tasks and slots; ``named`` with the partition of each."""
    groups: list[list[int]] = []
    batches: list[tuple[Batch, order.Schedule]] = []
    for number, (partition, tasks, slots) in enumerate(parts):
        batch, schedule = fill(
            number, load.of(tasks), target, partition, slots=slots, share_mb=BATCH_SCRIPT_MB, srun_mb=SRUN_MB
        )
        groups.append(tasks)
        batches.append((batch.model_copy(update={"partition": partition}) if named else batch, schedule))
    held_mb_s = sum(granted_mb(batch, target) * schedule.makespan for batch, schedule in batches)
    return replace(join(groups, batches, load, starts_s), held_mb_s=held_mb_s)


def granted_cpus(batch: Batch, target: Target) -> int:
    """Return the cores that a batch's job holds on a node: all of them where nodes are given whole."""
    partition = batch.partition or target.partition
    if target.site.mem_policy == "whole_node":
        return partition.cores
    return target.site.adjust(partition, batch.mem_mb, batch.slots * batch.cpus).cpus


def granted_mb(batch: Batch, target: Target) -> int:
    """Return the memory that a batch's job holds on a node, MiB: all that it has where nodes are given whole."""
    partition = batch.partition or target.partition
    return target.site.adjust(partition, batch.mem_mb, batch.slots * batch.cpus).mem_mb
