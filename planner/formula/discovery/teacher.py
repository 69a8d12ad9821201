"""The teacher: an ensemble of trees that a formula can be distilled from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.formula.discovery.least_squares import Array

SCALES = ("log", "raw")

_FOLDS = 3
_NEIGHBOURS = 8
_JITTER = 0.1  # standard deviations of a feature's log


@dataclass(frozen=True)
class Teacher:
    """A fitted ensemble.

    Attributes
    ----------
    scale : str
        ``log`` or ``raw``: what the trees were fitted to.
    model : object
        scikit-learn's VotingRegressor.
    threads : int
    """

    scale: str
    model: Any
    threads: int = 1

    def predict(self, logs: Array) -> Array:
        """Return peaks, MiB, > 0, for logs of features, shape (rows, features)."""
        with _threads(self.threads):
            values = np.asarray(self.model.predict(logs), dtype=float)
        return np.asarray(np.exp(values) if self.scale == "log" else np.maximum(values, 1.0))


def teach(
    logs: Array,
    peaks: Array,
    *,
    seed: int,
    scale: str | None = None,
    threads: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> Teacher:
    """Fit the ensemble of random forest, histogram boosting and gradient boosting.

    Parameters
    ----------
    logs : array of shape (rows, features)
        Logs of the features (trees only see their order).
    peaks : array of shape (rows,)
        MiB, > 0.
    seed : int
    scale : str, optional
        ``log`` or ``raw``; by default the one with the smaller cross-validated error in logs.
    threads : int
        Login nodes are shared: 1.
    progress : callable
        Told what is being done.

    Returns
    -------
    Teacher
    """
    if scale is None:
        scale = better_scale(logs, peaks, seed, progress)
    progress(f"teacher on {len(peaks)} rows ({scale} peaks)")
    model = _ensemble(seed, len(peaks), threads)
    with _threads(threads):
        model.fit(logs, np.log(peaks) if scale == "log" else peaks)
    return Teacher(scale, model, threads)


def better_scale(logs: Array, peaks: Array, seed: int, progress: Callable[[str], None]) -> str:
    """Return ``log`` or ``raw``: the scale whose teacher has the smaller cross-validated error in logs."""
    folds = min(_FOLDS, len(peaks))
    order = np.random.default_rng(seed).permutation(len(peaks))
    errors = dict.fromkeys(SCALES, 0.0)
    for scale in SCALES:
        for fold in range(folds):
            held = order[fold::folds]
            rest = np.setdiff1d(order, held)
            predicted = teach(logs[rest], peaks[rest], seed=seed, scale=scale, progress=progress).predict(logs[held])
            errors[scale] += float(np.sum((np.log(predicted) - np.log(peaks[held])) ** 2))
    return min(SCALES, key=lambda scale: errors[scale])


def _threads(count: int) -> Any:
    """Bound the threads of OpenMP and BLAS too: on a busy node idle ones spin, and a fit takes ten times as long."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(count)


def _ensemble(seed: int, rows: int, threads: int) -> Any:
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
        VotingRegressor,
    )

    return VotingRegressor(
        [
            ("forest", RandomForestRegressor(100, min_samples_leaf=2, random_state=seed, n_jobs=threads)),
            (
                "histogram",
                HistGradientBoostingRegressor(min_samples_leaf=max(2, min(20, rows // 10)), random_state=seed),
            ),
            (
                "boosting",
                GradientBoostingRegressor(
                    n_estimators=200, learning_rate=0.05, max_depth=3, subsample=0.7, random_state=seed
                ),
            ),
        ]
    )


def synthesise(logs: Array, rows: int, rng: np.random.Generator) -> Array:
    """Draw feature rows that cover the space actually seen.

    Each lies between a real row and one of its neighbours (a random share of the way, drawn per feature),
    jittered by a tenth of a standard deviation and clipped to the range seen. Rows drawn from a box, or from
    the marginals, teach combinations that never occur.

    Parameters
    ----------
    logs : array of shape (rows, features)
    rows : int
        How many to draw.
    rng : numpy Generator

    Returns
    -------
    array of shape (rows, features)
    """
    spread = np.maximum(logs.std(axis=0), 1e-12)
    scaled = logs / spread
    distance = ((scaled[:, None, :] - scaled[None, :, :]) ** 2).sum(axis=2)
    near = np.argsort(distance, axis=1, kind="stable")[:, 1 : 1 + _NEIGHBOURS]
    start = rng.integers(0, len(logs), rows)
    if near.shape[1]:
        end = near[start, rng.integers(0, near.shape[1], rows)]
        drawn = logs[start] + rng.random((rows, logs.shape[1])) * (logs[end] - logs[start])
    else:
        drawn = logs[start]
    drawn = drawn + _JITTER * spread * rng.standard_normal(drawn.shape)
    return np.asarray(np.clip(drawn, logs.min(axis=0), logs.max(axis=0)))
