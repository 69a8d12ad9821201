"""``chromplan plan``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.actions.planning import fetch, open_project
from planner.actions.rounds import plan_next
from planner.cli.ui import table
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, in_place, json_option, wide_option
from planner.cli.ui.progress import working
from planner.core.records import BatchPacker, Mode, Ordering
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.memory_time import MemoryTimeUnit
    from planner.plan.document import Plan
    from planner.project.folder import ProjectFolder

MOST_NAMES = 5
# where it was written and what comes next, said by who shows the plan
_LINES_AFTER = 1
MODES = (*(mode.value for mode in Mode), "auto")


@click.command("plan")
@click.option("--mode", type=click.Choice(MODES), help="Instead of submit.mode.")
@click.option(
    "--packer",
    type=click.Choice([one.value for one in BatchPacker]),
    help="Modes packed and het: how tasks are dealt to allocations, instead of submit.packer.",
)
@click.option(
    "--order",
    "ordering",
    type=click.Choice([one.value for one in Ordering]),
    help="With submit.max_running: search the order for so many at once, instead of submit.order.",
)
@click.option("--retry-failed", is_flag=True, help="Run failed and cancelled tasks again, too.")
@click.option("--again", is_flag=True, help="Plan every task, even those that are done.")
@click.option("--compare", is_flag=True, help="Show what each mode would take, and write nothing.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the expected timeline, as PNG, SVG or PDF."
)
@click.option(
    "--when", is_flag=True, help="Ask Slurm when tasks would start, with one --mem and with their own; write nothing."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of plan.json and stop.")
@wide_option
@json_option
@project_option
def command(
    folder: Path,
    mode: str | None,
    packer: str | None,
    ordering: str | None,
    retry_failed: bool,
    again: bool,
    compare: bool,
    plot: Path | None,
    when: bool,
    schema: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Decide every task's request and the order.

    Writes rounds/rNNN/plan.json; nothing is submitted.
    """
    if schema:
        _echo_schema()
        return
    project = open_project(folder)
    submit = {"packer": packer and BatchPacker(packer), "order": ordering and Ordering(ordering)}
    if compare:
        _compare(project, submit, retry_failed=retry_failed, again=again, as_json=as_json, wide=wide)
        return
    if when:
        _when(project, mode, retry_failed=retry_failed, again=again, as_json=as_json)
        return
    with working("planning"):
        plan, path = plan_next(project, mode, retry_failed=retry_failed, again=again, submit=submit)
    if as_json:
        click.echo(plan.model_dump_json(indent=2))
    else:
        _show(plan, path, wide=wide)
    if plot:
        _draw(plot, plan)


def _show(plan: Plan, path: Path | None, *, wide: bool) -> None:
    show_plan(plan, wide=wide)
    if plan.target.site.name == "local" and shutil.which("sinfo"):
        click.echo("note: the site is 'local', this machine, though Slurm is here: submit.site names a cluster")
    if path:
        click.echo(in_place(f"wrote {path}; next: chromplan render"))


def _by_reason(plan: Plan) -> dict[str, list[str]]:
    """Return the tasks that are left out, by the reason."""
    reasons: dict[str, list[str]] = {}
    for left in plan.left_out:
        reasons.setdefault(left.reason, []).append(left.task)
    return reasons


def _draw(path: Path, plan: Plan) -> None:
    from planner.report import planned

    planned.draw(path, plan)
    click.echo(f"drew {path}", err=True)


def _compare(
    project: ProjectFolder,
    submit: Mapping[str, object],
    *,
    retry_failed: bool,
    again: bool,
    as_json: bool,
    wide: bool,
) -> None:
    """Plan in every mode and show what each comes to."""
    import dataclasses

    from planner.core.errors import InputError
    from planner.plan import build
    from planner.report import savings as compare

    with working("reading what is known"):
        inputs = fetch(project, retry_failed=retry_failed, again=again)
    found: list[dict[str, Any]] = []
    without: Plan | None = None
    for mode in MODES:
        try:
            with working(f"planning in mode {mode}"):
                plan = build.plan(inputs, mode, submit)
        except InputError as error:
            found.append({"mode": mode, "becomes": None, "refused": error.message})
            continue
        figures = dataclasses.asdict(compare.figures(plan))
        found.append({"mode": mode, "becomes": plan.mode.value, "notes": plan.notes, **figures})
        without = without or (plan if plan.tasks else None)
    if without is not None:
        one = dataclasses.asdict(compare.one_mem_figures(without))
        notes = [f"an array of {compare.one_mem(without)} MB for each task, without chromplan"]
        found.append({"mode": "one --mem", "becomes": "one --mem", "notes": notes, **one})
    if as_json:
        echo_json(found)
        return
    from planner.core.memory_time import unit_for
    from planner.core.units import GB_H

    timed = any(row.get("makespan_s") is not None for row in found)
    shared = _shared_notes(found)
    unit = unit_for(max((row.get("requested_gb_h") or 0.0 for row in found), default=0.0) / GB_H)
    echo_table(
        [
            "mode",
            ">jobs",
            ">sbatch",
            *([f">{unit.name} reserved", ">done after"] if timed else [">MB in all"]),
            ">calls",
            "",
        ],
        [
            (
                row["mode"],
                row.get("jobs"),
                row.get("submissions"),
                *(_times(row, unit) if timed else (row.get("reserved_mb"),)),
                row.get("slurm_calls"),
                f"refused: {row['refused']}"
                if row["becomes"] is None
                else "; ".join(note for note in row["notes"] if note not in shared),
            )
            for row in found
        ],
        wide=wide,
    )
    for note, modes in shared.items():
        click.echo(f"note ({', '.join(modes)}): {note}")
    if not timed:
        click.echo("durations are not known yet: neither memory x time nor when it ends can be told")


def _when(project: ProjectFolder, mode: str | None, *, retry_failed: bool, again: bool, as_json: bool) -> None:
    """Show when Slurm would start a few of the tasks."""
    import dataclasses
    import datetime

    from planner.actions.planning import make_plan
    from planner.core.units import format_duration
    from planner.rounds import when

    with working("planning"):
        plan = make_plan(project, mode=mode, retry_failed=retry_failed, again=again)
    with working("asking Slurm"):
        found = when.starts(plan)
    if as_json:
        echo_json([dataclasses.asdict(one) for one in found])
        return

    def at(one: when.ExpectedStart) -> str:
        if one.start_s is None:
            return "refused" if one.refused else "not known"
        return f"{datetime.datetime.fromtimestamp(one.start_s, datetime.UTC).astimezone():%Y-%m-%d %H:%M:%S}"

    rows = [
        (
            one.asking,
            one.mem_mb,
            one.tasks,
            at(one),
            "" if one.wait_s is None else format_duration(one.wait_s),
            one.task,
        )
        for one in found
    ]
    echo_table(["asking", ">MB", ">tasks up to that", "would start", ">after", "asked about"], rows)
    for refused in dict.fromkeys(one.refused for one in found if one.refused):
        click.echo(f"note: {refused}")
    click.echo("each by itself, in the queue of this moment: sbatch --test-only")


def _shared_notes(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the notes that several modes have, and these modes: they are said once, below the table."""
    modes: dict[str, list[str]] = {}
    for row in rows:
        for note in row.get("notes", []):
            modes.setdefault(note, []).append(row["mode"])
    return {note: names for note, names in modes.items() if len(names) > 1}


def _times(row: dict[str, Any], unit: MemoryTimeUnit) -> tuple[str | None, str | None]:
    """Return memory x time and the expected end of a mode's row."""
    from planner.core import units

    held, ends_s = row.get("requested_gb_h"), row.get("makespan_s")
    return (
        None if held is None else unit.number(held / units.GB_H),
        None if ends_s is None else units.format_duration(round(ends_s)),
    )


def _echo_schema() -> None:
    from planner.plan.document import Plan

    echo_json(Plan.model_json_schema())


def _count(plan: Plan) -> str:
    """Return ``3 of 66 tasks (3 samples x 22 regions)``."""
    if plan.extent is None or plan.extent.tasks == len(plan.tasks):
        tasks = count(len(plan.tasks), "task")
    else:
        tasks = f"{len(plan.tasks)} of {count(plan.extent.tasks, 'task')}"
    return tasks if plan.extent is None else f"{tasks} ({plan.extent})"


def show_plan(plan: Plan, *, wide: bool = False) -> None:
    """Print a plan as a table, then what it comes to; a reason that all tasks share is said once."""
    below = _below(plan)
    if plan.tasks:
        reasons = _reasons(plan, whole=wide or table.terminal_width() is None)
        _show_tasks(plan, wide=wide, shared=bool(reasons), around=table.screen_lines([*reasons, *below]))
        below = [*reasons, *below]
    for line in below:
        click.echo(line)


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
            for task in plan.tasks[: table.MOST_ROWS]
        ],
        title=f"{plan.name}, round {plan.round}: {_count(plan)}, {plan.mode} on {plan.target.site.name}",
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
    from planner.report.savings import savings

    lines = []
    if len(plan.tasks) > table.MOST_ROWS:
        lines.append(
            f"and {len(plan.tasks) - table.MOST_ROWS} more tasks: --json shows them all, and so does plan.json"
        )
    if plan.tasks:
        makespan = "" if plan.makespan_s is None else f"; done after {units.format_duration(round(plan.makespan_s))}"
        lines.append(f"{savings(plan).sentence()}{makespan}")
    lines += [f"note: {note}" for note in plan.notes]
    for reason, names in _by_reason(plan).items():
        shown = ", ".join(names[:MOST_NAMES]) + (
            f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        )
        lines.append(f"left out: {shown}: {reason}")
    if not plan.tasks and not plan.left_out:
        lines.append("nothing is left to run: every task is done ('chromplan plan --again' plans them all)")
    return lines
