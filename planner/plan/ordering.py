"""The order of tasks that are jobs or elements of their own, searched for when ``max_running`` limits them."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core import units
from planner.core.modes import Ordering
from planner.plan.document import Target
from planner.plan.packing import Load
from planner.schedule import listing


def order_for(
    chosen: Sequence[int], load: Load, target: Target, how: Ordering | None
) -> tuple[Sequence[int], tuple[str, ...]]:
    """Return the requested order, and notes that compare it with the natural one.

    Parameters
    ----------
    chosen : sequence of int
        The tasks by memory x time: the order if no other is requested, or none can be searched for.
    how : Ordering, optional
        A search looks for the order with the lowest peak, with ``max_running`` tasks at once, that takes hardly longer
        than the shortest order.
    """
    slots = target.max_running
    if how is None:
        return chosen, ()
    if slots is None or slots >= len(chosen):
        return chosen, (f"order {how}: all tasks may run at once (submit.max_running), so none is searched",)
    if not load.timed:
        return chosen, (f"order {how}: durations are not known yet, so tasks go by memory",)
    found = chosen if how is Ordering.COST else _searched(load, slots, how)
    expected, natural = (
        listing.list_schedule(each, load.mem_mb, load.wall_s, listing.Machine(slots=slots))
        for each in (found, range(len(chosen)))
    )
    note = f"order {how}, {slots} at once: {_figures(expected)}; natural order: {_figures(natural)}"
    return found, (note,)


def _searched(load: Load, slots: int, how: Ordering) -> Sequence[int]:
    from planner.schedule.order.problem import Problem
    from planner.schedule.order.search import HillClimb, search

    problem = Problem(mem_mb=tuple(load.mem_mb), wall_s=tuple(load.wall_s), slots=slots)
    return search(problem, climb=HillClimb() if how is Ordering.HILL_CLIMB else None).order


def _figures(schedule: listing.Schedule) -> str:
    return f"peak {schedule.peak:.0f} MB, {units.format_duration(round(schedule.makespan))}"
