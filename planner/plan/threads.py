"""How many CPUs each task gets, so that the round costs least.

More CPUs shorten a task, and cost cores, mostly more than they save, and often memory. Where the site has billing
weights, what a job costs is its billing units x time, and each task takes the cheapest number. Elsewhere the cost is
what the tasks keep busy of whole nodes: their cores x time or their memory x time, whichever is the larger share. That
is least when cores and memory run out together, so each core is given a price, from nothing to all of a node, and the
price is taken at which the cheapest numbers keep the nodes busy for the shortest time; then single tasks are changed
while that helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.records import Task
from planner.formula.prior import implied
from planner.plan.features import parse_specs
from planner.plan.inputs import PlanInputs
from planner.plan.own_jobs import own_job
from planner.plan.requests import SizedTask, TaskSizer
from planner.site import Partition

SPREAD = 3
"""So many numbers of CPUs are tried while nothing is known of their effect."""
_PRICES = 65
_SWEEPS = 20
# up to so many tasks, pairs of them are changed at once
_FEW = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadOption:
    """A task with one number of CPUs.

    Attributes
    ----------
    core_s, mem_s : float
        Share of a node's cores, and of its memory, x time, s.
    price : float or None
        Billing units x time; None where the site has no price.
    """

    core_s: float
    mem_s: float
    price: float | None


def cheapest(options: Sequence[Sequence[ThreadOption]]) -> list[int]:
    """Return for each task the option with which all tasks together cost least.

    Parameters
    ----------
    options : sequence of sequences of ThreadOption
        Of each task at least one. All have a price, or none has.
    """
    if not options:
        return []
    if options[0][0].price is not None:
        return [min(range(len(of)), key=lambda at: of[at].price or 0.0) for of in options]
    best = min((_at_price(options, share) for share in np.linspace(0, 1, _PRICES)), key=lambda way: cost(options, way))
    return _improved(options, best)


def cost(options: Sequence[Sequence[ThreadOption]], way: Sequence[int]) -> float:
    """Return what a choice costs: billing units x time, or nodes x time of the scarcer of cores and memory."""
    chosen = [of[at] for of, at in zip(options, way, strict=True)]
    if chosen and chosen[0].price is not None:
        return sum(one.price or 0.0 for one in chosen)
    return max(sum(one.core_s for one in chosen), sum(one.mem_s for one in chosen))


def _at_price(options: Sequence[Sequence[ThreadOption]], share: float) -> list[int]:
    def costs(one: ThreadOption) -> float:
        return share * one.core_s + (1 - share) * one.mem_s

    return [min(range(len(of)), key=lambda at: costs(of[at])) for of in options]


def _improved(options: Sequence[Sequence[ThreadOption]], way: list[int]) -> list[int]:
    """Change single tasks, and of few tasks pairs, while that makes the whole cheaper."""
    found = list(way)
    together: list[tuple[int, ...]] = [(task,) for task in range(len(options))]
    if len(options) <= _FEW:
        together += combinations(range(len(options)), 2)
    total = np.array([_of(of[at]) for of, at in zip(options, found, strict=True)]).sum(axis=0)
    for _ in range(_SWEEPS):
        before = total.max()
        for tasks in together:
            rest = total - sum(_of(options[task][found[task]]) for task in tasks)
            choices = list(product(*(range(len(options[task])) for task in tasks)))
            totals = [rest + sum(_of(options[task][at]) for task, at in zip(tasks, of, strict=True)) for of in choices]
            best = min(range(len(choices)), key=lambda place: totals[place].max())
            if totals[best].max() < total.max():
                total = totals[best]
                for task, at in zip(tasks, choices[best], strict=True):
                    found[task] = at
        if total.max() >= before * (1 - 1e-9):
            break
    return found


def _of(one: ThreadOption) -> NDArray[np.float64]:
    return np.array([one.core_s, one.mem_s])


def give(
    sized: Sequence[SizedTask], inputs: PlanInputs, sizer: TaskSizer, *, at: Partition, mode: Mode
) -> tuple[list[SizedTask], list[str]]:
    """Return the tasks with the numbers of CPUs that suit them, and a note on it.

    Tasks that share an allocation as steps all have the same number. While the effect of CPUs on time is not known,
    tasks of all sizes try a few numbers.
    """
    # numbers that no node has would be tried in vain, and their effect never be learnt
    numbers = [number for number in inputs.config.pipeline.cpus_tried if number <= at.cores]
    if len(numbers) < 2 or not sized:
        return list(sized), []
    variants = _Variants(inputs, sizer, at)
    if not mode.tasks_are_steps and not _known(inputs, sized):
        few = spread(numbers)
        by_size = sorted(range(len(sized)), key=lambda place: sized[place].size)
        tried = {place: few[rank % len(few)] for rank, place in enumerate(by_size)}
        found = [variants.of(one, tried[place]) or one for place, one in enumerate(sized)]
        return found, [f"what CPUs do for time is not known yet: tasks try {', '.join(map(str, few))}"]
    if any(one.wall_s is None for one in sized):
        return list(sized), [f"durations are not known yet: {sized[0].task.cpus} CPUs each"]
    fitting = [[one for number in numbers if (one := variants.of(task, number))] or [task] for task in sized]
    options = [[variants.option(one) for one in of] for of in fitting]
    way = _one_number(fitting, options) if mode.tasks_are_steps else cheapest(options)
    found = [of[place] for of, place in zip(fitting, way, strict=True)]
    return found, [_told(found)]


def spread(numbers: Sequence[int]) -> list[int]:
    """Return a few numbers, from the least to the most."""
    few = min(SPREAD, len(numbers))
    return [numbers[round(place * (len(numbers) - 1) / max(1, few - 1))] for place in range(few)]


def _known(inputs: PlanInputs, sized: Sequence[SizedTask]) -> bool:
    """Whether the model has seen different numbers of CPUs, and tells durations."""
    model = inputs.model
    if model is None or not model.fitted or any(one.wall_s is None for one in sized):
        return False
    return any(least < most for least, most in (model.ranges.get(name, (0.0, 0.0)) for name in cpus_features(inputs)))


def cpus_features(inputs: PlanInputs) -> list[str]:
    """Return the features that are a task's number of CPUs."""
    named = [spec.name for spec in parse_specs(inputs.config.features) if spec.kind == "cpus"]
    known = implied(inputs.prior.formula) if inputs.prior else {}
    return [*named, *(name for name, source in known.items() if source == "cpus" and name not in named)]


def _one_number(fitting: Sequence[Sequence[SizedTask]], options: Sequence[Sequence[ThreadOption]]) -> list[int]:
    """Return the options of the one number of CPUs that costs least."""
    places = [{one.task.cpus: place for place, one in enumerate(of)} for of in fitting]
    common = set.intersection(*(set(one) for one in places)) or {fitting[0][0].task.cpus}
    ways = [[one.get(number, 0) for one in places] for number in sorted(common)]
    return min(ways, key=lambda way: cost(options, way))


def _told(found: Sequence[SizedTask]) -> str:
    counts: dict[int, int] = {}
    for one in found:
        counts[one.task.cpus] = counts.get(one.task.cpus, 0) + 1
    told = ", ".join(f"{number} for {of}" for number, of in sorted(counts.items()))
    return f"CPUs that cost least: {told} of {len(found)} tasks"


@dataclass(frozen=True, slots=True)
class _Variants:
    """The same task with other numbers of CPUs, sized."""

    inputs: PlanInputs
    sizer: TaskSizer
    at: Partition

    def of(self, one: SizedTask, number: int) -> SizedTask | None:
        """Return a task with this number of CPUs; None where no node of the partition holds it."""
        features = {**one.task.features, **dict.fromkeys(cpus_features(self.inputs), float(number))}
        task: Task = replace(one.task, cpus=number, features=features)
        try:
            sized = self.sizer.size(task, self.inputs.earlier.get(task.name))
        except InputError:
            return None
        return sized if own_job(self.inputs.site, self.at, sized).fits else None

    def option(self, one: SizedTask) -> ThreadOption:
        wall_s = one.wall_s or 0.0
        job = own_job(self.inputs.site, self.at, one)
        return ThreadOption(
            core_s=job.cpus / self.at.cores * wall_s,
            mem_s=one.mem_mb / self.at.cap_mb * wall_s,
            price=job.billed_s if self.at.billing_weights else None,
        )
