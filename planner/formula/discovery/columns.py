"""Centred logarithms of a table's columns, for the searches, and the conversion back to arithmetic in the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.formula.discovery.least_squares import Array
from planner.formula.grammar import Call, Name, Node, Number

DIGITS = 6
"""Significant digits of a formula's constants: readable, and far below the noise of a measured peak."""


@dataclass(frozen=True)
class LogColumns:
    """Logs of the features, centred; a feature that is not always positive is shifted so that its smallest value is 1.

    Attributes
    ----------
    names : tuple of str
    shifts : array of shape (features,)
        Added before the log; 0 for positive features.
    centres : array of shape (features,)
        Means of the logs.
    usable : tuple of int
        Columns that vary.
    """

    names: tuple[str, ...]
    shifts: Array
    centres: Array
    usable: tuple[int, ...]

    @classmethod
    def of(cls, names: Sequence[str], table: Array) -> LogColumns:
        """Measure shifts and centres on the rows of a table, shape (rows, features)."""
        lowest = table.min(axis=0)
        shifts = np.where(lowest > 0.0, 0.0, 1.0 - lowest)
        logs = np.log(table + shifts)
        usable = tuple(int(j) for j in np.flatnonzero(np.ptp(logs, axis=0) > 1e-9))
        return cls(tuple(names), shifts, logs.mean(axis=0), usable)

    def logs(self, table: Array) -> Array:
        """Return centred logs, shape (rows, features); values far below the rows seen are clipped to a thousandth."""
        return np.asarray(np.log(np.maximum(table + self.shifts, 1e-3 * np.exp(self.centres))) - self.centres)

    def feature(self, column: int) -> Node:
        """Return the (shifted) feature as arithmetic."""
        name, shift = Name(self.names[column]), float(self.shifts[column])
        return Call("add", (name, Number(rounded(shift)))) if shift else name

    def factor_nodes(self, column: int) -> int:
        """Count the nodes of ``* x ^ a``."""
        return 6 if self.shifts[column] else 4

    def power_law(self, columns: Sequence[int], constants: Array) -> Node:
        """Return ``C * x^a * ...`` from the log constant and the exponents on centred logs."""
        exponents = [rounded(float(value)) for value in constants[1:]]
        shift = sum(a * float(self.centres[j]) for j, a in zip(columns, exponents, strict=True))
        node: Node = Number(rounded(float(np.exp(constants[0] - shift))))
        for j, exponent in zip(columns, exponents, strict=True):
            node = Call("mul", (node, Call("pow", (self.feature(j), Number(exponent)))))
        return node


def rounded(value: float) -> float:
    """Return a constant with six significant digits."""
    return float(f"{value:.{DIGITS}g}")
