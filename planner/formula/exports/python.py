"""A Python function with the features as keyword arguments; it needs nothing but ``math``."""

from __future__ import annotations

import builtins
import keyword

from planner.formula.exports._arithmetic import Arithmetic, plain_number
from planner.formula.exports._exported import Exported
from planner.formula.formula import ROUNDING_SLACK, UPPER
from planner.formula.grammar import LARGEST_EXPONENT

_PYTHON = Arithmetic(
    plain_number,
    lambda name: f"{name}_" if keyword.iskeyword(name) or name == "math" or hasattr(builtins, name) else name,
    {
        "pow": "math.pow({}, {})",
        "exp": f"math.exp(min({{}}, {LARGEST_EXPONENT}))",
        "log": "math.log({})",
        "sqrt": "math.sqrt({})",
        "abs": "abs({})",
        "max": "max({}, {})",
        "min": "min({}, {})",
    },
)


def write(asked: Exported) -> str:
    """Return the function."""
    names = ", ".join(_PYTHON.name(name) for name in asked.inputs)
    lines = [*asked.header, "import math", "", "", f"def {asked.function}({names}):"]
    lines.append('    """Return the memory to ask for, MiB."""')
    lines += [f"    {name} = {_PYTHON.expression(node)}" for name, node in asked.steps]
    lines += [f"    return max(1, math.ceil({UPPER} - {ROUNDING_SLACK!r}))", ""]
    return "\n".join(lines)
