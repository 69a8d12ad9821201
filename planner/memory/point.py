"""A task's size as one number from several features: a product of powers, or a non-negative sum, whichever fits better.

The request is made from the size in ``planner.memory.sizing``. With a single feature the feature is the size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from planner.formula.formula import Formula

Floats = NDArray[np.float64]

FOLDS = 5
_LEAVE_ONE_OUT_UP_TO = 30
_RIDGE = 0.1
_LEAST_SCALE = 1e-200  # a feature below this counts as zero
_MOST_FOLD = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class PointModel:
    """A model of the size, from features.

    Attributes
    ----------
    form : str
        ``constant`` (no feature: 1), ``feature`` (the one feature), ``powers`` (exp(a + sum b_j log x_j)), ``sum``
        (a + sum b_j x_j, b_j >= 0) or ``formula`` (``text``).
    names : tuple of str
        The features, in order.
    logged : tuple of bool
        For ``powers``: which features enter as a logarithm (those that are not negative in any row).
    shifts : tuple of float
        For ``powers``: added before the logarithm, in units of the scale: the smallest positive value if a row has a
        zero, otherwise 0.
    held : tuple of pair of float
        For ``powers``: least and greatest value seen, in units of the scale, of the features that do not enter as a
        logarithm. They stand in an exponent, so values are clipped to this range.
    scales : tuple of float
        Divisor of each feature.
    intercept : float
    coefficients : tuple of float
    text : str
        For ``formula``.
    told : bool
        Whether it is a prediction from elsewhere: measured values are then taken to be proportional to the sizes.
    """

    form: str
    names: tuple[str, ...]
    scales: tuple[float, ...] = ()
    logged: tuple[bool, ...] = ()
    shifts: tuple[float, ...] = ()
    held: tuple[tuple[float, float], ...] = ()
    intercept: float = 0.0
    coefficients: tuple[float, ...] = ()
    text: str = ""
    told: bool = False

    def size(self, rows: Floats) -> Floats:
        """Return the size of each row of features, shape (n, number of names)."""
        if self.form == "constant":
            return np.ones(len(rows))
        if self.form == "feature":
            return np.asarray(rows[:, 0], dtype=float)
        if self.form == "formula":
            formula = _parsed(self.text)
            return np.array([formula.evaluate(dict(zip(self.names, row, strict=True))) for row in rows.tolist()])
        columns = self.columns(rows)
        total = self.intercept + columns @ np.asarray(self.coefficients)
        return np.asarray(np.exp(np.clip(total, -700, 700)) if self.form == "powers" else total)

    def told_sizes(self, names: tuple[str, ...], rows: Floats) -> Floats | None:
        """Return the sizes that a model from elsewhere gives for these rows; None unless it gives one for every row."""
        if not set(self.names) <= set(names):
            return None
        told = self.size(rows[:, [names.index(name) for name in self.names]])
        return told if bool(np.all(np.isfinite(told) & (told > 0))) else None

    def columns(self, rows: Floats) -> Floats:
        """Return the features as they enter the sum or, for powers, the exponent."""
        # clip to a finite range, and above zero if only positive values were seen
        columns = np.clip(rows / np.asarray(self.scales), -_MOST_FOLD, _MOST_FOLD)
        if self.form == "powers":
            low, high = np.asarray(self.held).T
            for j, logged in enumerate(self.logged):
                if logged:
                    columns[:, j] = np.log(np.maximum(columns[:, j] + self.shifts[j], 1 / _MOST_FOLD))
                else:
                    columns[:, j] = np.clip(columns[:, j], low[j], high[j])
        return np.asarray(columns)

    def row(self, features: Mapping[str, float]) -> Floats:
        """Return one task's features as a row, shape (1, number of names)."""
        return np.array([[float(features[name]) for name in self.names]])


def from_formula(text: str) -> PointModel:
    """Return a formula as a size model, which gives relative sizes before anything is observed.

    Raises
    ------
    InputError
        When the formula cannot be read.
    """
    return PointModel(form="formula", names=_parsed(text).names, text=text, told=True)


def _parsed(text: str) -> Formula:
    # few models have one, and importing the grammar takes time
    from planner.formula import formula

    return formula.parse(text)


def from_rows(model: PointModel, sizes: Floats, values: Floats) -> PointModel:
    """Return the relative sizes of one tool's tasks as a starting point for another tool.

    Parameters
    ----------
    model : PointModel
        Size model of the known tool.
    sizes, values : array, shape (n,)
        Sizes and peaks (MiB) of its tasks.
    """
    if model.form == "feature":  # the bare feature predicts no peak yet
        model = _fit("powers", model.names, sizes[:, None], values)
    return replace(model, told=True)


def fit_point(
    names: tuple[str, ...], rows: Floats, values: Floats, *, seed: int = 0, shape: PointModel | None = None
) -> tuple[PointModel, Floats]:
    """Fit the form that predicts held-out rows best.

    Parameters
    ----------
    names : tuple of str
    rows : array, shape (n, d)
    values : array, shape (n,)
        Positive: peaks in MiB or times in s.
    seed : int
        Decides the folds.
    shape : PointModel, optional
        A size model from elsewhere (a formula, another tool): used while rows are few, and later if it predicts best.
        Ignored if it needs a feature that is not among the names, or is not positive for every row.

    Returns
    -------
    PointModel
    array, shape (n,)
        Each row's size as predicted without that row's fold, so that residuals against it are honest.
    """
    few = len(values) < len(names) + 3
    told = None if shape is None else shape.told_sizes(names, rows)
    if shape is not None and told is not None and few:
        return shape, told
    if len(names) < 2 and told is None:
        model = PointModel(form="feature" if names else "constant", names=names)
        return model, model.size(rows)
    parts = _folds(len(values), seed)
    tried = {form: _held_out(form, names, rows, values, parts) for form in (("powers",) if few else ("powers", "sum"))}
    best = max(tried, key=lambda form: tried[form][0])
    if shape is not None and told is not None and _scaled_likelihood(told, values, parts) >= tried[best][0]:
        return shape, told
    return _fit(best, names, rows, values), tried[best][1]


def _scaled_likelihood(told: Floats, values: Floats, parts: list[NDArray[np.intp]]) -> float:
    """Return the mean held-out log likelihood of the values as a multiple of the given sizes."""
    ratio = np.log(values / told)
    likelihood = np.empty(len(values))
    for part in parts:
        rest = np.delete(ratio, part)
        likelihood[part] = _log_normal(
            ratio[part], np.full(len(part), rest.mean()), np.full(len(part), max(rest.std(), 1e-3))
        )
    return float(np.mean(likelihood - np.log(values)))


def _folds(count: int, seed: int) -> list[NDArray[np.intp]]:
    if count < 2:
        return []
    order = np.random.default_rng(seed).permutation(count)
    return [np.asarray(part) for part in np.array_split(order, count if count <= _LEAVE_ONE_OUT_UP_TO else FOLDS)]


def _held_out(
    form: str, names: tuple[str, ...], rows: Floats, values: Floats, parts: list[NDArray[np.intp]]
) -> tuple[float, Floats]:
    """Return the mean held-out log likelihood and the held-out predictions."""
    predicted = np.full(len(values), float(np.mean(values)))
    spread = np.full(len(values), 1.0)
    for part in parts:
        rest = np.ones(len(values), dtype=bool)
        rest[part] = False
        model = _fit(form, names, rows[rest], values[rest])
        predicted[part] = model.size(rows[part])
        spread[part] = max(_relative_spread(form, model.size(rows[rest]), values[rest], len(names)), 1e-3)
    predicted = np.maximum(predicted, 1e-3 * float(np.min(values)))
    if form == "powers":
        likelihood = _log_normal(np.log(values), np.log(predicted), spread) - np.log(values)
    else:
        likelihood = _log_normal(values, predicted, spread * predicted)
    return float(np.mean(likelihood)), predicted


def _relative_spread(form: str, predicted: Floats, values: Floats, used: int) -> float:
    predicted = np.maximum(predicted, 1e-3 * float(np.min(values)))
    residual = np.log(values / predicted) if form == "powers" else values / predicted - 1
    return float(np.sqrt(np.sum(residual**2) / max(1, len(values) - used - 1)))


def _log_normal(value: Floats, mean: Floats, sd: Floats) -> Floats:
    return np.asarray(-0.5 * ((value - mean) / sd) ** 2 - np.log(sd))


def _fit(form: str, names: tuple[str, ...], rows: Floats, values: Floats) -> PointModel:
    scales = np.max(np.abs(rows), axis=0)
    scales[scales < _LEAST_SCALE] = 1.0
    scaled = rows / scales
    powers = form == "powers"
    logged = np.all(rows >= 0, axis=0) & np.any(rows > 0, axis=0) & powers
    # a zero has no logarithm, and one zero among hundreds of rows must not change the form for all
    positive = np.where(scaled > 0, scaled, np.inf).min(axis=0)
    shifts = np.where(logged & np.any(rows == 0, axis=0), positive, 0.0)
    model = PointModel(
        form=form,
        names=names,
        scales=tuple(scales.tolist()),
        logged=tuple(bool(flag) for flag in logged),
        shifts=tuple(shifts.tolist()),
        held=tuple(zip(scaled.min(axis=0).tolist(), scaled.max(axis=0).tolist(), strict=True)),
    )
    columns = model.columns(rows)
    intercept, coefficients = _ridge(columns, np.log(values), logged) if powers else _non_negative(columns, values)
    return replace(model, intercept=intercept, coefficients=tuple(coefficients.tolist()))


def _ridge(columns: Floats, target: Floats, logged: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Ridge regression towards the product of the features to the power 1/d: two rows must not decide everything."""
    start = np.where(logged, 1.0 / columns.shape[1], 0.0)
    centre, level = columns.mean(axis=0), float(target.mean())
    centred = columns - centre
    gram = centred.T @ centred + _RIDGE * np.eye(columns.shape[1])
    coefficients = start + np.linalg.solve(gram, centred.T @ (target - level - centred @ start))
    return level - float(centre @ coefficients), coefficients


def _non_negative(columns: Floats, values: Floats) -> tuple[float, Floats]:
    """Relative least squares with non-negative terms (Lawson and Hanson 1974)."""
    from scipy.optimize import nnls

    design = np.column_stack([np.ones(len(values)), columns]) / values[:, None]
    terms = nnls(design, np.ones(len(values)))[0]
    return float(terms[0]), np.asarray(terms[1:])
