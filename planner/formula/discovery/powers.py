"""Formulas made of power laws, as memory follows them when buffers are products of sizes.

Five shapes, with their own features in base and gate (x^a stands for the product of the features' powers)::

    power       C x^a
    sum         C x^a + D x^b
    product     C x^a (1 + D x^b)
    stretched   C x^a exp(D x^b)
    saturating  C x^a (1 + R D x^b / (1 + D x^b))

The last one is a product that levels off: a buffer with a limit, a cache that fills.

The features are chosen greedily (a beam of the best), the constants by Levenberg-Marquardt on log peaks with a
weak pull of the exponents towards what sizes do: a gate grows in proportion, a base hardly at all. With a
hundred rows this finds in a second what genetic programming needs luck for, and it has no poles and no
oscillation outside the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.formula.discovery.columns import LogColumns, rounded
from planner.formula.discovery.least_squares import Array, Problems, levenberg
from planner.formula.discovery.numeric import robust
from planner.formula.grammar import Call, Node, Number

SHAPES = ("power", "sum", "product", "stretched", "saturating")

_PULL = 0.1  # weight of the pull, in units of squared log residuals: about 0.4 in an exponent at 13 % noise
_BASE_EXPONENT, _GATE_EXPONENT = 0.2, 1.0
_RISE, _MOST_RISE, _PULL_OF_RISE = 1.5, 5.0, 0.02  # log of R: about 4, at most 150; beyond that it is a product
_BEAM = 3
_STEPS = 40
_MOST_CELLS = 500_000  # of the derivatives held at once: a few MB, which a processor's cache nearly holds
_OVERHEAD = {"power": 1, "sum": 3, "product": 5, "stretched": 4, "saturating": 9}  # nodes that are not "* x ^ a"
_HEADS = {"power": 1, "sum": 2, "product": 2, "stretched": 2, "saturating": 3}  # constants that are not exponents


@dataclass(frozen=True, slots=True)
class Form:
    """A shape and the columns in its base and gate."""

    shape: str
    base: tuple[int, ...]
    gate: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Number of constants."""
        return _HEADS[self.shape] + len(self.base) + len(self.gate)


@dataclass(frozen=True, slots=True)
class FittedForm:
    """A form with its constants.

    Attributes
    ----------
    form : Form
    base, gate : array
        Log constant, then the exponents, on centred logs; the gate is empty for a plain power law.
    rise : float
        Log of R, the factor by which a saturating form can grow at most, less one; otherwise unused.
    penalised : float
        Sum of squares, the pull included.
    """

    form: Form
    base: Array
    gate: Array
    rise: float
    penalised: float


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows that formulas are fitted to.

    Attributes
    ----------
    columns : LogColumns
        Made of these rows.
    logs : array of shape (rows, features)
        Centred logs of the features.
    target : array of shape (rows,)
        Log peaks.
    """

    columns: LogColumns
    logs: Array
    target: Array

    @classmethod
    def of(cls, names: Sequence[str], table: Array, peaks: Array) -> TrainingRows:
        """Take logs of a table, shape (rows, features), and of the peaks of its rows, MiB, > 0."""
        columns = LogColumns.of(names, table)
        return cls(columns, columns.logs(table), np.log(peaks))


def search(parts: Sequence[TrainingRows], *, shape: str, most_nodes: int) -> list[list[FittedForm]]:
    """Return, for each part, the best fit of a shape for every number of features that the node limit allows.

    Parameters
    ----------
    parts : sequence of TrainingRows
        Searched independently, but at the same time, since :func:`levenberg` is fastest with many problems.
    shape : str
        One of :data:`SHAPES`.
    most_nodes : int
        Limit on the formula's nodes.

    Returns
    -------
    list of list of FittedForm
        Per part, simplest first; empty when the limit or the rows allow none.
    """
    found: list[list[FittedForm]] = [[] for _ in parts]
    candidates = {i: _smallest(shape, part.columns.usable) for i, part in enumerate(parts)}
    while candidates:
        allowed = [
            (i, form)
            for i, forms in candidates.items()
            for form in sorted(set(forms), key=repr)
            if nodes(parts[i].columns, form) <= most_nodes and form.parameters < len(parts[i].target)
        ]
        fitted: dict[int, list[FittedForm]] = {}
        for (i, _), fit in zip(allowed, _fits([(parts[i], form) for i, form in allowed]), strict=True):
            fitted.setdefault(i, []).append(fit)
        candidates = {}
        for i, fits in fitted.items():
            beam = sorted(fits, key=lambda f: (f.penalised, repr(f.form)))[:_BEAM]
            found[i].append(beam[0])
            candidates[i] = [larger for fit in beam for larger in _larger(fit.form, parts[i].columns.usable)]
    return found


def _smallest(shape: str, usable: Sequence[int]) -> list[Form]:
    return [Form(shape, (j,), ()) if shape == "power" else Form(shape, (), (j,)) for j in usable]


def _larger(form: Form, usable: Sequence[int]) -> Iterable[Form]:
    for j in usable:
        if j not in form.base:
            yield Form(form.shape, tuple(sorted((*form.base, j))), form.gate)
        if j not in form.gate and form.shape != "power":
            yield Form(form.shape, form.base, tuple(sorted((*form.gate, j))))


def _fits(cases: Sequence[tuple[TrainingRows, Form]]) -> list[FittedForm]:
    """Fit forms of one shape and one number of features, each to its own rows."""
    cells = max((part.logs.shape[0] * form.parameters for part, form in cases), default=1)
    at_once = max(1, _MOST_CELLS // cells)
    return [fit for k in range(0, len(cases), at_once) for fit in _fits_at_once(cases[k : k + at_once])]


def _fits_at_once(cases: Sequence[tuple[TrainingRows, Form]]) -> list[FittedForm]:
    """Fit the constants by least squares on log peaks; the exponents of base, then gate, are side by side meanwhile."""
    problems = _Problems.of(cases)
    constants, penalised = levenberg(problems.state, problems.start, steps=_STEPS)
    return [_fitted(form, constants[i], float(penalised[i])) for i, (_, form) in enumerate(cases)]


def _fitted(form: Form, constants: Array, penalised: float) -> FittedForm:
    """Tell apart the constants, which :class:`_Problems` keeps as heads, then exponents of base and gate."""
    heads = _HEADS[form.shape]
    of_base, of_gate = np.split(constants[heads:], [len(form.base)])
    return FittedForm(
        form=form,
        base=np.concatenate([constants[:1], of_base]),
        gate=np.concatenate([constants[1:2], of_gate]) if heads > 1 else of_gate,
        rise=float(constants[2]) if heads > 2 else 0.0,
        penalised=penalised,
    )


@dataclass(frozen=True, slots=True)
class _Problems:
    """Least squares of several forms with the same shape and number of features, as arrays.

    Attributes
    ----------
    shape : str
    features : array of shape (problems, rows, features)
        The features that a form uses, base first; 0 in rows that only fill up a shorter part.
    target : array of shape (problems, rows)
    real : array of shape (problems, rows)
        1 for rows of the part, 0 for those that fill it up.
    in_gate : bool array of shape (problems, 1, features)
    start, centre, weight : array of shape (problems, constants)
        Where the fit starts, where constants are pulled to, and how strongly (root of the pull).
    """

    shape: str
    features: Array
    target: Array
    real: Array
    in_gate: npt.NDArray[np.bool_]
    start: Array
    centre: Array
    weight: Array

    @classmethod
    def of(cls, cases: Sequence[tuple[TrainingRows, Form]]) -> _Problems:
        rows, used = max(len(part.target) for part, _ in cases), cases[0][1].base + cases[0][1].gate
        features, target = np.zeros((len(cases), rows, len(used))), np.zeros((len(cases), rows))
        real = np.zeros((len(cases), rows))
        for i, (part, form) in enumerate(cases):
            there = len(part.target)
            features[i, :there] = part.logs[:, form.base + form.gate]
            target[i, :there] = part.target
            real[i, :there] = 1.0
        in_gate = np.array([[k >= len(form.base) for k in range(len(used))] for _, form in cases])
        medians = np.array([np.median(part.target) for part, _ in cases])
        start, centre, pull = _start(cases[0][1].shape, in_gate, medians)
        return cls(
            shape=cases[0][1].shape,
            features=features,
            target=target,
            real=real,
            in_gate=in_gate[:, None, :],
            start=start,
            centre=centre,
            weight=np.sqrt(pull),
        )

    def state(self, constants: Array, which: Problems) -> tuple[Array, Array]:
        value, slopes = self._value(constants, which)
        residual, slopes = robust(value - self.target[which], slopes)
        real, weight = self.real[which], self.weight[which]
        pulled = weight * (constants - self.centre[which])
        return (
            np.concatenate([residual * real, pulled], axis=1),
            np.concatenate([slopes * real[:, :, None], weight[:, :, None] * np.eye(weight.shape[1])], axis=1),
        )

    def _value(self, constants: Array, which: Problems) -> tuple[Array, Array]:
        """Return the logs of the formulas' values, shape (n, rows), and their derivatives in the constants."""
        features, in_gate = self.features[which], self.in_gate[which]
        if self.shape == "power":
            value = constants[:, :1] + (features @ constants[:, 1:, None])[:, :, 0]
            return value, np.concatenate([np.ones_like(value)[:, :, None], features], axis=2)
        heads = _HEADS[self.shape]
        exponents = constants[:, heads:, None]
        of_feature = in_gate.transpose(0, 2, 1)
        base = constants[:, :1] + (features @ np.where(of_feature, 0.0, exponents))[:, :, 0]
        gate = constants[:, 1:2] + (features @ np.where(of_feature, exponents, 0.0))[:, :, 0]
        gate = np.clip(gate, -30.0, _LARGEST[self.shape])
        value, *slopes = _COMBINE[self.shape](base, gate, *constants[:, 2:heads].T[:, :, None])
        of_heads = np.stack(slopes, axis=2)
        of_exponents = features * np.where(in_gate, of_heads[:, :, 1:2], of_heads[:, :, :1])
        return value, np.concatenate([of_heads, of_exponents], axis=2)


def _start(shape: str, in_gate: npt.NDArray[np.bool_], medians: Array) -> tuple[Array, Array, Array]:
    """Return where the constants start, where they are pulled to, and the pull; shape (problems, constants) each."""
    if shape == "power":
        centre = np.column_stack([medians, np.full(in_gate.shape, _BASE_EXPONENT)])
        return centre.copy(), centre, np.column_stack([np.zeros(len(medians)), np.full(in_gate.shape, _PULL)])
    gate = medians + np.log(0.3) if shape == "sum" else np.full(len(medians), -1.0)
    heads = np.column_stack([medians + np.log(0.6 if shape == "sum" else 0.8), gate])
    pull = np.zeros(heads.shape)
    if shape == "saturating":
        heads = np.column_stack([heads, np.full(len(medians), _RISE)])
        pull = np.column_stack([pull, np.full(len(medians), _PULL_OF_RISE)])
    centre = np.column_stack([heads, np.where(in_gate, _GATE_EXPONENT, _BASE_EXPONENT)])
    start = np.column_stack([heads, np.where(in_gate, 0.5, 0.1)])
    return start, centre, np.column_stack([pull, np.full(in_gate.shape, _PULL)])


def _sum(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    value = np.logaddexp(base, gate)
    return value, np.exp(base - value), np.exp(gate - value)


def _product(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    factor = np.logaddexp(0.0, gate)
    return base + factor, np.ones_like(base), np.exp(gate - factor)


def _stretched(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    return base + np.exp(gate), np.ones_like(base), np.exp(gate)


def _saturating(base: Array, gate: Array, rise: Array) -> tuple[Array, Array, Array, Array]:
    filled = 1.0 / (1.0 + np.exp(-gate))
    more = np.exp(np.minimum(rise, _MOST_RISE)) * filled
    of_rise = more / (1.0 + more)
    return base + np.log1p(more), np.ones_like(base), of_rise * (1.0 - filled), of_rise


# shape -> (base, gate, other heads) -> value and its derivative in each, all in logs
_COMBINE: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sum": _sum,
    "product": _product,
    "stretched": _stretched,
    "saturating": _saturating,
}
_LARGEST = {"sum": 30.0, "product": 15.0, "stretched": 3.0, "saturating": 15.0}


def nodes(columns: LogColumns, form: Form) -> int:
    """Return the nodes of the formula that :func:`arithmetic` writes."""
    shared = sum(columns.factor_nodes(j) for j in (*form.base, *form.gate))
    # a gate starts with its constant, and so does a base: one more node for each "* x ^ a"
    return _OVERHEAD[form.shape] + shared


def arithmetic(columns: LogColumns, found: FittedForm) -> Node:
    """Return a fit as arithmetic in the features themselves."""
    form = found.form
    base = columns.power_law(form.base, found.base)
    if form.shape == "power":
        return base
    gate = columns.power_law(form.gate, found.gate)
    if form.shape == "sum":
        return Call("add", (base, gate))
    if form.shape == "stretched":
        return Call("mul", (base, Call("exp", (gate,))))
    more = Call("add", (Number(1.0), gate))
    if form.shape == "product":
        return Call("mul", (base, more))
    most = float(np.exp(min(found.rise, _MOST_RISE)))  # 1 + R G/(1 + G) with the gate written once
    left = Call("div", (Number(rounded(most)), more))
    return Call("mul", (base, Call("sub", (Number(rounded(1.0 + most)), left))))
