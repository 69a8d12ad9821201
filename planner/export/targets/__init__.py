"""Rules for other engines, one module per engine, named as ``--to`` names it.

A module has ``write(rules) -> dict``: the names of files, and their text. A further engine is a further module.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.export.rules import Rule

TARGETS: tuple[str, ...] = tuple(
    sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
)


def write(rules: Sequence[Rule], target: str) -> dict[str, str]:
    """Return the files that tell an engine what the tasks of rules ask for: name to text.

    Raises
    ------
    InputError
        For another target, or two rules of one name.
    """
    if target not in TARGETS:
        raise InputError(f"plans are not exported to {target}", f"targets: {', '.join(TARGETS)}")
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two plans are called {twice}", f"name one of them: other_{twice}=FOLDER")
    files: dict[str, str] = importlib.import_module(f"{__name__}.{target}").write(rules)
    return files
