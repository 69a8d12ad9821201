"""Mode het: one heterogeneous job whose components lie on nodes of different types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.core.errors import InputError
from planner.core.modes import BatchPacker
from planner.plan.document import Batch, Target
from planner.plan.overheads import batch_mb
from planner.plan.packers import cheapest, fullest, granted_mb
from planner.plan.packing import (
    Load,
    Packed,
    deal,
    fill,
    holds,
    join,
    least,
    most_slots,
    share_of,
)
from planner.site import Partition, Site


def refuse(site: Site) -> None:
    """Raise when Slurm would accept a heterogeneous job but never start it, or refuse it.

    Raises
    ------
    InputError
        When the site has no backfill scheduler, the only one to start such jobs, or its options make every job an
        array.
    """
    if site.scheduler != "backfill":
        raise InputError(
            f"mode het: site {site.name} schedules with sched/{site.scheduler}; only backfill starts such jobs",
            "use mode packed or array",
        )
    arrays = [option for option in site.options if option.startswith("--array")]
    if arrays:
        raise InputError(
            f"mode het: {arrays[0]} (options of site {site.name}): a heterogeneous job cannot be an array",
            "use mode array, or take the option away",
        )


def node_types(site: Site, named: str | None, qos: str | None) -> list[Partition]:
    """Return one partition per node size, the smallest first; only the named one if a name is given."""
    candidates = [site.partition(named)] if named else [p for p in site.partitions if not p.opt_in]
    by_size: dict[int, Partition] = {}
    for partition in sorted(candidates, key=lambda p: not p.default):
        by_size.setdefault(partition.cap_mb, partition)
    types = [by_size[size] for size in sorted(by_size)]
    return [partition.model_copy(update={"qos": qos}) for partition in types] if qos else types


def spread(
    chosen: Sequence[int],
    load: Load,
    target: Target,
    types: Sequence[Partition],
    packer: BatchPacker = BatchPacker.AUTO,
) -> Packed:
    """Put each task on the smallest node type that holds it, and distribute the tasks of a type over its nodes.

    With the packer ``LPT``, each task gets a component of its own if the type has enough nodes. With ``KNAPSACK``, a
    component is a batch whose tasks run at once, if the type has a node for each batch; otherwise ``LPT`` is used. The
    batch script and all sruns run in component 0, which is the one with most spare memory.

    Parameters
    ----------
    packer : BatchPacker
        ``AUTO``: of the packings that end soonest or nearly so, the one that reserves least memory x time.

    Raises
    ------
    InputError
        When a task fits no node type, components exceed the tasks that may run at once or the jobs that may be queued,
        or the batch script fits nowhere.
    """
    of_type = _by_type(chosen, load, target, types)
    most = share_of(target.max_running, len(of_type))
    ways = {
        packer: [(partition, group) for partition, tasks in of_type for group in share(tasks, load, partition, most)]
        for packer, share in ((BatchPacker.LPT, _dealt), (BatchPacker.KNAPSACK, _filled))
    }
    if packer is not BatchPacker.AUTO or not load.timed or ways[BatchPacker.LPT] == ways[BatchPacker.KNAPSACK]:
        return _placed(ways[BatchPacker.LPT if packer is BatchPacker.AUTO else packer], load, target)
    possible = {one: parts for one, parts in ways.items() if not _exceeded(len(parts), target)} or ways
    names = {BatchPacker.LPT: "longest first", BatchPacker.KNAPSACK: "by knapsack of memory x time"}
    return cheapest({names[one]: _placed(parts, load, target) for one, parts in possible.items()})


def _placed(parts: list[tuple[Partition, list[int]]], load: Load, target: Target) -> Packed:
    """Return the components of one job with these tasks."""
    most = share_of(target.max_running, len(parts))
    exceeded = _exceeded(len(parts), target)
    if exceeded:
        raise InputError(
            f"mode het: {len(parts)} components, each a job that runs tasks all the time; {exceeded}",
            "use mode packed or array",
        )
    parts.sort(key=lambda part: max(load.mem_mb[task] for task in part[1]) - part[0].cap_mb)
    slots = [most_slots(load.of(group), partition, most) for partition, group in parts]
    share_mb = batch_mb(sum(slots))
    found = [
        fill(number, load.of(group), target, partition, slots=own, share_mb=0 if number else share_mb)
        for number, ((partition, group), own) in enumerate(zip(parts, slots, strict=True))
    ]
    # the script, which starts the steps of all components, ends with component 0
    longest_s = max(batch.time_limit_s for batch, _ in found)
    placed = [
        (_component(batch, partition, longest_s), schedule)
        for (batch, schedule), (partition, _) in zip(found, parts, strict=True)
    ]
    together = join([group for _, group in parts], placed, load)
    held_mb_s = sum(granted_mb(batch, target) for batch, _ in placed) * (together.makespan_s or 0.0)
    return replace(together, held_mb_s=held_mb_s)


def _component(batch: Batch, partition: Partition, limit_s: int) -> Batch:
    return batch.model_copy(update={"partition": partition, "time_limit_s": int(min(limit_s, partition.max_time_s))})


def _by_type(
    chosen: Sequence[int], load: Load, target: Target, types: Sequence[Partition]
) -> list[tuple[Partition, list[int]]]:
    of_type: dict[int, list[int]] = {}
    for task in chosen:
        fitting = (number for number, partition in enumerate(types) if holds(partition, load, task))
        number = next(fitting, None)
        if number is None:
            raise InputError(
                f"a task of {load.mem_mb[task]} MB and {load.cpus[task]} cpus fits no node of {target.site.name}",
                "name a partition with larger nodes",
            )
        of_type.setdefault(number, []).append(task)
    return [(types[number], tasks) for number, tasks in sorted(of_type.items())]


def _dealt(tasks: list[int], load: Load, partition: Partition, most: int | None) -> list[list[int]]:
    nodes = least(partition.nodes, most)
    alone = partition.nodes is not None and nodes is not None and nodes >= len(tasks)
    return [[task] for task in tasks] if alone else deal(tasks, load, partition, nodes=nodes, reserve_mb=0)


def _filled(tasks: list[int], load: Load, partition: Partition, most: int | None) -> list[list[int]]:
    """Return batches whose tasks run at once, or tasks dealt longest first if nodes are too few for that."""
    at_once = most_slots(load.of(tasks), partition, most)
    batches = fullest(tasks, load, partition.cap_mb, at_once, lambda task: load.mem_mb[task] * load.wall_s[task])
    suffice = partition.nodes is None or len(batches) <= partition.nodes
    return batches if suffice else _dealt(tasks, load, partition, most)


def _exceeded(components: int, target: Target) -> str:
    """Return the limit that this many components exceed, as ``max_running is 3``; empty when there is none."""
    limits = {"max_running": target.max_running, f"max_submit of site {target.site.name}": target.site.max_submit}
    return next(
        (f"{name} is {limit}" for name, limit in limits.items() if limit is not None and components > limit), ""
    )
