"""Formulas made of power laws, as memory follows them when buffers are products of sizes.

Four shapes, with their own features in base and gate (x^a stands for the product of the features' powers)::

    power      C x^a
    sum        C x^a + D x^b
    product    C x^a (1 + D x^b)
    stretched  C x^a exp(D x^b)

The features are chosen greedily (a beam of the best), the constants by Levenberg-Marquardt on log peaks with a
weak pull of the exponents towards what sizes do: a gate grows in proportion, a base hardly at all. With a
hundred rows this finds in a second what genetic programming needs luck for, and it has no poles and no
oscillation outside the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.formula.discovery.columns import LogColumns
from planner.formula.discovery.numeric import Array, levenberg, robust
from planner.formula.grammar import Call, Node, Number

SHAPES = ("power", "sum", "product", "stretched")

_PULL = 0.1  # weight of the pull, in units of squared log residuals: about 0.4 in an exponent at 13 % noise
_BASE_EXPONENT, _GATE_EXPONENT = 0.2, 1.0
_BEAM = 3
_STEPS = 40
_OVERHEAD = {"power": 1, "sum": 3, "product": 5, "stretched": 4}  # nodes that are not "* x ^ a"


@dataclass(frozen=True, slots=True)
class Form:
    """A shape and the columns in its base and gate."""

    shape: str
    base: tuple[int, ...]
    gate: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Number of constants."""
        return 1 + len(self.base) + (0 if self.shape == "power" else 1 + len(self.gate))


@dataclass(frozen=True, slots=True)
class FittedForm:
    """A form with its constants (base constant and exponents, then gate constant and exponents, in centred logs)."""

    form: Form
    constants: Array
    penalised: float


def search(columns: LogColumns, table: Array, peaks: Array, *, shape: str, most_nodes: int) -> list[FittedForm]:
    """Return the best fit of a shape for every number of features that the node limit allows.

    Parameters
    ----------
    columns : LogColumns
    table : array of shape (rows, features)
    peaks : array of shape (rows,)
        MiB, > 0.
    shape : str
        One of :data:`SHAPES`.
    most_nodes : int
        Limit on the formula's nodes.

    Returns
    -------
    list of FittedForm
        Simplest first; empty when the limit or the rows allow none.
    """
    logs, target = columns.logs(table), np.log(peaks)
    known: dict[Form, FittedForm] = {}

    def best(forms: Iterable[Form]) -> list[FittedForm]:
        allowed = {form for form in forms if nodes(columns, form) <= most_nodes and form.parameters < len(peaks)}
        for form in sorted(allowed - set(known), key=repr):
            known[form] = fit(form, logs, target)
        ranked = sorted((known[form] for form in allowed), key=lambda f: (f.penalised, repr(f.form)))
        return ranked[:_BEAM]

    usable = columns.usable
    front = best(
        [Form(shape, (), (j,)) for j in usable] if shape != "power" else [Form(shape, (j,), ()) for j in usable]
    )
    found: list[FittedForm] = []
    while front:
        found.append(front[0])
        front = best(larger for f in front for larger in _larger(f.form, usable))
    return found


def _larger(form: Form, usable: Sequence[int]) -> Iterable[Form]:
    for j in usable:
        if j not in form.base:
            yield Form(form.shape, tuple(sorted((*form.base, j))), form.gate)
        if j not in form.gate and form.shape != "power":
            yield Form(form.shape, form.base, tuple(sorted((*form.gate, j))))


def fit(form: Form, logs: Array, target: Array) -> FittedForm:
    """Fit the constants of a form to log peaks.

    Parameters
    ----------
    form : Form
    logs : array of shape (rows, features)
        Centred logs of the features.
    target : array of shape (rows,)
        Log peaks.

    Returns
    -------
    FittedForm
    """
    start, centre, pull = _start(form, target)
    weight = np.sqrt(pull)

    def state(constants: Array) -> tuple[Array, Array]:
        value, slopes = _value(form, constants, logs)
        residual, slopes = robust(value - target, slopes)
        pulled = weight * (constants - centre)
        return np.concatenate([residual, pulled]), np.vstack([slopes, np.diag(weight)])

    constants, cost = levenberg(state, start, steps=_STEPS)
    return FittedForm(form, constants, cost)


def _start(form: Form, target: Array) -> tuple[Array, Array, Array]:
    middle = float(np.median(target))
    if form.shape == "power":
        centre = np.array([middle] + [_BASE_EXPONENT] * len(form.base))
        return centre.copy(), centre, np.array([0.0] + [_PULL] * len(form.base))
    base, gate = {"sum": (np.log(0.6), middle + np.log(0.3))}.get(form.shape, (np.log(0.8), -1.0))
    centre = np.array(
        [middle + base, *[_BASE_EXPONENT] * len(form.base), gate, *[_GATE_EXPONENT] * len(form.gate)], dtype=float
    )
    pull = np.array([0.0, *[_PULL] * len(form.base), 0.0, *[_PULL] * len(form.gate)])
    start = centre.copy()
    start[1 : 1 + len(form.base)] = 0.1
    start[2 + len(form.base) :] = 0.5
    return start, centre, pull


def _value(form: Form, constants: Array, logs: Array) -> tuple[Array, Array]:
    """Return the log of the formula's value and its derivatives in the constants."""
    split = 1 + len(form.base)
    base = constants[0] + logs[:, form.base] @ constants[1:split]
    if form.shape == "power":
        return base, np.column_stack([np.ones(len(logs)), logs[:, form.base]])
    exponent = constants[split] + logs[:, form.gate] @ constants[split + 1 :]
    value, of_base, of_gate = _COMBINE[form.shape](base, np.clip(exponent, -30.0, _LARGEST[form.shape]))
    slopes = np.column_stack(
        [of_base, of_base[:, None] * logs[:, form.base], of_gate, of_gate[:, None] * logs[:, form.gate]]
    )
    return value, slopes


def _sum(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    value = np.logaddexp(base, gate)
    return value, np.exp(base - value), np.exp(gate - value)


def _product(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    factor = np.logaddexp(0.0, gate)
    return base + factor, np.ones_like(base), np.exp(gate - factor)


def _stretched(base: Array, gate: Array) -> tuple[Array, Array, Array]:
    return base + np.exp(gate), np.ones_like(base), np.exp(gate)


_COMBINE: dict[str, Callable[[Array, Array], tuple[Array, Array, Array]]] = {
    "sum": _sum,
    "product": _product,
    "stretched": _stretched,
}
_LARGEST = {"sum": 30.0, "product": 15.0, "stretched": 3.0}


def nodes(columns: LogColumns, form: Form) -> int:
    """Return the nodes of the formula that :func:`arithmetic` writes."""
    shared = sum(columns.factor_nodes(j) for j in (*form.base, *form.gate))
    # a gate starts with its constant, and so does a base: one more node for each "* x ^ a"
    return _OVERHEAD[form.shape] + shared


def arithmetic(columns: LogColumns, found: FittedForm) -> Node:
    """Return a fit as arithmetic in the features themselves."""
    form, split = found.form, 1 + len(found.form.base)
    base = columns.power_law(form.base, found.constants[:split])
    if form.shape == "power":
        return base
    gate = columns.power_law(form.gate, found.constants[split:])
    if form.shape == "sum":
        return Call("add", (base, gate))
    if form.shape == "product":
        return Call("mul", (base, Call("add", (Number(1.0), gate))))
    return Call("mul", (base, Call("exp", (gate,))))
