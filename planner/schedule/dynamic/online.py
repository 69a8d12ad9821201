"""Online regression of memory on size: a line in plain floats, refitted at every event in microseconds.

Memory is ``r = a + b x + c x^2 + e``, ``Var e = s2 w``, ``w = (.1 + .9 x)^2``, x = size / largest size. The bend c is
there only where no predictions tell the shape. Besides measured peaks it learns from memory that was exceeded: when
tasks that ran together needed more than a limit, their sum is known to lie above it, and the line moves by the mean of
the truncated normal distribution (one pass of moment matching).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

Matrix = tuple[tuple[float, ...], ...]

_SQRT_TAU = math.sqrt(2 * math.pi)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingLine:
    """The prior of the line.

    Attributes
    ----------
    coefficients : tuple of float
        a and b, and c where the line may bend, MiB.
    cov : tuple of tuple of float
        Their covariance.
    level_mb : float
        Memory of the largest task.
    """

    coefficients: tuple[float, ...]
    cov: Matrix
    level_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryLine:
    """Posterior of the line.

    Attributes
    ----------
    coefficients : tuple of float
        Mean of a and b, and of c where the line may bend, MiB.
    cov : tuple of tuple of float
        Their covariance.
    s2 : float
        Noise variance at x = 1.
    dof : float
        Degrees of freedom of the predictive Student t.
    """

    coefficients: tuple[float, ...]
    cov: Matrix
    s2: float
    dof: float

    def mean(self, x: float) -> float:
        """Return the expected memory at relative size ``x``, MiB."""
        return sum(c * p for c, p in zip(self.coefficients, powers(x), strict=False))

    def variance(self, tasks: TaskSum) -> float:
        """Return the predictive variance of the sum of these tasks' memory."""
        sums = tasks.powers
        of_line = sum(row[j] * sums[i] * sums[j] for i, row in enumerate(self.cov) for j in range(len(row)))
        return self.s2 * tasks.weight + of_line


@dataclass(frozen=True, slots=True)
class TaskSum:
    """What the variance of a sum of tasks depends on.

    Attributes
    ----------
    powers : tuple of float
        Their number, the sum of their x, and of their x^2.
    weight : float
        The sum of their noise weights.
    """

    powers: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weight: float = 0.0

    def and_one(self, x: float) -> TaskSum:
        """Return these and one more of relative size ``x``."""
        count, sum_x, sum_xx = self.powers
        return TaskSum((count + 1.0, sum_x + x, sum_xx + x * x), self.weight + noise_weight(x))


def together(sizes: Sequence[float]) -> TaskSum:
    """Return tasks of these relative sizes."""
    tasks = TaskSum()
    for x in sizes:
        tasks = tasks.and_one(x)
    return tasks


def powers(x: float) -> tuple[float, float, float]:
    """Return what the coefficients of a line are multiplied by at relative size ``x``."""
    return 1.0, x, x * x


def noise_weight(x: float) -> float:
    """Return ``(.1 + .9 x)^2``: how the noise variance grows with relative size."""
    return (0.1 + 0.9 * x) ** 2


def from_predictions(predictions: Sequence[tuple[float, float]], *, scale_sd: float, line_sd: float) -> StartingLine:
    """Return the prior from a model's predictions for all tasks.

    Parameters
    ----------
    predictions : sequence of (float, float)
        Relative size and predicted memory (MiB), at least one.
    scale_sd : float
        Standard deviation of a common error of all predictions, relative.
    line_sd : float
        Standard deviation of independent errors of a and b, relative to the largest task.
    """
    a, b = least_squares(predictions)
    level = a + b
    if level <= 0 or b < 0:  # predictions that fall with size say nothing about the slope
        level = sum(mb for _, mb in predictions) / sum(0.1 + 0.9 * x for x, _ in predictions)
        a, b = 0.1 * level, 0.9 * level
    scale, own = scale_sd**2, (line_sd * level) ** 2
    cov = ((scale * a * a + own, scale * a * b), (scale * a * b, scale * b * b + own))
    return StartingLine(coefficients=(a, b), cov=cov, level_mb=level)


def from_observations(
    seen: Sequence[tuple[float, float]], *, slope_sd_mb: float, bend_sd: float, spread: float
) -> StartingLine:
    """Start without predictions: memory grows nearly with size, ``level (.1 + .9 x)``, the slope left wide open.

    Parameters
    ----------
    seen : sequence of (float, float)
        Relative size and measured peak, MiB, at least one.
    slope_sd_mb : float
        Prior standard deviation of b, MiB.
    bend_sd, spread : float
        Prior standard deviations of c and a, relative to the largest task.
    """
    level = sum(mb for _, mb in seen) / sum(0.1 + 0.9 * x for x, _ in seen)
    level = max(level, 1e-6)
    own = ((spread * level) ** 2, slope_sd_mb**2, (bend_sd * level) ** 2)
    cov = tuple(tuple(v if i == j else 0.0 for j in range(3)) for i, v in enumerate(own))
    return StartingLine(coefficients=(0.1 * level, 0.9 * level, 0.0), cov=cov, level_mb=level)


def learn(start: StartingLine, seen: Sequence[tuple[float, float]], *, spread: float, dof: float) -> MemoryLine:
    """Update the line with measured peaks.

    Parameters
    ----------
    seen : sequence of (float, float)
        Relative size and measured peak, MiB.
    spread : float
        Prior noise, relative to the largest task.
    dof : float
        How many observations that prior is worth.

    Notes
    -----
    Normal prior on the coefficients, scaled inverse chi-square on the noise, two rounds of plug-in.
    """
    few = range(len(start.coefficients))
    precision = _inverse(start.cov)
    pull = _times(precision, start.coefficients)
    prior_s2 = (spread * start.level_mb) ** 2
    rows = [(powers(x), 1 / noise_weight(x), mb) for x, mb in seen]
    gram = [[sum(w * p[i] * p[j] for p, w, _ in rows) for j in few] for i in few]
    reached = [sum(w * p[i] * mb for p, w, mb in rows) for i in few]
    s2 = prior_s2
    for _ in range(2):
        cov = _inverse([[precision[i][j] + gram[i][j] / s2 for j in few] for i in few])
        found = _times(cov, [pull[i] + reached[i] / s2 for i in few])
        misfit = sum(w * (mb - sum(found[i] * p[i] for i in few)) ** 2 for p, w, mb in rows)
        s2 = (dof * prior_s2 + misfit) / (dof + len(seen))
    return MemoryLine(coefficients=found, cov=cov, s2=s2, dof=dof + len(seen))


def exceeded(line: MemoryLine, sizes: Sequence[float], mean_mb: float, more_than_mb: float) -> tuple[MemoryLine, float]:
    """Learn that tasks together needed more than they were expected to.

    Parameters
    ----------
    sizes : sequence of float
        Relative sizes of the tasks whose memory is not known.
    mean_mb : float
        What they were expected to need together, MiB.
    more_than_mb : float
        The amount that they exceeded, MiB.

    Returns
    -------
    line : MemoryLine
        The line, moved and narrowed.
    rise : float
        How much the expected noise of each task rises, MiB per unit of its noise weight.
    """
    tasks = together(sizes)
    variance = line.variance(tasks)
    sd = math.sqrt(variance)
    shift, narrowing = _truncated((more_than_mb - mean_mb) / sd)
    gain = _times(line.cov, tasks.powers)
    step, less = shift / sd, narrowing / variance
    moved = replace(
        line,
        coefficients=tuple(c + g * step for c, g in zip(line.coefficients, gain, strict=True)),
        cov=tuple(tuple(v - gain[i] * gain[j] * less for j, v in enumerate(row)) for i, row in enumerate(line.cov)),
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
    """Return the mean of a standard normal variable known to exceed ``z``, and by how much its variance falls below 1.

    Beyond z = 6 the ratio of density and tail is taken from its asymptotic series, as the tail underflows.
    """
    tail = 0.5 * math.erfc(z / math.sqrt(2))
    ratio = math.exp(-0.5 * z * z) / _SQRT_TAU / tail if z < 6 else z + 1 / z
    return ratio, min(1.0, ratio * (ratio - z))


def _times(matrix: Matrix, vector: Sequence[float]) -> tuple[float, ...]:
    """Return the product; entries of the vector beyond the matrix are left out."""
    return tuple(sum(v * w for v, w in zip(row, vector, strict=False)) for row in matrix)


def _inverse(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Invert a positive definite matrix of two or three rows (Gauss and Jordan, no pivoting needed)."""
    size = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(size):
            if k != i:
                rows[k] = [value - rows[k][i] * one for value, one in zip(rows[k], rows[i], strict=True)]
    return tuple(tuple(row[size:]) for row in rows)
