"""Options of this machine's sbatch that are not in the manuals known here."""

from __future__ import annotations

from typing import Literal

from planner.core.errors import FailureError
from planner.slurm.calls import Patience, SlurmError, run

OptionForm = Literal["flag", "optional", "valued"]
"""Without a value, with one only when it is attached (``--nice=5``), or always with one."""

# sbatch answers before it asks anybody; where it has no configuration it searches the network for one
_PATIENCE_S = 3.0


def option_form(name: str) -> OptionForm | None:
    """Return how sbatch takes a long option; None where it has none of that name, or cannot be asked.

    Nothing can be submitted: the script is empty, and getopt speaks before sbatch reads it.
    """
    alone = _said(f"--{name}")
    if "requires an argument" in alone:
        return "valued"
    if "script is empty" not in alone:
        return None
    return "flag" if "doesn't allow an argument" in _said(f"--{name}=1") else "optional"


def _said(word: str) -> str:
    """Return what sbatch says to an option, and an empty script; "" where there is no sbatch."""
    try:
        return run(
            ["sbatch", word],
            stdin="",
            environment={"LC_ALL": "C"},
            patience=Patience(timeout_s=_PATIENCE_S, pauses_s=()),
        )
    except SlurmError as error:
        return error.said
    except FailureError:
        return ""
