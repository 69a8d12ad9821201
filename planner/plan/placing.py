"""Where and when: the order of the tasks, their tiers and batches, and when each is expected to start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.errors import InputError
from planner.plan.document import Batch, PlannedTask, Target
from planner.plan.requests import Earlier, Sized
from planner.records import Mode, Task
from planner.schedule import order, tiers
from planner.site import Adjusted

MOST_TIERS = 4
# bash and 22 waiting sruns held 181 MB in the batch step, bash and 6 of them 16 MB (Slurm 22.05)
SCRIPT_MB = 64
SRUN_MB = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """The tasks in order, and the batches of mode packed."""

    tasks: list[PlannedTask]
    batches: list[Batch]
    makespan_s: float | None


@dataclass(frozen=True, slots=True)
class _Load:
    """What the tasks ask for, by task."""

    mem_mb: list[int]
    wall_s: list[float]
    limit_s: list[int]
    cpus: list[int]
    timed: bool
    """Whether ``wall_s`` is predicted; else it is 1 for every task."""

    def of(self, chosen: Sequence[int]) -> _Load:
        return _Load(
            [self.mem_mb[i] for i in chosen],
            [self.wall_s[i] for i in chosen],
            [self.limit_s[i] for i in chosen],
            [self.cpus[i] for i in chosen],
            self.timed,
        )


def place(
    ready: Sequence[Task], sized: Mapping[str, Sized], earlier: Mapping[str, Earlier], target: Target, mode: Mode
) -> Placed:
    """Order the tasks by memory x time, and predict when each starts.

    Raises
    ------
    InputError
        In mode packed, when a task and the batch script do not fit on a node together.
    """
    if not ready:
        return Placed(tasks=[], batches=[], makespan_s=None)
    found = [sized[task.name] for task in ready]
    asked = [_ask(task, one, target, mode) for task, one in zip(ready, found, strict=True)]
    wall_s = [one.wall_s for one in found if one.wall_s is not None]
    timed = len(wall_s) == len(ready)
    load = _Load(
        [one.mem_mb for one in asked],
        wall_s if timed else [1.0] * len(ready),
        [int(one.wall_s) for one in asked],
        [one.cpus for one in asked],
        timed,
    )
    chosen = order.by_cost(load.mem_mb, load.wall_s)
    tier = tiers.partition(load.mem_mb, load.wall_s, most=MOST_TIERS)
    if mode is Mode.PACKED:
        batches, batch_of, start_s, makespan_s = _pack(chosen, load, target)
    else:
        batches, batch_of = [], {}
        start_s, makespan_s = _expect(chosen, load, target)
    planned = [
        _planned(
            index, ready[i], found[i], asked[i], earlier.get(ready[i].name), start_s.get(i), tier[i], batch_of.get(i)
        )
        for index, i in enumerate(chosen)
    ]
    return Placed(tasks=planned, batches=batches, makespan_s=makespan_s)


def _ask(task: Task, found: Sized, target: Target, mode: Mode) -> Adjusted:
    """Return what is asked for: a job obeys the site's rules, a step only has to fit into its job."""
    if mode is Mode.PACKED:
        return Adjusted(mem_mb=found.mem_mb, cpus=task.cpus, wall_s=found.time_limit_s)
    return target.site.adjust(target.partition, found.mem_mb, task.cpus, found.time_limit_s)


def _planned(
    index: int,
    task: Task,
    found: Sized,
    asked: Adjusted,
    before: Earlier | None,
    start_s: float | None,
    tier: int,
    batch: int | None,
) -> PlannedTask:
    return PlannedTask(
        index=index,
        task=task.name,
        sample=task.sample,
        chromosome=task.chromosome,
        cpus=asked.cpus,
        features=dict(task.features),
        parameters=dict(task.parameters),
        attempt=before.attempts + 1 if before else 1,
        request_mb=asked.mem_mb,
        predicted_mb=found.predicted_mb,
        reason="; ".join((found.reason, *asked.reasons)),
        time_limit_s=int(asked.wall_s),
        wall_s=found.wall_s,
        start_s=start_s,
        tier=tier,
        batch=batch,
    )


def _expect(chosen: Sequence[int], load: _Load, target: Target) -> tuple[dict[int, float], float | None]:
    """Return when each task starts, by list scheduling on the whole partition, as Slurm does it."""
    if not load.timed:
        return {}, None
    nodes = target.partition.nodes or len(chosen)
    backfill = target.site.scheduler == "backfill"
    expected = order.list_schedule(
        chosen,
        load.mem_mb,
        load.wall_s,
        workers=target.max_running,
        cap_mb=nodes * target.partition.cap_mb,
        cores=nodes * target.partition.cores,
        cpus=load.cpus,
        dispatch=order.Dispatch.FIRST_FIT if backfill else order.Dispatch.STRICT,
    )
    return dict(enumerate(expected.start_s)), expected.makespan


def _pack(
    chosen: Sequence[int], load: _Load, target: Target
) -> tuple[list[Batch], dict[int, int], dict[int, float], float | None]:
    """Share the tasks out over nodes by memory x time, and run each share through one allocation in order."""
    groups = _groups(chosen, load, target)
    batches: list[Batch] = []
    batch_of: dict[int, int] = {}
    start_s: dict[int, float] = {}
    makespan_s = 0.0
    for number, group in enumerate(groups):
        batch, starts, span_s = _batch(number, load.of(group), target, len(groups))
        batches.append(batch)
        batch_of |= dict.fromkeys(group, number)
        start_s |= dict(zip(group, starts, strict=True))
        makespan_s = max(makespan_s, span_s)
    return batches, batch_of, start_s if load.timed else {}, makespan_s if load.timed else None


def _groups(chosen: Sequence[int], load: _Load, target: Target) -> list[list[int]]:
    """Deal the tasks, costliest first, to as many nodes as hold them all at once, or as there are.

    The next task goes to the node with the least memory x time so far (longest processing time first, Graham 1969).
    """
    partition = target.partition
    cap_mb = partition.cap_mb - SCRIPT_MB - SRUN_MB
    enough = max(math.ceil(sum(load.mem_mb) / cap_mb), math.ceil(sum(load.cpus) / partition.cores))
    groups: list[list[int]] = [[] for _ in range(max(1, min(enough, partition.nodes or enough, len(chosen))))]
    cost = [0.0] * len(groups)
    for task in chosen:
        least = cost.index(min(cost))
        groups[least].append(task)
        cost[least] += load.mem_mb[task] * load.wall_s[task]
    return groups


def _batch(number: int, load: _Load, target: Target, batches: int) -> tuple[Batch, Sequence[float], float]:
    partition = target.partition
    cpus = max(load.cpus)
    workers = min(len(load.mem_mb), partition.cores // cpus)
    if target.max_running is not None:
        workers = min(workers, max(1, target.max_running // batches))
    share_mb = SCRIPT_MB + SRUN_MB * workers
    cap_mb = partition.cap_mb - share_mb
    if max(load.mem_mb) > cap_mb:
        raise InputError(
            f"a task of {max(load.mem_mb)} MB and its batch script ({share_mb} MB) do not fit on a node of "
            f"{target.site.name} with {partition.cap_mb} MB",
            "use mode array, where no batch script shares the memory",
        )
    # the slot dispatcher takes the tasks strictly in order
    everyone = range(len(load.mem_mb))
    expected = order.list_schedule(everyone, load.mem_mb, load.wall_s, workers=workers, cap_mb=cap_mb)
    at_worst = order.list_schedule(everyone, load.mem_mb, load.limit_s, workers=workers, cap_mb=cap_mb)
    # without durations any tasks may run together
    pool_mb = math.ceil(expected.peak) if load.timed else min(cap_mb, sum(sorted(load.mem_mb)[-workers:]))
    batch = Batch(
        batch=number,
        pool_mb=pool_mb,
        mem_mb=pool_mb + share_mb,
        workers=workers,
        cpus=cpus,
        time_limit_s=int(min(at_worst.makespan, partition.max_time_s)),
    )
    return batch, expected.start_s, expected.makespan
