"""A Groovy function for a Nextflow script, with the closure that a process's ``memory`` takes."""

from __future__ import annotations

from planner.core.retry import GROWTH
from planner.formula.exports._arithmetic import Arithmetic
from planner.formula.exports._exported import Exported
from planner.formula.formula import ROUNDING_SLACK, UPPER
from planner.formula.grammar import LARGEST_EXPONENT

_GROOVY = Arithmetic(
    lambda value: f"({value!r}d)" if value < 0 else f"{value!r}d",  # without the d it would be a BigDecimal
    "x_{}".format,
    {
        "pow": "Math.pow({}, {})",
        "exp": f"Math.exp(Math.min({{}}, {LARGEST_EXPONENT}d))",
        "log": "Math.log({})",
        "sqrt": "Math.sqrt({})",
        "abs": "Math.abs({})",
        "max": "Math.max({}, {})",
        "min": "Math.min({}, {})",
    },
)


def write(asked: Exported) -> str:
    """Return the function."""
    given = ", ".join(f"{name}: …" for name in asked.inputs)
    lines = [
        *(f"//{line.removeprefix('#')}" for line in asked.header),
        f"// usage: process … {{ memory {{ 1.MB * {asked.function}({given}) * {GROWTH} ** (task.attempt - 1) }} }}",
        f"def {asked.function}(Map features) {{",
    ]
    lines += [f"    double {_GROOVY.name(name)} = features.{name} as double" for name in asked.inputs]
    lines += [f"    double {name} = {_GROOVY.expression(node)}" for name, node in asked.steps]
    lines += [f"    return Math.max(1L, (long) Math.ceil({UPPER} - {ROUNDING_SLACK!r}d))", "}", ""]
    return "\n".join(lines)
