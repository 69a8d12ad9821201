"""The fit of one tool's memory model: observations in, the model out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.core.records import Observation
from planner.core.sampling import POLL_S
from planner.core.surprise import surprising
from planner.memory.levels import Levels, fit_levels, text_names
from planner.memory.model import Curve, MemoryModel
from planner.memory.point import PointModel, fit_point
from planner.memory.rows import training
from planner.memory.sizing import KAPPA, WINDOW, Sizer

Floats = NDArray[np.float64]

_TIME_KAPPA = 10.0
_OWN_AT_LEAST = 3  # this many own runs are needed to contradict shared runs of others
_LEVELS_DIFFER = 0.15  # standard deviation, in logs, of the level of one's own peaks around that of others' runs
_SHAPES_DIFFER = 0.25  # standard deviation, in logs, of a tool's peaks around those of a similar tool
# The members' costs fade so fast that older rows would hardly count, and judging a row takes a pass over all rows.
_JUDGED, _JUDGED_OF_MANY, _MANY = 200, 80, 200


def fit(
    observations: Iterable[Observation],
    *,
    tool: str,
    feature_names: Sequence[str],
    seed: int = 0,
    poll_s: float = POLL_S,
    shape: PointModel | None = None,
    times: bool = True,
) -> MemoryModel:
    """Fit the model of one tool.

    Parameters
    ----------
    observations : iterable of Observation
        In any order; those of other tools are left out.
    tool : str
    feature_names : sequence of str
        The features to predict from; a row that lacks one does not train.
    seed : int
        Decides the folds by which the form of the model is chosen.
    poll_s : float
        The site's sampling interval, s, which decides whether a sampled peak is trusted.
    shape : PointModel, optional
        Relative peaks of tasks, from a formula (``planner.memory.point.from_formula``) or another tool's model
        (``other.memory.shape()``). It is used while observations are few and do not contradict it.
    times : bool
        Whether run times are learnt too.

    Returns
    -------
    MemoryModel
        Not ``fitted`` when no observation trains.
    """
    names = tuple(feature_names)
    kept, skipped = training(observations, tool=tool, feature_names=names, poll_s=poll_s)
    kept, contradicted = _believed(kept, names, seed)
    skipped |= contradicted
    if not kept:
        return MemoryModel(tool=tool, feature_names=names, skipped=skipped)
    in_words = text_names(kept, names)
    numbers = tuple(name for name in names if name not in in_words)
    rows = np.array([[float(row.features[name]) for name in numbers] for row in kept]).reshape(len(kept), len(numbers))
    peaks = np.array([row.peak_mb for row in kept], dtype=float)
    walls = np.array([row.wall_s or 0.0 for row in kept])
    timed = walls > 0
    levels = fit_levels(in_words, kept, rows, peaks)
    plain = _without_levels(peaks, levels, kept)
    timed_rows = [row for row, known in zip(kept, timed, strict=True) if known]
    time_levels = fit_levels(in_words, timed_rows, rows[timed], walls[timed])
    let_go = ""
    if shape is not None and _contradicted(shape, numbers, rows, plain):
        shape, let_go = None, "the assumed scaling of tasks is no longer used: measurements contradict it"
    weights = np.where(timed, walls, statistics.median(walls[timed].tolist()) if timed.any() else 1.0)
    time = None
    if times and timed.any():
        plain_s = _without_levels(walls[timed], time_levels, timed_rows)
        time = _curve(numbers, rows[timed], plain_s, np.ones(timed.sum()), _TIME_KAPPA, seed)
    return MemoryModel(
        tool=tool,
        feature_names=names,
        rows=len(kept),
        skipped=skipped,
        ranges={name: (float(rows[:, j].min()), float(rows[:, j].max())) for j, name in enumerate(numbers)},
        largest_mb=float(peaks.max()),
        memory=_curve(numbers, rows, plain, weights, KAPPA, seed, shape),
        time=time,
        let_go=let_go,
        levels=levels,
        time_levels=time_levels,
        shared=sum(not row.is_own for row in kept),
    )


def _without_levels(values: Floats, levels: Levels, rows: Sequence[Observation]) -> Floats:
    """Return peaks or run times without the effects of text features, shape (rows,)."""
    return np.asarray(values / [levels.factor(row.features) for row in rows])


def _believed(kept: list[Observation], names: tuple[str, ...], seed: int) -> tuple[list[Observation], dict[str, int]]:
    """Return own and shared rows; without the shared ones if the own ones contradict them."""
    own = [row for row in kept if row.is_own]
    others = [row for row in kept if not row.is_own]
    if not others or len(own) < _OWN_AT_LEAST:
        return kept, {}
    said = fit(others, tool=others[0].tool, feature_names=names, seed=seed, poll_s=0, times=False)
    ratios = [math.log((row.peak_mb or 0.0) / said.predict(row.features).point_mb) for row in own]
    level, noise = math.fsum(ratios) / len(ratios), _SHAPES_DIFFER / math.sqrt(len(ratios))
    if surprising(ratios, _SHAPES_DIFFER) or surprising([level], noise, level_sd=_LEVELS_DIFFER):
        return own, {"shared, but contradicted by your own runs": len(others)}
    return kept, {}


def _contradicted(shape: PointModel, names: tuple[str, ...], rows: Floats, peaks: Floats) -> bool:
    """Whether peaks differ too much from the sizes that the shape gives, whatever their common factor."""
    told = shape.told_sizes(names, rows)
    return told is not None and surprising(np.log(peaks / told).tolist(), _SHAPES_DIFFER)


def _curve(
    names: tuple[str, ...],
    rows: Floats,
    values: Floats,
    weights: Floats,
    kappa: float,
    seed: int,
    shape: PointModel | None = None,
) -> Curve:
    """Fit the size model, keep the last rows, and weigh the ensemble's members by them."""
    point, sizes = fit_point(names, rows, values, seed=seed, shape=shape)
    sizer = Sizer(kappa=kappa, proportional=point.told)
    for size, value, weight in zip(sizes[-WINDOW:], values[-WINDOW:], weights[-WINDOW:], strict=True):
        sizer.update(size, value, weight)
    sizer.judge(most=_JUDGED if len(values) <= _MANY else _JUDGED_OF_MANY)
    return Curve(point=point, memory=sizer.memory)
