"""Content of an export in any language: a function of the features, its steps, and the formula's origin."""

from __future__ import annotations

from dataclasses import dataclass

from planner.formula.formula import Formula
from planner.formula.grammar import Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A request as a function, to be written in some language.

    Attributes
    ----------
    function : str
        Its name: ``beagle_mem_mb``.
    inputs : tuple of str
        Features, in the order of the function's arguments.
    steps : tuple of pairs of str and Node
        Assignments in order; the last one assigns the bound, ``planner.formula.formula.UPPER``.
    header : tuple of str
        Comment lines, each with a ``#`` in front.
    """

    function: str
    inputs: tuple[str, ...]
    steps: tuple[tuple[str, Node], ...]
    header: tuple[str, ...]


def exported(formula: Formula, level: float) -> Exported:
    """Return a formula's bound at a level, as a function to be exported.

    Raises
    ------
    InputError
        For a formula without calibration.
    """
    tool = "".join(c if c.isascii() and c.isalnum() else "_" for c in formula.tool.lower()).strip("_")
    of_tool = f" of {formula.tool}" if formula.tool else ""
    origin = f"{formula.engine}, {formula.rows} rows" + (f", {formula.date}" if formula.date else "")
    return Exported(
        function=f"{tool}_mem_mb" if tool and not tool[0].isdigit() else "formula_mem_mb",
        inputs=tuple(formula.inputs),
        steps=tuple(formula.steps(level)),
        header=(
            f"# Memory{of_tool} to ask for, MiB: {level:.0%} bound of chromplan's formula ({origin})",
            f"#   {formula.text}",
        ),
    )
