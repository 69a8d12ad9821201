"""A formula's request in other languages, equal to the MiB: one module per language, named like its ``--to`` value.

A module has one function, ``write(asked: Exported) -> str``; a further language is a further module. All of them print
:meth:`planner.formula.formula.Formula.steps`, the very arithmetic that is evaluated here.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.formula.formula import Formula

TARGETS: tuple[str, ...] = tuple(
    sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
)


def export(formula: Formula, target: str, level: float) -> str:
    """Return a formula's request in a language.

    Parameters
    ----------
    formula : Formula
        With a calibration.
    target : str
        One of :data:`TARGETS`.
    level : float
        Level of the bound, in (0, 1].

    Raises
    ------
    InputError
        For an unknown target, or a formula without calibration.
    """
    from planner.formula.exports._exported import exported

    if target not in TARGETS:
        raise InputError(f"formulas are not exported to {target}", f"targets: {', '.join(TARGETS)}")
    text: str = importlib.import_module(f"{__name__}.{target}").write(exported(formula, level))
    return text
