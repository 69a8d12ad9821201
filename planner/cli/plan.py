"""``chromplan plan``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.actions.opening import open_project
from planner.actions.rounds import plan_next
from planner.cli.ui.options import plot_option, project_option
from planner.cli.ui.output import echo_json, echo_table, in_place, json_option, wide_option
from planner.cli.ui.progress import working
from planner.core.modes import MODES, BatchPacker, Ordering

if TYPE_CHECKING:
    from planner.core.memory_time import MemoryTimeUnit
    from planner.plan.document import Plan
    from planner.project.folder import ProjectFolder


def _split(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a valid value of ``--split``."""
    if value is None or value in ("auto", "cheapest"):
        return value
    from planner.core.regions import MOST_PARTS

    if value.isdecimal() and 1 <= int(value) <= MOST_PARTS:
        return value
    raise click.BadParameter(f"{value!r} is neither auto, cheapest nor a number of parts up to {MOST_PARTS}")


@click.command("plan")
@click.option("--mode", type=click.Choice(MODES), help="The mode, instead of submit.mode.")
@click.option(
    "--packer",
    type=click.Choice([one.value for one in BatchPacker]),
    help="Modes packed and het: how tasks are divided among allocations, instead of submit.packer.",
)
@click.option(
    "--order",
    "ordering",
    type=click.Choice([one.value for one in Ordering]),
    help="With submit.max_running: how the order is found, instead of submit.order.",
)
@click.option(
    "--split",
    "how",
    metavar="auto|cheapest|N",
    callback=_split,
    help="Cut chromosomes into parts so that the round ends soonest (auto) or is billed least (cheapest), or cut each "
    "into N parts; 1 undoes it.",
)
@click.option("--retry-failed", is_flag=True, help="Also run failed and cancelled tasks again.")
@click.option("--again", is_flag=True, help="Plan every task, even those that are done.")
@click.option("--compare", is_flag=True, help="Compare what each mode would take; write nothing.")
@plot_option("the expected timeline (before durations are known, what each task asks for)")
@click.option(
    "--when",
    is_flag=True,
    help="Ask Slurm when tasks would start, with one --mem for all and with their own requests; write nothing.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of plan.json and stop.")
@click.option("--all", "shows_all", is_flag=True, help="Show every task.")
@wide_option
@json_option
@project_option
def command(
    folder: Path,
    mode: str | None,
    packer: str | None,
    ordering: str | None,
    how: str | None,
    retry_failed: bool,
    again: bool,
    compare: bool,
    plot_file: Path | None,
    when: bool,
    schema: bool,
    shows_all: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Decide each task's memory request and the order.

    Writes rounds/rNNN/plan.json; nothing is submitted.
    """
    if schema:
        _echo_schema()
        return
    if how is not None and (compare or when):
        from planner.core.errors import InputError

        raise InputError("--split cannot be combined with --compare or --when", "split first: --compare uses it then")
    project = open_project(folder)
    submit = {"packer": packer, "order": ordering}
    if compare:
        _compare(project, submit, retry_failed=retry_failed, again=again, as_json=as_json, wide=wide)
        return
    if when:
        _when(project, mode, retry_failed=retry_failed, again=again, as_json=as_json)
        return
    options: dict[str, Any] = {"retry_failed": retry_failed, "again": again, "submit": submit}
    if how is not None:
        from planner.actions import splitting

        with working("planning the ways to cut"):
            plan, path = splitting.plan_next(project, how, mode, **options)
    else:
        with working("planning"):
            plan, path = plan_next(project, mode, **options)
    if as_json:
        click.echo(plan.model_dump_json(indent=2))
    else:
        _show(plan, path, every_row=shows_all, wide=wide)
    if plot_file:
        _draw(plot_file, plan)


def _show(plan: Plan, path: Path | None, *, every_row: bool, wide: bool) -> None:
    from planner.cli.plan_view import show_plan
    from planner.cli.split_view import show_ways

    show_ways(plan, wide=wide)
    show_plan(plan, every_row=every_row, wide=wide)
    if plan.target.site.name == "local" and shutil.which("sinfo"):
        click.echo("note: the site is 'local', this machine, though Slurm is here: submit.site names a cluster")
    if path:
        click.echo(in_place(f"wrote {path}; next: chromplan render"))


def _draw(path: Path, plan: Plan) -> None:
    if not plan.tasks:
        click.echo(f"note: no task is planned, so {path} is not drawn", err=True)
        return
    from planner.report import planned

    planned.draw(path, plan)
    click.echo(f"drew {path}", err=True)


def _compare(
    project: ProjectFolder,
    submit: Mapping[str, str | None],
    *,
    retry_failed: bool,
    again: bool,
    as_json: bool,
    wide: bool,
) -> None:
    """Plan in every mode and show what each comes to."""
    import dataclasses

    from planner.actions.planning import fetch
    from planner.core.errors import InputError
    from planner.plan import build
    from planner.report import savings as compare
    from planner.report.reserved import one_mem

    with working("reading what is known"):
        inputs = fetch(project, retry_failed=retry_failed, again=again)
    found: list[dict[str, Any]] = []
    without: Plan | None = None
    empty: Plan | None = None
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
        empty = empty or (None if plan.tasks else plan)
    if without is not None:
        one = dataclasses.asdict(compare.one_mem_figures(without))
        notes = [f"an array of {one_mem(without)} MB for each task, without chromplan"]
        found.append({"mode": "one --mem", "becomes": "one --mem", "notes": notes, **one})
    if as_json:
        echo_json(found)
        return
    if without is None and empty is not None:
        _show(empty, None, every_row=False, wide=wide)
        return
    from planner.core.memory_time import unit_for
    from planner.core.units import GB_H

    timed = any(row.get("makespan_s") is not None for row in found)
    shared = _shared_notes(found)
    priced = without is not None and without.target.site.has_price(without.target.partition) and timed
    unit = unit_for(max((row.get("requested_gb_h") or 0.0 for row in found), default=0.0) / GB_H)
    echo_table(
        [
            "mode",
            ">jobs",
            ">sbatch",
            *([f">{unit.name} reserved", ">done after"] if timed else [">MB in all"]),
            *([">core-hours", ">unit-hours billed"] if priced else []),
            ">calls",
            "",
        ],
        [
            (
                row["mode"],
                row.get("jobs"),
                row.get("submissions"),
                *(_times(row, unit) if timed else (row.get("reserved_mb"),)),
                *(_costs(row) if priced else ()),
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
        click.echo("durations are not known yet, so memory x time and the end cannot be estimated")


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
    click.echo("each on its own, in the queue as it is now: sbatch --test-only")


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


def _costs(row: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the core-hours and the billing unit-hours of a mode's row."""
    price = row.get("price")
    return (f"{price['core_h']:.3g}", f"{price['billed_h']:.3g}") if price else (None, None)


def _echo_schema() -> None:
    from planner.plan.document import Plan

    echo_json(Plan.model_json_schema())
