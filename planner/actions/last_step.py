"""The last step, ``[then]``: joins the results of a chromosome's regions, or of all regions, once all are done.

Its tasks belong to a later round, like tasks that run again: none is due before its parts have completed, and a round
that is submitted twice or killed is handled as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planner.core.config import Config, Then
from planner.core.errors import InputError
from planner.core.records import Outcome, Task
from planner.core.regions import WHOLE, Region
from planner.core.samples import Sample
from planner.plan.inputs import Earlier, PlanInputs

PARTS = "parts"
"""The placeholder that holds the names of a task's parts."""
# Linux limits one environment variable to 128 KiB
_LONGEST_PARTS = 120_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LastStep:
    """A step of a pipeline: its settings, samples and regions."""

    config: Config
    samples: Sequence[Sample]
    regions: Sequence[Region]


def of(
    config: Config, then: Then, samples: Sequence[Sample], cut: Sequence[Region], whole: Sequence[Region]
) -> LastStep:
    """Return the last step as a pipeline of its own.

    Parameters
    ----------
    cut, whole : sequence of Region
        The regions that the pipeline runs on, and the whole chromosomes.
    """
    pipeline = config.pipeline.model_copy(
        update={
            "tool": then.tool,
            "command": then.command,
            "cpus": then.cpus,
            "time": then.time,
            "regions": WHOLE,
            "overlap": None,
        }
    )
    features = then.features
    if features is None:
        features = {"length_mb": "length"} if then.by == "chromosome" else {}
    used = {region.chromosome for region in cut}
    if then.by == "chromosome":
        regions = [replace(one, label=f"{one.label}.{then.tool}") for one in whole if one.chromosome in used]
    else:
        regions = [Region(chromosome="", name="all", label=f"all.{then.tool}")]
    return LastStep(
        config=config.model_copy(
            update={"pipeline": pipeline, "features": features, "memory": then.memory, "then": None}
        ),
        samples=[replace(one, columns={**one.columns, PARTS: ""}) for one in samples],
        regions=regions,
    )


def parts_of(tasks: Sequence[Task], by: str) -> dict[tuple[str, str], list[Task]]:
    """Return the tasks by (sample, chromosome), the chromosome empty for all together."""
    found: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        found.setdefault((task.sample, task.chromosome if by == "chromosome" else ""), []).append(task)
    return found


def ready(main: PlanInputs, then: Then, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of the last step whose parts have all completed.

    Raises
    ------
    InputError
        When the names of a task's parts are too many for a variable.
    """
    parts = parts_of(main.tasks, then.by)
    found = []
    for task in tasks:
        own = parts[task.sample, task.chromosome]
        if not all(_done(main.earlier.get(part.name)) for part in own):
            continue
        told = " ".join(part.name for part in own)
        if len(told) > _LONGEST_PARTS:
            raise InputError(
                f"then: the names of the {len(own)} parts of {task.name} are longer than a variable may be",
                'join by = "chromosome", or in fewer regions',
            )
        found.append(replace(task, parameters={**task.parameters, PARTS: told}))
    return found


def still_true(main: PlanInputs, tasks: Sequence[Task], then: Then) -> Mapping[str, Earlier]:
    """Return what became of tasks before, without joins that are older than one of their parts."""
    parts = parts_of(main.tasks, then.by)
    latest = {
        task.name: max(main.earlier[part.name].round for part in parts[task.sample, task.chromosome]) for task in tasks
    }
    return {name: one for name, one in main.earlier.items() if one.round >= latest.get(name, 0)}


def _done(before: Earlier | None) -> bool:
    return before is not None and before.outcome is Outcome.COMPLETED
