"""The Bayesian line that learns from its first observation, for one number that stands for a task's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class BayesianLine:
    """Posterior of ``r = a + b x + e`` with ``Var e = s2 w``, ``w = (.1 + .9 x)^2``, x = size / largest size.

    The spread grows with the size, as memory's does. Units of ``r`` are kept (MiB or s).

    Attributes
    ----------
    scale : float
        The size that counts as x = 1.
    theta : tuple of float
        Posterior mean of (a, b).
    covariance : tuple of tuple of float
        Posterior covariance of (a, b).
    s2 : float
        Noise variance at x = 1.
    dof : float
        Degrees of freedom of the predictive Student t.
    """

    scale: float
    theta: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    s2: float
    dof: float

    def design(self, size: Floats | float) -> tuple[Floats, Floats]:
        """Return the rows (1, x) and the noise weights w of the given sizes."""
        x = np.atleast_1d(np.asarray(size, dtype=float)) / self.scale
        return np.column_stack([np.ones_like(x), x]), noise_weight(x)

    def mean(self, size: Floats | float) -> Floats:
        """Return the expected value at each size."""
        rows, _ = self.design(size)
        return np.asarray(rows @ np.asarray(self.theta))

    def sd(self, size: Floats | float) -> Floats:
        """Return the predictive standard deviation at each size (noise and ignorance of the line)."""
        rows, weight = self.design(size)
        ignorance = np.einsum("ij,jk,ik->i", rows, np.asarray(self.covariance), rows)
        return np.asarray(np.sqrt(self.s2 * weight + ignorance))

    def upper(self, size: Floats | float, level: float) -> Floats:
        """Return the bound that a new value stays under with probability ``level``."""
        return self.mean(size) + student_t_quantile(level, self.dof) * self.sd(size)


def noise_weight(x: Floats) -> Floats:
    """Return ``(.1 + .9 x)^2``: how the noise variance grows with relative size."""
    return np.asarray((0.1 + 0.9 * np.clip(x, 0.0, None)) ** 2)


def fit_line(
    size: Sequence[float] | Floats,
    value: Sequence[float] | Floats,
    *,
    scale: float | None = None,
    prior: tuple[Sequence[float] | Floats, Sequence[float] | Floats] | None = None,
    spread: float = 0.08,
    dof: float = 15.0,
) -> BayesianLine:
    """Fit the line to one or more observations.

    Parameters
    ----------
    size, value : sequence of float, shape (n,)
        Sizes (any positive unit) and what was measured (MiB or s).
    scale : float, optional
        The size that counts as x = 1; the largest seen by default.
    prior : pair of sequences, optional
        Sizes and predicted values of a formula or of another tool: the line starts from their least squares.
    spread, dof : float
        Relative noise expected before anything is seen, and how many observations that belief is worth.

    Raises
    ------
    ValueError
        Without observations and without a prior.

    Notes
    -----
    Normal prior on (a, b), scaled inverse chi-square on the noise, two rounds of plug-in. Without a prior the line
    starts at ``m (.1 + .9 x)``, m the size-weighted mean: memory grows nearly with size, which keeps two small tasks
    from extrapolating to a negative large one.
    """
    sizes, values = np.asarray(size, dtype=float), np.asarray(value, dtype=float)
    known = sizes if prior is None else np.concatenate([sizes, np.asarray(prior[0], dtype=float)])
    if known.size == 0:
        raise ValueError("neither observations nor a prior")
    unit = scale or float(np.max(np.abs(known))) or 1.0
    x = sizes / unit
    theta0, cov0, level = _start(x, values, unit, prior, spread)
    rows = np.column_stack([np.ones_like(x), x])
    weight = noise_weight(x)
    precision0 = np.linalg.inv(cov0)
    s2_start = (spread * level) ** 2
    s2, theta, covariance = s2_start, theta0, np.asarray(cov0, dtype=float)
    for _ in range(2):
        covariance = np.asarray(np.linalg.inv(precision0 + (rows / (weight * s2)[:, None]).T @ rows))
        theta = covariance @ (precision0 @ theta0 + rows.T @ (values / (weight * s2)))
        residual = values - rows @ theta
        s2 = (dof * s2_start + float(np.sum(residual**2 / weight))) / (dof + len(values))
    (aa, ab), (ba, bb) = covariance.tolist()
    return BayesianLine(
        scale=unit,
        theta=(float(theta[0]), float(theta[1])),
        covariance=((aa, ab), (ba, bb)),
        s2=s2,
        dof=dof + len(values),
    )


def _start(
    x: Floats,
    values: Floats,
    unit: float,
    prior: tuple[Sequence[float] | Floats, Sequence[float] | Floats] | None,
    spread: float,
) -> tuple[Floats, Floats, float]:
    if prior is None:
        level = float(np.sum(values) / np.sum(0.1 + 0.9 * np.clip(x, 0, None))) or 1.0
        return np.array([0.1, 0.9]) * level, np.diag([(spread * level) ** 2, level**2]), level
    prior_x = np.asarray(prior[0], dtype=float) / unit
    design = np.column_stack([np.ones_like(prior_x), prior_x])
    theta0 = np.linalg.lstsq(design, np.asarray(prior[1], dtype=float), rcond=None)[0]
    level = float(np.sum(theta0)) or 1.0
    return theta0, 0.17**2 * np.outer(theta0, theta0) + (0.05 * level) ** 2 * np.eye(2), level


def student_t_quantile(level: float, dof: float) -> float:
    """Return the quantile of Student's t (Cornish-Fisher series, Abramowitz & Stegun 26.7.5; 1e-4 from 10 dof on)."""
    z = NormalDist().inv_cdf(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / dof ** (power + 1) for power, term in enumerate(terms))


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
