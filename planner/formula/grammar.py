"""The arithmetic of formulas: trees of numbers, features and operations, evaluated and written as text.

Every operation that has no finite real result says so. `planner.formula.parser` reads the text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from planner.core.errors import InputError

MOST_NODES = 300
LARGEST_EXPONENT = 700.0
"""``exp`` grows no further: 1e304 is far beyond any memory, and languages differ in what comes after 1e308."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A feature."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation (``add sub mul div pow neg``) or a function of :data:`FUNCTIONS` on its arguments."""

    operation: str
    arguments: tuple[Node, ...]


Node = Number | Name | Call

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}

FUNCTIONS: dict[str, tuple[int, int, Callable[..., float]]] = {
    # name: fewest arguments, most arguments, meaning
    "abs": (1, 1, abs),
    "exp": (1, 1, lambda a: math.exp(min(a, LARGEST_EXPONENT))),
    "log": (1, 1, math.log),
    "max": (2, 8, max),
    "min": (2, 8, min),
    "sqrt": (1, 1, math.sqrt),
}

_MEANING: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": math.pow,
    "neg": lambda a: -a,
    **{name: meaning for name, (_, _, meaning) in FUNCTIONS.items()},
}


def evaluate(node: Node, features: Mapping[str, float]) -> float:
    """Evaluate arithmetic.

    Parameters
    ----------
    node : Node
        From :func:`planner.formula.parser.parse`.
    features : mapping of str to float
        A finite value for every name; further entries are ignored.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    InputError
        For a missing or non-finite feature, and where the result is not a finite real number (division by zero,
        overflow, the logarithm of a negative number).
    """
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return _feature(node.name, features)
    values = [evaluate(argument, features) for argument in node.arguments]
    try:
        result = float(_MEANING[node.operation](*values))
    except (ZeroDivisionError, OverflowError, ValueError):
        result = math.nan
    if not math.isfinite(result):
        arguments = ", ".join(f"{value:g}" for value in values)
        raise InputError(
            f"the formula has no finite value here: {node.operation}({arguments}) in {abridged(render(node))}",
            "check the features against the ranges that the formula was made from",
        )
    return result


def constant(node: Node) -> float | None:
    """Return the value of arithmetic without features; None where it has features or no finite value."""
    try:
        return evaluate(node, {})
    except InputError:
        return None


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    waiting: list[Node] = [node]
    while waiting:  # no recursion, as this checks the size before anything else recurses
        node = waiting.pop()
        yield node
        if isinstance(node, Call):
            waiting.extend(reversed(node.arguments))


def size(node: Node) -> int:
    """Count nodes: every constant (with its sign), name, operation and function is one."""
    return sum(1 for _ in walk(node))


def names(node: Node) -> tuple[str, ...]:
    """Return the features in order of first appearance."""
    return tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Name)))


def substituted(node: Node, known: Mapping[str, Node]) -> Node:
    """Return arithmetic with names replaced."""
    if isinstance(node, Name):
        return known.get(node.name, node)
    if isinstance(node, Call):
        return Call(node.operation, tuple(substituted(argument, known) for argument in node.arguments))
    return node


def render(node: Node) -> str:
    """Write arithmetic as text that parses to the same tree."""
    return _render(node, 0)


_RANK = {"add": 1, "sub": 1, "mul": 2, "div": 2, "neg": 3, "pow": 4}
_SIGN = {operation: sign for sign, operation in OPERATORS.items()}


def _render(node: Node, context: int) -> str:
    if isinstance(node, Number):
        text = repr(node.value).removesuffix(".0")
        return f"({text})" if node.value < 0 and context > 1 else text
    if isinstance(node, Name):
        return node.name
    if node.operation not in _RANK:
        return f"{node.operation}({', '.join(_render(a, 0) for a in node.arguments)})"
    own = _RANK[node.operation]
    text = _render_operator(node, own)
    return f"({text})" if own < context else text


def _render_operator(node: Call, own: int) -> str:
    if node.operation == "neg":
        return "-" + _render(node.arguments[0], own)
    left, right = node.arguments
    if node.operation == "pow":
        return f"{_render(left, own + 1)}^{_render(right, own + 1)}"
    sign = _SIGN[node.operation]
    gap = " " if own == 1 else ""
    return f"{_render(left, own)}{gap}{sign}{gap}{_render(right, own + 1)}"


def _feature(name: str, features: Mapping[str, float]) -> float:
    if name not in features:
        known = ", ".join(sorted(features)) or "none"
        raise InputError(f"the formula needs the feature {name}", f"features given: {abridged(known, 200)}")
    value = float(features[name])
    if not math.isfinite(value):
        raise InputError(f"the feature {name} is {value}", "features are finite numbers known before the task runs")
    return value


def abridged(text: str, most: int = 60) -> str:
    """Return a text for a message, cut when it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"
