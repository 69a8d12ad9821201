"""Bayesian power laws in a task's size, which predict from the first observation on.

In logarithms the laws are lines with constant noise, so the spread of memory grows with the size, as is observed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""From memory independent of the size to memory in proportion to it; all are equally likely a priori."""

MOST_STRETCH = 6.0
"""No law is followed further out than this many times the sizes seen: chromosome 1 is 5.3 times chromosome 21."""

_LEVELS = (np.arange(40) + 0.5) / 40
_LARGEST_LOG = 600.0  # larger than any amount of memory, below the largest float


@dataclass(frozen=True, slots=True)
class PowerLaws:
    """Posterior of ``log r = c + e log x + noise`` for several exponents e, each with its own level and noise.

    Attributes
    ----------
    exponents, weights : array, shape (k,)
        The exponents and the posterior probability of each.
    levels, sds : array, shape (k,)
        Mean of c, and standard deviation of a new value's logarithm.
    dof : float
        Degrees of freedom of the predictive Student t.
    reach : pair of float
        Least and greatest size that the laws are asked for.
    """

    exponents: Floats
    weights: Floats
    levels: Floats
    sds: Floats
    dof: float
    reach: tuple[float, float]

    def atoms(self, size: float) -> tuple[Floats, Floats]:
        """Return the distribution of a new task's value: atoms in ascending order and their masses, which sum to 1."""
        low, high = self.reach
        centres = self.levels + self.exponents * math.log(min(max(size, low), high))
        logs = centres[:, None] + self.sds[:, None] * _steps(self.dof)
        mass = np.repeat(self.weights / len(_LEVELS), len(_LEVELS))
        order = np.argsort(logs, axis=None)
        return np.exp(np.minimum(logs.ravel()[order], _LARGEST_LOG)), mass[order]


def fit_powers(
    size: Sequence[float] | Floats,
    value: Sequence[float] | Floats,
    *,
    exponents: Sequence[float] = EXPONENTS,
    spread: float = 0.1,
    dof: float = 4.0,
) -> PowerLaws:
    """Fit the laws to one or more observations.

    Parameters
    ----------
    size, value : sequence of float, shape (n,)
        Sizes (any unit) and measured values (MiB or s, above 0). If a size is not positive, only the law that ignores
        sizes is left.
    exponents : sequence of float
        Exponents of the laws, equally likely a priori.
    spread, dof : float
        Prior relative noise, and how many observations that prior is worth.

    Raises
    ------
    ValueError
        Without observations.

    Notes
    -----
    Flat prior on the level, scaled inverse chi-square on the noise; a law's weight is its marginal likelihood (Gelman
    et al., Bayesian Data Analysis, section 14.2). Two small tasks cannot extrapolate to a negative large one.
    """
    x, y = np.asarray(size, dtype=float), np.log(np.asarray(value, dtype=float))
    if not len(y):
        raise ValueError("no observations")
    if x.min() > 0:
        laws, logs, reach = np.array(exponents), np.log(x), (x.min() / MOST_STRETCH, x.max() * MOST_STRETCH)
    else:
        laws, logs, reach = np.zeros(1), np.zeros(len(y)), (1.0, 1.0)
    residual = y - laws[:, None] * logs
    level = residual.mean(axis=1)
    known = dof + len(y) - 1
    squares = dof * spread**2 + np.sum((residual - level[:, None]) ** 2, axis=1)
    likelihood = (squares / squares.min()) ** (-known / 2)
    return PowerLaws(
        exponents=laws,
        weights=likelihood / likelihood.sum(),
        levels=level,
        sds=np.sqrt(squares / known * (1 + 1 / len(y))),
        dof=known,
        reach=(float(reach[0]), float(reach[1])),
    )


@lru_cache(maxsize=64)
def _steps(dof: float) -> Floats:
    """Return quantiles of Student's t at the midpoints of equal shares of probability."""
    return np.array([student_t_quantile(float(level), dof) for level in _LEVELS])


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
