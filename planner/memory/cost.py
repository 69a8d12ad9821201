"""The request of least expected cost, given a distribution of the peak and what happens after a kill.

Source: Tovar et al. 2018 (first allocations that minimise waste), with a price on failures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.memory.predictive import Predictive

Floats = NDArray[np.float64]

_CLEARLY_MORE = 1.05
_MOST_CANDIDATES = 400


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


DOUBLE = Retry(largest=0.0, always_double=True)
"""Where nothing is known."""


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
