"""Fitting a formula to rows: search, calibration, ranges and origin."""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.conformal import calibrate
from planner.formula.discovery import numeric, scoring
from planner.formula.discovery import search as symbolic
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.search import Discovery, SearchOptions
from planner.formula.formula import Formula
from planner.formula.grammar import Node
from planner.formula.parser import parse
from planner.formula.ranges import Feature, Ratio

LEVELS = (0.80, 0.90, 0.95)

RATIO_FEATURES = 4
"""Number of features whose ratios are kept, those that vary most, as they are likely to reflect a task's size.

With more features, more ordinary tasks fall outside a range; benchmarks/formula.md compares the choices.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedFormula:
    """A formula, and the search that found it."""

    formula: Formula
    discovery: Discovery


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The origin of a formula, as written to its file.

    Attributes
    ----------
    tool : str
    target : str
        The table's column with the peak.
    units : mapping of str to str
        By feature, where known.
    date : str
        When it was made.
    """

    tool: str = ""
    target: str = "peak_mb"
    units: Mapping[str, str] = field(default_factory=dict)
    date: str = ""


def fit(
    names: Sequence[str],
    table: Array,
    peaks: Array,
    *,
    origin: Origin | None = None,
    options: SearchOptions | None = None,
) -> FittedFormula:
    """Find a formula for the peak and calibrate its bound on predictions out of fold.

    Parameters
    ----------
    names : sequence of str
        Features, the columns of ``table``; names of the formula grammar.
    table : array of shape (rows, features)
        Finite.
    peaks : array of shape (rows,)
        MiB, finite and > 0.
    origin : Origin, optional
        For the formula's file.
    options : SearchOptions, optional

    Returns
    -------
    FittedFormula

    Raises
    ------
    InputError
        For too few rows, names that a formula cannot have, or no feature that varies.
    """
    _check_names(names)
    options = options or SearchOptions()
    competition = symbolic.Competition(names, table, peaks, options)
    found = competition.formula_of(competition.winner)
    return FittedFormula(
        formula=calibrated(found, names, table, peaks, origin=origin, seed=options.seed), discovery=found
    )


def calibrated(
    found: Discovery, names: Sequence[str], table: Array, peaks: Array, *, origin: Origin | None = None, seed: int = 0
) -> Formula:
    """Return the found formula with its bound, ranges and errors; parameters as in :func:`fit`."""
    origin = origin or Origin()
    predicted, measured = found.predicted.tolist(), peaks.tolist()
    columns = dict(zip(names, table.T, strict=True))
    growth = numeric.elasticities(found.root, columns)
    widened = _widened_unseen(found.root, growth, columns)
    return Formula(
        root=found.root,
        tool=origin.tool,
        target=origin.target,
        engine=found.source,
        date=origin.date,
        rows=len(peaks),
        seed=seed,
        floor_mb=float(peaks.min()),
        largest_mb=float(peaks.max()),
        features=_ranges(columns, origin.units),
        ratios=_ratios(growth, columns),
        calibration=calibrate(predicted, (peaks / widened).tolist()).rounded(),
        errors={key: round(value, 4) for key, value in scoring.point_errors(predicted, measured).items()},
    )


def check(formula: Formula, rows: Sequence[Mapping[str, float]], peaks: Sequence[float]) -> dict[str, object]:
    """Test a formula on rows, usually other ones than it was fitted to.

    Parameters
    ----------
    formula : Formula
        With a calibration.
    rows : sequence of mapping of str to float
        Features, at least those of the formula.
    peaks : sequence of float
        MiB, > 0, at least one.

    Returns
    -------
    dict
        ``rows``, ``pearson``, ``r2``, ``mape`` (percent), ``nodes``, ``coverage`` and ``overallocation`` by level, and
        ``outside_range``, the number of rows with a feature, or a ratio of features, outside the formula's ranges.

    Raises
    ------
    InputError
        For no rows, a missing feature, or a formula without calibration.
    """
    if not len(peaks):
        raise InputError(
            "no row to check the formula with", "rows count when they completed and have peak and features"
        )
    bounds = {level: [formula.bound(row, level) for row in rows] for level in LEVELS}
    points = [bound.point_mb for bound in bounds[LEVELS[0]]]
    uppers = {level: [bound.upper_mb for bound in found] for level, found in bounds.items()}
    return {
        "rows": len(peaks),
        **scoring.point_errors(points, peaks),
        "nodes": formula.nodes,
        **scoring.bound_errors(uppers, peaks),
        "outside_range": sum(bool(bound.outside) for bound in bounds[LEVELS[0]]),
    }


def _widened_unseen(root: Node, growth: Mapping[str, float], columns: Mapping[str, Array]) -> Array:
    """Return by how much each row's bound is widened if the ranges come from the other rows only, shape (rows,).

    New rows of the same kind are outside the ranges equally often, so the widened bound is what must be calibrated.
    """
    rows = np.column_stack(list(columns.values()))
    found = np.ones(len(rows))
    for i, row in enumerate(rows.tolist()):
        others = {name: np.delete(column, i) for name, column in columns.items()}
        known = Formula(root=root, features=_ranges(others, {}), ratios=_ratios(growth, others))
        found[i] = known.widened(dict(zip(columns, row, strict=True)))
    return found


def _ranges(columns: Mapping[str, Array], units: Mapping[str, str]) -> dict[str, Feature]:
    return {
        name: Feature(low=float(column.min()), high=float(column.max()), unit=units.get(name, ""))
        for name, column in columns.items()
    }


def _ratios(growth: Mapping[str, float], columns: Mapping[str, Array]) -> tuple[Ratio, ...]:
    """Return the highest ratios of the features whose largest value is most times their smallest.

    The formula says which way round: above is the feature with which it grows more, as far as the rows go.
    """
    folds = {name: float(of.max() / of.min()) for name, of in columns.items() if of.min() > 0.0}
    varying = sorted((name for name, fold in folds.items() if fold > 1.0), key=lambda name: -folds[name])
    widest = [name for name in columns if name in varying[:RATIO_FEATURES]]
    return tuple(
        Ratio(over=over, under=under, high=_no_lower(float(np.max(columns[over] / columns[under]))))
        for over, under in itertools.permutations(widest, 2)
        if growth[over] >= growth[under]
    )


def _no_lower(value: float) -> float:
    return float(decimal.Context(prec=5, rounding=decimal.ROUND_CEILING).create_decimal(value))


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        try:
            valid = grammar.names(parse(name)) == (name,)
        except InputError:
            valid = False
        if not valid:
            raise InputError(f"{name!r} cannot be a feature of a formula", "use letters, digits and _ in column names")
    if len(set(names)) < len(names):
        raise InputError("a feature is given twice", "give every feature once")
    if not np.size(names):
        raise InputError("no feature is given", "give the columns to predict from")
