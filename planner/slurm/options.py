"""Options of this machine's sbatch that chromplan does not know from Slurm's manuals."""

from __future__ import annotations

from typing import Literal

from planner.core.errors import FailureError
from planner.slurm.calls import Patience, SlurmError, run

OptionForm = Literal["flag", "optional", "valued"]
"""No value, an optional attached value (``--nice=5``), or always a value."""

# without a configuration sbatch would search the network for one; it checks its options before it needs any
_PATIENCE_S = 3.0


def option_form(name: str) -> OptionForm | None:
    """Return whether a long option of sbatch takes a value; None when sbatch has no such option, or cannot be asked.

    Nothing can be submitted: the script is empty, and sbatch checks options before it reads the script.
    """
    alone = _said(f"--{name}")
    if "requires an argument" in alone:
        return "valued"
    if "script is empty" not in alone:
        return None
    return "flag" if "doesn't allow an argument" in _said(f"--{name}=1") else "optional"


def _said(word: str) -> str:
    """Return sbatch's message for an option and an empty script; "" when there is no sbatch."""
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
