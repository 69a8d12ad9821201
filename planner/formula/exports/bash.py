"""A bash function that takes the features in order and prints the request; it needs POSIX awk."""

from __future__ import annotations

from planner.formula.exports._exported import Exported
from planner.formula.exports.awk import AWK, FUNCTIONS, RESULT


def write(asked: Exported) -> str:
    """Return the function."""
    function, inputs = asked.function, asked.inputs
    variables = " ".join(f'-v {AWK.name(name)}="${i}"' for i, name in enumerate(inputs, start=1))
    lines = [
        *asked.header,
        f'# usage: sbatch --mem="$({function} {" ".join(f"<{name}>" for name in inputs)})M" job.sh',
        f"{function}() {{",
        "  local value",
        f'  if [ "$#" -ne {len(inputs)} ]; then',
        f'    echo "error: {function} takes {len(inputs)} numbers: {" ".join(inputs)}" >&2',
        "    return 2",
        "  fi",
        '  for value in "$@"; do',
        "    if ! [[ $value =~ ^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$ ]]; then",
        f"      echo \"error: {function}: '$value' is not a number\" >&2",
        "      return 2",
        "    fi",
        "  done",
        f"  LC_ALL=C awk {variables} '",
        *(f"    {line}" for line in FUNCTIONS),
        "    BEGIN {",
        *(f"      {name} = {AWK.expression(node)}" for name, node in asked.steps),
        f'      printf "%d\\n", {RESULT}',
        "    }'",
        "}",
        "",
    ]
    return "\n".join(lines)
