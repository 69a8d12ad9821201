"""Calibration of upper bounds on predictions: one-sided split conformal prediction.

Rows that the model was not fitted to (held out, or predicted out of fold) show by which factor the true
peak exceeds the prediction. In each bin of the prediction the bound at level q is the ``ceil((n + 1) q)``-th
smallest of these factors, which covers a new exchangeable row with probability at least q (Vovk et al. 2005;
Lei et al. 2018, section 2.2; the bins make it Mondrian conformal prediction). Bins are joined by straight lines
and made monotone, so that a task predicted larger never asks for less.

Pure Python on purpose: a saved calibration is used where planning must start fast and where numpy is not installed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 1.0)
"""Levels tabulated by default; the last stands for "above every row seen"."""

BEYOND = 1.1
"""Factor on the largest residual when there are too few rows for a level."""

_ROWS_PER_BIN = 40  # with fewer than 39, the 95 % bound of a bin would be its very largest row
_MOST_BINS = 5
_DRAWS = 200  # draws of the true peak when levels are compared
_APART = 1.02  # knots nearer than this would join noise by a steep line


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Factors on the prediction, tabulated by level and by prediction.

    Attributes
    ----------
    rows : int
        Calibration rows behind the table.
    knots_mb : tuple of float
        Predictions (MiB, increasing) at which the factors hold; between them the bound is linear in the prediction,
        beyond them the factor of the nearest knot applies.
    levels : tuple of float
        Tabulated levels, increasing; levels in between are interpolated.
    factors : tuple of tuple of float
        ``factors[i][j]`` is bound / prediction at ``levels[i]`` and ``knots_mb[j]``.
    too_few_rows : tuple of float
        Levels for which at least one bin has too few rows; the largest residual x 1.1 is used there.
    """

    rows: int
    knots_mb: tuple[float, ...]
    levels: tuple[float, ...]
    factors: tuple[tuple[float, ...], ...]
    too_few_rows: tuple[float, ...] = ()

    def factors_at(self, level: float) -> tuple[float, ...]:
        """Return the factor at each knot for a level in (0, 1]; below the lowest tabulated level its factors hold."""
        if not 0.0 < level <= 1.0:
            raise ValueError(f"the level must lie in (0, 1], not {level}")
        if level <= self.levels[0]:
            return self.factors[0]
        if level >= self.levels[-1]:
            return self.factors[-1]
        above = bisect_right(self.levels, level)
        low, high = self.levels[above - 1], self.levels[above]
        share = (level - low) / (high - low)
        return tuple(
            (1.0 - share) * a + share * b for a, b in zip(self.factors[above - 1], self.factors[above], strict=True)
        )

    def upper(self, predicted: float, level: float) -> float:
        """Return the bound that the true peak stays below with probability ``level``.

        Parameters
        ----------
        predicted : float
            Point prediction, MiB, > 0.
        level : float
            In (0, 1].

        Returns
        -------
        float
            MiB; never decreasing in ``predicted`` nor in ``level``.
        """
        knots, factors = self.knots_mb, self.factors_at(level)
        if predicted <= knots[0]:
            return predicted * factors[0]
        if predicted >= knots[-1]:
            return predicted * factors[-1]
        right = bisect_right(knots, predicted)
        x0, x1 = knots[right - 1], knots[right]
        u0, u1 = x0 * factors[right - 1], x1 * factors[right]
        return u0 + (u1 - u0) * (predicted - x0) / (x1 - x0)

    def cheapest_level(self, failure_cost: float = 2.0) -> float:
        """Return the tabulated level, from the median up, of least expected waste.

        A request ``a`` for a task that needs ``y`` wastes ``a - y`` when it suffices; when it does not, the whole
        request, plus ``failure_cost * y`` for the lost time, plus what the retry at twice the request wastes. The true
        peak is drawn from the table itself, so that this works for a formula from a file too.

        Parameters
        ----------
        failure_cost : float
            Cost of one kill in multiples of the peak, > 0.

        Returns
        -------
        float
        """
        if failure_cost <= 0.0:
            raise ValueError("the cost of a failure must be positive, or failing cheaply on purpose would win")
        # peaks below the lowest request cost the same for all requests
        needs = [self.factors_at((i + 0.5) / _DRAWS) for i in range(_DRAWS)]

        def waste(level: float) -> float:
            asked = self.factors_at(level)
            return sum(
                knot * _waste(a, y, failure_cost)
                for need in needs
                for knot, a, y in zip(self.knots_mb, asked, need, strict=True)
            )

        return min((level for level in self.levels if level >= 0.5), key=waste, default=self.levels[-1])

    def rounded(self) -> Calibration:
        """Return the table as written to a file: knots to a tenth of a MiB, factors up to the next ten-thousandth."""
        return replace(
            self,
            knots_mb=tuple(round(knot, 1) for knot in self.knots_mb),
            factors=tuple(tuple(math.ceil(f * 1e4 - 1e-6) / 1e4 for f in row) for row in self.factors),
        )

    def enough(self, level: float) -> bool:
        """Whether there are enough rows for this level; if not, the largest residual x 1.1 is used."""
        return all(level < scarce for scarce in self.too_few_rows)

    def note(self, level: float) -> str:
        """Return in words what the bound at this level is based on."""
        if self.enough(level):
            return f"{level:.0%} bound from {self.rows} rows"
        return f"{self.rows} rows are too few for a {level:.0%} bound: largest residual x {BEYOND}"


def calibrate(
    predicted: Sequence[float],
    actual: Sequence[float],
    *,
    levels: Sequence[float] = LEVELS,
    bins: int | None = None,
) -> Calibration:
    """Tabulate by how much true peaks exceed predictions, on rows the model was not fitted to.

    Parameters
    ----------
    predicted, actual : sequence of float
        Point predictions and true peaks, MiB, > 0, of the same length (at least one row).
    levels : sequence of float
        Levels in (0, 1] to tabulate.
    bins : int, optional
        Bins of the prediction with the same number of rows each; by default one per 40 rows, at most 5.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        For no rows, rows that are not finite and positive, or a level outside (0, 1].
    """
    _check(predicted, actual, levels)
    rows = sorted((float(p), float(a) / float(p)) for p, a in zip(predicted, actual, strict=True))
    wanted = bins if bins is not None else max(1, min(_MOST_BINS, len(rows) // _ROWS_PER_BIN))
    groups = _bins(rows, min(wanted, len(rows)))
    knots = [_median([p for p, _ in group]) for group in groups]
    columns = [sorted(ratio for _, ratio in group) for group in groups]
    table: list[tuple[float, ...]] = []
    scarce: list[float] = []
    ordered = sorted({float(level) for level in levels})
    for level in ordered:
        bounds = [knot * bound_factor(column, level) for knot, column in zip(knots, columns, strict=True)]
        table.append(tuple(bound / knot for bound, knot in zip(_running_maximum(bounds), knots, strict=True)))
        if any(rank(len(column), level) > len(column) for column in columns):
            scarce.append(level)
    return Calibration(
        rows=len(rows),
        knots_mb=tuple(knots),
        levels=tuple(ordered),
        factors=tuple(table),
        too_few_rows=tuple(scarce),
    )


def rank(rows: int, level: float) -> int:
    """Return the finite-sample rank ``ceil((n + 1) q)``; above ``rows`` the rows are too few for the level."""
    # the subtraction keeps 0.95 * 20 = 19.000000000000004 from becoming 20
    return max(1, math.ceil((rows + 1) * level - 1e-9))


def bound_factor(ratios: Sequence[float], level: float) -> float:
    """Return the factor at a level from sorted ratios actual / predicted.

    If there are too few rows for the level, the largest residual (ratio - 1) is multiplied by 1.1.
    """
    position = rank(len(ratios), level)
    if position <= len(ratios):
        return ratios[position - 1]
    largest = ratios[-1]
    return max(largest, 1.0 + BEYOND * (largest - 1.0))


def _waste(request: float, peak: float, failure_cost: float) -> float:
    if request >= peak:
        return request - peak
    retry = max(2.0 * request, peak)
    return request + failure_cost * peak + retry - peak


def _check(predicted: Sequence[float], actual: Sequence[float], levels: Sequence[float]) -> None:
    if len(predicted) != len(actual):
        raise ValueError(f"{len(predicted)} predictions for {len(actual)} peaks")
    if not len(predicted):
        raise ValueError("calibration needs at least one row")
    if not all(math.isfinite(v) and v > 0.0 for values in (predicted, actual) for v in values):
        raise ValueError("predictions and peaks must be finite and positive")
    if not len(levels) or not all(0.0 < level <= 1.0 for level in levels):
        raise ValueError("levels must lie in (0, 1]")


def _bins(rows: list[tuple[float, float]], wanted: int) -> list[list[tuple[float, float]]]:
    """Split sorted rows into groups of equal size whose medians increase clearly: close ones reduce the bins."""
    for count in range(max(1, wanted), 1, -1):
        edges = [round(i * len(rows) / count) for i in range(count + 1)]
        groups = [rows[a:b] for a, b in pairwise(edges)]
        medians = [_median([p for p, _ in group]) for group in groups]
        if all(a * _APART < b for a, b in pairwise(medians)):
            return groups
    return [rows]


def _median(values: list[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else 0.5 * (values[middle - 1] + values[middle])


def _running_maximum(values: list[float]) -> list[float]:
    highest = -math.inf
    out = []
    for value in values:
        highest = max(highest, value)
        out.append(highest)
    return out
