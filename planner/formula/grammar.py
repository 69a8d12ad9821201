"""The arithmetic a formula is written in: a small grammar, parsed and evaluated here, never by ``eval``.

::

    sum     := product (("+" | "-") product)*
    product := sign (("*" | "/") sign)*
    sign    := ("+" | "-") sign | power
    power   := atom (("^" | "**") sign)?
    atom    := number | name | function "(" sum ("," sum)* ")" | "(" sum ")"

Formula files travel between groups, so text is untrusted input: its length, its depth and its number of nodes are
bounded before anything is evaluated, numbers are finite, and every operation that has no finite real result says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from planner.core.errors import InputError

LONGEST_TEXT = 10_000
DEEPEST = 60
MOST_NODES = 300
LARGEST_EXPONENT = 700.0
"""``exp`` grows no further: 1e304 is far beyond any memory, and languages differ in what comes after 1e308."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w{0,63})|(?P<sign>\*\*|[-+*/^(),]))",
    re.ASCII,
)
_OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


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


def parse(text: str) -> Node:
    """Parse arithmetic.

    Parameters
    ----------
    text : str
        At most 10 000 characters: ``+ - * / ^ ( )``, numbers, names, and ``abs exp log max min sqrt`` (``log`` is
        natural).

    Returns
    -------
    Node

    Raises
    ------
    InputError
        For anything that is not in the grammar or exceeds its bounds; names the column.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"the formula has {len(text)} characters, more than {LONGEST_TEXT}",
            "a formula is one line of arithmetic; look at where this one came from",
        )
    node = _Parser(text).whole()
    if size(node) > MOST_NODES:
        raise InputError(
            f"the formula has {size(node)} nodes, more than {MOST_NODES}", "distil it with a lower complexity limit"
        )
    return node


def evaluate(node: Node, features: Mapping[str, float]) -> float:
    """Evaluate arithmetic.

    Parameters
    ----------
    node : Node
        From :func:`parse`.
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
            f"the formula has no finite value here: {node.operation}({arguments}) in {_short(render(node))}",
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
_SIGN = {operation: sign for sign, operation in _OPERATORS.items()}


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


class _Parser:
    """Recursive descent; the depth is counted, so that hostile nesting ends in an error and not in the stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.position = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.sum()
        kind, token, column = self.tokens[self.position]
        if kind != "end":
            raise _unexpected(token, column)
        return node

    def take(self, *signs: str) -> str | None:
        kind, token, _ = self.tokens[self.position]
        if kind == "sign" and token in signs:
            self.position += 1
            return token
        return None

    def need(self, sign: str) -> None:
        if not self.take(sign):
            _, token, column = self.tokens[self.position]
            raise _unexpected(token, column, f"{sign!r} is missing")

    def deeper(self, rule: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise InputError(
                f"the formula is nested more than {DEEPEST} deep",
                "remove superfluous parentheses, or distil it again",
            )
        node = rule()
        self.depth -= 1
        return node

    def sum(self) -> Node:
        node = self.product()
        while sign := self.take("+", "-"):
            node = Call(_OPERATORS[sign], (node, self.product()))
        return node

    def product(self) -> Node:
        node = self.sign()
        while sign := self.take("*", "/"):
            node = Call(_OPERATORS[sign], (node, self.sign()))
        return node

    def sign(self) -> Node:
        sign = self.take("+", "-")
        if sign is None:
            return self.power()
        node = self.deeper(self.sign)
        if sign == "+":
            return node
        return Number(-node.value) if isinstance(node, Number) else Call("neg", (node,))

    def power(self) -> Node:
        base = self.atom()
        if self.take("^", "**"):
            return Call("pow", (base, self.deeper(self.sign)))
        return base

    def atom(self) -> Node:
        kind, token, column = self.tokens[self.position]
        if self.take("("):
            node = self.deeper(self.sum)
            self.need(")")
            return node
        self.position += 1
        if kind == "number":
            return Number(_finite(token, column))
        if kind != "name":
            raise _unexpected(token, column)
        if self.take("("):
            return self.call(token, column)
        if token.lower() in ("nan", "inf", "infinity"):
            raise InputError(f"column {column}: {token} is not a number", "constants must be finite")
        if token in FUNCTIONS:
            raise InputError(f"column {column}: the function {token} has no arguments", f"write {token}(…)")
        return Name(token)

    def call(self, function: str, column: int) -> Node:
        if function not in FUNCTIONS:
            raise InputError(
                f"column {column}: {_short(function)} is not a function of formulas",
                f"functions are {', '.join(FUNCTIONS)}; write powers as x^y",
            )
        arguments = [self.deeper(self.sum)]
        while self.take(","):
            arguments.append(self.deeper(self.sum))
        self.need(")")
        fewest, most, _ = FUNCTIONS[function]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise InputError(f"column {column}: {function} has {len(arguments)} arguments", f"it takes {wanted}")
        return Call(function, tuple(arguments))


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()
            raise _unexpected(rest[:1], len(text) - len(rest) + 1)
        kind = str(match.lastgroup)
        yield kind, match[kind], match.start(kind) + 1
        position = match.end()
    yield "end", "", end + 1


def _finite(token: str, column: int) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise InputError(f"column {column}: the number {_short(token)} is too large", "constants must be finite")
    return value


def _feature(name: str, features: Mapping[str, float]) -> float:
    if name not in features:
        known = ", ".join(sorted(features)) or "none"
        raise InputError(f"the formula needs the feature {name}", f"features given: {_short(known, 200)}")
    value = float(features[name])
    if not math.isfinite(value):
        raise InputError(f"the feature {name} is {value}", "features are finite numbers known before the task runs")
    return value


def _unexpected(token: str, column: int, message: str = "") -> InputError:
    what = message or (f"{_short(token)!r} is not expected" if token else "the formula ends too early")
    return InputError(
        f"column {column}: {what}", "a formula is arithmetic: + - * / ^ ( ), numbers, features, " + ", ".join(FUNCTIONS)
    )


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
