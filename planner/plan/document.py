"""The plan document: what ``plan.json`` holds."""

from __future__ import annotations

from typing import Literal

from planner.core.config import Kept
from planner.core.documents import Document
from planner.core.records import Mode
from planner.site import Partition, Site


class PlannedTask(Document):
    """One task of a plan, fully resolved."""

    index: int
    """Position in the plan's order, and the array index."""
    task: str
    sample: str
    chromosome: str
    cpus: int
    features: dict[str, float]
    parameters: dict[str, str]
    attempt: int
    request_mb: int
    predicted_mb: float | None
    reason: str
    time_limit_s: int
    wall_s: float | None
    start_s: float | None
    """Expected start after the round's first, s."""
    tier: int
    """The memory tier in mode tiers, 0 the smallest."""
    batch: int | None = None
    """The batch in the modes packed and dynamic, the component in mode het."""
    after: list[str] = []
    """Jobs that must complete before this task starts: its chromosome's part of an earlier step."""


class Batch(Document):
    """The tasks that share one allocation: a job in mode packed or dynamic, a component of the job in mode het."""

    batch: int
    pool_mb: int
    """Memory for the tasks, on each node: the most that their order holds at once, or what mode dynamic chose."""
    mem_mb: int
    """Memory of the allocation, on each node: the pool, and what the batch script and its sruns need themselves."""
    workers: int
    """Most tasks at once, on each node."""
    cpus: int
    """Of each task."""
    time_limit_s: int
    partition: Partition | None = None
    """Where a component lies."""
    nodes: int = 1
    shared: bool = False
    """In mode dynamic: the tasks share the memory instead of being held each to a limit of its own."""


class LeftOut(Document):
    """A task that this plan does not run, and why."""

    task: str
    reason: str


class Target(Document):
    """Where the plan runs, as it was known when the plan was made."""

    site: Site
    partition: Partition
    account: str | None
    max_running: int | None


class Plan(Document):
    """The fully resolved, human-readable document."""

    version: Literal[1] = 1
    chromplan: str
    token: str
    """Identifies this plan in job names."""
    name: str
    tool: str
    round: int
    mode: Mode
    target: Target
    command: str
    """Bash text; values reach it as environment variables."""
    columns: dict[str, str]
    """Placeholder -> environment variable of the sample table's columns."""
    kept: Kept | None = None
    """What an existing batch script says besides memory, time and place; its jobs run without srun."""
    makespan_s: float | None
    total_request_mb: int
    tasks: list[PlannedTask]
    batches: list[Batch] = []
    left_out: list[LeftOut]
    notes: list[str]

    @property
    def cluster(self) -> str | None:
        """The cluster that the jobs go to, where it is not the one of the login node."""
        kept = self.kept.options if self.kept else []
        named = [option.partition("=")[2] for option in kept if option.startswith(("--clusters=", "--cluster="))]
        return next(iter(named), None) or self.target.partition.clusters or self.target.site.clusters

    @property
    def round_name(self) -> str:
        """The folder of this plan's round, ``r001``."""
        return round_name(self.round)


def round_name(number: int) -> str:
    """Return the name of a round."""
    return f"r{number:03d}"
