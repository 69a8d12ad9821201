"""Plots of a plan: when each task is expected to run, and the memory held at any time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from planner.core import units
from planner.core.errors import InputError
from planner.core.wording import count
from planner.plan.document import Plan
from planner.report import requests_plot, reserved, scales, timeline
from planner.schedule.listing import Schedule


def draw(path: Path, plan: Plan) -> None:
    """Draw the expected course of a round into a PNG, SVG or PDF file; its requests alone while durations are unknown.

    Raises
    ------
    InputError
        When the plan has no tasks.
    """
    if not plan.tasks:
        raise InputError(f"round {plan.round_name}: nothing to draw, as no task is planned", "see why: chromplan plan")
    tasks = [task for task in plan.tasks if task.start_s is not None and task.wall_s is not None]
    if len(tasks) < len(plan.tasks):
        requests_plot.draw(path, plan, note=_left_out(plan))
        return
    mem_gb = [asked_mb / units.MB_PER_GB for asked_mb in reserved.asked_mb(plan)]
    starts = [task.start_s or 0.0 for task in tasks]
    walls = [task.wall_s or 0.0 for task in tasks]
    unit, scale_s = scales.time_unit(max(start + wall for start, wall in zip(starts, walls, strict=True)))
    wall = [wall_s / scale_s for wall_s in walls]
    schedule = scheduled([start_s / scale_s for start_s in starts], wall, mem_gb)
    capacity_mb, nodes = _capacity(plan)
    timeline.draw(
        path,
        timeline.Tasks(
            names=[task.task for task in tasks],
            mem=mem_gb,
            wall=wall,
            mem_unit="GB",
            time_unit=unit,
            mem_is="memory asked for",
            cap_is=f"capacity ({nodes})",
            note=_left_out(plan),
        ),
        [
            timeline.Panel(
                title=f"mode {plan.mode}",
                order=range(len(tasks)),
                schedule=schedule,
                reserved=_reserved(plan, scale_s),
                used=_used(plan, scale_s),
            )
        ],
        heading=f"{plan.name}, round {plan.round}: {count(len(tasks), 'task')} on {plan.target.site.name}",
        cap=capacity_mb / units.MB_PER_GB,
    )


def _capacity(plan: Plan) -> tuple[int, str]:
    """Return the total memory, MiB, of the nodes of the partitions in use, a single one if uncounted, and its label."""
    places = {place.name: place for place in (batch.partition or plan.target.partition for batch in plan.batches)}
    used = list(places.values()) or [plan.target.partition]
    nodes = sum(place.nodes or 0 for place in used)
    if nodes < 2 or any(place.nodes is None for place in used):
        return max(place.cap_mb for place in used), "one node"
    return sum((place.nodes or 0) * place.cap_mb for place in used), f"{nodes} nodes"


def _left_out(plan: Plan) -> str:
    """Return a remark on how many tasks are not drawn, and why."""
    reasons = Counter(left.reason for left in plan.left_out)
    return "; ".join(f"Not drawn: {count(tasks, 'task')}, {why}" for why, tasks in reasons.most_common(3))


def _reserved(plan: Plan, scale_s: float) -> list[tuple[float, float]]:
    """Return the memory reserved by allocations over time, GB, if tasks are steps of them."""
    if not plan.batches:
        return []
    held = reserved.reservations(plan)
    changes = sorted({0.0, *(one.wall_s or 0.0 for one in held)})
    return [
        (at_s / scale_s, sum(one.mem_mb for one in held if (one.wall_s or 0.0) > at_s) / units.MB_PER_GB)
        for at_s in changes
    ]


def _used(plan: Plan, scale_s: float) -> list[tuple[float, float]]:
    """Return the expected memory use of the tasks over time, GB; empty if it is not predicted for all."""
    known = [
        (task.start_s / scale_s, task.wall_s / scale_s, task.predicted_mb / units.MB_PER_GB)
        for task in plan.tasks
        if task.start_s is not None and task.wall_s is not None and task.predicted_mb is not None
    ]
    return list(scheduled(*zip(*known, strict=True)).profile) if len(known) == len(plan.tasks) else []


def scheduled(start: Sequence[float], wall: Sequence[float], mem: Sequence[float]) -> Schedule:
    """Return the schedule of tasks that start at given times."""
    # a task starts when another ends: the same time, though sums of floats differ slightly
    longest = max(begin + lasts for begin, lasts in zip(start, wall, strict=True))
    digits = 9 - math.ceil(math.log10(longest)) if longest > 0 else 9
    changes: dict[float, float] = {}
    for begin, lasts, memory in zip(start, wall, mem, strict=True):
        first, last = round(begin, digits), round(begin + lasts, digits)
        changes[first] = changes.get(first, 0.0) + memory
        changes[last] = changes.get(last, 0.0) - memory
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
