"""Memory tiers: requests rounded up to a few values with the least waste."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

MOST_TIERS = 4
"""Most arrays that a round in tiers is submitted as."""


def partition(requests_mb: Sequence[int], weights: Sequence[float] | None = None, *, most: int) -> list[int]:
    """Assign each request to one of at most ``most`` tiers; a tier asks for the largest request in it.

    The waste, the sum of weight x (tier - request), is least: an optimal partition of sorted values is into runs, found
    by dynamic programming over the distinct values (Fisher 1958, doi:10.1080/01621459.1958.10501479; O(most n^2) for n
    distinct requests).

    Parameters
    ----------
    requests_mb : sequence of int, length n
    weights : sequence of float, optional
        Expected durations, s; equal when left out.
    most : int
        At least 1.

    Returns
    -------
    list of int, length n
        Tier of each request, 0 the smallest.
    """
    if most < 1:
        raise ValueError("at least one tier")
    if not requests_mb:
        return []
    values, inverse = np.unique(np.asarray(requests_mb, dtype=np.int64), return_inverse=True)
    weight = np.bincount(inverse, weights=np.ones(len(requests_mb)) if weights is None else np.asarray(weights, float))
    runs = _best_runs(values, weight, min(most, len(values)))
    tier_of_value = np.repeat(np.arange(len(runs)), np.diff([*runs, len(values)]))
    return [int(tier) for tier in tier_of_value[inverse]]


def _best_runs(values: np.ndarray, weight: np.ndarray, most: int) -> list[int]:
    """Return the first position of each run."""
    n = len(values)
    mass = np.concatenate([[0.0], np.cumsum(weight)])
    used = np.concatenate([[0.0], np.cumsum(weight * values)])
    # best[j]: least waste of the first j values; begin[t][j]: where the last of t + 1 runs starts
    best = np.concatenate([[0.0], values * mass[1:] - used[1:]])
    begin = [np.zeros(n + 1, dtype=np.int64)]
    for _ in range(1, most):
        following = np.full(n + 1, np.inf)
        following[0] = 0.0
        start = np.zeros(n + 1, dtype=np.int64)
        for j in range(1, n + 1):
            waste = best[:j] + values[j - 1] * (mass[j] - mass[:j]) - (used[j] - used[:j])
            start[j] = int(np.argmin(waste))
            following[j] = waste[start[j]]
        best = following
        begin.append(start)
    runs: list[int] = []
    end = n
    for start in reversed(begin):
        if end == 0:
            break
        end = int(start[end])
        runs.append(end)
    return runs[::-1]


def narrow(requests_mb: Sequence[int], *, step: float) -> list[int]:
    """Assign each request to a tier in which none is raised by more than a share; as few tiers as that takes.

    A tier asks for the largest request in it. From the largest on, each tier reaches as far down as it may, which no
    other choice betters: the least number of intervals of one length that cover points on a line.

    Parameters
    ----------
    requests_mb : sequence of int, length n
        At least 1 each, MiB.
    step : float
        A request is raised to at most 1 + step times itself.

    Returns
    -------
    list of int, length n
        Tier of each request, 0 the largest.
    """
    tier_of: dict[int, int] = {}
    tier, top_mb = -1, math.inf
    for mb in sorted(set(requests_mb), reverse=True):
        if top_mb > (1 + step) * mb:
            tier, top_mb = tier + 1, mb
        tier_of[mb] = tier
    return [tier_of[mb] for mb in requests_mb]
