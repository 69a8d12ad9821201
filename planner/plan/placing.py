"""Placement of tasks: their order, tiers and batches, and expected start times."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.core.config import Submit
from planner.core.errors import InputError
from planner.core.indices import MOST_UPDATES
from planner.core.modes import Mode
from planner.plan import ranges
from planner.plan.allocating import allocate, at_first_mb
from planner.plan.document import Batch, PlannedTask, Target
from planner.plan.hetero import spread
from planner.plan.ordering import order_for
from planner.plan.overheads import NEXT_JOB_S, batch_mb
from planner.plan.packers import pack
from planner.plan.packing import Load, Packed
from planner.plan.requests import SizedTask
from planner.schedule import listing as order
from planner.schedule import tiers
from planner.site import Adjusted, Partition, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """The tasks in order, the batches of the modes packed, het and dynamic, and notes on both for the user."""

    tasks: list[PlannedTask]
    batches: list[Batch]
    makespan_s: float | None
    notes: tuple[str, ...] = ()


def place(
    sized: Sequence[SizedTask],
    target: Target,
    mode: Mode,
    types: Sequence[Partition] = (),
    submit: Submit | None = None,
) -> Placed:
    """Order the tasks, and predict when each starts.

    Tasks that are jobs of their own are ordered by memory x time, since Slurm schedules the list itself, or by a search
    if ``max_running`` limits them. Tasks of a packed batch run in the searched order that ends soonest, which its
    script keeps.

    Parameters
    ----------
    types : sequence of Partition
        The node types of mode het.
    submit : Submit, optional
        The packer, the order, and the limits of mode dynamic.

    Raises
    ------
    InputError
        In the modes whose tasks are steps, when a task and the batch script do not fit on a node together.
    """
    if not sized:
        return Placed(tasks=[], batches=[], makespan_s=None)
    if mode.tasks_are_steps:
        sized = [one.as_step() for one in sized]
    asked = [_ask(one, target, mode) for one in sized]
    if _shares_updates(mode, sized):
        asked = ranges.rounded(asked)
    wall_s = [one.wall_s for one in sized if one.wall_s is not None]
    timed = len(wall_s) == len(sized)
    load = Load(
        [one.mem_mb for one in asked],
        wall_s if timed else [1.0] * len(sized),
        [int(one.wall_s) for one in asked],
        [one.cpus for one in asked],
        timed,
    )
    chosen = order.by_cost(load.mem_mb, load.wall_s)
    tier = tiers.partition(load.mem_mb, load.wall_s, most=tiers.MOST_TIERS)
    held_mb = at_first_mb([one.predicted_mb for one in sized], load.mem_mb) if mode is Mode.DYNAMIC else load.mem_mb
    packed = _run(chosen, load, held_mb, target, mode, types, submit or Submit())
    planned = [
        _planned(sized[i], asked[i], _Position(index, tier[i], packed.batch_of.get(i), packed.start_s.get(i)))
        for index, i in enumerate(packed.sequence or chosen)
    ]
    return Placed(tasks=planned, batches=packed.batches, makespan_s=packed.makespan_s, notes=packed.notes)


def _run(
    chosen: Sequence[int],
    load: Load,
    held_mb: list[int],
    target: Target,
    mode: Mode,
    types: Sequence[Partition],
    submit: Submit,
) -> Packed:
    if mode is Mode.DYNAMIC:
        return allocate(chosen, replace(load, mem_mb=held_mb), target, nodes=submit.nodes, shared=submit.pool)
    if mode is Mode.PACKED:
        return pack(chosen, load, target, _own_types(load, target, submit), submit.packer)
    if mode is Mode.HET:
        return spread(chosen, load, target, types, submit.packer)
    chosen, notes = order_for(chosen, load, target, submit.order)
    if _shares_updates(mode, chosen):
        chosen = ranges.in_turn(chosen, load.mem_mb)
    if not load.timed:
        return Packed(batches=[], batch_of={}, start_s={}, makespan_s=None, notes=notes)
    expected = expect(chosen, load, target)
    start_s = dict(enumerate(expected.start_s))
    return Packed(
        batches=[], batch_of={}, start_s=start_s, makespan_s=expected.makespan, sequence=list(chosen), notes=notes
    )


def _shares_updates(mode: Mode, tasks: Sequence[object]) -> bool:
    return mode is Mode.ARRAY and len(tasks) > MOST_UPDATES


def _own_types(load: Load, target: Target, submit: Submit) -> list[Partition]:
    """Return the partitions that the tasks would each choose on their own, the smallest first."""
    found = {target.partition.name: target.partition}
    longest_s = max(load.limit_s)  # a batch lasts at least as long as its longest task
    for mem_mb, cpus in set(zip(load.mem_mb, load.cpus, strict=True)):
        with contextlib.suppress(InputError):  # it goes to the largest task's partition, or is refused there
            own = target.site.choose(mem_mb + batch_mb(1), cpus, longest_s, submit.partition)
            if own.clusters == target.partition.clusters:
                found.setdefault(own.name, own.model_copy(update={"qos": submit.qos}) if submit.qos else own)
    return sorted(found.values(), key=lambda partition: partition.cap_mb)


def _ask(found: SizedTask, target: Target, mode: Mode) -> Adjusted:
    """Return the request: a job obeys the site's rules, a step only has to fit into its job."""
    if mode.tasks_are_steps:
        return Adjusted(mem_mb=found.mem_mb, cpus=found.task.cpus, wall_s=found.time_limit_s)
    return target.site.adjust(target.partition, found.mem_mb, found.task.cpus, found.time_limit_s)


@dataclass(frozen=True, slots=True)
class _Position:
    """A task's position in the plan."""

    index: int
    tier: int
    batch: int | None
    start_s: float | None


def _planned(found: SizedTask, asked: Adjusted, position: _Position) -> PlannedTask:
    task = found.task
    return PlannedTask(
        index=position.index,
        element=task.element,
        task=task.name,
        sample=task.sample,
        chromosome=task.chromosome,
        cpus=asked.cpus,
        features=dict(task.features),
        size=found.size,
        parameters=dict(task.parameters),
        attempt=found.attempt,
        request_mb=asked.mem_mb,
        predicted_mb=found.predicted_mb,
        reason="; ".join((found.explained(), *asked.reasons)),
        time_limit_s=int(asked.wall_s),
        wall_s=found.wall_s,
        start_s=position.start_s,
        tier=position.tier,
        batch=position.batch,
    )


def expect(chosen: Sequence[int], load: Load, target: Target) -> order.Schedule:
    """Return when each task starts as a job of its own: list scheduling on the partition's nodes, like Slurm."""
    nodes = machine(target.site, target.partition, max_running=target.max_running, tasks=len(chosen))
    partition = target.partition
    large_enough = replace(
        nodes,
        cap_mb=max(partition.cap_mb, max(load.mem_mb, default=0)),
        cores=max(partition.cores, max(load.cpus, default=0)),
    )
    return order.list_schedule(chosen, load.mem_mb, load.wall_s, large_enough, cpus=load.cpus, limit_s=load.limit_s)


def expect_again(
    tasks: Sequence[PlannedTask], mem_mb: Sequence[int], wall_s: Sequence[float], target: Target
) -> order.Schedule:
    """Return when planned tasks start, in this order, if they ask for this memory and last that long."""
    limit_s = [task.time_limit_s for task in tasks]
    load = Load(list(mem_mb), list(wall_s), limit_s, [task.cpus for task in tasks], True)
    return expect(range(len(tasks)), load, target)


def machine(site: Site, partition: Partition, *, max_running: int | None, tasks: int) -> order.Machine:
    """Return the nodes of a partition as the scheduler of its site uses them; a node per task if it is not known."""
    return order.Machine(
        slots=max_running,
        cap_mb=partition.cap_mb,
        cores=partition.cores,
        nodes=partition.nodes or tasks,
        dispatch=order.Dispatch.BACKFILL if site.scheduler == "backfill" else order.Dispatch.STRICT,
        gap=NEXT_JOB_S,
    )
