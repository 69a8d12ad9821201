"""Cross-validation: errors of a model on attempts it has not seen, and its savings against one ``--mem`` for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.core import units
from planner.core.records import Observation
from planner.core.retry import DOUBLE, Retry
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel

FOLDS = 10
FOLDS_OF_MANY = 3
"""Folds when there are many rows: a model of two thirds of them is as good as one of all."""
MOST_ROWS = 200
"""Most attempts to predict, drawn at random: more would change only the last digit, and take seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Figures from cross-validation.

    Attributes
    ----------
    rows : int
        Attempts predicted, each by a model that had not seen it.
    error_percent : float
        Median of ``|predicted - peak| / peak``.
    correlation : float or None
        Pearson's, of predicted and true peaks; None when one of the two does not vary.
    level, coverage : float
        Level of the bound, and the share of peaks at or below it.
    bound_ratio, request_ratio : float
        Median of bound / peak and of request / peak.
    failures : int
        Attempts that would have been killed with their request (of least expected cost, or of the chosen level).
    waste_gbh : float
        Memory x time wasted by the requests, with the retries that a plan makes, GB h.
    uniform_mb : int or None
        The one ``--mem`` for all tasks to compare with, MiB.
    uniform_failures, uniform_waste_gbh : int, float or None
        The same figures for it; a killed attempt is retried with twice as much.
    """

    rows: int
    error_percent: float
    correlation: float | None
    level: float
    coverage: float
    bound_ratio: float
    request_ratio: float
    failures: int
    waste_gbh: float
    uniform_mb: int | None
    uniform_failures: int | None
    uniform_waste_gbh: float | None


def cross_validate(
    observations: Sequence[Observation],
    *,
    tool: str,
    feature_names: Sequence[str],
    level: float = 0.95,
    chosen: float | None = None,
    uniform_mb: int | None = None,
    seed: int = 0,
) -> Evaluation | None:
    """Predict every attempt with a model that was fitted without it.

    Parameters
    ----------
    observations : sequence of Observation
        Those that train the model (see ``planner.memory.rows.training``). Of more than ``MOST_ROWS`` a random sample is
        predicted, each from two thirds of all.
    level : float
        Level of the bound whose coverage is measured.
    chosen : float, optional
        Level of the requests; by default the request of least expected cost.
    uniform_mb : int, optional
        One request for all, MiB, to compare with.

    Returns
    -------
    Evaluation or None
        None with fewer than four observations.
    """
    rows = list(observations)
    if len(rows) < 4:
        return None
    order = np.random.default_rng(seed).permutation(len(rows))
    folds, most = (FOLDS, len(rows)) if len(rows) <= MOST_ROWS else (FOLDS_OF_MANY, -(-MOST_ROWS // FOLDS_OF_MANY))
    told: list[_Told] = []
    for part in np.array_split(order, min(folds, len(order))):
        left_out = set(part.tolist())
        model = fit(
            (row for number, row in enumerate(rows) if number not in left_out),
            tool=tool,
            feature_names=feature_names,
            seed=seed,
            poll_s=0.0,  # these rows were already selected as trusted
            times=False,
        )
        told += [_tell(model, rows[number], level, chosen) for number in part[:most]]
    return _summary(told, level, uniform_mb)


@dataclass(frozen=True, slots=True)
class _Told:
    point: float
    bound: float
    request: float
    retry: Retry
    peak: float
    wall_s: float


def _tell(model: MemoryModel, row: Observation, level: float, chosen: float | None) -> _Told:
    bound = model.predict(row.features, level=level)
    request = model.predict(row.features, level=chosen)
    return _Told(
        point=bound.point_mb,
        bound=bound.request_mb,
        request=request.request_mb,
        retry=model.retry(),
        peak=row.peak_mb or 0.0,
        wall_s=row.wall_s or 0.0,
    )


def _summary(told: Sequence[_Told], level: float, uniform_mb: int | None) -> Evaluation:
    point, bound, request, peak = (
        np.array([getattr(one, name) for one in told]) for name in ("point", "bound", "request", "peak")
    )
    failures, waste_gbh = _replay((one.request, one.retry, one) for one in told)
    uniform = None if uniform_mb is None else _replay((uniform_mb, DOUBLE, one) for one in told)
    varies = len(told) > 1 and bool(np.ptp(point) > 0 and np.ptp(peak) > 0)
    return Evaluation(
        rows=len(told),
        error_percent=float(100 * np.median(np.abs(point - peak) / peak)),
        correlation=float(np.corrcoef(point, peak)[0, 1]) if varies else None,
        level=level,
        coverage=float(np.mean(peak <= bound)),
        bound_ratio=float(np.median(bound / peak)),
        request_ratio=float(np.median(request / peak)),
        failures=failures,
        waste_gbh=waste_gbh,
        uniform_mb=uniform_mb,
        uniform_failures=None if uniform is None else uniform[0],
        uniform_waste_gbh=None if uniform is None else uniform[1],
    )


def _replay(attempts: Iterable[tuple[float, Retry, _Told]]) -> tuple[int, float]:
    """Return how many of the given (first request, retry, attempt) would have been killed, and their waste, GB h."""
    courses = [retry.replay(max(request, 1.0), one.peak, one.wall_s) for request, retry, one in attempts]
    return sum(failures for _, failures in courses), sum(wasted for wasted, _ in courses) * units.GB_H
