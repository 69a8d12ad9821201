"""The polynomial regression of arXiv 2511.15977, for the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Polynomial:
    """Least-squares polynomial with the residuals it left: the regression of arXiv 2511.15977.

    Attributes
    ----------
    scale : float
        What sizes are divided by.
    coefficients : tuple of float
        Lowest power first.
    residuals : tuple of float
        Value minus prediction, ascending.
    least : float
        Smallest value seen: no prediction is below half of it.
    """

    scale: float
    coefficients: tuple[float, ...]
    residuals: tuple[float, ...]
    least: float

    def mean(self, size: float) -> float:
        """Return the prediction at a size."""
        powers = [(size / self.scale) ** power for power in range(len(self.coefficients))]
        return max(float(np.dot(self.coefficients, powers)), 0.5 * self.least)

    def upper(self, size: float, gamma: float) -> float:
        """Return the prediction plus the bias: the interpolated ``gamma`` percentile of the residuals, at least 0."""
        return self.mean(size) + max(0.0, float(np.quantile(self.residuals, gamma)))


def fit_polynomial(size: Sequence[float] | Floats, value: Sequence[float] | Floats, *, degree: int = 1) -> Polynomial:
    """Fit a polynomial of a degree, or of a lower one where the sizes do not carry it.

    A line that falls with the size is refused for the mean: two of the smallest tasks would otherwise extrapolate to
    negative memory for the largest.

    Raises
    ------
    ValueError
        Without observations.
    """
    sizes, values = np.asarray(size, dtype=float), np.asarray(value, dtype=float)
    if not len(values):
        raise ValueError("no observations")
    scale = float(np.max(np.abs(sizes))) or 1.0
    power = min(degree, len(np.unique(sizes)) - 1)
    design = np.vander(sizes / scale, power + 1, increasing=True)
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    if power == 1 and coefficients[1] < 0:
        design, coefficients = design[:, :1], np.array([values.mean()])
    return Polynomial(
        scale=scale,
        coefficients=tuple(coefficients.tolist()),
        residuals=tuple(np.sort(values - design @ coefficients).tolist()),
        least=float(values.min()),
    )
