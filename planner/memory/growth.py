"""A cap on requests for tasks larger than all seen, from how far earlier large tasks exceeded smaller ones.

A line through the largest tasks depends on a single noisy peak. A comparison of large tasks with smaller ones says
more: once a tool has reached a plateau, its largest tasks hold no more than tasks half as large.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from planner.core.retry import Retry
from planner.memory.cost import after_each
from planner.memory.members import Past, nearness

Floats = NDArray[np.float64]

LEAST_GROWTH = 1.05
"""Least request for such a task, even on a plateau, as a multiple of the largest peak."""

_FARTHEST = 8.0  # a task further out is judged as if it were this many times larger than all seen
_LEAST_SMALLER = 6
_LEAST_JUDGED = 3
_BANDWIDTH = 0.3
_LEAST_NEARNESS = 0.05  # weight below which much smaller tasks say nothing about the largest


def most_beyond(past: Past, wall: Floats, size: float, *, kappa: float) -> float:
    """Return the largest sensible request for a task larger than all seen, as a multiple of the largest peak.

    If the new task is f times larger than all seen, every earlier task is compared with the largest peak among tasks f
    times smaller, and its growth is continued, in proportion or along a line, whichever is more. The multiple is the
    one of least cost if the new task grows like one of these; the largest of them weigh most.

    Parameters
    ----------
    past : Past
    wall : array, shape (n,)
        Run times, s.
    size : float
        Size of the new task.
    kappa : float
        Price of a failure, as in :func:`planner.memory.cost.cheapest`.

    Returns
    -------
    float
        At least `LEAST_GROWTH`; infinite when there are too few tasks to tell.
    """
    if past.ordered[-1] <= 0:
        return math.inf
    far = min(size / float(past.ordered[-1]), _FARTHEST)
    for exponent in (1.0, 0.5, 0.25):  # if too few tasks are that much smaller, compare with nearer ones
        growth, tasks = _growths(past, size, far, exponent)
        near = nearness(past.rank[tasks] - 1.0, _BANDWIDTH, past.count)
        heard = near >= _LEAST_NEARNESS
        if np.count_nonzero(heard) >= _LEAST_JUDGED:
            spent = wall[tasks[heard]]
            return _cheapest_multiple(growth[heard], near[heard] * spent, float(spent.max()), kappa)
    return math.inf


def _growths(past: Past, size: float, far: float, exponent: float) -> tuple[Floats, NDArray[np.intp]]:
    """Return how the growth of each task, beyond those ``far**exponent`` times smaller, goes on; and which they are."""
    order = np.argsort(past.size, kind="stable")
    sizes, peak = past.ordered, past.value[order]
    smaller = np.minimum(sizes.searchsorted(sizes / far**exponent, "right"), sizes.searchsorted(sizes, "left"))
    known = smaller >= _LEAST_SMALLER
    last = smaller[known] - 1
    highest = np.maximum.accumulate(peak)[last]
    ratio = peak[known] / highest
    slope = (peak[known] - highest) / (sizes[known] - sizes[last])
    along = 1 + slope * (size - sizes[-1]) / float(peak.max())
    return np.maximum(np.where(ratio > 1, ratio ** (1 / exponent), ratio), along), order[known]


def _cheapest_multiple(growth: Floats, weight: Floats, longest_s: float, kappa: float) -> float:
    """Return the multiple of least cost, with one more task assumed: a long one that does not grow."""
    highest = np.sort(growth)[-2]  # a single giant must not decide
    peak, weight = np.append(np.clip(growth, 0, highest), 1.0), np.append(weight, longest_s)
    asked = LEAST_GROWTH * np.unique(np.maximum(peak, 1.0))[:, None]
    retry = Retry(largest=1.0)
    cost = np.zeros((len(asked), len(peak)))
    held = np.broadcast_to(asked, cost.shape)
    while (short := held < peak).any():
        cost += np.where(short, held + kappa * peak, 0.0)
        held = np.where(short, after_each(retry, held), held)
    return float(asked[np.argmin((cost + held - peak) @ weight), 0])
