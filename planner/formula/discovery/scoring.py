"""Errors of predictions, and coverage and cost of bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def point_errors(predicted: Sequence[float], actual: Sequence[float]) -> dict[str, float]:
    """Return ``pearson``, ``r2`` and ``mape`` (percent) of point predictions.

    Parameters
    ----------
    predicted, actual : sequence of float
        MiB, of the same length, at least one row; peaks > 0.

    Returns
    -------
    dict of str to float
        Pearson and R2 are 0 if they are not defined (a single row, or no variation).
    """
    rows = len(actual)
    mean_p, mean_a = math.fsum(predicted) / rows, math.fsum(actual) / rows
    pairs = [(float(p), float(a)) for p, a in zip(predicted, actual, strict=True)]
    cross = math.fsum((p - mean_p) * (a - mean_a) for p, a in pairs)
    spread_p = math.fsum((p - mean_p) ** 2 for p, _ in pairs)
    spread_a = math.fsum((a - mean_a) ** 2 for _, a in pairs)
    missed = math.fsum((p - a) ** 2 for p, a in pairs)
    return {
        "pearson": cross / math.sqrt(spread_p * spread_a) if spread_p > 0.0 and spread_a > 0.0 else 0.0,
        "r2": 1.0 - missed / spread_a if spread_a > 0.0 else 0.0,
        "mape": 100.0 * math.fsum(abs(p - a) / a for p, a in pairs) / rows,
    }


def bound_errors(bounds: Mapping[float, Sequence[float]], actual: Sequence[float]) -> dict[str, dict[str, float]]:
    """Return ``coverage`` (share of peaks within their bound) and ``overallocation`` (mean of bound / peak) by level.

    Parameters
    ----------
    bounds : mapping of float to sequence of float
        Bounds per level, MiB.
    actual : sequence of float
        Peaks, MiB, > 0.

    Returns
    -------
    dict
        ``{"coverage": {"0.80": …}, "overallocation": {"0.80": …}}``.
    """
    coverage, overallocation = {}, {}
    for level, upper in bounds.items():
        pairs = list(zip(upper, actual, strict=True))
        key = f"{level:.2f}"
        coverage[key] = sum(a <= u for u, a in pairs) / len(pairs)
        overallocation[key] = math.fsum(u / a for u, a in pairs) / len(pairs)
    return {"coverage": coverage, "overallocation": overallocation}
