"""Everything that a plan is made from, in one record that is complete before the plan is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from planner.core.config import Config
from planner.core.errors import InputError, near
from planner.core.modes import MODES, BatchPacker, Ordering
from planner.core.records import Outcome, Task
from planner.formula.prior import Prior
from planner.memory.model import MemoryModel
from planner.site import Site

_CHOICES: Mapping[str, Sequence[str]] = {"mode": MODES, "packer": tuple(BatchPacker), "order": tuple(Ordering)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A task's state from earlier rounds.

    Attributes
    ----------
    attempts : int
    outcome : Outcome or None
        Of the last attempt; None while it is in flight.
    request_mb, time_limit_s : int
        Of the last attempt.
    killed_mb : int
        The largest request of an attempt that was killed for memory, MiB; 0 when none was.
    held_mb : float
        The most that such an attempt was seen to hold, MiB: above its request where Slurm's samples enforce it.
    """

    round: int
    attempts: int
    outcome: Outcome | None
    request_mb: int
    time_limit_s: int
    killed_mb: int = 0
    held_mb: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Preceding:
    """The state of a task of an earlier step, which is a project of its own.

    Attributes
    ----------
    project : str
        Name of the earlier step's project.
    outcome : Outcome or None
        None while it is in flight or not submitted.
    job_id : str or None
        None while it is not submitted.
    element : int or None
        Its index, if tasks are matched by index; None if they are matched by chromosome and sample.
    region : str
        What it ran on: a chromosome, or a part of one as ``20:1-5000000``.
    """

    project: str
    task: str
    sample: str
    chromosome: str
    outcome: Outcome | None
    job_id: str | None
    element: int | None = None
    region: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanInputs:
    """The inputs of one plan.

    Attributes
    ----------
    config : Config
        ``chromplan.toml``.
    tasks : sequence of Task
        All tasks of the pipeline with their features; those done or in flight are left out by the plan.
    site : Site
        With the limits of the account.
    account : str or None
    model : MemoryModel or None
        The model fitted to the history; None while there is no history.
    prior : Prior or None
        The formula that plans start from, adjusted to observations.
    earlier : mapping of task name to Earlier
        States of tasks that were started before.
    known_mb : mapping of task name to float
        For tasks that no feature distinguishes: the memory each needed when it last ran, MiB.
    preceding : sequence of Preceding, or None
        The tasks of earlier steps; None when there is no earlier step.
    number : int
        The round.
    token : str
        Identifies the plan in job names.
    chromplan : str
        The version of chromplan.
    command : str
        Bash text; values reach it as environment variables.
    columns : mapping of str to str
        Placeholder -> environment variable of the sample table's columns.
    retry_failed : bool
        Whether failed and cancelled tasks run again.
    notes : sequence of str
        Notes for the user on how the inputs were obtained.
    """

    config: Config
    tasks: Sequence[Task]
    site: Site
    account: str | None = None
    model: MemoryModel | None = None
    prior: Prior | None = None
    earlier: Mapping[str, Earlier] = field(default_factory=dict)
    known_mb: Mapping[str, float] = field(default_factory=dict)
    preceding: Sequence[Preceding] | None = None
    number: int
    token: str
    chromplan: str
    command: str
    columns: Mapping[str, str] = field(default_factory=dict)
    retry_failed: bool = False
    notes: Sequence[str] = ()

    def submitting(self, fields: Mapping[str, str | None]) -> PlanInputs:
        """Return the same inputs with another ``mode``, ``packer`` or ``order`` of ``[submit]``; None keeps a value.

        Raises
        ------
        InputError
            For a mode, packer or order that does not exist.
        """
        given = {name: _chosen(name, value) for name, value in fields.items() if value is not None}
        submit = self.config.submit.model_copy(update=given)
        return replace(self, config=self.config.model_copy(update={"submit": submit})) if given else self


def _chosen(name: str, value: str) -> str:
    """Return the text of a setting of ``[submit]`` as its enum value."""
    known = _CHOICES[name]
    if value not in known:
        raise InputError(
            f"there is no {name} {value!r}", near(value, map(str, known)) or f"{name}s are {', '.join(known)}"
        )
    return known[known.index(value)]
