"""Least squares for many problems at once, against scipy's for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from planner.formula.discovery.least_squares import Array, Problems, levenberg

X = np.linspace(0.1, 3.0, 12)


def saturating(constants: Array) -> tuple[Array, Array]:
    """Return a (1 - exp(-b x)), shape (n, rows), and its derivatives in a and b."""
    a, b = constants[:, :1], constants[:, 1:]
    fall = np.exp(-b * X)
    return a * (1 - fall), np.stack([1 - fall, a * X * fall], axis=2)


@pytest.mark.parametrize("seed", range(3))
def test_each_of_many_problems_ends_where_scipy_ends_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.column_stack([rng.uniform(1, 9, 40), rng.uniform(0.3, 3, 40)])
    target = saturating(truth)[0] * rng.normal(1.0, 0.05, (40, len(X)))

    def state(constants: Array, which: Problems) -> tuple[Array, Array]:
        values, slopes = saturating(constants)
        return values - target[which], slopes

    start = np.ones((40, 2))
    _, cost = levenberg(state, start, steps=100, tolerance=1e-9)
    for i in range(40):
        which = np.array([i])
        alone = least_squares(lambda c, which=which: state(c[None], which)[0][0], start[i], method="lm")
        assert cost[i] == pytest.approx(2 * alone.cost, rel=1e-5)
