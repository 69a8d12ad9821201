"""Search moves: annealing of many orders at once, repair of one long order, and the paper's hill climbing.

All three read the same evaluator and goal, and tell an `Incumbent` of every order they score.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.schedule.order.batch import Evaluator, Floats, Ints, Scores
from planner.schedule.order.problem import Goal

# Temperatures as shares of the cost, tuned at K = 3, 5, 7 on seeds from 50000 (benchmarks/static_order.md).
_HOT, _COLD = 0.008, 0.0005
_RESAMPLE_EVERY = 100
_REPORT_EVERY = 20
_NEAR = 200

PAPER_SWAPS = 3
"""Most swaps in one step of hill climbing, where nothing else is asked for."""


class Incumbent:
    """The best order seen, by the goal's value, the last ones that were good enough, and a count.

    Parameters
    ----------
    goal : Goal
    enough : float
        Value up to which an order is good enough; the best one always is.
    """

    def __init__(self, goal: Goal, enough: float = -np.inf) -> None:
        self.goal, self._enough = goal, enough
        self.value = np.inf
        self.order: list[int] | None = None
        self.evaluations = 0
        self._near: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=_NEAR)

    def see(self, orders: Ints, scores: Scores) -> None:
        """Take note of a batch."""
        self.evaluations += orders.shape[1]
        values = self.goal.value(scores.peak, scores.makespan)
        best = int(values.argmin())
        if values[best] <= max(self._enough, self.value):
            self._near.append((float(values[best]), tuple(orders[:, best].tolist())))
        if values[best] < self.value:
            self.value = float(values[best])
            self.order = orders[:, best].tolist()

    def near(self) -> list[tuple[int, ...]]:
        """Return the last orders that were good enough."""
        return [order for value, order in self._near if value <= max(self._enough, self.value)]


Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How many orders are tried: ``columns`` side by side, each in ``steps`` steps."""

    columns: int
    steps: int


def anneal(
    evaluate: Evaluator,
    incumbent: Incumbent,
    *,
    size: int,
    effort: Effort,
    rng: np.random.Generator,
    report: Report,
) -> None:
    """Anneal many random orders side by side, with swap and insert moves.

    Every column takes part in each move (the same two positions, other tasks) and accepts or refuses it by itself. From
    time to time the columns are drawn anew in proportion to their weight at the next temperature (population annealing,
    Hukushima and Iba 2003), so the effort goes to promising ones.

    Parameters
    ----------
    evaluate : Evaluator
    incumbent : Incumbent
        Receives every order; holds the goal.
    size : int
        Number of tasks, at least 2.
    effort : Effort
        ``columns × (steps + 1)`` orders are scored.
    rng : numpy.random.Generator
    report : callable
        Called now and then with the share done.
    """
    columns, steps = effort.columns, effort.steps
    orders = np.argsort(rng.random((size, columns)), axis=0)
    costs = _cost(evaluate, incumbent, orders)
    reference = float(costs.mean())
    temperatures = reference * _HOT * (_COLD / _HOT) ** (np.arange(steps + _RESAMPLE_EVERY) / max(steps, 1))
    for step in range(steps):
        moved = _moved(orders, rng, swap=bool(step % 2))
        new = _cost(evaluate, incumbent, moved)
        accept = new <= costs + temperatures[step] * rng.standard_exponential(columns)
        np.copyto(orders, moved, where=accept)
        np.copyto(costs, new, where=accept)
        if step % _RESAMPLE_EVERY == _RESAMPLE_EVERY - 1:
            drawn = _drawn(costs, 1 / temperatures[step + _RESAMPLE_EVERY] - 1 / temperatures[step], rng)
            orders, costs = np.ascontiguousarray(orders[:, drawn]), costs[drawn]
        if step % _REPORT_EVERY == 0:
            report(step / steps)


def repair(
    evaluate: Evaluator,
    incumbent: Incumbent,
    start: Sequence[int],
    *,
    effort: Effort,
    rng: np.random.Generator,
    report: Report,
) -> None:
    """Improve one order of many tasks by swaps where the memory is highest, or anywhere.

    Each step tries a swap for each column and takes the best when it is no worse. Half of the swaps for a low peak move
    a task that starts at or shortly before a high instant; the other task is any.
    """
    columns, steps = effort.columns, effort.steps
    order = np.asarray(start, dtype=np.int64)
    size, everywhere = len(order), np.arange(columns)
    scores = evaluate(order[:, None])
    cost = float(incumbent.goal.cost(scores)[0])
    used = scores.used[:, 0]
    for step in range(steps):
        moved = np.repeat(order[:, None], columns, axis=1)
        first, second = rng.integers(0, size, columns), rng.integers(0, size, columns)
        if incumbent.goal.peak:
            high = _high_positions(used, size, columns // 2, rng)
            first[: columns // 2] = high
        moved[first, everywhere], moved[second, everywhere] = moved[second, everywhere], moved[first, everywhere]
        scores = evaluate(moved)
        incumbent.see(moved, scores)
        costs = incumbent.goal.cost(scores)
        best = int(costs.argmin())
        if costs[best] <= cost:
            order, cost, used = moved[:, best].copy(), float(costs[best]), scores.used[:, best]
        if step % _REPORT_EVERY == 0:
            report(step / steps)


def hill_climb(
    evaluate: Evaluator,
    incumbent: Incumbent,
    *,
    size: int,
    effort: Effort,
    rng: np.random.Generator,
    report: Report,
    swaps: int = PAPER_SWAPS,
) -> None:
    """Search as arXiv 2511.15977 does: M ~ U{1..M_max} random swaps, kept when the value falls.

    Parameters as of `anneal`, but the effort's columns are the paper's T, orders that climb each from a start of its
    own, and ``swaps`` is its M_max.
    """
    columns, steps = effort.columns, effort.steps
    orders = np.argsort(rng.random((size, columns)), axis=0)
    everywhere = np.arange(columns)
    values = _value(evaluate, incumbent, orders)
    for step in range(steps):
        moved = orders.copy()
        for _ in range(int(rng.integers(1, swaps + 1))):
            first, second = rng.integers(0, size, columns), rng.integers(0, size, columns)
            moved[first, everywhere], moved[second, everywhere] = moved[second, everywhere], moved[first, everywhere]
        new = _value(evaluate, incumbent, moved)
        accept = new < values
        np.copyto(orders, moved, where=accept)
        np.copyto(values, new, where=accept)
        if step % _REPORT_EVERY == 0:
            report(step / steps)


def _cost(evaluate: Evaluator, incumbent: Incumbent, orders: Ints) -> Floats:
    scores = evaluate(orders)
    incumbent.see(orders, scores)
    return incumbent.goal.cost(scores).copy()


def _value(evaluate: Evaluator, incumbent: Incumbent, orders: Ints) -> Floats:
    scores = evaluate(orders)
    incumbent.see(orders, scores)
    return incumbent.goal.value(scores.peak, scores.makespan)


def _moved(orders: Ints, rng: np.random.Generator, *, swap: bool) -> Ints:
    """Return the orders with two positions swapped, or one task taken out and put in elsewhere."""
    size = len(orders)
    source, target = (int(position) for position in rng.choice(size, 2, replace=False))
    moved = orders.copy()
    if swap:
        moved[source], moved[target] = orders[target], orders[source]
    elif source < target:
        moved[source:target] = orders[source + 1 : target + 1]
        moved[target] = orders[source]
    else:
        moved[target + 1 : source + 1] = orders[target:source]
        moved[target] = orders[source]
    return moved


def _drawn(costs: Floats, colder: float, rng: np.random.Generator) -> Ints:
    """Draw columns by systematic resampling with weights exp(-cost x colder)."""
    weights = np.exp(-(costs - costs.min()) * colder)
    marks = (rng.random() + np.arange(len(costs))) / len(costs) * weights.sum()
    drawn: Ints = np.searchsorted(np.cumsum(weights), marks).clip(max=len(costs) - 1)
    return drawn


def _high_positions(used: Floats, size: int, count: int, rng: np.random.Generator) -> Ints:
    """Draw positions at or a little before instants of high memory."""
    weights = np.power(used / max(float(used.max()), 1e-300), 60)
    marks = rng.random(count) * weights.sum()
    rows = np.searchsorted(np.cumsum(weights), marks).clip(max=len(used) - 1)
    back = rng.integers(0, size - len(used) + 2, count) * rng.integers(0, 2, count)
    positions: Ints = (rows + size - len(used) - back).clip(min=0)
    return positions
