"""The page of ``chromplan advise --html``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.advice import document, use
from planner.advice.advice import Advice
from planner.advice.arrays import PastArray
from planner.advice.use import Share
from planner.advice.ways import Way
from planner.core.memory_time import unit_for
from planner.core.units import MB_PER_GB, format_duration
from planner.report import held_plot, svg
from planner.report import memory_plots as plots
from planner.report.held_plot import HeldSpan
from planner.report.memory_plots import TaskBar, WayBar
from planner.report.page import Fact, Grid, Page, Section
from planner.report.svg import Plot


def write(path: Path, told: Sequence[Advice]) -> None:
    """Write the page about these arrays."""
    from planner.report import page

    page.write(path, made(told))


def made(told: Sequence[Advice]) -> Page:
    """Return the page about these arrays."""
    attempts = [attempt for advice in told for attempt in advice.array.attempts]
    memory = use.memory(attempts)
    unit = unit_for(memory.reserved)
    share = f"{100 * memory.wasted / memory.reserved:.0f} %" if memory.reserved else "nothing"
    many = f"{len(told)} submissions" if len(told) > 1 else told[0].array.title
    return Page(
        title=f"What {many} should have asked for",
        said=f"Of {unit.text(memory.reserved)} of memory x time reserved, {share} was wasted: idle, or lost to kills.",
        sections=[section(one) for one in told],
    )


def section(advice: Advice) -> Section:
    """Return the page's section about one array."""
    array = advice.array
    ends = ", ".join(f"{number} {outcome}" for outcome, number in document.outcomes(array).most_common())
    found = advice.next_time
    lines = () if found is None else (*found.directives, *([found.sbatch] if found.sbatch else []))
    return Section(
        title=array.title,
        said=f"{ends}.",
        facts=facts(array),
        plots=_plots(advice),
        grids=[ways_grid(advice)] if advice.ways else [],
        advice="Next time: in the script, or in place of sbatch",
        lines=lines,
    )


def facts(array: PastArray) -> list[Fact]:
    """Return the headline figures."""
    memory, cores = use.memory(array.attempts), use.cores(array.attempts)
    unit = unit_for(memory.reserved)
    dead = sum(len(one.killed) for one in array.elements)
    found = [Fact(number=str(dead), what="attempts killed for memory", note=f"of {len(array.attempts)}")]
    if memory.reserved:
        found = [
            Fact(
                number=unit.text(memory.reserved),
                what="memory x time reserved",
                note=_parts(memory, unit.mb_s),
            ),
            Fact(
                number=f"{100 * memory.wasted / memory.reserved:.0f} %",
                what="of it wasted",
                note="idle, or lost to kills",
            ),
            *found,
        ]
    if cores.reserved:
        found.append(
            Fact(
                number=f"{svg.amount(cores.reserved / 3600)} core-h",
                what="reserved",
                note=_parts(cores, 3600.0) if cores.unknown < cores.reserved else "how much was used is not on record",
            ),
        )
    billed_s = use.own_price_s(array.attempts)
    if billed_s is not None:
        note = "billing units x time, as the site weighs cores and memory"
        found.append(Fact(number=f"{svg.amount(billed_s / 3600)} unit-h", what="billed", note=note))
    return found


def _parts(share: Share, unit: float) -> str:
    parts = (
        ("used", share.used),
        ("idle", share.idle),
        ("killed", share.killed),
        ("other ends", share.otherwise),
        ("unknown", share.unknown),
    )
    return ", ".join(f"{svg.amount(amount / unit)} {name}" for name, amount in parts if amount)


def _plots(advice: Advice) -> list[Plot]:
    bars = task_bars(advice)
    drawn = (
        plots.asked_and_used(bars),
        plots.ways(way_bars(advice)),
        plots.predicted(bars),
        held_plot.over_time(held(advice.array)),
    )
    return [one for one in drawn if one is not None]


def way_bars(advice: Advice) -> list[WayBar]:
    """Return the bars of the ways to request memory."""
    return [
        WayBar(
            name=one.way.value,
            used_mb_s=one.reserved_mb_s - one.wasted_mb_s,
            wasted_mb_s=one.wasted_mb_s,
            killed=one.killed,
        )
        for one in advice.ways
    ]


def task_bars(advice: Advice) -> list[TaskBar]:
    """Return the bars of the elements."""
    foretold = {row.element.label: row.prediction for row in advice.foresight.rows}
    return [
        TaskBar(
            name=one.label,
            asked_mb=one.limit_mb,
            peak_mb=one.peak_mb,
            killed=one.measured is None and bool(one.killed),
            predicted_mb=foretold[one.label].point_mb if one.label in foretold else None,
            request_mb=foretold[one.label].request_mb if one.label in foretold else None,
        )
        for one in advice.array.elements
    ]


def held(array: PastArray) -> list[HeldSpan]:
    """Return the attempts over time, if times, limits and peaks are recorded."""
    return [
        HeldSpan(start_s=one.start_s, end_s=one.start_s + one.wall_s, asked_mb=one.limit_mb, peak_mb=one.peak_mb or 0.0)
        for one in array.attempts
        if one.start_s and one.wall_s and one.limit_mb
    ]


def ways_grid(advice: Advice) -> Grid:
    """Return the figures of every way to request memory."""
    unit = unit_for(max(one.reserved_mb_s for one in advice.ways))
    rows = []
    for one in advice.ways:
        expected = advice.expected.get(one.way)
        least, most = min(one.requests_mb), max(one.requests_mb)
        rows.append(
            [
                one.way.value,
                f"{least}" if least == most else f"{least}–{most}",
                f"{100 * one.coverage:.0f} %",
                one.killed,
                unit.number(one.reserved_mb_s),
                unit.number(one.wasted_mb_s) if one.way is not Way.KNOWN else "0",
                format_duration(expected.makespan_s) if expected else "",
                svg.amount(expected.held_mb / MB_PER_GB) if expected else "",
            ]
        )
    columns = [
        "asking",
        "MB",
        "coverage",
        "killed",
        f"reserved {unit.name}",
        f"wasted {unit.name}",
        "done after",
        "held at once GB",
    ]
    return Grid(title="Ways to ask for memory, on the same tasks", columns=columns, rows=rows)
