"""A POSIX awk program: a tab-separated table with the features as columns in, the column mem_mb added."""

from __future__ import annotations

from planner.formula.exports._arithmetic import Arithmetic, plain_number
from planner.formula.exports._exported import Exported
from planner.formula.formula import ROUNDING_SLACK, UPPER
from planner.formula.grammar import LARGEST_EXPONENT

AWK = Arithmetic(
    plain_number,
    "x_{}".format,  # a feature may be called length, which is a function of awk
    {
        "pow": "({} ^ {})",
        "exp": f"exp(cp_min({{}}, {LARGEST_EXPONENT}))",
        "log": "log({})",
        "sqrt": "sqrt({})",
        "abs": "cp_abs({})",
        "max": "cp_max({}, {})",
        "min": "cp_min({}, {})",
    },
)
FUNCTIONS = (
    "function cp_max(a, b) { return a > b ? a : b }",
    "function cp_min(a, b) { return a < b ? a : b }",
    "function cp_abs(a) { return a < 0 ? -a : a }",
    "function cp_ceil(a,  n) { n = int(a); return n < a ? n + 1 : n }",
)
RESULT = f"cp_max(1, cp_ceil({UPPER} - {ROUNDING_SLACK!r}))"


def write(asked: Exported) -> str:
    """Return the program."""
    lines = [*asked.header, "# usage: awk -f THIS tasks.tsv", *FUNCTIONS]
    lines += [
        'BEGIN { FS = OFS = "\\t" }',
        "NR == 1 {",
        "    for (i = 1; i <= NF; i++) column[$i] = i",
    ]
    for name in asked.inputs:
        lines.append(f'    if (!("{name}" in column)) {{ print "error: no column {name}" > "/dev/stderr"; exit 2 }}')
    lines += ['    print $0, "mem_mb"', "    next", "}", "{"]
    lines += [f'    {AWK.name(name)} = $column["{name}"] + 0' for name in asked.inputs]
    lines += [f"    {name} = {AWK.expression(node)}" for name, node in asked.steps]
    lines += [f"    print $0, {RESULT}", "}", ""]
    return "\n".join(lines)
