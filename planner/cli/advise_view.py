"""What ``chromplan advise`` prints."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from planner.advice import document, use
from planner.advice.arrays import PastArray, PastElement
from planner.advice.use import Share
from planner.cli.ui import table
from planner.cli.ui.output import echo_table
from planner.core import units, wording
from planner.core.memory_time import MemoryTimeUnit, unit_for
from planner.core.records import Outcome, Quality
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.actions.advising import Answer
    from planner.advice.advice import Advice
    from planner.advice.ways import WayFigures

_WIDTH = 80
_MOST_LINES = 40
_MOST_NAMED = 10
_LEAST_BAR, _MOST_BAR = 8, 40
_BINS = 10
_BAR_SAYS, _BAR_SAYS_BRIEFLY = "of what was asked", "of asked"
_NOTHING = 0.005


# --- many arrays --------------------------------------------------------------------------------------------------


def show_list(arrays: Sequence[PastArray]) -> None:
    """Print a line per array, the most wasteful first."""
    found = [(array, use.memory(array.attempts)) for array in arrays]
    found.sort(key=lambda one: -one[1].wasted)
    unit = unit_for(max(share.reserved for _, share in found))
    columns = ["job", "name", ">jobs", ">killed", f">{unit.name} reserved", ">wasted", ">most MB", ">asked MB"]
    echo_table(columns, [_list_cells(array, share, unit) for array, share in found])


def _list_cells(array: PastArray, share: Share, unit: MemoryTimeUnit) -> tuple[object, ...]:
    limits = [one.attempts[0].limit_mb for one in array.elements if one.attempts[0].limit_mb]
    peaks = [one.peak_mb for one in array.elements if one.peak_mb]
    killed = sum(len(one.killed) for one in array.elements)
    return (
        array.job_id,
        array.name,
        len(array.elements),
        killed or "",
        unit.number(share.reserved),
        _percent(share.wasted, share.reserved),
        f"{max(peaks):.0f}" if peaks else "",
        max(limits, default=""),
    )


def show_end(answer: Answer, *, detailed: bool) -> None:
    """Print what is to be known of all of it."""
    if answer.untrusted:
        click.echo(
            f"{count(answer.untrusted, 'peak')} not believed: fewer than 3 polls "
            "(--poll SECONDS, where the site polls more often)"
        )
    if not detailed and len(answer.arrays) > 1:
        worst = max(answer.arrays, key=lambda one: use.memory(one.attempts).wasted)
        click.echo(f"in detail: chromplan advise {worst.job_id}; all of them: --all")


# --- what one array used ------------------------------------------------------------------------------------------


def show_use(array: PastArray, *, every: bool = False) -> None:
    """Print what an array asked for and used: a line per element, or where these are many, per tenth."""
    for line in _headings(array):
        click.echo(line)
    if len(array.elements) <= _MOST_LINES or every:
        _show_elements(array.elements)
        return
    _show_tenths(array)
    notable = [one for one in array.elements if one.killed or one.last.outcome not in (Outcome.COMPLETED, None)]
    if notable:
        click.echo(f"not completed, or not at the first attempt: {_first_of(notable)}")
    largest = sorted((one for one in array.elements if one.peak_mb), key=lambda one: -(one.peak_mb or 0))
    click.echo(f"largest: {', '.join(f'{one.label} ({one.peak_mb:.0f} MB)' for one in largest[:5])}; --all lists all")


def _first_of(elements: Sequence[PastElement]) -> str:
    named = ", ".join(f"{one.label} {document.outcome(one)}" for one in elements[:_MOST_NAMED])
    return named + (f" and {len(elements) - _MOST_NAMED} more" if len(elements) > _MOST_NAMED else "")


def _headings(array: PastArray) -> list[str]:
    ends = ", ".join(f"{number} {outcome}" for outcome, number in document.outcomes(array).most_common())
    limits = {one.attempts[0].limit_mb for one in array.elements if one.attempts[0].limit_mb}
    each = f"{limits.pop()} MB" if len(limits) == 1 else ""
    size = f"{len(array.elements)} x {each}".removesuffix(" x ") if array.kind == "array" else each
    title = f"{array.title}{', ' * bool(size)}{size}: {ends}"
    lines = [click.style(title, bold=True) if table.has_colour() else title]
    memory, cores = use.memory(array.attempts), use.cores(array.attempts)
    unit = unit_for(memory.reserved)
    if memory.reserved:
        lines.append(_went(memory, unit.name, unit.number))
    if cores.reserved > cores.unknown:
        lines.append(_went(cores, "core-h", _hours))
    billed_s = use.own_price_s(array.attempts)
    if billed_s is not None:
        lines.append(f"{_hours(billed_s)} unit-h billed, as the site weighs cores and memory")
    return lines


def _went(share: Share, unit: str, number: Callable[[float], str]) -> str:
    """Return where an amount went."""
    parts = [
        f"{number(amount)} {what}"
        for amount, what in (
            (share.used, "used"),
            (share.idle, "idle"),
            (share.killed, "killed"),
            (share.otherwise, "other ends"),
            (share.unknown, "unknown"),
        )
        if amount
    ]
    return f"{number(share.reserved)} {unit}, {_percent(share.wasted, share.reserved)} wasted: {', '.join(parts)}"


def _hours(seconds: float) -> str:
    return wording.number(seconds / 3600)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def _show_elements(elements: Sequence[PastElement]) -> None:
    several = len({one.limit_mb for one in elements}) > 1
    known = any(one.limit_mb for one in elements)
    columns = ["element", *([">asked MB"] if several else []), ">peak MB", "quality"]
    columns += [_BAR_SAYS, ">"] if known else []
    columns += [">wall", "outcome"]
    rows = [_element_cells(one, several=several, bar=_bar(one, 0) if known else None) for one in elements]
    # what is left of the screen is the bars'
    room = _WIDTH - max(map(len, table.lines(columns, rows, width=None, colour=False)))
    width = min(max(_LEAST_BAR, room + len(_BAR_SAYS)), _MOST_BAR)
    if known and width < len(_BAR_SAYS):
        columns[columns.index(_BAR_SAYS)] = _BAR_SAYS_BRIEFLY
    echo_table(
        columns,
        [_element_cells(one, several=several, bar=_bar(one, width) if known else None) for one in elements],
        wide=True,
    )


def _element_cells(one: PastElement, *, several: bool, bar: str | None) -> tuple[object, ...]:
    bound = "≥ " if one.peak_mb is not None and one.measured is None else ""
    again = f", {len(one.attempts)} attempts" if len(one.attempts) > 1 else ""
    return (
        one.label,
        *([one.limit_mb] if several else []),
        "" if one.peak_mb is None else f"{bound}{one.peak_mb:.0f}",
        one.quality.value if one.quality is not Quality.CENSORED else "killed",
        *([] if bar is None else [bar, "" if one.peak_mb is None else _percent(one.peak_mb, one.limit_mb or 0)]),
        "" if one.last.wall_s is None else units.format_duration(one.last.wall_s),
        f"{document.outcome(one)}{again}",
    )


def _bar(one: PastElement, width: int) -> str:
    limit = one.limit_mb
    if not limit or one.peak_mb is None:
        return ""
    filled = min(width, round(width * one.peak_mb / limit))
    return "█" * filled + "░" * (width - filled)


def _show_tenths(array: PastArray) -> None:
    """Print how many elements used how much of what they had asked for."""
    shares = [one.peak_mb / one.limit_mb for one in array.elements if one.peak_mb is not None and one.limit_mb]
    if not shares:
        return
    tenths = Counter(min(int(_BINS * share), _BINS) for share in shares)
    most = max(tenths.values())
    width = _WIDTH - 40
    rows = [
        (
            f"{10 * tenth}-{10 * tenth + 10} %" if tenth < _BINS else "100 % and more",
            number,
            "█" * max(round(width * number / most), bool(number)),
        )
        for tenth, number in ((tenth, tenths[tenth]) for tenth in range(_BINS + 1))
        if number
    ]
    echo_table(["peak, of what was asked", ">elements", ""], rows, wide=True)


# --- what it should have asked for --------------------------------------------------------------------------------


def show_advice(advice: Advice) -> None:
    """Print what other ways to ask would have come to, and what to ask for next time."""
    if advice.ways:
        click.echo()
        _show_ways(advice)
    elif advice.foresight.why_not:
        click.echo(advice.foresight.why_not)
    for line in _next_time(advice):
        click.echo(line)


def _show_ways(advice: Advice) -> None:
    unit = unit_for(max(one.reserved_mb_s for one in advice.ways))
    timed = bool(advice.expected)
    columns = ["asking", ">MB", ">coverage", ">killed", f">wasted {unit.name}", *([">done after"] if timed else [])]
    echo_table(columns, [_way_cells(one, advice, unit) for one in advice.ways], wide=True)
    for line in _remarks(advice):
        click.echo(line)


def _way_cells(one: WayFigures, advice: Advice, unit: MemoryTimeUnit) -> tuple[object, ...]:
    least, most = min(one.requests_mb), max(one.requests_mb)
    expected = advice.expected.get(one.way)
    return (
        one.way.value,
        f"{most}" if least == most else f"{least}-{most}",
        f"{100 * one.coverage:.0f} %",
        one.killed or 0,
        unit.number(one.wasted_mb_s) if one.wasted_mb_s > _NOTHING * one.reserved_mb_s else "0",
        *([] if expected is None else [units.format_duration(expected.makespan_s)]),
    )


def _remarks(advice: Advice) -> list[str]:
    foresight = advice.foresight
    assumed = sum(row.assumed for row in foresight.rows)
    lines = [f"{count(len(foresight.rows), 'element')}, each predicted from the others, never from itself"]
    if foresight.follows_length is not None:
        lines.append(f"by chromosome: peaks follow the lengths (correlation {foresight.follows_length:.2f})")
    elif len(foresight.rows) > 1:
        lines.append("nothing is known that tells them apart, so all of them get the same request")
    lines.append("coverage: elements whose peak is within the request; wasted: with the reruns")
    if assumed:
        lines.append(f"{assumed} killed: the peak is assumed to be what the others predict, above the limit")
    if foresight.left_out:
        lines.append(f"{foresight.left_out} left out: no peak that can be trusted")
    if advice.expected and advice.pool_mb:
        lines.append(f"done after: replayed in the {advice.pool_mb / units.MB_PER_GB:,.1f} GB it held at once")
    return lines


def _next_time(advice: Advice) -> list[str]:
    found = advice.next_time
    if found is None:
        return ["no peak is on record, so there is no advice for next time"]
    lines = ["", "next time, in the script:", *(f"  {line}" for line in found.directives)]
    if found.sbatch:
        lines += [_instead(found.own_mb), f"  {found.sbatch}"]
    if found.why:
        lines.append(f"  ({found.why})")
    return lines


def _instead(own_mb: tuple[int, int] | None) -> str:
    if own_mb is None:
        return "or let chromplan plan it, from all that is known by then:"
    own = f"{own_mb[0]}" if own_mb[0] == own_mb[1] else f"each its own, {own_mb[0]} to {own_mb[1]}"
    return f"or planned ({own} MB), in place of sbatch:"


def echo_csv(arrays: Sequence[PastArray]) -> None:
    """Print a line per element."""
    rows = [{"array": array.job_id, **document.element(one, None)} for array in arrays for one in array.elements]
    text = io.StringIO()
    keys = [key for key in rows[0] if key not in ("predicted_from_others_mb", "own_request_mb", "peak_assumed_mb")]
    writer = csv.DictWriter(text, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    click.echo(text.getvalue(), nl=False)
