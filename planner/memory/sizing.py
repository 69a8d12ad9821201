"""How much to ask for: the request that is expected to waste least, retries counted.

An ensemble of simple predictors, each turned into a whole distribution; each distribution into the request of least
expected cost; the requests averaged by what each predictor has cost so far. It learns with every finished task.

Source: the cost is Tovar et al. 2017 (first allocations that minimise waste) with a price on failures; the local
predictors and the online choice are this project's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.memory.linear import fit_line, student_t_quantile
from planner.memory.members import MEMBERS, Past, weighted_median
from planner.memory.predictive import Predictive, smooth

Floats = NDArray[np.float64]

WINDOW = 512
"""Observations remembered; the cost of a prediction does not grow beyond."""

LEAST_REQUEST_MB = 32
"""Slurm's step manager and a shell alone hold 10-20 MB: no job is asked to live with less than this."""

KAPPA = 2.0
_FORGET = 0.95
_LEAST_TURNED_OUT = 19  # fewer cannot carry the 95 % level
_HIGHEST = 0.995  # above it the distribution is all tail, and a single giant would decide
_GRID = np.append(np.arange(1, 200) / 200, [0.9975, 0.999])
_TEMPERATURE = 0.1
_EARLY = 6
_EARLY_SPREAD, _EARLY_DOF = 0.2, 4.0
_MOST_STRETCH = 100.0  # no line is believed further out than this many times the largest size
_LEAST_SHARE = 0.2  # a line may point below zero; a peak is not expected below this share of the least seen
_LEVELS = (np.arange(40) + 0.5) / 40
_CLEARLY_MORE = 1.05
_TREND = 0.25
_TREND_ROWS = 128
_MOST_CANDIDATES = 400
_FLAT = np.array([member.line == "flat" for member in MEMBERS])


@dataclass(frozen=True, slots=True)
class Retry:
    """What is asked for after a kill: the largest peak seen when that is clearly more, else double.

    Attributes
    ----------
    largest : float
        Largest peak seen, MiB.
    always_double : bool
        Peaks grow with size and this task is larger than the one with the largest peak.
    """

    largest: float
    always_double: bool

    def after(self, failed: float) -> float:
        """Return the next request after one that failed, MiB."""
        return 2 * failed if self.always_double or self.largest < _CLEARLY_MORE * failed else self.largest

    def replay(self, request: float, peak: float, wall_s: float) -> tuple[float, int]:
        """Return what a first request would have wasted (MiB s) and how often it would have failed."""
        wasted, failures = 0.0, 0
        while request < peak:
            wasted += request * wall_s
            failures += 1
            request = self.after(request)
        return wasted + (request - peak) * wall_s, failures


class _Above:
    """What lies above a limit: its mass, and what failing there would cost in delay."""

    def __init__(self, predictive: Predictive, kappa: float) -> None:
        self._atoms = predictive.atoms
        self._mass = np.append(0.0, np.cumsum(predictive.cost_mass))
        use = np.append(0.0, np.cumsum(predictive.cost_mass * predictive.atoms))
        self._delay = kappa * use
        self.mass, self.use = float(self._mass[-1]), float(use[-1])

    def __call__(self, limit: Floats) -> tuple[Floats, Floats]:
        position = self._atoms.searchsorted(limit, "right")
        return self._mass[-1] - self._mass[position], self._delay[-1] - self._delay[position]


def cheapest(predictive: Predictive, retry: Retry, *, least: float, kappa: float) -> float:
    """Return the request of least expected cost, MiB.

    Parameters
    ----------
    predictive : Predictive
        Of the peak, MiB.
    retry : Retry
    least : float
        No request is below this, MiB; above 0.
    kappa : float
        A failed attempt costs what it held, plus the waste of the retry, plus ``kappa`` times the task's own use: the
        delay. Above 0, or tiny requests that fail cheaply would win.
    """
    above = _Above(predictive, kappa)
    asked = _candidates(predictive, least)
    beyond, delay = above(asked)
    fixed = asked * above.mass - above.use + delay
    doubled = fixed + 2 * asked * beyond
    times = 2.0
    while times * asked[0] < predictive.atoms[-1]:
        further, again = above(times * asked)
        doubled += 2 * times * asked * further + again
        times *= 2
    cost = doubled
    if not retry.always_double:
        largest = retry.largest
        further, again = above(np.maximum(asked, largest))
        jumped = fixed + largest * (beyond + 2 * further) + again
        cost = np.where(largest < _CLEARLY_MORE * asked, doubled, jumped)
    return float(asked[np.argmin(cost)])


def _candidates(predictive: Predictive, least: float) -> Floats:
    """Return the requests worth weighing: from the median up, and not more of them than matters."""
    atoms = predictive.atoms
    counted = np.cumsum(predictive.mass)
    first = max(int(counted.searchsorted(0.5 * counted[-1])), int(atoms.searchsorted(least, "right")))
    first = min(first, len(atoms) - 1)
    # a line may point below zero: no doubling would raise a request from there
    return np.maximum(atoms[first :: max(1, (len(atoms) - first) // _MOST_CANDIDATES)], least)


@dataclass(frozen=True)
class Sized:
    """What the ensemble says of one task.

    Attributes
    ----------
    predictives : tuple of Predictive
        One per member.
    weights : array, shape (members,)
        What each member's word counts; sums to 1.
    retry : Retry
    least, kappa : float
        See :func:`cheapest`.
    turned_out : array, ascending
        The levels at which earlier tasks turned out.
    """

    predictives: tuple[Predictive, ...]
    weights: Floats
    retry: Retry
    least: float
    kappa: float
    turned_out: Floats

    @cached_property
    def requests(self) -> Floats:
        """What each member would ask for, MiB, shape (members,)."""
        return np.array([cheapest(p, self.retry, least=self.least, kappa=self.kappa) for p in self.predictives])

    @property
    def request(self) -> float:
        """The request of least expected cost, MiB."""
        return max(weighted_median(self.requests, self.weights), LEAST_REQUEST_MB)

    def quantile(self, level: float) -> float:
        """Return the members' quantiles at a level, averaged."""
        return float(self._quantiles(np.array([level]))[0])

    def bound(self, level: float) -> float:
        """Return the value that the peak stays under with probability ``level``.

        The level is replaced by the one that held for that share of the earlier tasks: the ``ceil((n + 1) level)``-th
        smallest of the levels at which they turned out (jackknife conformal prediction, Vovk et al. 2005).
        """
        count = len(self.turned_out)
        if count < _LEAST_TURNED_OUT:
            return self.quantile(level)
        rank = math.ceil((count + 1) * level)
        held = float(self.turned_out[rank - 1]) if rank <= count else max(level, float(self.turned_out[-1]))
        return self.quantile(min(held, max(level, _HIGHEST)))

    def level_of(self, value: float) -> float:
        """Return the least level whose quantile reaches the value; 1 when none does."""
        position = int(self._quantiles(_GRID).searchsorted(value))
        return float(_GRID[position]) if position < len(_GRID) else 1.0

    def _quantiles(self, levels: Floats) -> Floats:
        return np.asarray(self.weights @ np.array([p.quantile(levels) for p in self.predictives]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What a :class:`Sizer` remembers, oldest first.

    Attributes
    ----------
    size, value, wall_s : tuple of float
        Of each finished task: its size, its peak (MiB), its run time (s).
    costs : tuple of float
        What each member has cost so far, fading, MiB s.
    turned_out : tuple of float
        Of earlier tasks, each predicted from all others: the level whose quantile its peak just reached.
    """

    size: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    wall_s: tuple[float, ...] = ()
    costs: tuple[float, ...] = (0.0,) * len(MEMBERS)
    turned_out: tuple[float, ...] = ()


class Sizer:
    """Learns from finished tasks and sizes new ones; ``size`` is any one number that stands for a task."""

    def __init__(self, memory: Memory | None = None, *, kappa: float = KAPPA, window: int = WINDOW) -> None:
        memory = memory or Memory()
        self.kappa = kappa
        self.window = window
        self._size, self._peak, self._wall = list(memory.size), list(memory.value), list(memory.wall_s)
        self.costs = np.array(memory.costs)
        self._turned_out = list(memory.turned_out)
        self._past: Past | None = None

    @property
    def memory(self) -> Memory:
        """What is remembered, to be kept."""
        return Memory(
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

    def predict(self, size: float) -> Sized:
        """Size a task.

        Raises
        ------
        ValueError
            Before the first observation.
        """
        if not self._peak:
            raise ValueError("nothing observed yet")
        past, wall = self.past, np.array(self._wall)
        retry = Retry(float(past.value.max()), self._always_double(past, size))
        if past.count < _EARLY:
            predictives: tuple[Predictive, ...] = (_from_line(past, wall, size),)
            weights = np.ones(1)
        else:
            predictives = tuple(smooth(*past.plausible(member, size), wall, rows=past.count) for member in MEMBERS)
            weights = self._weights(beyond=bool(size > past.ordered[-1]) and past.varies)
        return Sized(predictives, weights, retry, float(past.value.min()) / 2, self.kappa, np.sort(self._turned_out))

    def update(self, size: float, peak_mb: float, wall_s: float, said: Sized | None = None) -> None:
        """Learn from a finished task; ``said`` is what was predicted for it."""
        if said is not None and len(said.predictives) == len(MEMBERS):
            for number, request in enumerate(said.requests):
                wasted, failures = said.retry.replay(float(request), peak_mb, wall_s)
                cost = wasted + failures * self.kappa * peak_mb * wall_s
                self.costs[number] = _FORGET * self.costs[number] + cost
        for column, value in ((self._size, size), (self._peak, peak_mb), (self._wall, wall_s)):
            column.append(float(value))
            if len(column) > self.window:
                del column[0]
        self._past = None

    def calibrate(self, *, most: int) -> None:
        """Find the levels at which the last tasks, ``most`` at the most, turn out when predicted from all others."""
        kept = self.memory
        columns = [np.array(column) for column in (kept.size, kept.value, kept.wall_s)]
        levels = []
        for left_out in range(max(0, len(self) - most), len(self)):
            size, value, wall_s = (tuple(np.delete(column, left_out).tolist()) for column in columns)
            if value:
                rest = Sizer(Memory(size=size, value=value, wall_s=wall_s, costs=kept.costs), kappa=self.kappa)
                levels.append(rest.predict(kept.size[left_out]).level_of(kept.value[left_out]))
        self._turned_out = levels

    def _weights(self, *, beyond: bool) -> Floats:
        """Weigh the members by their costs; beyond all sizes seen, those without a slope are not asked."""
        costs = np.where(_FLAT, np.inf, self.costs) if beyond else self.costs
        least = float(costs.min())
        if least <= 0:
            return np.asarray((costs <= 0) / np.count_nonzero(costs <= 0))
        weights = np.exp(-(costs - least) / (_TEMPERATURE * least))
        return np.asarray(weights / weights.sum())

    @staticmethod
    def _always_double(past: Past, size: float) -> bool:
        if size <= past.size[int(past.value.argmax())]:
            return False
        return rank_correlation(past.size[-_TREND_ROWS:], past.value[-_TREND_ROWS:]) > _TREND


def _from_line(past: Past, wall: Floats, size: float) -> Predictive:
    """Return what the Bayesian line says, for when there are too few observations to look at their neighbours."""
    positive = past.ordered[0] >= 0 and past.ordered[-1] > 0
    most = _MOST_STRETCH * float(past.ordered[-1])
    sizes, at = (past.size, min(max(size, 0.0), most)) if positive else (np.ones(past.count), 1.0)
    line = fit_line(sizes, past.value, spread=_EARLY_SPREAD, dof=_EARLY_DOF)
    centre, deviation = float(line.mean(at)[0]), float(line.sd(at)[0])
    steps = np.array([student_t_quantile(float(level), line.dof) for level in _LEVELS])
    atoms = np.maximum(centre + deviation * steps, _LEAST_SHARE * float(past.value.min()))
    mass = np.full(len(atoms), 1 / len(atoms))
    return Predictive(atoms, mass, mass * float(wall.mean()))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return Kendall's tau-b; 0 where one of the two does not vary."""
    left = np.sign(first[:, None] - first[None, :])
    right = np.sign(second[:, None] - second[None, :])
    pairs = float(np.sqrt(np.count_nonzero(left) * np.count_nonzero(right)))
    return float((left * right).sum()) / pairs if pairs > 0 else 0.0
