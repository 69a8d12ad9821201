"""A WDL 1.0 workflow of expressions only: no task, so no container; call it for its output ``mem_mb``.

WDL has neither exp nor log; both are written in plain arithmetic. ``ln x``: x or 1/x is divided into [1, 2) by powers
of two, largest first; the rest is 2 artanh((u-1)/(u+1)), whose series at a third reaches 1e-13 in 13 terms. ``exp z``:
z = n ln 2 + r, r at most 0.35 either way, Taylor's series of r, and 2^n from the bits of n.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from planner.formula.exports._exported import Exported
from planner.formula.formula import ROUNDING_SLACK, UPPER
from planner.formula.grammar import LARGEST_EXPONENT, Call, Name, Node, Number

_WORD = re.compile(
    "Array|Boolean|Directory|File|Float|Int|Map|Object|Pair|String|alias|as|call|command|else|false|hints|if|import|in"
    "|input|left|meta|null|object|output|parameter_meta|requirements|right|runtime|scatter|struct|task|then|true"
    "|version|workflow"
)
_SIMPLE = re.compile(r"[A-Za-z]\w*|\d[\d.e+-]*")
_BITS = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
_LN2 = 0.6931471805599453


def write(asked: Exported) -> str:
    """Return the workflow, with the features as inputs and the Int output ``mem_mb``."""
    lines = ["version 1.0", "", *asked.header, f"workflow {asked.function} {{", "  input {"]
    lines += [f"    Float {identifier(feature)}" for feature in asked.inputs]
    lines += ["  }", *(f"  {line}" for line in declarations(asked.steps))]
    lines += [f"  Int cp_request = ceil({UPPER} - {ROUNDING_SLACK:.7f})", "  output {"]
    lines += ["    Int mem_mb = if cp_request > 1 then cp_request else 1", "  }", "}", ""]
    return "\n".join(lines)


def identifier(feature: str) -> str:
    """Return a feature as a WDL name (which may neither be a keyword nor start with an underscore)."""
    return f"feature_{feature}" if _WORD.fullmatch(feature) or feature.startswith("_") else feature


def declarations(steps: Sequence[tuple[str, Node]]) -> list[str]:
    """Return the steps as WDL declarations, each on its line."""
    writer = _Writer()
    for name, node in steps:
        writer.assign(name, writer.expression(node))
    return writer.lines


class _Writer:
    """Writes arithmetic; what WDL lacks becomes declarations of its own, each distinct one once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[tuple[str, str], str] = {}

    def assign(self, name: str, text: str) -> str:
        self.lines.append(f"Float {name} = {text}")
        return name

    def expression(self, node: Node) -> str:
        if isinstance(node, Number):
            return _number(node.value)
        if isinstance(node, Name):
            return identifier(node.name)
        if node.operation == "mul":
            return self._product(node)
        arguments = [self.expression(argument) for argument in node.arguments]
        if node.operation in _SIGNS:
            return f"({arguments[0]} {_SIGNS[node.operation]} {arguments[1]})"
        if node.operation == "neg":
            return f"(0.0 - {arguments[0]})"
        return self._function(node, arguments)

    def _product(self, node: Call) -> str:
        """Write a product; its powers and exponentials are one exponential of a sum."""
        plain: list[str] = []
        exponents: list[str] = []
        waiting: list[Node] = [node]
        while waiting:
            factor = waiting.pop()
            if isinstance(factor, Call) and factor.operation == "mul":
                waiting.extend(reversed(factor.arguments))
            elif isinstance(factor, Call) and factor.operation == "pow":
                base, power = (self.expression(argument) for argument in factor.arguments)
                exponents.append(f"{power} * {self._log(base)}")
            elif isinstance(factor, Call) and factor.operation == "exp":
                exponents.append(self.expression(factor.arguments[0]))
            else:
                plain.append(self.expression(factor))
        if exponents:
            plain.append(self._exp(" + ".join(exponents)))
        return f"({' * '.join(plain)})"

    def _function(self, node: Call, arguments: list[str]) -> str:
        operation = node.operation
        if operation == "pow":
            return self._exp(f"{arguments[1]} * {self._log(arguments[0])}")
        if operation == "sqrt":
            return self._exp(f"0.5 * {self._log(arguments[0])}")
        if operation == "log":
            return self._log(arguments[0])
        if operation == "exp":
            return self._exp(arguments[0])
        simple = [self._simple(argument) for argument in arguments]
        if operation == "abs":
            return f"(if {simple[0]} < 0.0 then 0.0 - {simple[0]} else {simple[0]})"
        comparison = ">" if operation == "max" else "<"
        best = simple[0]
        for other in simple[1:]:
            best = self._simple(f"(if {best} {comparison} {other} then {best} else {other})")
        return best

    def _simple(self, text: str) -> str:
        """Return a name or a number of the same value, which may be repeated at no cost."""
        return text if _SIMPLE.fullmatch(text) else self._once("value", text, lambda stem: self.assign(stem, text))

    def _once(self, kind: str, argument: str, write: Callable[[str], str]) -> str:
        if (kind, argument) not in self._known:
            self._known[kind, argument] = write(f"cp_{kind}_{len(self._known)}")
        return self._known[kind, argument]

    def _log(self, argument: str) -> str:
        return self._once("log", argument, lambda stem: self._write_log(stem, self._simple(argument)))

    def _write_log(self, stem: str, x: str) -> str:
        u = self.assign(f"{stem}_u", f"if {x} < 1.0 then 1.0 / {x} else {x}")
        halvings = []
        for bit in _BITS:
            less = f"if {u} < {_number(2.0**bit)} then"
            halvings.append(f"({less} 0.0 else {bit}.0)")
            u = self.assign(f"{stem}_u{bit}", f"{less} {u} else {u} / {_number(2.0**bit)}")
        s = self.assign(f"{stem}_s", f"({u} - 1.0) / ({u} + 1.0)")
        square = self.assign(f"{stem}_q", f"{s} * {s}")
        series = _horner(square, [1.0 / odd for odd in range(1, 27, 2)])
        sign = f"(if {x} < 1.0 then 0.0 - 1.0 else 1.0)"
        return self.assign(stem, f"{sign} * ({_LN2} * ({' + '.join(halvings)}) + 2.0 * {s} * {series})")

    def _exp(self, argument: str) -> str:
        return self._once("exp", argument, lambda stem: self._write_exp(stem, self._simple(argument)))

    def _write_exp(self, stem: str, z: str) -> str:
        most = _number(LARGEST_EXPONENT)
        z = self.assign(
            f"{stem}_z", f"if {z} > {most} then {most} else if {z} < 0.0 - {most} then 0.0 - {most} else {z}"
        )
        n, m = f"{stem}_n", f"{stem}_m"
        self.lines.append(f"Int {n} = floor({z} / {_LN2} + 0.5)")
        self.lines.append(f"Int {m} = if {n} < 0 then 0 - {n} else {n}")
        r = self.assign(f"{stem}_r", f"{z} - {n} * {_LN2}")
        series = _horner(r, [1.0 / math.factorial(k) for k in range(13)])
        bits = " * ".join(f"(if {m} / {bit} % 2 == 1 then {_number(2.0**bit)} else 1.0)" for bit in _BITS)
        power = self.assign(f"{stem}_p", bits)
        return self.assign(stem, f"if {n} < 0 then {series} / {power} else {series} * {power}")


def _horner(variable: str, coefficients: Sequence[float]) -> str:
    *rest, series = map(_number, coefficients)
    for coefficient in reversed(rest):
        series = f"({coefficient} + {variable} * {series})"
    return series


_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def _number(value: float) -> str:
    if value < 0:
        return f"(0.0 - {_number(-value)})"
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent}" if exponent else mantissa
