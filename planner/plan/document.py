"""The plan document: what ``plan.json`` holds."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from planner.core.documents import Document, FileName, FilePath, Line, Option, SystemText, Text, Variable, load_json
from planner.core.frames import flat, frame, html_table
from planner.core.modes import Mode
from planner.core.user_scripts import UserScript
from planner.core.wording import count
from planner.site import Partition, Site
from planner.site.price import Price

if TYPE_CHECKING:
    import pandas as pd

# a petabyte, ten years: larger values are mistakes
_Mem = Annotated[int, Field(ge=1, le=10**9)]
_Seconds = Annotated[int, Field(ge=1, le=10 * 366 * 86_400)]
_Count = Annotated[int, Field(ge=1, le=10**6)]
_Place = Annotated[int, Field(ge=0, le=10**7)]
_JobId = Annotated[str, Field(pattern=r"^[0-9]+([_+][0-9]+)?$")]


_FIELDS_GIVEN: dict[frozenset[str], set[str]] = {}


class PlannedTask(Document):
    """One task of a plan, fully resolved."""

    index: _Place
    """Position in the plan's order."""
    element: _Place
    """The array index that Slurm knows the task by: ``4711_7`` is chr7 in a plan of one sample."""
    task: FileName
    sample: Text
    chromosome: Text
    cpus: _Count
    features: dict[str, float]
    size: float = 1.0
    """Relative to the pipeline's largest task: what memory and time are taken to grow with while nothing is known."""
    parameters: dict[str, SystemText]
    attempt: _Count
    request_mb: _Mem
    predicted_mb: float | None
    reason: str
    time_limit_s: _Seconds
    wall_s: float | None
    start_s: float | None
    """Expected start after the round's first, s."""
    tier: _Place
    """The memory tier in mode tiers, 0 the smallest."""
    batch: _Place | None = None
    """The batch in the modes packed and dynamic, the component in mode het."""
    after: list[_JobId] = []
    """Jobs that must complete before this task starts: its chromosome's part of an earlier step."""

    def model_post_init(self, context: object) -> None:
        """Share the set of the fields that were given: it takes more memory than the task, a hundred thousand times."""
        given = frozenset(self.__pydantic_fields_set__)
        object.__setattr__(self, "__pydantic_fields_set__", _FIELDS_GIVEN.setdefault(given, set(given)))

    @property
    def region(self) -> str:
        """What it runs on: a part of its chromosome, as ``20:1-5000000``, or the chromosome."""
        told = self.parameters.get("region", "")
        before, _, stretch = told.rpartition(":")
        is_part = before == self.chromosome != "" and re.fullmatch(r"[0-9]+-[0-9]+", stretch)
        return told if is_part else self.chromosome


class Batch(Document):
    """The tasks that share one allocation: a job in mode packed or dynamic, a component of the job in mode het."""

    batch: _Place
    pool_mb: _Mem
    """Memory for the tasks, on each node: the most that their order holds at once, or what mode dynamic chose."""
    mem_mb: _Mem
    """Memory of the allocation, on each node: the pool, and what the script that starts the tasks needs itself."""
    srun_mb: Annotated[int, Field(ge=0, le=1000)] = 0
    """What each running task's srun takes of the pool besides the task; 0 where the pool is for tasks alone."""
    slots: Annotated[_Count, Field(validation_alias=AliasChoices("slots", "workers"))]
    """Most tasks at once, on each node."""
    cpus: _Count
    """Of each task."""
    time_limit_s: _Seconds
    partition: Partition | None = None
    """Where a component lies."""
    nodes: _Count = 1
    shared: bool = False
    """In mode dynamic: the tasks share the memory instead of being held each to a limit of its own."""


class LeftOut(Document):
    """A task that this plan does not run, and why."""

    task: str
    reason: str


class CutWay(Document):
    """A way to cut chromosomes into parts, and what its plan comes to."""

    parts: Line
    """``auto`` or ``cheapest``: as many as suit each chromosome; or the same number for all."""
    tasks: int | None = None
    largest_mb: int | None = None
    """The largest request, MiB."""
    makespan_s: float | None = None
    requested_gb_h: float | None = None
    """Memory reserved x time, GiB h."""
    price: Price | None = None
    refused: str | None = None
    """Why it cannot be planned."""


class Target(Document):
    """Where the plan runs, as it was known when the plan was made."""

    site: Site
    partition: Partition
    account: Line | None
    max_running: _Count | None
    mail_user: Option | None = None
    mail_type: Option | None = None


class Extent(Document):
    """What the pipeline was found to consist of."""

    samples: int = Field(ge=0)
    """Named samples; 0 for one run over a cohort."""
    regions: int = Field(ge=1)
    tasks: int = Field(ge=1)
    """All of them: those planned, those left out and those that are done."""

    def __str__(self) -> str:
        regions = count(self.regions, "region")
        if not self.samples:
            return regions
        # a wrapped script need not have an element for every region of every sample
        by = "x" if self.tasks == self.samples * self.regions else "and"
        return f"{count(self.samples, 'sample')} {by} {regions}"


class Plan(Document):
    """The fully resolved, human-readable document."""

    version: Literal[1] = 1
    chromplan: FileName
    token: FileName
    """Identifies this plan to Slurm."""
    name: FileName
    tool: FileName
    round: _Count
    mode: Mode
    target: Target
    command: str
    """Bash text; values reach it as environment variables."""
    columns: dict[str, Variable]
    """Placeholder -> environment variable of the sample table's columns."""
    cpus: tuple[_Count, ...] = ()
    """Numbers of CPUs of which each task got one; empty where all have the same."""
    user_script: UserScript | None = None
    """An existing batch script, which is what the jobs run."""
    makespan_s: float | None
    total_request_mb: int
    largest_peak_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Largest peak that the requests rest on, MiB: what is asked after a kill steps above it. 0 where none is known."""
    tasks: list[PlannedTask]
    batches: list[Batch] = []
    left_out: list[LeftOut]
    extent: Extent | None = None
    """None in plans written before it was told."""
    price: Price | None = None
    """Expected cost; None while durations are not known."""
    ways: list[CutWay] = []
    """What ``--split`` chose first, then what it was compared with."""
    notes: list[str]

    @model_validator(mode="after")
    def _tasks_are_told_apart(self) -> Self:
        for what, values in (
            ("task", [task.task for task in self.tasks]),
            ("index", [task.index for task in self.tasks]),
            ("element", [task.element for task in self.tasks]),
            ("batch", [batch.batch for batch in self.batches]),
        ):
            twice = next((value for value, count in Counter(values).items() if count > 1), None)
            if twice is not None:
                raise ValueError(f"{what} {twice} is listed twice")
        unknown = {task.batch for task in self.tasks} - {batch.batch for batch in self.batches} - {None}
        if unknown:
            raise ValueError(f"there is no batch {min(one for one in unknown if one is not None)}")
        missing = next((t.task for t in self.tasks if not self.columns.keys() <= t.parameters.keys()), None)
        if missing is not None:
            raise ValueError(f"task {missing} lacks a column of {', '.join(sorted(self.columns))}")
        return self

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Read a plan from ``rounds/rNNN/plan.json``.

        Raises
        ------
        InputError
            When the file cannot be read, or is not a plan.
        """
        return load_json(path, cls, hint="'chromplan plan' writes it, as rounds/r001/plan.json")

    def to_frame(self) -> pd.DataFrame:
        """Return one row per task, in the plan's order; features and parameters are columns."""
        hidden = {"features", "parameters", "after"}
        return frame(
            flat(task.model_dump(exclude=hidden), {"features": task.features, "parameters": task.parameters})
            for task in self.tasks
        )

    def __repr__(self) -> str:
        where = f"{self.mode} on {self.target.site.name}"
        tasks = count(len(self.tasks), "task")
        return f"<Plan {self.name} {self.round_name}: {tasks}, {self.total_request_mb} MB, {where}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        columns = ("task", "request_mb", "predicted_mb", "time_limit_s", "start_s", "reason")
        return html_table(repr(self), columns, [[getattr(task, name) for name in columns] for task in self.tasks])

    @property
    def cluster(self) -> str | None:
        """The cluster that the jobs go to, where it is not the one of the login node."""
        named = self.user_script.clusters if self.user_script else None
        return named or self.target.partition.clusters or self.target.site.clusters

    @property
    def round_name(self) -> str:
        """The folder of this plan's round, ``r001``."""
        return round_name(self.round)


def round_name(number: int) -> str:
    """Return the name of a round."""
    return f"r{number:03d}"
