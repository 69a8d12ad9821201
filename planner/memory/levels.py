"""Effects of text features: a factor on the peak for each level, shrunk towards the mean of the others.

log(peak) is modelled as a line in the logarithms of the numeric features plus an effect of each level. Effects are
random: the less they differ beyond the noise, and the fewer rows a level has, the more they shrink to their mean (a
mixed model,
Robinson 1991, by ridge regression whose penalty is the variance of the noise over that of the effects).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planner.core import levels
from planner.core.records import Observation

Floats = NDArray[np.float64]

_RIDGE = 0.1
_ROUNDS = 8
_LEAST_PENALTY, _MOST_PENALTY = 1e-3, 1e3


@dataclass(frozen=True, kw_only=True, slots=True)
class Levels:
    """Factors of text features.

    Attributes
    ----------
    names : tuple of str
        The features that are text.
    factors : mapping of str to mapping of str to float
        Feature -> level -> multiple of the value of a task without levels.
    """

    names: tuple[str, ...] = ()
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def factor(self, features: Mapping[str, float]) -> float:
        """Return a task's factor; a level never seen gets the largest factor seen."""
        found = 1.0
        for name in self.names:
            known = self.factors[name]
            found *= known.get(_text(features, name), max(known.values()))
        return found

    def unseen(self, features: Mapping[str, float]) -> list[str]:
        """Return the task's levels that no observation had, in words."""
        given = {name: _text(features, name) for name in self.names}
        return [f"{name} {text}" for name, text in given.items() if text not in self.factors[name]]


NO_LEVELS = Levels()


def text_names(observations: Sequence[Observation], names: Sequence[str]) -> tuple[str, ...]:
    """Return which features are text in any of the observations."""
    return tuple(name for name in names if any(levels.level(row.features, name) is not None for row in observations))


def fit_levels(names: tuple[str, ...], observations: Sequence[Observation], numbers: Floats, values: Floats) -> Levels:
    """Fit the factors.

    Parameters
    ----------
    names : tuple of str
        The features that are text.
    observations : sequence of Observation
    numbers : array, shape (n, d)
        Their other features.
    values : array, shape (n,)
        Positive: peaks in MiB or times in s.
    """
    if not names or not len(values):
        return NO_LEVELS
    keys = sorted({(name, _text(row.features, name)) for row in observations for name in names})
    has = np.array([[float(_text(row.features, name) == text) for name, text in keys] for row in observations])
    effects = _effects(_logs(numbers), has, np.log(values))
    factors: dict[str, dict[str, float]] = {name: {} for name in names}
    for (name, text), effect in zip(keys, effects.tolist(), strict=True):
        factors[name][text] = float(np.exp(effect))
    return Levels(names=names, factors=factors)


def _text(features: Mapping[str, float], name: str) -> str:
    found = levels.value(features, name)
    return found if isinstance(found, str) else f"{found:g}" if found is not None else ""


def _logs(numbers: Floats) -> Floats:
    """Return columns that grow with the logarithms of the numbers, whatever their signs."""
    scales = np.maximum(np.median(np.abs(numbers), axis=0), 1e-12)
    return np.asarray(np.arcsinh(50 * numbers / scales))


def _effects(columns: Floats, has: Floats, target: Floats) -> Floats:
    """Return the effect of each level: ridge regression, its penalty found with the effects."""
    count = columns.shape[1]
    design = np.column_stack([columns - columns.mean(axis=0), has])
    centred = target - target.mean()
    # effects are relative to the mean of all rows: `has` is not centred, so effects shrink towards that mean
    penalty, effects = 1.0, np.zeros(has.shape[1])
    for _ in range(_ROUNDS):
        weights = np.diag([_RIDGE] * count + [penalty] * has.shape[1])
        found = np.linalg.solve(design.T @ design + weights, design.T @ centred)
        effects = found[count:]
        noise = float(np.sum((centred - design @ found) ** 2)) / max(1, len(target) - count - 1)
        differ = max(float(np.mean(effects**2)), 1e-12)
        penalty = min(max(noise / differ, _LEAST_PENALTY), _MOST_PENALTY)
    return np.asarray(effects)
