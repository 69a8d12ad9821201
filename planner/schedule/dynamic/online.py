"""Online regression of memory on size: a two-parameter line in plain floats, refitted at every event in microseconds.

Memory is ``r = a + b x + e``, ``Var e = s2 w``, ``w = (.1 + .9 x)^2``, x = size / largest size. Besides measured peaks
it learns from memory that was exceeded: when tasks that ran together needed more than a limit, their sum is known to
lie above it, and the line moves by the mean of the truncated normal distribution (one pass of moment matching).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

_SQRT_TAU = math.sqrt(2 * math.pi)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingLine:
    """What is believed before anything is seen.

    Attributes
    ----------
    a, b : float
        The line, MiB.
    cov : tuple of float
        Covariance of (a, b): (aa, ab, bb).
    level_mb : float
        Memory of the largest task.
    """

    a: float
    b: float
    cov: tuple[float, float, float]
    level_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryLine:
    """Posterior of the line.

    Attributes
    ----------
    a, b : float
        Mean of the line, MiB.
    cov : tuple of float
        Covariance of (a, b): (aa, ab, bb).
    s2 : float
        Noise variance at x = 1.
    dof : float
        Degrees of freedom of the predictive Student t.
    """

    a: float
    b: float
    cov: tuple[float, float, float]
    s2: float
    dof: float

    def mean(self, x: float) -> float:
        """Return the expected memory at relative size ``x``, MiB."""
        return self.a + self.b * x

    def variance(self, count: float, sum_x: float, sum_w: float) -> float:
        """Return the predictive variance of the sum of ``count`` tasks with these sums of x and of noise weights."""
        aa, ab, bb = self.cov
        return self.s2 * sum_w + aa * count * count + 2 * ab * count * sum_x + bb * sum_x * sum_x


def noise_weight(x: float) -> float:
    """Return ``(.1 + .9 x)^2``: how the noise variance grows with relative size."""
    return (0.1 + 0.9 * x) ** 2


def from_predictions(predictions: Sequence[tuple[float, float]], *, scale_sd: float, line_sd: float) -> StartingLine:
    """Start from what a model predicted for every task.

    Parameters
    ----------
    predictions : sequence of (float, float)
        Relative size and predicted memory (MiB), at least one.
    scale_sd : float
        How far all predictions together may be off, relative.
    line_sd : float
        How far a and b may be off each on its own, relative to the largest task.
    """
    a, b = least_squares(predictions)
    level = a + b
    if level <= 0 or b < 0:  # predictions that fall with size say nothing about the slope
        level = sum(mb for _, mb in predictions) / sum(0.1 + 0.9 * x for x, _ in predictions)
        a, b = 0.1 * level, 0.9 * level
    scale, own = scale_sd**2, (line_sd * level) ** 2
    return StartingLine(a=a, b=b, cov=(scale * a * a + own, scale * a * b, scale * b * b + own), level_mb=level)


def from_observations(seen: Sequence[tuple[float, float]], *, slope_sd_mb: float, spread: float = 0.08) -> StartingLine:
    """Start without predictions: memory grows nearly with size, ``level (.1 + .9 x)``, the slope left wide open."""
    level = sum(mb for _, mb in seen) / sum(0.1 + 0.9 * x for x, _ in seen)
    level = max(level, 1e-6)
    return StartingLine(a=0.1 * level, b=0.9 * level, cov=((spread * level) ** 2, 0.0, slope_sd_mb**2), level_mb=level)


def learn(start: StartingLine, seen: Sequence[tuple[float, float]], *, spread: float, dof: float) -> MemoryLine:
    """Update the line with measured peaks.

    Parameters
    ----------
    seen : sequence of (float, float)
        Relative size and measured peak, MiB.
    spread : float
        Noise expected before anything is seen, relative to the largest task.
    dof : float
        How many observations that belief is worth.

    Notes
    -----
    Normal prior on (a, b), scaled inverse chi-square on the noise, two rounds of plug-in.
    """
    paa, pab, pbb = _inverse(start.cov)
    ha, hb = paa * start.a + pab * start.b, pab * start.a + pbb * start.b
    prior_s2 = (spread * start.level_mb) ** 2
    naa = nab = nbb = ra = rb = 0.0
    for x, mb in seen:
        weight = 1 / noise_weight(x)
        naa += weight
        nab += weight * x
        nbb += weight * x * x
        ra += weight * mb
        rb += weight * mb * x
    s2 = prior_s2
    for _ in range(2):
        a, b, cov = _solve((paa + naa / s2, pab + nab / s2, pbb + nbb / s2), ha + ra / s2, hb + rb / s2)
        misfit = sum((mb - a - b * x) ** 2 / noise_weight(x) for x, mb in seen)
        s2 = (dof * prior_s2 + misfit) / (dof + len(seen))
    return MemoryLine(a=a, b=b, cov=cov, s2=s2, dof=dof + len(seen))


def exceeded(line: MemoryLine, sizes: Sequence[float], mean_mb: float, more_than_mb: float) -> tuple[MemoryLine, float]:
    """Learn that tasks together needed more than they were expected to.

    Parameters
    ----------
    sizes : sequence of float
        Relative sizes of the tasks whose memory is not known.
    mean_mb : float
        What they were expected to need together, MiB.
    more_than_mb : float
        What they did need more than, MiB.

    Returns
    -------
    line : MemoryLine
        The line, moved and narrowed.
    rise : float
        How much the expected noise of each task rises, MiB per unit of its noise weight.
    """
    count, sum_x = float(len(sizes)), sum(sizes)
    variance = line.variance(count, sum_x, sum(noise_weight(x) for x in sizes))
    sd = math.sqrt(variance)
    shift, narrowing = _truncated((more_than_mb - mean_mb) / sd)
    aa, ab, bb = line.cov
    ga, gb = aa * count + ab * sum_x, ab * count + bb * sum_x
    step, less = shift / sd, narrowing / variance
    moved = replace(
        line,
        a=line.a + ga * step,
        b=line.b + gb * step,
        cov=(aa - ga * ga * less, ab - ga * gb * less, bb - gb * gb * less),
    )
    return moved, line.s2 * step


def least_squares(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return intercept and slope of the ordinary least squares line; slope 0 when all x are the same."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread <= 1e-12:
        return mean_y, 0.0
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return mean_y - slope * mean_x, slope


def _truncated(z: float) -> tuple[float, float]:
    """Return mean and lost variance of a standard normal variable known to exceed ``z``."""
    tail = 0.5 * math.erfc(z / math.sqrt(2))
    ratio = math.exp(-0.5 * z * z) / _SQRT_TAU / tail if z < 6 else z + 1 / z
    return ratio, min(1.0, ratio * (ratio - z))


def _inverse(matrix: tuple[float, float, float]) -> tuple[float, float, float]:
    aa, ab, bb = matrix
    determinant = aa * bb - ab * ab
    return bb / determinant, -ab / determinant, aa / determinant


def _solve(
    precision: tuple[float, float, float], ha: float, hb: float
) -> tuple[float, float, tuple[float, float, float]]:
    cov = _inverse(precision)
    aa, ab, bb = cov
    return aa * ha + ab * hb, ab * ha + bb * hb, cov
