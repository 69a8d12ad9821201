"""The parser of formulas: a small grammar, never ``eval``.

::

    sum     := product (("+" | "-") product)*
    product := sign (("*" | "/") sign)*
    sign    := ("+" | "-") sign | power
    power   := atom (("^" | "**") sign)?
    atom    := number | name | function "(" sum ("," sum)* ")" | "(" sum ")"

Formula files travel between groups, so text is untrusted input: its length, its depth and its number of nodes are
bounded before anything is evaluated, and numbers are finite.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

from planner.core.errors import InputError
from planner.formula.grammar import FUNCTIONS, MOST_NODES, OPERATORS, Call, Name, Node, Number, abridged, size

LONGEST_TEXT = 10_000
DEEPEST = 60

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w{0,63})|(?P<sign>\*\*|[-+*/^(),]))",
    re.ASCII,
)


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
            node = Call(OPERATORS[sign], (node, self.product()))
        return node

    def product(self) -> Node:
        node = self.sign()
        while sign := self.take("*", "/"):
            node = Call(OPERATORS[sign], (node, self.sign()))
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
                f"column {column}: {abridged(function)} is not a function of formulas",
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
        raise InputError(f"column {column}: the number {abridged(token)} is too large", "constants must be finite")
    return value


def _unexpected(token: str, column: int, message: str = "") -> InputError:
    what = message or (f"{abridged(token)!r} is not expected" if token else "the formula ends too early")
    return InputError(
        f"column {column}: {what}", "a formula is arithmetic: + - * / ^ ( ), numbers, features, " + ", ".join(FUNCTIONS)
    )
