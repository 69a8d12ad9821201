"""Records that the executor and its launchers exchange: attempts, their state, what may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from planner.core.records import Outcome
from planner.plan.document import PlannedTask
from planner.runner.runs import Run
from planner.schedule.dynamic.state import Node

if TYPE_CHECKING:
    from planner.schedule.dynamic.decide import DynamicOptions  # numpy comes with it

HERE = "here"


class Limits(StrEnum):
    """What each task is held to."""

    REQUESTS = "requests"  # what the plan asks for it
    LEARNT = "learnt"  # what the scheduler gives it, from the prediction and what the round has taught
    POOL = "pool"  # nothing of its own: tasks share the memory


class Foreknown(StrEnum):
    """What the scheduler is told of a task's memory before it has run."""

    NONE = "none"
    POINT = "point"  # the plan's prediction
    CONSERVATIVE = "conservative"  # the plan's request, its safety included


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduling:
    """How it is decided what starts, and from what; the product's own policy where no options are given."""

    options: DynamicOptions | None = None
    foreknown: Foreknown = Foreknown.POINT


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What may be used.

    Attributes
    ----------
    nodes : tuple of Node
        With their memory for tasks, MiB, and their cores.
    limits : Limits
    max_attempts : int
        How often a task may run, all rounds counted.
    overhead_mb : int
        What a task's shells hold besides its measured peak, where limits count them, too, MiB.
    scheduling : Scheduling
    doubts : bool
        Predictions that no history has tested leave room for more. Not where they sized the allocation as they are, nor
        where each task is held to its request, whatever that rests on.
    """

    nodes: tuple[Node, ...]
    limits: Limits = Limits.REQUESTS
    max_attempts: int = 4
    overhead_mb: int = 0
    scheduling: Scheduling = field(default_factory=Scheduling)
    doubts: bool = False

    @property
    def pool(self) -> bool:
        """Whether tasks share the memory."""
        return self.limits is Limits.POOL

    @property
    def mem_mb(self) -> int:
        """Memory of all nodes, MiB."""
        return sum(int(node.mem_mb) for node in self.nodes)

    @property
    def largest_mb(self) -> int:
        """The most that one task can get, MiB."""
        return max(int(node.mem_mb) for node in self.nodes)

    @property
    def cores(self) -> int:
        """The most cores that one task can get."""
        return max(node.cores or 1 for node in self.nodes)


def one_node(
    *, mem_mb: int, cores: int, pool: bool = False, max_attempts: int = 4, scheduling: Scheduling | None = None
) -> Bounds:
    """Return the bounds of a run on one machine."""
    node = Node(name=HERE, mem_mb=mem_mb, cores=cores)
    return Bounds(
        nodes=(node,),
        limits=Limits.POOL if pool else Limits.REQUESTS,
        max_attempts=max_attempts,
        scheduling=scheduling or Scheduling(),
        doubts=pool,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try of a task, as the launcher is told it.

    Attributes
    ----------
    node : str
        Of the bounds.
    request_mb : int
        What the command is told that it has, MiB.
    limit_mb : int
        What it is held to, MiB; in a pool all of the node.
    """

    task: PlannedTask
    job_id: str
    request_mb: int
    limit_mb: int
    cpus: int = 1
    node: str = HERE


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a started task stands.

    Attributes
    ----------
    held_mb : float
        Memory now, MiB.
    peak_mb : float
        The most it is known to have held, MiB.
    code : int or None
        Its exit code, negative for a signal; None while it runs.
    end_s : float
        When it ended.
    verdict : (Outcome, str) or None
        What is known of its end besides the code, and from what.
    cut : bool
        It was told to end, and not by the executor: its code means nothing.
    lost : bool
        It never began.
    """

    held_mb: float
    peak_mb: float
    code: int | None = None
    end_s: float = 0.0
    verdict: tuple[Outcome, str] | None = None
    cut: bool = False
    lost: bool = False


class Launched(Protocol):
    """A started task."""

    @property
    def attempt(self) -> Attempt:
        """What was started."""

    @property
    def start_s(self) -> float:
        """When, s since the epoch."""

    def look(self) -> Seen:
        """Return how it stands."""

    def stop(self, *, kill: bool) -> None:
        """Ask it to end, or end it; it has ended once `look` gives a code."""

    def log(self) -> str:
        """Return the end of what it printed."""

    def close(self) -> None:
        """Forget it: what it left running is ended, what was kept to find it again is removed."""


class Launcher(Protocol):
    """Where tasks run."""

    enforces: bool
    """Whether limits of tasks are enforced there; else it is the executor's to end what passes its own."""

    def attempt_id(self, task: str, number: int) -> str:
        """Return what the n-th attempt of a task in this round is called."""

    def survivors(self) -> Sequence[Launched]:
        """Return what an earlier process started and did not see end."""

    def start(self, attempt: Attempt) -> Launched:
        """Start a task."""

    def refresh(self) -> None:
        """Look at everything that runs, once for all tasks."""

    def spare_mb(self) -> float:
        """Return what the machine has left, MiB."""

    def until_s(self) -> float | None:
        """Return when everything that runs there will be ended, s since the epoch; None for never."""

    def closing(self) -> bool:
        """Whether everything that runs there is being ended now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a person watching wants to see: each running task with what it holds, and whether all are being stopped."""

    running: list[tuple[Attempt, float, Seen]]
    waiting: int
    ended: list[Run]
    bounds: Bounds
    stopping: bool = False
