"""The predictive distribution: weighted values smoothed into atoms, with a tail above the largest one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = np.array([-2.2, -1.4, -0.7, 0.0, 0.7, 1.4, 2.2])
_STEP_MASS = np.exp(-0.5 * _STEPS**2) / np.exp(-0.5 * _STEPS**2).sum()
_SMOOTHING = 0.25

# quantiles of the unit exponential, the last one split to reach further out
_TAIL = np.append(-np.log(1 - (np.arange(1, 13) - 0.5) / 12), [4.5, 6.5])
_TAIL_MASS = np.append(np.full(12, 1 / 12), [0.02, 0.005])
_TAIL_MASS[11] -= 0.025

_MOST_OVER = 3.0
_IGNORANCE = 0.3  # relative spread added for a single observation; each further one halves it


@dataclass(frozen=True)
class Predictive:
    """A distribution as atoms in ascending order.

    Attributes
    ----------
    atoms : array, shape (m,)
    mass : array, shape (m,)
        Probability of each atom, not normalised.
    cost_mass : array, shape (m,)
        The same, each observation weighted by its run time too.
    """

    atoms: Floats
    mass: Floats
    cost_mass: Floats

    @cached_property
    def _share(self) -> Floats:
        total = np.cumsum(self.mass)
        return np.asarray(total / total[-1])

    def quantile(self, level: Floats | float) -> Floats:
        """Return the least atom with at least ``level`` of the mass at or below it, for each level."""
        return self.atoms[np.minimum(self._share.searchsorted(level), len(self.atoms) - 1)]


def smooth(value: Floats, weight: Floats, time: Floats, *, rows: int) -> Predictive:
    """Return a smooth distribution from weighted values.

    Parameters
    ----------
    value, weight, time : array, shape (n,)
        Plausible values, their weights, and the run time of the task each came from.
    rows : int
        Observations behind the values.

    Notes
    -----
    Each value becomes seven atoms of a normal kernel. Above the largest ones sits an exponential tail with the mass
    that a new value has of exceeding all effective observations, 1 / (n_eff + 1), and the mean excess of the highest
    sqrt(n_eff) as its scale.
    """
    effective = float(weight.sum()) ** 2 / float(weight @ weight)
    order = np.argsort(value, kind="stable")
    ordered, total = value[order], np.cumsum(weight[order])

    def at(level: float) -> float:
        return float(ordered[min(int(total.searchsorted(level * total[-1])), len(ordered) - 1)])

    centre = float(weight @ value) / total[-1]
    deviation = float(np.sqrt(weight @ (value - centre) ** 2 / total[-1]))
    width = _SMOOTHING * min((at(0.75) - at(0.25)) / 1.34, deviation) * effective**-0.2
    # a cloud of few observations looks narrower than it is
    ignorance = _IGNORANCE * 0.5 ** (rows - 1)
    widths = width + ignorance * np.abs(value)
    share = min(1.0, max(2.0, effective**0.5) / effective)
    threshold = at(1 - share)
    over = np.clip(value - threshold, 0.0, _MOST_OVER * abs(threshold))
    # one giant among equals is no sign of a long tail: the share above it counts as at least one half
    above = max(float(weight @ (over > 0)), 0.5 * share * float(total[-1]))
    excess = float(weight @ over) / above
    excess += ignorance * float(np.abs(ordered).max())
    tail = at(1 - 1 / (effective + 1)) + excess * _TAIL
    paid = weight * time
    beyond = 1 / (effective + 1)
    # eight ascending runs, which a stable sort merges in a fraction of the time
    shifted = (ordered + _STEPS[:, None] * widths[order]).ravel()
    atoms = np.concatenate([shifted, tail])
    mass = np.concatenate([np.outer(_STEP_MASS, weight[order]).ravel(), total[-1] * beyond * _TAIL_MASS])
    cost_mass = np.concatenate([np.outer(_STEP_MASS, paid[order]).ravel(), paid.sum() * beyond * _TAIL_MASS])
    by_size = np.argsort(atoms, kind="stable")
    return Predictive(atoms[by_size], mass[by_size], cost_mass[by_size])
