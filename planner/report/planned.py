"""A plan drawn: when each task is expected to run, and the memory held at any time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.core import units
from planner.core.errors import InputError
from planner.plan.document import Plan, PlannedTask
from planner.report import timeline
from planner.schedule.listing import Schedule


def draw(path: Path, plan: Plan) -> None:
    """Draw the expected course of a round into a PNG, SVG or PDF file.

    Raises
    ------
    InputError
        When the plan has no tasks, or it is not known how long they take.
    """
    tasks = [task for task in plan.tasks if task.start_s is not None and task.wall_s is not None]
    if not tasks or len(tasks) < len(plan.tasks):
        raise InputError(
            f"round {plan.round_name}: nothing to draw, as it is not known how long its tasks take",
            "run a first round, or import a history with durations ('chromplan history import')",
        )
    mem_gb = [task.request_mb / units.MB_PER_GB for task in tasks]
    starts = [task.start_s or 0.0 for task in tasks]
    walls = [task.wall_s or 0.0 for task in tasks]
    unit, scale_s = timeline.time_unit(max(start + wall for start, wall in zip(starts, walls, strict=True)))
    wall = [wall_s / scale_s for wall_s in walls]
    schedule = scheduled([start_s / scale_s for start_s in starts], wall, mem_gb)
    timeline.draw(
        path,
        timeline.Tasks(names=_names(tasks), mem=mem_gb, wall=wall, mem_unit="GB", time_unit=unit),
        [timeline.Panel(title=f"mode {plan.mode}", order=range(len(tasks)), schedule=schedule)],
        heading=f"{plan.name}, round {plan.round}: {len(tasks)} tasks on {plan.target.site.name}",
    )


def _names(tasks: Sequence[PlannedTask]) -> list[str]:
    """Return short names: the chromosomes alone where there is one sample."""
    alone = len({task.sample for task in tasks}) == 1
    return [task.chromosome if alone else task.task for task in tasks]


def scheduled(start: Sequence[float], wall: Sequence[float], mem: Sequence[float]) -> Schedule:
    """Return the schedule of tasks that start at given times."""
    changes: dict[float, float] = {}
    for begin, lasts, memory in zip(start, wall, mem, strict=True):
        changes[begin] = changes.get(begin, 0.0) + memory
        changes[begin + lasts] = changes.get(begin + lasts, 0.0) - memory
    used = 0.0
    profile: list[tuple[float, float]] = []
    for instant in sorted(changes):
        used += changes[instant]
        profile.append((instant, max(0.0, used)))
    return Schedule(
        start_s=tuple(start),
        makespan=max(changes),
        peak=max(memory for _, memory in profile),
        profile=tuple(profile),
    )
