"""The request of least expected cost, given a distribution of the peak and what happens after a kill.

Source: Tovar et al. 2018 (first allocations that minimise waste), with a price on failures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.core.retry import FIRST_STEP, GROWTH, Retry
from planner.memory.predictive import Predictive

Floats = NDArray[np.float64]

_MOST_CANDIDATES = 400


class _Above:
    """The part of the distribution above a limit: its mass, and the cost in delay of failing there."""

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
        Distribution of the peak, MiB.
    retry : Retry
    least : float
        No request is below this, MiB; above 0.
    kappa : float
        Price of the delay. A failed attempt costs the memory x time it held, plus the waste of the retry, plus
        ``kappa`` times the task's own use. Above 0: otherwise tiny requests that fail cheaply would win.
    """
    above = _Above(predictive, kappa)
    asked = _candidates(predictive, least)
    beyond, delay = above(asked)
    fixed = asked * above.mass - above.use + delay
    held = after_each(retry, asked)
    cost = fixed + held * beyond
    while held.min() < predictive.atoms[-1]:
        beyond, delay = above(held)
        held = GROWTH * held
        cost = cost + held * beyond + delay
    return float(asked[np.argmin(cost)])


def after_each(retry: Retry, failed: Floats) -> Floats:
    """Return the next request after each one that failed, MiB: `Retry.after` for an array of any shape."""
    stepped = failed >= FIRST_STEP * retry.largest
    return np.where(stepped, GROWTH * failed, FIRST_STEP * np.maximum(failed, retry.largest))


def _candidates(predictive: Predictive, least: float) -> Floats:
    """Return the candidate requests, from the median up, thinned out to a useful number."""
    atoms = predictive.atoms
    counted = np.cumsum(predictive.mass)
    first = max(int(counted.searchsorted(0.5 * counted[-1])), int(atoms.searchsorted(least, "right")))
    first = min(first, len(atoms) - 1)
    # a fitted line may go below zero, and doubling would not raise a request from there
    return np.maximum(atoms[first :: max(1, (len(atoms) - first) // _MOST_CANDIDATES)], least)
