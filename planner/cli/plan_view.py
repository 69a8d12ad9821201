"""What ``chromplan plan`` and ``chromplan next`` print of a plan: a row per task, or a summary of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from planner.cli.ui import table
from planner.cli.ui.output import echo_table, in_place
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.plan.document import Plan, PlannedTask

_MOST_NAMES = 5
# where it was written and what comes next, said by who shows the plan
_LINES_AFTER = 1


def _count(plan: Plan) -> str:
    """Return ``3 of 66 tasks (3 samples x 22 regions)``."""
    if plan.extent is None or plan.extent.tasks == len(plan.tasks):
        tasks = count(len(plan.tasks), "task")
    else:
        tasks = f"{len(plan.tasks)} of {count(plan.extent.tasks, 'task')}"
    return tasks if plan.extent is None else f"{tasks} ({plan.extent})"


def show_plan(plan: Plan, *, every_row: bool = False, wide: bool = False, whole: str = "chromplan plan --all") -> None:
    """Print a plan as a table, then what it comes to; a reason that all tasks share is said once.

    Parameters
    ----------
    every_row : bool
        However many tasks there are; without it many are summed up.
    whole : str
        The command that shows every task.
    """
    below = _below(plan)
    if plan.tasks:
        reasons = _reasons(plan, whole=wide or table.terminal_width() is None)
        below = [*reasons, *below]
        if every_row or len(plan.tasks) <= table.most_rows():
            _show_tasks(plan, wide=wide, shared=bool(reasons), around=table.screen_lines(below))
        else:
            below = [f"'{in_place(whole)}' shows every task; plan.json has them with their reasons", *below]
            _show_summary(plan, wide=wide, around=table.screen_lines(below))
    for line in below:
        click.echo(line)


def _title(plan: Plan) -> str:
    return f"{plan.name}, round {plan.round}: {_count(plan)}, {plan.mode} on {plan.target.site.name}"


def _show_summary(plan: Plan, *, wide: bool, around: int) -> None:
    """Print what tasks of one chromosome, or of one sample, ask for."""
    by, groups = _alike(plan)
    kept = list(groups.items())
    most = table.most_rows()
    rest = [task for _, tasks in kept[most:] for task in tasks] if len(kept) > most + 1 else []
    rows = kept[:most] if rest else kept
    cells = [(name, len(tasks), *_ranges(tasks)) for name, tasks in rows]
    if rest:
        cells.append((f"{len(kept) - most} more", len(rest), *_ranges(rest)))
    echo_table(
        [by, ">tasks", ">request MB", ">predicted MB", ">time limit", ">start"],
        cells,
        title=_title(plan),
        wide=wide,
        narrow=[(by, "tasks", "request MB")],
        around=around + _LINES_AFTER,
    )


def _alike(plan: Plan) -> tuple[str, dict[str, list[PlannedTask]]]:
    """Return what tasks have in common, and the tasks by it: the chromosome, or else the sample, or nothing."""
    for by in ("chromosome", "sample"):
        groups: dict[str, list[PlannedTask]] = {}
        for task in plan.tasks:
            groups.setdefault(getattr(task, by), []).append(task)
        if 1 < len(groups) < len(plan.tasks):
            return by, groups
    return "task", {task.task: [task] for task in plan.tasks}


def _ranges(tasks: Sequence[PlannedTask]) -> tuple[str, str, str, str]:
    """Return requests, predictions, time limits and starts, each from the least to the most."""
    from planner.core import units

    def from_to(values: Iterable[float | None], text: Callable[[int], str]) -> str:
        known = sorted({round(value) for value in values if value is not None})
        return " to ".join(dict.fromkeys(map(text, (known[0], known[-1])))) if known else ""

    return (
        from_to((task.request_mb for task in tasks), str),
        from_to((task.predicted_mb for task in tasks), str),
        from_to((task.time_limit_s for task in tasks), units.format_duration),
        from_to((task.start_s for task in tasks), units.format_duration),
    )


def _show_tasks(plan: Plan, *, wide: bool, shared: bool, around: int) -> None:
    from planner.core import units

    echo_table(
        ["task", ">request MB", ">predicted MB", ">time limit", ">start", *([] if shared else ["reason"])],
        [
            (
                task.task,
                task.request_mb,
                "" if task.predicted_mb is None else round(task.predicted_mb),
                units.format_duration(task.time_limit_s),
                "" if task.start_s is None else units.format_duration(round(task.start_s)),
                *([] if shared else [task.reason]),
            )
            for task in plan.tasks
        ],
        title=_title(plan),
        wide=wide,
        narrow=[("task", "request MB", "start"), ("task", "request MB")] if shared else [],
        around=around + _LINES_AFTER,
    )


def _reasons(plan: Plan, *, whole: bool) -> list[str]:
    """Return the lines that tell why tasks ask for what they do; none where each row says it better.

    Parameters
    ----------
    whole : bool
        Only what all have in common to the letter.
    """
    from planner.cli.ui.common import in_common

    reasons = [task.reason for task in plan.tasks]
    if len(reasons) < 2:
        return []
    shared = reasons[0] if len(set(reasons)) == 1 else None if whole else in_common(reasons)
    return [] if shared is None else [f"each: {_time_limits(plan)}, {shared}"]


def _time_limits(plan: Plan) -> str:
    """Return ``time limit 01:00:00``, or from the shortest to the longest."""
    from planner.core import units

    limits_s = sorted({task.time_limit_s for task in plan.tasks})
    return (
        f"time limit {' to '.join(units.format_duration(limit_s) for limit_s in limits_s[:: len(limits_s) - 1 or 1])}"
    )


def _below(plan: Plan) -> list[str]:
    """Return what is said below the table: what the plan comes to, notes, and what is left out."""
    from planner.core import units
    from planner.report.pricing import price_sentence
    from planner.report.savings import savings

    lines = []
    if plan.tasks:
        makespan = "" if plan.makespan_s is None else f"; done after {units.format_duration(round(plan.makespan_s))}"
        lines.append(f"{savings(plan).sentence()}{makespan}")
        lines += filter(None, [price_sentence(plan)])
    lines += [f"note: {note}" for note in plan.notes]
    for reason, names in _by_reason(plan).items():
        shown = ", ".join(names[:_MOST_NAMES]) + (
            f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        )
        lines.append(f"left out: {shown}: {reason}")
    if not plan.tasks and not plan.left_out:
        lines.append("nothing is left to run: every task is done ('chromplan plan --again' plans them all)")
    return lines


def _by_reason(plan: Plan) -> dict[str, list[str]]:
    """Return the tasks that are left out, by the reason."""
    reasons: dict[str, list[str]] = {}
    for left in plan.left_out:
        reasons.setdefault(left.reason, []).append(left.task)
    return reasons
