"""Lower bounds by linear programming: time shared out over the sets of tasks that can run together.

In any schedule some set of tasks runs at every instant, and each task runs for its duration. If tasks could be
interrupted at will, the time that each set runs would be a linear program over the sets that the limits allow
(the configuration program of Gilmore and Gomory, Oper. Res. 9, 1961). No order can do better.

These bounds take seconds where those of `planner.schedule.order.bounds` take none; scipy (HiGHS) solves the programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from planner.schedule.order import bounds
from planner.schedule.order.batch import Floats, Ints
from planner.schedule.order.bounds import SLACK, Bools

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# A solver's feasibility is good to about this share.
_SOLVED = 1e-7
_ROUNDS = 500
_NEW_SETS = 40
# Most tasks whose subsets are priced, half of them at a time; most sets in a program with whole numbers.
_PRICED, _WHOLE_SETS = 30, 3000
_BISECTIONS = 7
_NODES = 2000
# scipy's word for a program without a solution
_INFEASIBLE = 2


def cap_makespan_bound(mem: Floats, wall: Floats, cap: float, slots: int) -> float:
    """Return a lower bound on the makespan under a memory cap and K slots; 0 for more than 30 tasks.

    This is the least total time of sets within the cap that gives every task its duration (column generation): the
    program starts with sets of one task; its dual prices show, by a knapsack, which further sets would help most.

    Parameters
    ----------
    mem, wall : array of shape (tasks,)
        Memory and duration of each task; ``cap`` has the unit of memory, the bound that of duration.
    """
    from scipy.optimize import linprog

    if len(mem) > _PRICED:
        return 0.0
    sets = np.eye(len(mem), dtype=bool)
    for _ in range(_ROUNDS):
        solved = linprog(np.ones(len(sets)), A_ub=-sets.T.astype(float), b_ub=-wall, method="highs")
        prices = -np.asarray(solved.ineqlin.marginals)
        worth, new = _dearest(mem, prices, cap * SLACK, slots)
        # prices divided by the worth of the dearest set are feasible in the dual, so this much is a bound already
        bound = float(prices @ wall) / max(1.0, worth)
        if worth <= 1 + _SOLVED:
            break
        sets = np.unique(np.concatenate([sets, new]), axis=0)
    return bound * (1 - _SOLVED)


def slot_peak_bound(
    mem: Floats, wall: Floats, slots: int, *, makespan_limit: float, known: float, bound: float
) -> float:
    """Return a lower bound on the peak of list scheduling on K slots within a makespan, by bisection.

    Until the last task starts all K slots are busy, so the sets have K tasks each; from then on only the tasks of the
    *last set* run, at most K, which need no more than the peak together. Which tasks these are is a choice in whole
    numbers; how long sets run, and how long the tasks of the last set run on, is linear. The bound given comes back
    when there are more than some thousand sets.

    Parameters
    ----------
    makespan_limit : float
        Longest makespan allowed; infinite when any is.
    known, bound : float
        A peak that is possible, and a lower bound, from elsewhere.
    """
    if bound >= known * (1 - bounds.PROVED):
        return bound
    peak = known * (1 - bounds.PROVED / 2)
    for _ in range(_BISECTIONS):
        sets = _sets_of(mem, slots, peak)
        if sets is None:
            return bound
        if _impossible(sets, mem, wall, slots, peak, makespan_limit):
            bound = peak
        else:
            known = peak
        peak = (bound + known) / 2
        if bound >= known * (1 - bounds.PROVED):
            break
    return bound


def _sets_of(mem: Floats, slots: int, peak: float) -> Ints | None:
    """Return the sets of K tasks within the peak as rows of task numbers; None when there are too many."""
    rows = np.zeros((1, 0), dtype=np.int64)
    for place in range(slots):
        last = rows[:, -1] if place else np.full(1, -1)
        grown = [
            np.column_stack([rows[fits], np.full(int(fits.sum()), task)])
            for task in range(len(mem))
            if (fits := (last < task) & (mem[rows].sum(axis=1) + mem[task] <= peak * SLACK)).any()
        ]
        rows = np.concatenate(grown) if grown else np.zeros((0, place + 1), dtype=np.int64)
        if len(rows) > _WHOLE_SETS:
            return None
    return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class _IntegerProgram:
    """A mixed integer program without an objective: ``least <= rows @ x <= most``.

    Attributes
    ----------
    rows : sparse array of shape (constraints, unknowns)
    least, most : array of shape (constraints,)
    upper : array of shape (unknowns,)
        Upper bounds of the unknowns; all are at least 0.
    whole : array of shape (unknowns,)
        1 for unknowns that are whole numbers, else 0.
    """

    rows: csr_array
    least: Floats
    most: Floats
    upper: Floats
    whole: Floats


def _impossible(sets: Ints, mem: Floats, wall: Floats, slots: int, peak: float, makespan_limit: float) -> bool:
    """Return whether no schedule exists; False also where the effort ends before that is proved."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    program = _schedule_program(sets, mem, wall, slots, peak, makespan_limit)
    solved = milp(
        np.zeros(len(program.upper)),
        constraints=LinearConstraint(program.rows, program.least, program.most),
        bounds=Bounds(0, program.upper),
        integrality=program.whole,
        options={"node_limit": _NODES},
    )
    return bool(solved.status == _INFEASIBLE)


def _schedule_program(
    sets: Ints, mem: Floats, wall: Floats, slots: int, peak: float, makespan_limit: float
) -> _IntegerProgram:
    """Return the program that has a solution if a schedule within peak and makespan exists.

    The unknowns are, one after the other: for each set, how long it runs; for each task, how long it runs after the
    start of the last task; for each task, 1 if it is in the last set; how long the last set runs at most.
    """
    from scipy.sparse import bmat, csr_array, eye_array

    tasks, count = len(mem), len(sets)
    in_set = csr_array((np.ones(sets.size), (sets.ravel(), np.repeat(np.arange(count), slots))), shape=(tasks, count))
    each_task = eye_array(tasks, format="csr")
    all_tasks, every_task = np.ones((1, tasks)), np.ones((tasks, 1))
    rows = bmat(
        [
            [in_set, each_task, None, None],  # a task runs for its duration, before and after the last start
            [None, each_task, -each_task.multiply(wall[:, None]).tocsr(), None],  # later only the last set runs
            [None, each_task, None, -every_task],  # its longest task ends the schedule
            [None, None, all_tasks, None],  # it has at most K tasks
            [None, None, mem[None, :], None],  # they fit within the peak
            [np.ones((1, count)), None, None, np.ones((1, 1))],  # the makespan
        ],
        format="csr",
    )
    nothing, free = np.zeros(tasks), np.full(tasks, -np.inf)
    return _IntegerProgram(
        rows=rows,
        least=np.concatenate([wall, free, free, [0.0, 0.0, 0.0]]),
        most=np.concatenate([wall, nothing, nothing, [slots, peak * SLACK, makespan_limit * (1 + _SOLVED)]]),
        upper=np.concatenate([np.full(count + tasks, np.inf), np.ones(tasks), [np.inf]]),
        whole=np.concatenate([np.zeros(count + tasks), np.ones(tasks), np.zeros(1)]),
    )


def _dearest(mem: Floats, prices: Floats, cap: float, slots: int) -> tuple[float, Bools]:
    """Return the highest sum of prices of at most K tasks within the cap, and some sets that come near it.

    The tasks are split into two halves; each subset of one half meets the dearest subset of the other that still fits
    beside it (Horowitz and Sahni, J. ACM 21, 1974).

    Returns
    -------
    worth : float
        The highest sum of prices.
    sets : array of shape (sets, tasks)
        The sets worth more than 1, at most `_NEW_SETS`, dearest first.
    """
    order = np.argsort(-mem, kind="stable")
    here, there = (_subsets(mem, prices, half, cap, slots) for half in (order[::2], order[1::2]))
    best, partner = np.full(len(here.mem), -np.inf), np.zeros(len(here.mem), dtype=np.int64)
    for size in np.unique(here.size):
        # the other half's subsets that leave room for this many tasks, by memory, and the dearest up to each of them
        fit = np.flatnonzero(there.size <= slots - size)
        fit = fit[np.argsort(there.mem[fit], kind="stable")]
        highest = np.maximum.accumulate(there.worth[fit])
        dearest = fit[np.maximum.accumulate(np.where(there.worth[fit] >= highest, np.arange(len(fit)), 0))]
        mine = np.flatnonzero(here.size == size)
        place = np.searchsorted(there.mem[fit], cap - here.mem[mine], side="right") - 1
        best[mine], partner[mine] = here.worth[mine] + highest[place], dearest[place]
    top = np.argsort(-best, kind="stable")[:_NEW_SETS]
    top = top[best[top] > 1 + _SOLVED]
    return float(best.max()), here.members[top] | there.members[partner[top]]


@dataclass(frozen=True, slots=True)
class _Subsets:
    """Subsets of the tasks: their memory, sum of prices and size, shape (subsets,); members, (subsets, tasks)."""

    mem: Floats
    worth: Floats
    size: Ints
    members: Bools


def _subsets(mem: Floats, prices: Floats, tasks: Ints, cap: float, slots: int) -> _Subsets:
    """Return the subsets of some tasks within the cap, the empty one among them."""
    found = _Subsets(np.zeros(1), np.zeros(1), np.zeros(1, np.int64), np.zeros((1, len(mem)), dtype=bool))
    for task in tasks:
        fits = (found.mem + mem[task] <= cap) & (found.size < slots)
        with_task = found.members[fits]
        with_task[:, task] = True
        found = _Subsets(
            np.concatenate([found.mem, found.mem[fits] + mem[task]]),
            np.concatenate([found.worth, found.worth[fits] + prices[task]]),
            np.concatenate([found.size, found.size[fits] + 1]),
            np.concatenate([found.members, with_task]),
        )
    return found
