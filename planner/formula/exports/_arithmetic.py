"""Writing arithmetic in languages with infix operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.formula.formula import PREFIX
from planner.formula.grammar import Call, Name, Node, Number

_TIGHTEST = 3
_SIGNS = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2)}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a language writes numbers, variables and functions; ``functions`` are templates of their arguments."""

    number: Callable[[float], str]
    variable: Callable[[str], str]
    functions: Mapping[str, str]

    def name(self, name: str) -> str:
        """Return a feature, or a name that a step has assigned, as a variable of the language."""
        return name if name.startswith(PREFIX) else self.variable(name)

    def expression(self, node: Node, context: int = 0) -> str:
        """Return arithmetic in the language, in parentheses when its operator binds less than the context."""
        if isinstance(node, Number):
            return self.number(node.value)
        if isinstance(node, Name):
            return self.name(node.name)
        if node.operation == "neg":
            return f"(-{self.expression(node.arguments[0], _TIGHTEST)})"
        if node.operation in _SIGNS:
            sign, own = _SIGNS[node.operation]
            # the right operand of the same rank keeps its parentheses: rounding depends on the order
            left, right = self.expression(node.arguments[0], own), self.expression(node.arguments[1], own + 1)
            return f"({left} {sign} {right})" if own < context else f"{left} {sign} {right}"
        return self._function(node)

    def _function(self, node: Call) -> str:
        template = self.functions[node.operation]
        inner = _TIGHTEST if template.startswith("(") else 0  # "(a ^ b)": operators, not a call
        text, *rest = (self.expression(argument, inner) for argument in node.arguments)
        if not rest:
            return template.format(text)
        for other in rest:
            text = template.format(text, other)
        return text


def plain_number(value: float) -> str:
    """Return a number that reads back to the same bits, a negative one in parentheses."""
    return f"({value!r})" if value < 0 else repr(value)
