"""Rules for a workflow engine: their tasks, and the memory, time and CPUs that each attempt of a task requests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from planner.core import levels
from planner.core.records import Observation
from planner.core.regions import part_in
from planner.core.retry import GROWTH, Retry
from planner.memory.model import MemoryModel
from planner.plan.document import Plan, PlannedTask
from planner.plan.requests import known_needs

ATTEMPTS = 4
"""Attempts that are spelled out; what comes after them asks for what the last one asks for."""

ANY = ""
"""Stands for every chromosome, or every sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """The most that a request may come to.

    Attributes
    ----------
    mem_mb, time_s : float
        Of the largest node, and the longest time limit.
    """

    mem_mb: float = math.inf
    time_s: float = math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTask:
    """One task of a rule.

    Attributes
    ----------
    sample, chromosome : str
        Empty where the rule has none; chromosomes without ``chr``.
    mem_mb, time_s : tuple of int
        What the first attempt asks for, the second, and so on; time is empty where nothing is known of it.
    reason : str
        Of the first request.
    """

    sample: str
    chromosome: str
    cpus: int
    mem_mb: tuple[int, ...]
    time_s: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What Snakemake calls a rule, Nextflow a process and WDL a task.

    Attributes
    ----------
    ceiling : Ceiling
        That its tasks were held to.
    workflow : str
        What WDL's inputs begin with.
    contigs : mapping of str to str
        Chromosome, without ``chr`` -> its contig in the reference; empty where the reference is not known.
    """

    name: str
    tasks: Sequence[RuleTask]
    ceiling: Ceiling = Ceiling()
    workflow: str = "main"
    contigs: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> dict[str, dict[str, RuleTask]]:
        """Return the tasks by chromosome, then by sample.

        `ANY` has the largest of what it stands for, for a sample or a chromosome that was not planned.
        """
        found: dict[str, dict[str, RuleTask]] = {}
        for task in self.tasks:
            for chromosome in {task.chromosome, ANY}:
                samples = found.setdefault(chromosome, {})
                for sample in {task.sample, ANY}:
                    known = samples.get(sample)
                    samples[sample] = task if known is None else _largest(known, task)
        return found


def _largest(one: RuleTask, other: RuleTask) -> RuleTask:
    return replace(
        one,
        cpus=max(one.cpus, other.cpus),
        mem_mb=tuple(map(max, one.mem_mb, other.mem_mb)),
        time_s=tuple(map(max, one.time_s, other.time_s)) or one.time_s or other.time_s,
    )


def of_plan(plan: Plan, *, name: str | None = None, overhead_mb: int = 0) -> Rule:
    """Return the tasks of a plan.

    Parameters
    ----------
    name : str, optional
        Of the rule; that of the plan without it.
    overhead_mb : int
        What the engine itself holds in each job, MiB.
    """
    ceiling = Ceiling(mem_mb=plan.target.partition.cap_mb, time_s=plan.target.partition.max_time_s)
    retry = Retry(plan.largest_peak_mb)
    return Rule(
        name=name or plan.name,
        tasks=[_planned(task, retry, ceiling, overhead_mb) for task in plan.tasks],
        ceiling=ceiling,
    )


def _planned(task: PlannedTask, retry: Retry, ceiling: Ceiling, overhead_mb: int) -> RuleTask:
    return RuleTask(
        sample=task.sample,
        chromosome=bare(task.region),
        cpus=task.cpus,
        mem_mb=memory_by_attempt(task.request_mb, retry, ceiling, overhead_mb=overhead_mb),
        time_s=time_by_attempt(task.time_limit_s, ceiling),
        reason=task.reason,
    )


def of_history(
    observations: Iterable[Observation], model: MemoryModel, *, ceiling: Ceiling = Ceiling(), overhead_mb: int = 0
) -> Rule:
    """Return the tasks that a tool's history tells of, as its model sizes them.

    A task's features are those of its last attempt; an attempt that lacks one tells of no task.
    """
    names = model.feature_names
    found = [one for one in observations if all(levels.value(one.features, name) is not None for name in names)]
    last = {(one.sample, _region(one)): one for one in sorted(found, key=lambda one: one.submit_s)}
    # tasks that no feature tells apart are told apart by what they needed before
    known_mb = {} if names else known_needs(found)
    retry = model.retry()
    tasks = []
    for (sample, chromosome), one in sorted(last.items()):
        floor_mb = math.ceil(known_mb.get(one.task, 0.0))
        said = model.predict(one.features, floor_mb=floor_mb)
        tasks.append(
            RuleTask(
                sample=sample,
                chromosome=bare(chromosome),
                cpus=one.cpus,
                mem_mb=memory_by_attempt(said.request_mb, retry, ceiling, overhead_mb=overhead_mb),
                time_s=() if said.time_limit_s is None else time_by_attempt(said.time_limit_s, ceiling),
                reason=said.reason,
            )
        )
    return Rule(name=model.tool, tasks=tasks, ceiling=ceiling)


def _region(one: Observation) -> str:
    """Return the chromosome that an attempt ran on, or the part of it that its task is called by."""
    part = part_in(one.task) if one.chromosome else None
    return one.chromosome if part is None else f"{one.chromosome}:{part[0]}-{part[1]}"


def memory_by_attempt(first_mb: int, retry: Retry, ceiling: Ceiling, *, overhead_mb: int = 0) -> tuple[int, ...]:
    """Return what each attempt asks for, MiB, if each is killed for memory."""
    asked = [first_mb + overhead_mb]
    while len(asked) < ATTEMPTS:
        asked.append(math.ceil(retry.after(asked[-1])))
    return tuple(int(min(one, ceiling.mem_mb)) for one in asked)


def time_by_attempt(first_s: int, ceiling: Ceiling) -> tuple[int, ...]:
    """Return the time limit of each attempt, s; engines do not tell whether it was time that the last one lacked."""
    return tuple(int(min(first_s * GROWTH**attempt, ceiling.time_s)) for attempt in range(ATTEMPTS))


def bare(chromosome: str) -> str:
    """Return a chromosome or a part of one without ``chr`` before it; a contig called ``chromosome1`` stays so."""
    is_prefix = chromosome[:3].lower() == "chr" and chromosome[3:5].lower() not in ("", "om")
    return chromosome[3:] if is_prefix else chromosome


def minutes(time_s: Sequence[int]) -> tuple[int, ...]:
    """Return time limits in whole minutes, as Slurm counts them."""
    return tuple(math.ceil(one / 60) for one in time_s)


def document(rules: Iterable[Rule]) -> Mapping[str, object]:
    """Return what ``chromplan.json`` holds: rule, chromosome, sample, and what each attempt asks for."""
    return {
        "format": "chromplan-export-1",
        "rules": {
            rule.name: {
                chromosome: {
                    sample: {"cpus": task.cpus, "mem_mb": task.mem_mb, "minutes": minutes(task.time_s)}
                    for sample, task in samples.items()
                }
                for chromosome, samples in rule.table().items()
            }
            for rule in rules
        },
    }
