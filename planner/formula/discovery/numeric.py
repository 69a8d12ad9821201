"""Formulas over whole tables: values, gradients in the constants, and constants refitted to rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from planner.formula import grammar
from planner.formula.discovery.least_squares import Array, levenberg
from planner.formula.grammar import Call, Name, Node, Number

EXACT = 1e-12
"""Squared log error that counts as exact: rounded constants have a larger one."""

_OUTLYING = 0.3  # log residual that counts as outlying: beyond about 35 %
_STEEPEST = 1e6  # steeper slopes of a log are near a pole: no step should trust them
_MORE = 1.01  # factor on a feature, to see how the formula grows
_SMALLEST = 1e-3  # MiB: residuals are taken in logs, which need a positive prediction


class Program:
    """A formula flattened for evaluation on columns, with its constants as parameters.

    Parameters
    ----------
    node : Node
        The formula.
    names : sequence of str
        The features in the order of the table's columns.
    """

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        self.node = node
        self._columns = {name: i for i, name in enumerate(names)}
        self._steps: list[tuple[str, tuple[int, ...]]] = []
        self._at: list[int] = []  # step of each constant
        constants: list[float] = []
        self._flatten(node, constants)
        self.constants: Array = np.array(constants, dtype=float)

    def _flatten(self, node: Node, constants: list[float]) -> int:
        if isinstance(node, Number):
            self._at.append(len(self._steps))
            self._steps.append(("constant", (len(constants),)))
            constants.append(node.value)
        elif isinstance(node, Name):
            self._steps.append(("column", (self._columns[node.name],)))
        else:
            arguments = tuple(self._flatten(argument, constants) for argument in node.arguments)
            self._steps.append((node.operation, arguments))
        return len(self._steps) - 1

    def values(self, table: Array, constants: Array | None = None) -> Array:
        """Return the value per row; not finite if the formula has no value there.

        Parameters
        ----------
        table : array of shape (rows, features)
        constants : array of shape (constants,), optional
            Constants to use instead of the formula's own.
        """
        with np.errstate(all="ignore"):
            return self._forward(table, self.constants if constants is None else constants)[-1]

    def jacobian(self, table: Array, constants: Array) -> tuple[Array, Array]:
        """Return the values, shape (rows,), and their derivatives in the constants, shape (rows, constants)."""
        with np.errstate(all="ignore"):
            values = self._forward(table, constants)
            adjoint: list[Array | float] = [0.0] * len(values)
            adjoint[-1] = np.ones(len(table))
            for step in range(len(self._steps) - 1, -1, -1):
                operation, arguments = self._steps[step]
                if operation in ("constant", "column"):
                    continue
                slopes = _SLOPES[operation](values[step], *(values[a] for a in arguments))
                for argument, slope in zip(arguments, slopes, strict=True):
                    adjoint[argument] = adjoint[argument] + adjoint[step] * slope
            columns = [np.broadcast_to(adjoint[step], len(table)) for step in self._at]
        return values[-1], np.stack(columns, axis=1) if columns else np.empty((len(table), 0))

    def _forward(self, table: Array, constants: Array) -> list[Array]:
        values: list[Array] = []
        for operation, arguments in self._steps:
            if operation == "constant":
                values.append(np.full(len(table), constants[arguments[0]]))
            elif operation == "column":
                values.append(table[:, arguments[0]])
            else:
                values.append(_VALUES[operation](*(values[a] for a in arguments)))
        return values

    def with_constants(self, constants: Array) -> Node:
        """Return the formula with other constants."""
        remaining = iter(float(value) for value in constants)

        def rebuild(node: Node) -> Node:
            if isinstance(node, Number):
                return Number(next(remaining))
            if isinstance(node, Call):
                return Call(node.operation, tuple(rebuild(argument) for argument in node.arguments))
            return node

        return rebuild(self.node)


def refit(
    node: Node, names: Sequence[str], table: Array, peaks: Array, *, steps: int = 30, whole_stand: bool = False
) -> Node:
    """Return the formula with the constants that fit the rows best in logs.

    Parameters
    ----------
    node : Node
    names : sequence of str
        Columns of ``table``.
    table : array of shape (rows, features)
    peaks : array of shape (rows,)
        MiB, > 0.
    steps : int
        Bound on the work.
    whole_stand : bool
        Whether constants that are whole numbers are kept.

    Returns
    -------
    Node
        The formula unchanged where nothing better was found.
    """
    program = Program(node, names)
    if not len(program.constants) or len(program.constants) > len(peaks):
        return node
    target = np.log(peaks)
    free = np.full(len(program.constants), True)
    if whole_stand:
        free = program.constants != np.round(program.constants)

    def state(constants: Array, _: object) -> tuple[Array, Array]:
        values, derivative = program.jacobian(table, constants[0])
        usable = np.isfinite(values) & (values > _SMALLEST)
        with np.errstate(all="ignore"):
            slopes = derivative / np.where(usable, values, 1.0)[:, None]
        slopes = np.where(usable[:, None] & free & np.isfinite(slopes), np.clip(slopes, -_STEEPEST, _STEEPEST), 0.0)
        damped, slopes = robust(_log(values) - target, slopes)
        return damped[None], slopes[None]

    constants, _ = levenberg(state, program.constants[None], steps=steps)
    return program.with_constants(constants[0])


def robust(residual: Array, slopes: Array) -> tuple[Array, Array]:
    """Return log residuals whose squares grow only linearly beyond a third (pseudo-Huber), and their derivatives.

    This limits the effect of peaks that were sampled too rarely, and of runs under other settings.

    Parameters
    ----------
    residual : array of shape (..., rows)
    slopes : array of shape (..., rows, parameters)
    """
    root = np.sqrt(1.0 + (residual / _OUTLYING) ** 2)
    damped = np.sign(residual) * _OUTLYING * np.sqrt(2.0 * (root - 1.0))
    # the derivative's limit at 0 is 1
    factor = np.where(np.abs(damped) > 1e-9, residual / (root * np.where(damped == 0.0, 1.0, damped)), 1.0)
    return damped, slopes * factor[..., None]


def log_error(node: Node, names: Sequence[str], table: Array, peaks: Array) -> float:
    """Return the mean squared difference of log prediction and log peak, damped as in :func:`robust`."""
    return mean_loss(_log(Program(node, names).values(table)) - np.log(peaks))


def elasticities(node: Node, columns: Mapping[str, Array]) -> dict[str, float]:
    """Return the power with which the formula grows with each feature: ``d log f / d log x``, mean over the rows.

    Parameters
    ----------
    node : Node
    columns : mapping of str to array of shape (rows,)
        Features, at least those of the formula; a feature that may be 0 or less counts only in rows where it is above
        0.

    Returns
    -------
    dict of str to float
        0 for features that the formula does not use.
    """
    program = Program(node, tuple(columns))
    table = np.column_stack(list(columns.values()))
    here = _log(program.values(table))
    found = {}
    for i, name in enumerate(columns):
        more = table.copy()
        more[:, i] *= _MORE
        found[name] = float(np.mean(_log(program.values(more)) - here) / np.log(_MORE))
    return found


def mean_loss(residual: Array) -> float:
    """Return the mean of the damped squares of log residuals."""
    damped, _ = robust(residual, np.empty((len(residual), 0)))
    return float(np.mean(damped**2))


def _log(values: Array) -> Array:
    return np.log(np.where(np.isfinite(values), np.maximum(values, _SMALLEST), 1e12))


_VALUES: Mapping[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "abs": np.abs,
    "exp": lambda a: np.exp(np.minimum(a, grammar.LARGEST_EXPONENT)),
    "log": np.log,
    "sqrt": np.sqrt,
    "max": lambda *a: np.maximum.reduce(a),
    "min": lambda *a: np.minimum.reduce(a),
}

# operation -> (value, *arguments) -> derivative of the value in each argument
_SLOPES: Mapping[str, Callable[..., tuple[Array | float, ...]]] = {
    "add": lambda v, a, b: (1.0, 1.0),
    "sub": lambda v, a, b: (1.0, -1.0),
    "mul": lambda v, a, b: (b, a),
    "div": lambda v, a, b: (1.0 / b, -v / b),
    "pow": lambda v, a, b: (b * np.power(a, b - 1.0), v * np.log(np.where(a > 0.0, a, 1.0))),
    "neg": lambda v, a: (-1.0,),
    "abs": lambda v, a: (np.sign(a),),
    "exp": lambda v, a: (v,),
    "log": lambda v, a: (1.0 / a,),
    "sqrt": lambda v, a: (0.5 / v,),
    "max": lambda v, *a: tuple((x == v).astype(float) for x in a),
    "min": lambda v, *a: tuple((x == v).astype(float) for x in a),
}
assert set(_VALUES) == set(_SLOPES) >= set(grammar.FUNCTIONS)  # noqa: S101 - a table forgotten is a defect here
