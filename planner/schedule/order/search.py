"""Search for an order: starting points, annealing, exact figures, and the gap to the lower bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from planner.schedule.listing import slots_of
from planner.schedule.order import bounds
from planner.schedule.order import exact as orderexact
from planner.schedule.order import lp as orderlp
from planner.schedule.order.anneal import PAPER_SWAPS, Effort, Incumbent, anneal, hill_climb, repair
from planner.schedule.order.batch import AssignedBatch
from planner.schedule.order.problem import Goal, Model, Objective, Problem

# Up to this many tasks whole populations are annealed; a longer order is built, then repaired.
_ANNEALED = 64
_COLUMNS = 192
_REPAIR_COLUMNS = 64
# Orders scored by default: a good second of one core for 22 tasks.
_SLOT_EVALUATIONS = 1_300_000
_LIMIT_EVALUATIONS = 700_000
# A share of these where every order is first planned slot by slot, and where there are many tasks.
_PLANNED_SHARE, _MANY_SHARE = 0.7, 0.5
# The time of one evaluation under a memory cap grows with the number of tasks that fit at once.
_USUAL_AT_ONCE = 8
# Share of the effort that goes to the best makespan when the peak is the objective.
_MAKESPAN_SHARE = 0.2
# Share that goes to orders as short as the shortest, when little more is allowed.
_ASSIGNED_SHARE = 0.5
# Subsets the exact searches may look at: some tenths of a second, or a minute when a proof is asked for.
_EXACT_EFFORT, _PROOF_EFFORT = 3_000_000, 100_000_000
_ASSIGNMENTS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class HillClimb:
    """Parameters of the search of arXiv 2511.15977.

    Attributes
    ----------
    swaps : int
        M_max: a step swaps 1 to ``swaps`` random pairs, one draw for each step.
    restarts : int
        T: random orders that climb, each by itself; what is tried is divided among them.
    """

    swaps: int = PAPER_SWAPS
    restarts: int = _COLUMNS


@dataclass(frozen=True, kw_only=True)
class Found:
    """An order and its results.

    Attributes
    ----------
    order : tuple of int
    peak, makespan : float
    best_makespan : float
        Shortest makespan known for the same limits.
    lower_bound : float
        On the objective: the makespan, or the peak (within the makespan asked for).
    proved : bool
        The objective is within one part in a million of the lower bound.
    evaluations : int
        Orders scored; 0 when the order comes from a table.
    interrupted : bool
    """

    order: tuple[int, ...]
    peak: float
    makespan: float
    best_makespan: float
    lower_bound: float
    proved: bool
    evaluations: int
    interrupted: bool = False


def search(
    problem: Problem,
    *,
    seed: int = 0,
    climb: HillClimb | None = None,
    evaluations: int | None = None,
    starts: Sequence[Sequence[int]] = (),
    prove: bool = False,
    report: Callable[[float], None] = lambda share: None,
) -> Found:
    """Search for a good order; the same seed gives the same order.

    Parameters
    ----------
    problem : Problem
    seed : int
    climb : HillClimb, optional
        Climb like this instead of annealing, and leave exact search out.
    evaluations : int, optional
        Orders to score; the default takes about a second for 22 tasks, some seconds for 220.
    starts : sequence of orders
        Further orders to start from; the natural order is always one, so the result is never worse.
    prove : bool
        Spend up to some minutes on exact search and on bounds by linear programming.
    report : callable
        Called now and then with the share done, 0 to 1. A KeyboardInterrupt while searching ends the search with the
        best order so far.

    Raises
    ------
    ValueError
        When there are no tasks, or one alone exceeds a limit.
    """
    if not problem.size:
        raise ValueError("no tasks to order")
    run = _SearchRun(problem, climb, np.random.default_rng(seed), evaluations or _effort(problem), prove, report)
    for order in starts:
        run.consider(order)
    interrupted = False
    try:
        run.all()
    except KeyboardInterrupt:
        interrupted = True
    return replace(run.found(), interrupted=interrupted)


class _SearchRun:
    """One search: what is known so far, so that it can stop at any moment.

    Attributes
    ----------
    orders : dict
        Every order considered, with its exact peak and makespan.
    short : list
        Orders found on the way whose makespan is near the best.
    makespan_bound, peak_bound : float
        Lower bounds, raised by exact search and linear programming.
    done : int
        Orders evaluated so far, of about ``planned``.
    """

    def __init__(
        self,
        problem: Problem,
        climb: HillClimb | None,
        rng: np.random.Generator,
        evaluations: int,
        prove: bool,
        report: Callable[[float], None],
    ) -> None:
        self.problem, self.climb, self.rng, self.report = problem, climb, rng, report
        self.planned, self.done = evaluations, 0
        # natural order first: whatever is found must be no worse
        self.orders: dict[tuple[int, ...], tuple[float, float]] = {}
        self.short: list[tuple[int, ...]] = []
        self.prove, self.exact_effort = prove, _PROOF_EFFORT if prove else _EXACT_EFFORT
        self.makespan_bound, self.peak_bound = problem.makespan_bound(), 0.0
        self.consider(range(problem.size))

    def consider(self, order: Sequence[int]) -> None:
        """Keep an order with its exact peak and makespan."""
        key = tuple(order)
        if key not in self.orders:
            schedule = self.problem.run(key)
            self.orders[key] = (schedule.peak, schedule.makespan)

    def all(self) -> None:
        """Spend the whole effort: known orders first, then search for the objective, then bounds if asked for."""
        for order in self.problem.starts(self.rng):
            self.consider(order)
        at_once = self.problem.slot_count >= self.problem.size and self.problem.slots_only
        if at_once or self.problem.size < 2:
            return
        if self._capped:
            self._pass(self._makespan_goal(), 1.0)
        else:
            self._search_slots()
        if self.prove:
            self._linear_bounds()

    def _search_slots(self) -> None:
        """Search under a number of slots: first short orders, then the lowest peak among those short enough."""
        if self._exact:
            self._shortest()
        self._pass(self._makespan_goal(), _MAKESPAN_SHARE)
        if self._no_room:
            self._assigned_passes()
        self._pass(self._peak_goal(), 1 - _MAKESPAN_SHARE - _ASSIGNED_SHARE * self._no_room)
        if self._exact:
            self._lowest_batches()

    def found(self) -> Found:
        """Return the best order considered so far, with its bound."""
        goal = self._final_goal()
        order, (peak, makespan) = self._best(goal)
        objective, bound = makespan, self.makespan_bound
        if self.problem.objective is not Objective.MAKESPAN:
            objective, bound = peak, max(self.problem.peak_bound(goal.makespan_limit), self.peak_bound)
        return Found(
            order=order,
            peak=peak,
            makespan=makespan,
            best_makespan=self._best_makespan(),
            lower_bound=min(bound, objective),
            proved=objective <= bound * (1 + bounds.PROVED),
            evaluations=self.done,
        )

    @property
    def _capped(self) -> bool:
        """Whether the makespan alone counts, since the memory has its cap."""
        return self.problem.objective is Objective.MAKESPAN and not self.problem.slots_only

    @property
    def _exact(self) -> bool:
        """Whether exact search has a chance; hill climbing is left alone, for comparison."""
        return self.climb is None and self.problem.size <= _ANNEALED and self.problem.slots_only

    @property
    def _no_room(self) -> bool:
        """Whether hardly any order is short enough, so that annealing would not find one by chance."""
        return self.problem.tight and self.problem.slots_only and self.problem.model is Model.LIST

    def _pass(self, goal: Goal, share: float, batch: AssignedBatch | None = None) -> None:
        """Spend a share of the effort on one goal.

        Nothing is spent on the makespan once it is proved shortest, unless several such orders are needed.
        """
        met = self._best_makespan() <= self.makespan_bound * (1 + bounds.PROVED)
        if not goal.peak and met and not self._no_room:
            return
        if self.problem.size > _ANNEALED and self.climb is None:
            self._repair(goal, share)
            return
        gathers = self._no_room and not goal.peak
        enough = self.problem.makespan_limit(self._best_makespan()) if gathers else -math.inf
        incumbent = Incumbent(goal, enough)
        columns = self.climb.restarts if self.climb else _COLUMNS
        searcher = partial(hill_climb, swaps=self.climb.swaps) if self.climb else anneal
        try:
            searcher(
                batch or self.problem.evaluator(wants_peak=goal.peak),
                incumbent,
                size=self.problem.size,
                effort=Effort(columns, max(1, int(self.planned * share / columns))),
                rng=self.rng,
                report=self._reporter(share),
            )
        finally:
            self._keep(incumbent, batch)

    def _shortest(self) -> None:
        """Find the shortest makespan by exact search, as far as its effort goes."""
        if self.problem.model is Model.LOCKSTEP:
            return  # longest first is known to be shortest
        least = orderexact.shortest(
            self.problem.wall,
            self.problem.slot_count,
            known=self._best_makespan(),
            bound=self.makespan_bound,
            effort=self.exact_effort,
        )
        self.makespan_bound = least.bound
        if least.bins:
            self.consider(orderexact.slots_to_order(least.bins, self.problem.wall_s))

    def _lowest_batches(self) -> None:
        """Find the lowest batches, however long they take, by exact search as far as its effort goes."""
        if self.problem.model is not Model.LOCKSTEP or self.problem.objective is Objective.MAKESPAN:
            return
        least = orderexact.lowest_batches(
            self.problem.mem,
            self.problem.slot_count,
            known=min(peak for peak, _ in self.orders.values()),
            bound=bounds.lockstep_peak_bound(self.problem.mem, self.problem.slot_count),
            # with a limit on the makespan this is but a bound
            effort=self.exact_effort if self.problem.objective is Objective.PEAK else _EXACT_EFFORT,
        )
        self.peak_bound = least.bound
        if least.bins:
            self.consider(orderexact.batches_to_order(least.bins))

    def _linear_bounds(self) -> None:
        """Raise the bounds by linear programming, where it can."""
        problem = self.problem
        if problem.model is not Model.LIST:
            return
        if problem.cap_mb is not None and problem.objective is Objective.MAKESPAN:
            bound = orderlp.cap_makespan_bound(problem.mem, problem.wall, problem.cap_mb, problem.slot_count)
            self.makespan_bound = max(self.makespan_bound, bound)
        if problem.slots_only and problem.objective is not Objective.MAKESPAN:
            goal = self._peak_goal()
            self.peak_bound = orderlp.slot_peak_bound(
                problem.mem,
                problem.wall,
                problem.slot_count,
                makespan_limit=goal.makespan_limit,
                known=self._best(goal)[1][0],
                bound=problem.peak_bound(goal.makespan_limit),
            )

    def _assigned_passes(self) -> None:
        """Look for low orders that leave every task on its slot in one of the shortest orders."""
        assignments = {}
        for order in [*self.short, min(self.orders, key=lambda order: self.orders[order][1])]:
            slot_of = slots_of(order, self.problem.run(order).start_s, self.problem.wall_s)
            groups = {frozenset(task for task, slot in enumerate(slot_of) if slot == each) for each in set(slot_of)}
            assignments[frozenset(groups)] = slot_of
        chosen = list(assignments.values())[-_ASSIGNMENTS:]
        for slot_of in chosen:
            batch = AssignedBatch(self.problem.mem, self.problem.wall, np.array(slot_of))
            self._pass(self._peak_goal(), _ASSIGNED_SHARE / len(chosen), batch)

    def _repair(self, goal: Goal, share: float) -> None:
        """Spend a share of the effort on improving the best order of many tasks by small changes."""
        incumbent = Incumbent(goal)
        try:
            repair(
                self.problem.evaluator(wants_peak=goal.peak),
                incumbent,
                self._best(goal)[0],
                effort=Effort(_REPAIR_COLUMNS, max(1, int(self.planned * share / _REPAIR_COLUMNS))),
                rng=self.rng,
                report=self._reporter(share),
            )
        finally:
            self._keep(incumbent)

    def _reporter(self, share: float) -> Callable[[float], None]:
        """Return a function that reports the progress of the whole search from that of a pass with this share of it."""
        before = self.done / self.planned
        return lambda part: self.report(min(1.0, before + part * share))

    def _keep(self, incumbent: Incumbent, batch: AssignedBatch | None = None) -> None:
        """Keep what a pass has found; with a batch of assigned tasks, the order in which they start there."""
        self.done += incumbent.evaluations
        if not incumbent.goal.peak:
            self.short += incumbent.near()
        if incumbent.order is None:
            return
        if batch is None:
            self.consider(incumbent.order)
        else:
            self.consider(batch.planned(np.array(incumbent.order)[:, None])[:, 0].tolist())

    def _best(self, goal: Goal) -> tuple[tuple[int, ...], tuple[float, float]]:
        """Return the order that meets a goal best, with its peak and makespan."""

        def value(item: tuple[tuple[int, ...], tuple[float, float]]) -> float:
            peak, makespan = item[1]
            return float(goal.value(np.array([peak]), np.array([makespan]))[0])

        return min(self.orders.items(), key=value)

    def _best_makespan(self) -> float:
        return min(makespan for _, makespan in self.orders.values())

    def _makespan_goal(self) -> Goal:
        return self.problem.goal(peak=False)

    def _peak_goal(self) -> Goal:
        limit = self.problem.makespan_limit(self._best_makespan())
        return self.problem.goal(peak=True, makespan_limit=limit)

    def _final_goal(self) -> Goal:
        return self._makespan_goal() if self._capped else self._peak_goal()


def _effort(problem: Problem) -> int:
    """Return how many orders to evaluate by default: about a second's work, whatever an evaluation costs."""
    evaluations: float = _SLOT_EVALUATIONS
    if problem.model is Model.LIST and not problem.slots_only:
        at_once = float(np.searchsorted(np.cumsum(np.sort(problem.mem)), problem.cap_mb or math.inf))
        evaluations = _LIMIT_EVALUATIONS * min(1.0, _USUAL_AT_ONCE / min(max(at_once, 1.0), problem.slot_count))
    elif problem.model is Model.LIST and problem.tight:
        evaluations *= _PLANNED_SHARE
    if problem.size > _ANNEALED:
        evaluations *= _MANY_SHARE * 22 / problem.size
    return max(2_000, int(evaluations))
