"""Simplification of found formulas: constants merged, like terms collected, negligible terms dropped.

The work is done on sums: terms, each a coefficient times a product of factors, each factor a feature, a
function, or a sum in parentheses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce

from planner.formula import grammar
from planner.formula.grammar import Call, Name, Node, Number

_LARGEST = 700.0  # exp beyond has no finite value

Factors = tuple[Node, ...]
Terms = dict[Factors, float]  # the empty product carries the constant


def tidy(node: Node) -> Node:
    """Return an equal formula (where both are defined), constants merged and like terms collected; never a larger one.

    ``exp(a*log(x) + b)`` becomes ``C*x^a``, which is shorter and what people read.
    """
    short = _write(_terms(node))
    return short if grammar.size(short) <= grammar.size(node) else node


def _terms(node: Node) -> Terms:
    if isinstance(node, Number):
        return {(): node.value} if node.value else {}
    if isinstance(node, Name):
        return {(node,): 1.0}
    if node.operation in ("add", "sub", "neg"):
        return _added(node)
    if node.operation == "mul":
        return _multiplied(*(_terms(argument) for argument in node.arguments))
    if node.operation == "div":
        return _divided(*(_terms(argument) for argument in node.arguments))
    if node.operation == "exp":
        return _exponential(_terms(node.arguments[0]))
    return _called(node)


def _added(node: Call) -> Terms:
    total: Terms = {}
    for i, argument in enumerate(node.arguments):
        sign = -1.0 if node.operation == "neg" or (node.operation == "sub" and i == 1) else 1.0
        for key, value in _terms(argument).items():
            total[key] = total.get(key, 0.0) + sign * value
    return {key: value for key, value in total.items() if value}


def _multiplied(left: Terms, right: Terms) -> Terms:
    for scale, other in ((left, right), (right, left)):
        if set(scale) <= {()}:
            factor = scale.get((), 0.0)
            return {key: value * factor for key, value in other.items()} if factor else {}
    (a, first), (b, second) = _factors(left), _factors(right)
    return {_sorted(first + second): a * b}


def _divided(left: Terms, right: Terms) -> Terms:
    if set(right) == {()} and right[()]:
        return {key: value / right[()] for key, value in left.items()}
    return {(Call("div", (_write(left), _write(right))),): 1.0}


def _exponential(terms: Terms) -> Terms:
    """Write every ``a * log(x)`` in the exponent's sum as the factor ``x ^ a``, and its constant as a coefficient."""
    scale = math.exp(min(max(terms.get((), 0.0), -_LARGEST), _LARGEST))
    factors: list[Node] = []
    rest: Terms = {}
    for key, value in terms.items():
        only = key[0] if len(key) == 1 else None
        if isinstance(only, Call) and only.operation == "log":
            base = only.arguments[0]
            factors.append(base if value == 1.0 else Call("pow", (base, Number(value))))
        elif key:
            rest[key] = value
    if rest:
        factors.append(Call("exp", (_write(rest),)))
    return {_sorted(factors): scale}


def _called(node: Call) -> Terms:
    arguments = tuple(_write(_terms(argument)) for argument in node.arguments)
    short = Call(node.operation, arguments)
    if all(isinstance(argument, Number) for argument in arguments):
        value = grammar.constant(short)
        if value is not None:
            return {(): value} if value else {}
    return {(short,): 1.0}


def _factors(terms: Terms) -> tuple[float, Factors]:
    """Return a sum as coefficient and product; several terms are one factor, the first coefficient pulled out."""
    if len(terms) == 1:
        ((factors, value),) = terms.items()
        return value, factors
    scale = next(value for key, value in terms.items() if key)
    return scale, (_write({key: value / scale for key, value in terms.items()}),)


def _sorted(factors: Iterable[Node]) -> Factors:
    return tuple(sorted(factors, key=repr))


def _write(terms: Terms) -> Node:
    constant = terms.get((), 0.0)
    # a positive term first: it needs no sign of its own
    ordered = sorted(((key, value) for key, value in terms.items() if key), key=lambda item: item[1] < 0)
    if not ordered:
        return Number(constant)
    if constant > 0 and ordered[0][1] < 0:
        node: Node = Number(constant)
        constant = 0.0
    else:
        node = _product(*ordered.pop(0))
    for key, value in ordered:
        node = Call("add" if value > 0 else "sub", (node, _product(key, abs(value))))
    if constant:
        node = Call("add" if constant > 0 else "sub", (node, Number(abs(constant))))
    return node


def _product(factors: Factors, coefficient: float) -> Node:
    first: list[Node] = [] if coefficient == 1.0 else [Number(coefficient)]
    return reduce(lambda a, b: Call("mul", (a, b)), [*first, *factors])
