"""What ``chromplan plan --split`` prints of the ways to cut chromosomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planner.cli.ui.output import echo_table

if TYPE_CHECKING:
    from planner.core.memory_time import MemoryTimeUnit
    from planner.plan.document import CutWay, Plan


def show_ways(plan: Plan, *, wide: bool) -> None:
    """Print the chosen way and those it was compared with, each with what it comes to; nothing where there are none."""
    from planner.core import units
    from planner.core.memory_time import unit_for

    if not plan.ways:
        return
    known = [way for way in plan.ways if way.refused is None]
    timed = all(way.makespan_s is not None for way in known)
    unit = unit_for(max((way.requested_gb_h or 0.0 for way in known), default=0.0) / units.GB_H)
    priced = timed and plan.target.site.has_price(plan.target.partition)
    heads = [">done after", f">{unit.name} reserved"] if timed else []
    heads += [">core-hours", ">unit-hours billed"] if priced else []
    rows = []
    for way in plan.ways:
        name = f"{way.parts} (whole)" if way.parts == "1" else way.parts
        figures = [*(_times(way, unit) if timed else ()), *(_costs(way) if priced else ())]
        rows.append([name, way.tasks, way.largest_mb, *figures, way.refused or ""])
    echo_table(["parts of each", ">tasks", ">largest MB", *heads, ""], rows, title="ways to cut", wide=wide)
    click.echo("")


def _times(way: CutWay, unit: MemoryTimeUnit) -> tuple[str | None, str | None]:
    from planner.core import units

    return (
        None if way.makespan_s is None else units.format_duration(round(way.makespan_s)),
        None if way.requested_gb_h is None else unit.number(way.requested_gb_h / units.GB_H),
    )


def _costs(way: CutWay) -> tuple[str | None, str | None]:
    return (f"{way.price.core_h:.3g}", f"{way.price.billed_h:.3g}") if way.price else (None, None)
