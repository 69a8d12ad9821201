"""Sizing: the request of least expected waste, including that of retries.

Each simple predictor of an ensemble gives a distribution of the peak, each distribution gives the request of least
expected cost, and the requests are averaged, weighted by the cost of each predictor so far. The ensemble learns with
every finished task.

Source: the local predictors and the online choice are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from planner.core.retry import Retry
from planner.memory.cost import cheapest
from planner.memory.growth import LEAST_GROWTH, most_beyond
from planner.memory.linear import EXPONENTS, fit_powers
from planner.memory.members import MEMBERS, Past, middle_means, weighted_median
from planner.memory.predictive import Predictive, smooth

Floats = NDArray[np.float64]
T = TypeVar("T")

WINDOW = 512
"""Observations remembered; the cost of a prediction does not grow beyond."""

LEAST_REQUEST_MB = 32
"""Least request, MiB: Slurm's step manager and a shell alone hold 10-20 MB."""

KAPPA = 2.15
_FORGET = 0.98
_LEAST_TURNED_OUT = 19  # fewer tasks cannot support the 95 % level
_GRID = np.concatenate([np.arange(1, 100) / 200, np.arange(500, 1000) / 1000])
_TEMPERATURE = 0.1
_EARLY = 6  # with fewer tasks there are too few neighbours
_FARTHEST_TESTED = 8.0
_TESTED_BEYOND = 12
_LEAST_TESTED = 3
_NEARER = 0.7  # weight of each next smaller task's test, relative to the one before; the largest task's is 1
_JUST_SHORT = 0.999  # a request this little below the largest peak saves nothing, and would not hold a peak like it
_FLAT = np.array([not member.slopes for member in MEMBERS])


@dataclass(frozen=True)
class Sized:
    """The ensemble's prediction for one task.

    Attributes
    ----------
    predictives : tuple of Predictive
        One per member.
    weights : array, shape (members,)
        Weight of each member; they sum to 1.
    retry : Retry
    least, kappa : float
        See :func:`cheapest`.
    turned_out : array, ascending
        For each earlier task, the level of its predicted distribution that its peak reached.
    beyond : bool
        Whether the task is larger than all seen; members without a slope are then left out.
    most : float
        No request is above this, MiB.
    """

    predictives: tuple[Predictive, ...]
    weights: Floats
    retry: Retry
    least: float
    kappa: float
    turned_out: Floats
    beyond: bool = False
    most: float = math.inf

    @cached_property
    def requests(self) -> Floats:
        """The request of each member, MiB, shape (members,)."""
        return np.array(self._of_each(lambda one: cheapest(one, self.retry, least=self.least, kappa=self.kappa)))

    @cached_property
    def request(self) -> float:
        """The request of least expected cost, MiB."""
        request = max(min(weighted_median(self.requests, self.weights), self.most), LEAST_REQUEST_MB)
        largest = self.retry.largest
        return largest if _JUST_SHORT * largest <= request < largest else request

    def quantile(self, level: float) -> float:
        """Return the middle of the members' quantiles at a level, MiB."""
        if level not in self._asked:
            self._asked[level] = float(middle_means(self.quantiles(np.array([level])), self.weights)[0])
        return self._asked[level]

    @cached_property
    def _asked(self) -> dict[float, float]:
        return {}

    def bound(self, level: float) -> float:
        """Return the value that the peak stays under with probability ``level``.

        The level is replaced by the one that covered that share of the earlier tasks: the ``ceil((n + 1) level)``-th
        smallest of the levels that their peaks reached (jackknife conformal prediction, Vovk et al. 2005).
        """
        count = len(self.turned_out)
        if count < _LEAST_TURNED_OUT:
            return self.quantile(level)
        rank = math.ceil((count + 1) * level)
        held = float(self.turned_out[rank - 1]) if rank <= count else max(level, float(self.turned_out[-1]))
        # higher up the distribution is only tail, and a single giant would decide
        return self.quantile(min(held, max(level, 1 - 1 / (count + 1))))

    def quantiles(self, levels: Floats) -> Floats:
        """Return each member's quantiles, shape (members, levels)."""
        return np.array(self._of_each(lambda one: one.quantile(levels)))

    def _of_each(self, told: Callable[[Predictive], T]) -> list[T]:
        """Return what each member's distribution tells, asked once of members that have the same one."""
        found: dict[int, T] = {}
        for one in self.predictives:
            if id(one) not in found:
                found[id(one)] = told(one)
        return [found[id(one)] for one in self.predictives]


@dataclass(frozen=True, kw_only=True, slots=True)
class SizerState:
    """The state of a :class:`Sizer`, oldest task first.

    Attributes
    ----------
    size, value, wall_s : tuple of float
        Size, peak (MiB) and run time (s) of each finished task.
    costs : tuple of float
        Cost of each member so far, older costs fading, MiB s.
    turned_out : tuple of float
        For each earlier task, predicted from all others: the level whose quantile its peak just reached.
    """

    size: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    wall_s: tuple[float, ...] = ()
    costs: tuple[float, ...] = (0.0,) * len(MEMBERS)
    turned_out: tuple[float, ...] = ()


class Sizer:
    """Learns from finished tasks and sizes new ones; ``size`` is any one number that stands for a task.

    Parameters
    ----------
    memory : SizerState, optional
        The state of an earlier sizer.
    kappa : float
        Price of a failure, see :func:`cheapest`.
    window : int
        Observations remembered.
    proportional : bool
        Whether the values are known to be proportional to the sizes, as when the sizes are predictions.
    """

    def __init__(
        self,
        memory: SizerState | None = None,
        *,
        kappa: float = KAPPA,
        window: int = WINDOW,
        proportional: bool = False,
    ) -> None:
        memory = memory or SizerState()
        self.kappa = kappa
        self.window = window
        self.exponents = (1.0,) if proportional else EXPONENTS
        self._size, self._peak, self._wall = list(memory.size), list(memory.value), list(memory.wall_s)
        self.costs = np.array(memory.costs)
        self._turned_out = list(memory.turned_out)
        self._past: Past | None = None

    @property
    def memory(self) -> SizerState:
        """The state, for saving."""
        return SizerState(
            size=tuple(self._size),
            value=tuple(self._peak),
            wall_s=tuple(self._wall),
            costs=tuple(self.costs.tolist()),
            turned_out=tuple(self._turned_out),
        )

    def __len__(self) -> int:
        return len(self._peak)

    @property
    def past(self) -> Past:
        """The remembered tasks."""
        if self._past is None:
            self._past = Past(np.array(self._size), np.array(self._peak))
        return self._past

    def predict(self, size: float, *, place: int | None = None) -> Sized:
        """Predict a task; ``place`` is its position among the remembered ones, if it is not the next one.

        Raises
        ------
        ValueError
            Before the first observation.
        """
        if not self._peak:
            raise ValueError("nothing observed yet")
        size = _plain(size)
        past, wall = self.past, np.array(self._wall)
        beyond = bool(size > past.ordered[-1]) and past.varies
        if past.count < _EARLY:
            predictives: tuple[Predictive, ...] = (self._early(past, wall, size),)
        else:
            at = past.count if place is None else place - 0.5
            predictives = _predictives(past, wall, size, at, beyond=beyond)
        weights, most = self._weights(len(predictives), beyond=beyond), math.inf
        if beyond and len(predictives) > 1:
            weights = self._weights_beyond(size, weights)
            most = self.retry().largest * most_beyond(past, wall, size, kappa=self.kappa)
        return Sized(
            predictives=predictives,
            weights=weights,
            retry=self.retry(),
            least=float(past.value.min()) / 2,
            kappa=self.kappa,
            turned_out=np.sort(self._turned_out),
            beyond=beyond,
            most=most,
        )

    def retry(self) -> Retry:
        """Return the requests of a task after kills."""
        return Retry(float(self.past.value.max()))

    def _early(self, past: Past, wall: Floats, size: float) -> Predictive:
        """Return the prediction of power laws, used while there are too few observations for neighbours."""
        atoms, mass = fit_powers(past.size, past.value, exponents=self.exponents).atoms(size)
        return Predictive(atoms, mass, mass * float(wall.mean()))

    def update(self, size: float, peak_mb: float, wall_s: float, said: Sized | None = None) -> None:
        """Learn from a finished task; ``said`` is its prediction."""
        if said is not None:
            self._pay(said, peak_mb, wall_s)
        for column, value in ((self._size, _plain(size)), (self._peak, peak_mb), (self._wall, wall_s)):
            column.append(float(value))
            if len(column) > self.window:
                del column[0]
        self._past = None

    def judge(self, *, most: int) -> None:
        """Recompute the members' costs from the last tasks, at most ``most``, each predicted from all others.

        The levels that the tasks' peaks reached are recomputed too.
        """
        self.costs, self._turned_out = np.zeros(len(MEMBERS)), []
        judged = range(max(0, len(self) - most), len(self)) if len(self) > 1 else range(0)
        said = []
        for number in judged:
            one = self._without(number).predict(self._size[number], place=number)
            self._pay(one, self._peak[number], self._wall[number])
            said.append((one.quantiles(_GRID), one.beyond))
        for number, (quantiles, beyond) in zip(judged, said, strict=True):
            reached = middle_means(quantiles, self._weights(len(quantiles), beyond=beyond))
            position = int(reached.searchsorted(self._peak[number]))
            self._turned_out.append(float(_GRID[position]) if position < len(_GRID) else 1.0)

    def _without(self, number: int) -> Sizer:
        rest = Sizer(kappa=self.kappa)
        rest.exponents = self.exponents
        columns = ((self._size, rest._size), (self._peak, rest._peak), (self._wall, rest._wall))
        for column, left in columns:
            left += column[:number] + column[number + 1 :]
        return rest

    def _pay(self, said: Sized, peak_mb: float, wall_s: float) -> None:
        """Add the cost of each member's request; a member that was left out gets the cost of the others."""
        if len(said.predictives) != len(MEMBERS):
            return
        costs = self._costs(said.requests, said.retry, peak_mb, wall_s)
        if said.beyond:
            costs[_FLAT] = said.weights @ costs
        self.costs = _FORGET * self.costs + costs

    def _weights(self, members: int, *, beyond: bool) -> Floats:
        """Return the members' weights from their costs; beyond all sizes seen, members without a slope get none."""
        if members == 1:
            return np.ones(1)
        costs = np.where(_FLAT, np.inf, self.costs) if beyond else self.costs
        return _softmin(costs)

    def _weights_beyond(self, size: float, otherwise: Floats) -> Floats:
        """Return the members' weights from their requests for the largest tasks, predicted from smaller ones only.

        The largest tasks show whether memory keeps growing or has reached a plateau. If the new task is f times larger
        than all seen, each of the largest tasks is predicted from tasks f times smaller, or from nearer ones if those
        are too few; the larger a task, the more its test counts. ``otherwise`` is returned when there are too few.
        """
        largest = float(self.past.ordered[-1])
        far = min(size / largest, _FARTHEST_TESTED) if largest > 0 else 1.0
        for fold in (far, far**0.5, far**0.25, 1.0):
            costs = self._costs_beyond(fold)
            if len(costs) >= _LEAST_TESTED:
                return _softmin(np.asarray(_NEARER ** np.arange(len(costs)) @ np.array(costs), dtype=float))
        return otherwise

    def _costs_beyond(self, fold: float) -> list[Floats]:
        """Return the cost of each member's request for the largest tasks, made from tasks ``fold`` times smaller."""
        past, found = self.past, []
        for number in np.argsort(past.size, kind="stable")[::-1][:_TESTED_BEYOND].tolist():
            smaller = (past.size < past.size[number]) & (fold * past.size <= past.size[number])
            count = int(np.count_nonzero(smaller))
            if count < _EARLY:
                break
            rest, wall = Past(past.size[smaller], past.value[smaller]), np.array(self._wall)[smaller]
            retry, least = Retry(float(rest.value.max())), float(rest.value.min()) / 2
            place = int(np.count_nonzero(smaller[:number])) - 0.5
            said = _predictives(rest, wall, float(past.size[number]), place, beyond=True)
            asked = np.array([cheapest(one, retry, least=least, kappa=self.kappa) for one in said])
            found.append(self._costs(asked, retry, self._peak[number], self._wall[number]))
        return found

    def _costs(self, asked: Floats, retry: Retry, peak_mb: float, wall_s: float) -> Floats:
        """Return the cost of each request for a task, MiB s: its waste, and the price of each failure."""
        replays = [retry.replay(float(request), peak_mb, wall_s) for request in asked]
        return np.array([wasted + failures * self.kappa * peak_mb * wall_s for wasted, failures in replays])


def _predictives(past: Past, wall: Floats, size: float, place: float, *, beyond: bool) -> tuple[Predictive, ...]:
    """Return each member's distribution for a task; the same one where members cannot differ."""
    alike = past.ordered[0] == past.ordered[-1] == size
    found: dict[object, Predictive] = {}
    for member in MEMBERS:
        of = member.line == "order" if alike else member
        if of not in found:
            value, weight = past.plausible(member, size, place)
            raised = LEAST_GROWTH * value if beyond and not member.slopes else value
            found[of] = smooth(raised, weight, wall, rows=past.count)
    return tuple(found[member.line == "order" if alike else member] for member in MEMBERS)


def _softmin(costs: Floats) -> Floats:
    """Return weights that fall with the cost, relative to the least; shape (n,), sum 1."""
    least = float(costs.min())
    if least <= 0:
        return np.asarray((costs <= 0) / np.count_nonzero(costs <= 0))
    weights = np.exp(-(costs - least) / (_TEMPERATURE * least))
    return np.asarray(weights / weights.sum())


def _plain(size: float) -> float:
    """Return a size rounded, so that equal sizes still tie after a conversion of units."""
    return float(f"{size:.10g}")
