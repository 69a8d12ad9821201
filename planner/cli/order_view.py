"""What ``chromplan order`` prints and draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.ui.output import echo_table

if TYPE_CHECKING:
    from planner.actions.ordering import TaskTable
    from planner.schedule.listing import Schedule
    from planner.schedule.order.problem import Problem
    from planner.schedule.order.search import Found

_MOST_LISTED = 60


def document(problem: Problem, tasks: TaskTable, found: Found, natural: Schedule, seconds: float) -> dict[str, object]:
    """Return an order and its figures as plain data, for ``--json``."""
    return {
        "order": [tasks.names[task] for task in found.order],
        "peak": found.peak,
        "makespan": found.makespan,
        "best_makespan": found.best_makespan,
        "natural": {"peak": natural.peak, "makespan": natural.makespan},
        "lower_bound": found.lower_bound,
        "proved": found.proved,
        "evaluations": found.evaluations,
        "seconds": round(seconds, 3),
        "objective": problem.objective.value,
        "model": problem.model.value,
        "interrupted": found.interrupted,
    }


def show(problem: Problem, tasks: TaskTable, found: Found, natural: Schedule) -> None:
    """Print an order, its figures beside those of the natural order, and how near to the best it is."""
    from planner.schedule.order.problem import Objective

    listed = [tasks.names[task] for task in found.order]
    more = f" … ({len(listed)} tasks; --json lists all)" if len(listed) > _MOST_LISTED else ""
    click.echo(f"order: {' '.join(listed[:_MOST_LISTED])}{more}")
    rows = [
        (f"peak ({tasks.mem_unit})", _memory(natural.peak), _memory(found.peak), _change(natural.peak, found.peak)),
        (
            _time_head(tasks),
            *(_time(tasks, each.makespan) for each in (natural, found)),
            _change(natural.makespan, found.makespan),
        ),
    ]
    echo_table(("", ">natural order", ">this order", ">change"), rows)
    makespan_counts = problem.objective is Objective.MAKESPAN
    value = found.makespan if makespan_counts else found.peak
    bound = _time(tasks, found.lower_bound) if makespan_counts else _memory(found.lower_bound)
    if found.proved:
        click.echo("proved: no order does better")
    else:
        gap = value / found.lower_bound - 1 if found.lower_bound else 0.0
        click.echo(f"no order can come below {bound}: this one is at most {gap:.1%} from the best")
    if problem.objective is Objective.PEAK and found.makespan > found.best_makespan * (1 + problem.eps):
        costs = found.makespan / found.best_makespan - 1
        click.echo(f"it takes {costs:.0%} longer than the shortest order; --objective peak-eps bounds that")


def _memory(value: float) -> str:
    return f"{value:,.2f}"


def _time_head(tasks: TaskTable) -> str:
    return "makespan (Mb)" if tasks.genome else "makespan"


def _time(tasks: TaskTable, value: float) -> str:
    from planner.core import units

    return f"{value:,.2f}" if tasks.genome else units.format_duration(value)


def _change(before: float, after: float) -> str:
    return f"{after / before - 1:+.1%}" if before else ""


def plot(path: Path, problem: Problem, tasks: TaskTable, found: Found, natural: Schedule) -> None:
    """Draw the natural order and the one that was found."""
    from planner.report import scales, timeline

    longest = max(natural.makespan, found.makespan)
    unit, scale = ("Mb of chromosome", 1.0) if tasks.genome else scales.time_unit(longest)
    found_schedule = problem.run(found.order)
    panels = [
        timeline.Panel(title=title, order=order, schedule=_scaled(schedule, scale))
        for title, order, schedule in (
            ("Natural order", range(problem.size), natural),
            ("Order found", found.order, found_schedule),
        )
    ]
    drawn = timeline.Tasks(
        names=tasks.names,
        mem=tasks.mem,
        wall=[wall / scale for wall in tasks.wall],
        mem_unit=tasks.mem_unit,
        time_unit=unit,
        note="Numbers are chromosomes, whose lengths stand for memory and time alike." if tasks.genome else "",
    )
    timeline.draw(path, drawn, panels, heading=_heading(problem, tasks, found, natural), cap=problem.cap_mb)


def _scaled(schedule: Schedule, scale: float) -> Schedule:
    return replace(
        schedule,
        start_s=tuple(start / scale for start in schedule.start_s),
        makespan=schedule.makespan / scale,
        profile=tuple((instant / scale, used) for instant, used in schedule.profile),
    )


def _heading(problem: Problem, tasks: TaskTable, found: Found, natural: Schedule) -> str:
    limits = [
        f"{problem.slots} at a time" if problem.slots else "",
        f"within {problem.cap_mb:,.0f} {'Mb' if tasks.genome else 'MB'}" if problem.cap_mb else "",
        f"on {problem.cores} cores" if problem.cores else "",
    ]
    limited = ", ".join(limit for limit in limits if limit)
    gains = [_gain("memory", natural.peak, found.peak), _gain("time", natural.makespan, found.makespan)]
    return f"{problem.size} tasks, {limited}: another order takes {' and '.join(gains)}"


def _gain(what: str, before: float, after: float) -> str:
    change = after / before - 1 if before else 0.0
    if abs(change) < 0.005:
        return f"the same {what}"
    return f"{abs(change):.0%} {'less' if change < 0 else 'more'} {what}"
