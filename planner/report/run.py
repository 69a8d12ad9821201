"""The page of ``chromplan report``: results of a project's rounds, or of its history."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planner.advice import use
from planner.advice.advice import Advice, advise
from planner.advice.arrays import PastArray, PastElement
from planner.advice.ways import one_mem_mb
from planner.core.memory_time import in_words, unit_for
from planner.core.retry import DOUBLE
from planner.core.units import format_duration
from planner.core.wording import count
from planner.history.sacct.attempts import JobAttempt
from planner.plan.document import Plan, Target
from planner.report import advised, held_plot, svg
from planner.report import memory_plots as plots
from planner.report.memory_plots import TaskBar
from planner.report.page import Fact, Grid, Page, Section
from planner.report.pricing import priced


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """A round: how its tasks ended, and how long its jobs waited in the queue, s."""

    round: int
    mode: str
    tasks: int
    ends: Mapping[str, int]
    waits_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """End of a round, s, in the plan's order and in that of samples and chromosomes: replayed with measured times."""

    round: int
    planned_s: float
    natural_s: float


@dataclass(frozen=True, kw_only=True)
class ProjectStory:
    """The content of a project's report.

    Attributes
    ----------
    array : PastArray
        All attempts, task by task.
    former_mb : int or None
        The one ``--mem`` that was used before, MiB.
    capacity_mb : float or None
        Total memory of the nodes, MiB.
    next_step : str
        The next command.
    """

    title: str
    array: PastArray
    said: str = ""
    former_mb: int | None = None
    rounds: Sequence[RoundRow] = ()
    plans: Sequence[Plan] = field(default=())
    ordered: Ordered | None = None
    capacity_mb: float | None = None
    next_step: str = ""


@dataclass(frozen=True, kw_only=True)
class AgainstFormer:
    """What tasks with a known limit and peak reserved, and what they would have with one ``--mem`` for all.

    Attributes
    ----------
    billed_s, former_billed_s : float or None
        The site's billing units x time, s; None where the site has no price of its own, or tasks share allocations.
    """

    former_mb: int
    tasks: int
    mb_s: float
    former_mb_s: float
    core_s: float
    former_core_s: float
    killed: int
    former_killed: int
    billed_s: float | None = None
    former_billed_s: float | None = None


def saved(array: PastArray, former_mb: int | None, plans: Sequence[Plan] = ()) -> AgainstFormer | None:
    """Compare the attempts' reserved memory with one ``--mem`` for all, doubled after a kill.

    Parameters
    ----------
    plans : sequence of Plan
        The plans that the attempts are of, the latest last: their site has the price.

    Returns
    -------
    AgainstFormer or None
        None when no peak, or no earlier request, is known.
    """
    asked = [one for one in array.elements if all(attempt.limit_mb for attempt in one.attempts)]
    elements = [one for one in asked if one.measured is not None]
    one_mb = former_mb or one_mem_mb(elements)
    if not elements or one_mb is None:
        return None
    former = [_with(one, one_mb) for one in elements]
    attempts = [attempt for one in elements for attempt in one.attempts]
    target = priced(plans)
    return AgainstFormer(
        former_mb=one_mb,
        tasks=len(elements),
        mb_s=use.memory(attempts).reserved,
        former_mb_s=sum(mb_s for mb_s, _, _ in former),
        core_s=use.cores(attempts).reserved,
        former_core_s=sum(core_s for _, core_s, _ in former),
        killed=sum(len(one.killed) for one in elements),
        former_killed=sum(killed for _, _, killed in former),
        billed_s=None if target is None else sum(_billed_s(target, one, one.limit_mb or 0) for one in attempts),
        former_billed_s=None if target is None else sum(_former_billed_s(target, one, one_mb) for one in elements),
    )


def _billed_s(target: Target, attempt: JobAttempt, mem_mb: int) -> float:
    """Return what an attempt with this request is billed, unit s, by the rules of the site."""
    asked = target.site.adjust(target.partition, mem_mb, attempt.cpus)
    units = target.site.billed(target.partition, cpus=asked.cpus, mem_mb=asked.mem_mb)
    return units * (attempt.wall_s or 0.0)


def _former_billed_s(target: Target, element: PastElement, one_mb: int) -> float:
    ran = element.measured
    if ran is None:
        return 0.0
    requests = [one_mb]
    while requests[-1] < (ran.peak_mb or 0.0):
        requests.append(math.ceil(DOUBLE.after(requests[-1])))
    return sum(_billed_s(target, ran, mem_mb) for mem_mb in requests)


def _with(element: PastElement, one_mb: int) -> tuple[float, float, int]:
    """Return what an element would have reserved with one ``--mem``: MiB s, core s, and the number of kills."""
    ran = element.measured
    if ran is None:
        return 0.0, 0.0, 0
    peak, wall = ran.peak_mb or 0.0, ran.wall_s or 0.0
    idle, killed = DOUBLE.replay(float(one_mb), peak, wall)
    return idle + peak * wall, ran.cpus * wall * (1 + killed), killed


def page(told: ProjectStory) -> Page:
    """Return the page."""
    advice = advise(told.array, lengths_bp={})
    figures = saved(told.array, told.former_mb, told.plans)
    return Page(
        title=told.title,
        said=told.said or _said(told.array),
        sections=[
            *([_saved(figures, told)] if figures else []),
            _tasks(told, advice),
            *([_rounds(told)] if told.rounds else []),
        ],
    )


def _said(array: PastArray) -> str:
    jobs, reserved_mb_s = count(len(array.elements), "job"), use.memory(array.attempts).reserved
    if not reserved_mb_s:
        return f"{jobs}; what memory they asked for, and for how long, is not on record."
    return f"{jobs}, {unit_for(reserved_mb_s).text(reserved_mb_s)} of memory x time reserved."


def _saved(found: AgainstFormer, told: ProjectStory) -> Section:
    unit = unit_for(max(found.mb_s, found.former_mb_s))
    share = 1 - found.mb_s / found.former_mb_s if found.former_mb_s else 0.0
    core_h, former_core_h = found.core_s / 3600, found.former_core_s / 3600
    whose = (
        "your former --mem" if told.former_mb else "one --mem, the largest peak and a tenth, which nobody knew before"
    )
    waits = [wait for one in told.rounds for wait in one.waits_s]
    facts = [
        Fact(
            number=in_words(share),
            what="memory x time",
            note=f"{unit.text(found.mb_s)} against {unit.text(found.former_mb_s)}",
        ),
        Fact(
            number=f"{svg.amount(core_h)} core-h",
            what="reserved",
            note=f"against {svg.amount(former_core_h)}: a kill runs again",
        ),
        Fact(number=str(found.killed), what="attempts killed for memory", note=f"against {found.former_killed}"),
    ]
    if found.billed_s is not None and found.former_billed_s is not None:
        facts.append(
            Fact(
                number=f"{svg.amount(found.billed_s / 3600)} unit-h",
                what="billed",
                note=f"against {svg.amount(found.former_billed_s / 3600)}, as the site weighs cores and memory",
            )
        )
    if any(waits):
        facts.append(
            Fact(
                number=format_duration(statistics.median(waits)),
                what="median wait in the queue",
                note=f"longest {format_duration(max(waits))}, {count(len(waits), 'job')}",
            )
        )
    return Section(
        title="What was saved",
        said=f"{count(found.tasks, 'task')} whose peak is known, against --mem={found.former_mb}M for all: {whose}.",
        facts=facts,
    )


def _tasks(told: ProjectStory, advice: Advice) -> Section:
    drawn = [
        plots.asked_and_used([_without_request(one) for one in advised.task_bars(advice)]),
        plots.predicted(_planned(told) if told.plans else advised.task_bars(advice)),
        plots.ways(advised.way_bars(advice)),
        held_plot.over_time(advised.held(told.array), told.capacity_mb),
    ]
    return Section(
        title="What each task asked for and used",
        facts=advised.facts(told.array),
        plots=[one for one in drawn if one is not None],
        grids=[advised.ways_grid(advice)] if advice.ways else [],
    )


def _without_request(bar: TaskBar) -> TaskBar:
    return TaskBar(name=bar.name, asked_mb=bar.asked_mb, peak_mb=bar.peak_mb, killed=bar.killed)


def _planned(told: ProjectStory) -> list[TaskBar]:
    """Return prediction and request of each task when it was first planned, and its peak."""
    first = {task.task: task for plan in reversed(told.plans) for task in plan.tasks}
    return [
        TaskBar(
            name=one.label,
            asked_mb=one.attempts[0].limit_mb,
            peak_mb=one.peak_mb,
            killed=one.measured is None,
            predicted_mb=first[one.label].predicted_mb,
            request_mb=first[one.label].request_mb,
        )
        for one in told.array.elements
        if one.label in first
    ]


def _rounds(told: ProjectStory) -> Section:
    grids = [
        Grid(
            title="Round by round",
            columns=["round", "mode", "tasks", "how they ended", "median wait"],
            rows=[
                [
                    one.round,
                    one.mode,
                    one.tasks,
                    ", ".join(f"{number} {end}" for end, number in one.ends.items()),
                    format_duration(statistics.median(one.waits_s)) if one.waits_s else "",
                ]
                for one in told.rounds
            ],
        )
    ]
    again = [one for one in told.array.elements if len(one.attempts) > 1]
    if again:
        grids.append(
            Grid(
                title=f"{count(len(again), 'task')} ran more than once",
                columns=["task", "attempts: asked MB, and how it ended", "peak MB"],
                rows=[
                    [one.label, _attempts(one), "" if one.peak_mb is None else f"{one.peak_mb:.0f}"] for one in again
                ],
            )
        )
    if told.ordered is not None:
        grids.append(_order_grid(told.ordered))
    return Section(
        title="Rounds and retries",
        grids=grids,
        advice="What to do next",
        lines=[told.next_step] if told.next_step else [],
    )


def _attempts(element: PastElement) -> str:
    return " → ".join(f"{one.limit_mb} {one.outcome.value if one.outcome else ''}".strip() for one in element.attempts)


def _order_grid(found: Ordered) -> Grid:
    return Grid(
        title=f"Order of round {found.round}",
        note="Replayed on the plan's nodes with the run times that were measured.",
        columns=["order", "done after"],
        rows=[
            ["the plan's", format_duration(found.planned_s)],
            ["by sample and chromosome", format_duration(found.natural_s)],
        ],
    )
