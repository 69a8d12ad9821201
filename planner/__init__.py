"""chromplan: plan per-chromosome Slurm jobs from what earlier jobs really used.

From Python (docs/python.md), everything imported when it is first used:

>>> import planner                                                         # doctest: +SKIP
>>> runs = planner.read_table("runs.csv", features=["length_mb"])          # doctest: +SKIP
>>> planner.fit(runs, ["length_mb"]).predict({"length_mb": 249.0})         # doctest: +SKIP
>>> planner.Project("impute").plan(mode="packed").to_frame()               # doctest: +SKIP
"""

from __future__ import annotations

# not typing's: nothing is imported before the command line has seen to Ctrl-C
TYPE_CHECKING = False
if TYPE_CHECKING:
    from planner.actions.advising import advise
    from planner.actions.fitting import fit
    from planner.actions.formulas import load as load_formula
    from planner.actions.observations import Observations, read_sacct, read_table
    from planner.actions.project import Project, TaskStatuses
    from planner.core.errors import FailureError, InputError, PlannerError
    from planner.core.records import Observation
    from planner.formula.formula import Formula
    from planner.memory.model import MemoryModel, Prediction
    from planner.plan.document import Plan, PlannedTask
    from planner.site import Site
    from planner.site import load as load_site

__version__ = "0.1.0"

__all__ = [
    "FailureError",
    "Formula",
    "InputError",
    "MemoryModel",
    "Observation",
    "Observations",
    "Plan",
    "PlannedTask",
    "PlannerError",
    "Prediction",
    "Project",
    "Site",
    "TaskStatuses",
    "__version__",
    "advise",
    "fit",
    "load_formula",
    "load_site",
    "read_sacct",
    "read_table",
]

# where each public name is: module, and its name there
_HOMES = {
    "FailureError": ("planner.core.errors", "FailureError"),
    "Formula": ("planner.formula.formula", "Formula"),
    "InputError": ("planner.core.errors", "InputError"),
    "MemoryModel": ("planner.memory.model", "MemoryModel"),
    "Observation": ("planner.core.records", "Observation"),
    "Observations": ("planner.actions.observations", "Observations"),
    "Plan": ("planner.plan.document", "Plan"),
    "PlannedTask": ("planner.plan.document", "PlannedTask"),
    "PlannerError": ("planner.core.errors", "PlannerError"),
    "Prediction": ("planner.memory.model", "Prediction"),
    "Project": ("planner.actions.project", "Project"),
    "Site": ("planner.site", "Site"),
    "TaskStatuses": ("planner.actions.project", "TaskStatuses"),
    "advise": ("planner.actions.advising", "advise"),
    "fit": ("planner.actions.fitting", "fit"),
    "load_formula": ("planner.actions.formulas", "load"),
    "load_site": ("planner.site", "load"),
    "read_sacct": ("planner.actions.observations", "read_sacct"),
    "read_table": ("planner.actions.observations", "read_table"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    found: object = getattr(import_module(module), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
