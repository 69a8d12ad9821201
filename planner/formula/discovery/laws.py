"""Laws written by the user, with constants fitted to rows, for programs whose memory law is known.

Numbers with a fraction (``0.5``) are starting values of the fit; whole numbers (``1``, ``2``) are fixed parts of the
law.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.discovery import numeric, scoring
from planner.formula.discovery.columns import rounded
from planner.formula.discovery.fit import FittedFormula, Origin, calibrated
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.numeric import Program
from planner.formula.discovery.search import Discovery, Standing
from planner.formula.grammar import Node
from planner.formula.parser import parse

FOLDS = 50
"""Many folds: formulas fitted to nearly all rows have the same errors as the one fitted to all."""

_STEPS = 300
_ROWS_PER_CONSTANT = 2


def fit_law(
    law: str, names: Sequence[str], table: Array, peaks: Array, *, origin: Origin | None = None, seed: int = 0
) -> FittedFormula:
    """Fit a law's constants, judge and calibrate it on predictions out of fold.

    Parameters
    ----------
    law : str
        Arithmetic of the formula grammar in the features.
    names : sequence of str
        Features, the columns of ``table``; unused ones are kept for their ranges.
    table : array of shape (rows, features)
    peaks : array of shape (rows,)
        MiB, > 0.
    origin : Origin, optional
        For the formula's file.
    seed : int
        Decides the folds.

    Returns
    -------
    FittedFormula

    Raises
    ------
    InputError
        For arithmetic that is not a law of these features, or fewer than two rows per constant.
    """
    start = parse(law)
    if lacking := [name for name in grammar.names(start) if name not in names]:
        raise InputError(f"the law uses {lacking[0]}, which is not a feature", f"features: {', '.join(names)}")
    constants = Program(start, names).constants
    free = int(np.count_nonzero(constants != np.round(constants)))
    if len(peaks) < max(4, _ROWS_PER_CONSTANT * free):
        raise InputError(
            f"{len(peaks)} rows for a law with {free} constants to fit", "measure more runs, or write a shorter law"
        )
    root = _fitted(start, names, table, peaks)
    predicted = np.empty(len(peaks))
    order = np.random.default_rng(seed).permutation(len(peaks))
    for held in np.array_split(order, min(FOLDS, len(peaks))):
        rest = np.setdiff1d(order, held)
        without = Program(_fitted(root, names, table[rest], peaks[rest]), names)
        predicted[held] = np.clip(without.values(table[held]), peaks[rest].min(), None)
    standing = Standing(
        source="a given law",
        limit=grammar.size(root),
        error=float(np.sqrt(numeric.mean_loss(np.log(predicted / peaks)))),
        mape=scoring.point_errors(predicted.tolist(), peaks.tolist())["mape"],
        predicted=predicted,
    )
    found = Discovery(
        root=root,
        source=standing.source,
        standings=(standing,),
        front=(root,),
        predicted=predicted,
        teacher_scale=None,
    )
    return FittedFormula(formula=calibrated(found, names, table, peaks, origin=origin, seed=seed), discovery=found)


def _fitted(start: Node, names: Sequence[str], table: Array, peaks: Array) -> Node:
    program = Program(numeric.refit(start, names, table, peaks, steps=_STEPS, whole_stand=True), names)
    return program.with_constants(np.array([rounded(float(value)) for value in program.constants]))
