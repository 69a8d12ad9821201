"""Mode het: one heterogeneous job whose components lie on nodes of different types."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core.errors import InputError
from planner.plan.document import Batch, Target
from planner.plan.overheads import batch_mb
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
    """Raise where Slurm would take a heterogeneous job and never start it, or not take it.

    Raises
    ------
    InputError
        Without backfill, whose cycle alone starts such jobs, and where the site's options make every job an array.
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
    """Return one partition per node size, the smallest first; only the named one when there is a name."""
    candidates = [site.partition(named)] if named else [p for p in site.partitions if not p.opt_in]
    by_size: dict[int, Partition] = {}
    for partition in sorted(candidates, key=lambda p: not p.default):
        by_size.setdefault(partition.cap_mb, partition)
    types = [by_size[size] for size in sorted(by_size)]
    return [partition.model_copy(update={"qos": qos}) for partition in types] if qos else types


def spread(chosen: Sequence[int], load: Load, target: Target, types: Sequence[Partition]) -> Packed:
    """Put each task on the smallest node type that holds it, and share the tasks of a type out over its nodes.

    A type with a node for each of its tasks gives each a component of its own. The batch script and all sruns run in
    component 0, which is where most memory is spare.

    Raises
    ------
    InputError
        When a task fits no type, there are more components than tasks may run at once or jobs be queued, or the batch
        script fits nowhere.
    """
    parts = [(partition, group) for partition, tasks in _by_type(chosen, load, target, types) for group in tasks]
    most = share_of(target.max_running, len(parts))
    _check(len(parts), target)
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
    return join([group for _, group in parts], placed, load)


def _component(batch: Batch, partition: Partition, limit_s: int) -> Batch:
    return batch.model_copy(update={"partition": partition, "time_limit_s": int(min(limit_s, partition.max_time_s))})


def _by_type(
    chosen: Sequence[int], load: Load, target: Target, types: Sequence[Partition]
) -> list[tuple[Partition, list[list[int]]]]:
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
    dealt = []
    for number, tasks in sorted(of_type.items()):
        partition = types[number]
        nodes = least(partition.nodes, share_of(target.max_running, len(of_type)))
        alone = partition.nodes is not None and nodes is not None and nodes >= len(tasks)
        groups = [[task] for task in tasks] if alone else deal(tasks, load, partition, nodes=nodes, reserve_mb=0)
        dealt.append((partition, groups))
    return dealt


def _check(components: int, target: Target) -> None:
    limits = {"max_running": target.max_running, f"max_submit of site {target.site.name}": target.site.max_submit}
    for name, limit in limits.items():
        if limit is not None and components > limit:
            raise InputError(
                f"mode het: {components} components, each a job that runs tasks all the time; {name} is {limit}",
                "use mode packed or array",
            )
