"""A formula's request in other languages: Python, bash, awk, Nextflow, Snakemake and WDL, the same to the MiB.

Every export prints :meth:`planner.formula.formula.Formula.steps`, the very arithmetic that is evaluated here.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.core.errors import InputError
from planner.formula import exports_wdl
from planner.formula.formula import PREFIX, ROUNDING_SLACK, UPPER, Formula
from planner.formula.grammar import LARGEST_EXPONENT, Call, Name, Node, Number


@dataclass(frozen=True, slots=True)
class _Language:
    """How a language writes arithmetic; ``functions`` are templates of its arguments."""

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


_TIGHTEST = 3
_SIGNS = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2)}


def _plain(value: float) -> str:
    return f"({value!r})" if value < 0 else repr(value)


_PYTHON = _Language(
    _plain,
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
_AWK = _Language(
    _plain,
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
_GROOVY = _Language(
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
_AWK_FUNCTIONS = (
    "function cp_max(a, b) { return a > b ? a : b }\n"
    "function cp_min(a, b) { return a < b ? a : b }\n"
    "function cp_abs(a) { return a < 0 ? -a : a }\n"
    "function cp_ceil(a,  n) { n = int(a); return n < a ? n + 1 : n }\n"
)


def python(formula: Formula, level: float) -> str:
    """Return a Python function with the features as keyword arguments; it needs nothing but ``math``."""
    names = ", ".join(_PYTHON.name(name) for name in formula.inputs)
    lines = [*_header(formula, level), "import math", "", "", f"def {_function(formula)}({names}):"]
    lines.append('    """Return the memory to ask for, MiB."""')
    lines += [f"    {name} = {_PYTHON.expression(node)}" for name, node in formula.steps(level)]
    lines += [f"    return max(1, math.ceil({UPPER} - {ROUNDING_SLACK!r}))", ""]
    return "\n".join(lines)


def snakemake(formula: Formula, level: float) -> str:
    """Return the Python function and one that makes it a rule's ``mem_mb``, doubled at every retry."""
    function = _function(formula)
    names = ", ".join(f"{name}=…" for name in formula.inputs)
    return (
        python(formula, level)
        + f'''

def {function}_of(features):
    """Return mem_mb for a rule; every retry asks for twice as much.

    rule …:
        resources:
            mem_mb={function}_of(lambda wildcards: dict({names}))
    """

    def mem_mb(wildcards, attempt):
        return {function}(**features(wildcards)) * 2 ** (attempt - 1)

    return mem_mb
'''
    )


def awk(formula: Formula, level: float) -> str:
    """Return an awk program: a tab-separated table with the features as columns in, the column mem_mb added."""
    lines = [*_header(formula, level), "# usage: awk -f THIS tasks.tsv", _AWK_FUNCTIONS.rstrip()]
    lines += [
        'BEGIN { FS = OFS = "\\t" }',
        "NR == 1 {",
        "    for (i = 1; i <= NF; i++) column[$i] = i",
    ]
    for name in formula.inputs:
        lines.append(f'    if (!("{name}" in column)) {{ print "error: no column {name}" > "/dev/stderr"; exit 2 }}')
    lines += ['    print $0, "mem_mb"', "    next", "}", "{"]
    lines += [f'    {_AWK.name(name)} = $column["{name}"] + 0' for name in formula.inputs]
    lines += [f"    {name} = {_AWK.expression(node)}" for name, node in formula.steps(level)]
    lines += [f"    print $0, cp_max(1, cp_ceil({UPPER} - {ROUNDING_SLACK!r}))", "}", ""]
    return "\n".join(lines)


def bash(formula: Formula, level: float) -> str:
    """Return a bash function that takes the features in order and prints the request; it needs POSIX awk."""
    function = _function(formula)
    variables = " ".join(f'-v {_AWK.name(name)}="${i}"' for i, name in enumerate(formula.inputs, start=1))
    lines = [
        *_header(formula, level),
        f'# usage: sbatch --mem="$({function} {" ".join(f"<{name}>" for name in formula.inputs)})M" job.sh',
        f"{function}() {{",
        "  local value",
        f'  if [ "$#" -ne {len(formula.inputs)} ]; then',
        f'    echo "error: {function} takes {len(formula.inputs)} numbers: {" ".join(formula.inputs)}" >&2',
        "    return 2",
        "  fi",
        '  for value in "$@"; do',
        "    if ! [[ $value =~ ^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$ ]]; then",
        f"      echo \"error: {function}: '$value' is not a number\" >&2",
        "      return 2",
        "    fi",
        "  done",
        f"  LC_ALL=C awk {variables} '",
        *(f"    {line}" for line in _AWK_FUNCTIONS.rstrip().split("\n")),
        "    BEGIN {",
        *(f"      {name} = {_AWK.expression(node)}" for name, node in formula.steps(level)),
        f'      printf "%d\\n", cp_max(1, cp_ceil({UPPER} - {ROUNDING_SLACK!r}))',
        "    }'",
        "}",
        "",
    ]
    return "\n".join(lines)


def nextflow(formula: Formula, level: float) -> str:
    """Return a Groovy function for a Nextflow script, with the closure that a process's ``memory`` takes."""
    function = _function(formula)
    given = ", ".join(f"{name}: …" for name in formula.inputs)
    lines = [
        *(f"//{line.removeprefix('#')}" for line in _header(formula, level)),
        f"// usage: process … {{ memory {{ 1.MB * {function}({given}) * (1 << (task.attempt - 1)) }} }}",
        f"def {function}(Map features) {{",
    ]
    lines += [f"    double {_GROOVY.name(name)} = features.{name} as double" for name in formula.inputs]
    lines += [f"    double {name} = {_GROOVY.expression(node)}" for name, node in formula.steps(level)]
    lines += [f"    return Math.max(1L, (long) Math.ceil({UPPER} - {ROUNDING_SLACK!r}d))", "}", ""]
    return "\n".join(lines)


def wdl(formula: Formula, level: float) -> str:
    """Return a WDL 1.0 workflow of expressions only: no task, so no container; call it for its output ``mem_mb``."""
    return exports_wdl.workflow(
        _function(formula),
        formula.inputs,
        formula.steps(level),
        result=f"ceil({UPPER} - {ROUNDING_SLACK:.7f})",
        header=_header(formula, level),
    )


TARGETS: Mapping[str, Callable[[Formula, float], str]] = {
    "python": python,
    "bash": bash,
    "awk": awk,
    "nextflow": nextflow,
    "snakemake": snakemake,
    "wdl": wdl,
}


def export(formula: Formula, target: str, level: float) -> str:
    """Return a formula's request in a language.

    Parameters
    ----------
    formula : Formula
        With a calibration.
    target : str
        One of :data:`TARGETS`.
    level : float
        Of the bound, in (0, 1].

    Raises
    ------
    InputError
        For another target, or a formula without calibration.
    """
    if target not in TARGETS:
        raise InputError(f"formulas are not exported to {target}", f"targets: {', '.join(TARGETS)}")
    return TARGETS[target](formula, level)


def _function(formula: Formula) -> str:
    tool = "".join(c if c.isascii() and c.isalnum() else "_" for c in formula.tool.lower()).strip("_")
    return f"{tool}_mem_mb" if tool and not tool[0].isdigit() else "formula_mem_mb"


def _header(formula: Formula, level: float) -> list[str]:
    tool = f" of {formula.tool}" if formula.tool else ""
    origin = f"{formula.engine}, {formula.rows} rows" + (f", {formula.date}" if formula.date else "")
    return [
        f"# Memory{tool} to ask for, MiB: {level:.0%} bound of chromplan's formula ({origin})",
        f"#   {formula.text}",
    ]
