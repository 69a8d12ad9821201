"""Records exchanged by the executor and its launchers: attempts, their state, available resources."""

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
    from planner.schedule.dynamic.options import DynamicOptions  # numpy comes with it

HERE = "here"


class Limits(StrEnum):
    """The memory limit of each task."""

    REQUESTS = "requests"  # the plan's request
    LEARNT = "learnt"  # chosen by the scheduler, from the prediction and the round's measurements
    POOL = "pool"  # no limit of its own: tasks share the memory


class Foreknown(StrEnum):
    """The memory of a task that the scheduler assumes before it has run."""

    NONE = "none"
    POINT = "point"  # the plan's prediction
    CONSERVATIVE = "conservative"  # the plan's request, including its margin


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduling:
    """The scheduling policy and its inputs; chromplan's default policy if no options are given."""

    options: DynamicOptions | None = None
    foreknown: Foreknown = Foreknown.POINT


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The resources that may be used.

    Attributes
    ----------
    nodes : tuple of Node
        The nodes with their memory for tasks, MiB, and their cores.
    limits : Limits
    max_attempts : int
        How often a task may run, in all rounds together.
    overhead_mb : int
        Memory of a task's shells besides its measured peak, MiB, if limits include them.
    scheduling : Scheduling
    doubts : bool
        Whether predictions that no history has tested get a margin. Not if the allocation was sized by the bare
        predictions, nor if each task is held to its request.
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
        """The most memory that one task can get, MiB."""
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
    """One try of a task, as passed to the launcher.

    Attributes
    ----------
    node : str
        One of the nodes of the bounds.
    request_mb : int
        The memory that the command is told it has, MiB.
    limit_mb : int
        The limit that is enforced, MiB; in a pool all memory of the node.
    """

    task: PlannedTask
    job_id: str
    request_mb: int
    limit_mb: int
    cpus: int = 1
    node: str = HERE


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The state of a started task.

    Attributes
    ----------
    held_mb : float
        Memory now, MiB.
    peak_mb : float
        Peak memory so far, MiB.
    code : int or None
        Its exit code, negative for a signal; None while it runs.
    end_s : float
        When it ended.
    verdict : (Outcome, str) or None
        What is known about its end besides the code, and the evidence.
    cut : bool
        Whether something other than the executor told it to end: its code then means nothing.
    lost : bool
        Whether it never started.
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
        """The attempt that was started."""

    @property
    def start_s(self) -> float:
        """Start time, s since the epoch."""

    def look(self) -> Seen:
        """Return its state."""

    def stop(self, *, kill: bool) -> None:
        """Ask it to end, or kill it; it has ended once `look` gives a code."""

    def log(self) -> str:
        """Return the end of what it printed."""

    def close(self) -> None:
        """Clean up: end processes that it left running, and remove the records for finding it again."""


class Launcher(Protocol):
    """Where tasks run."""

    enforces: bool
    """Whether the launcher enforces tasks' limits; otherwise the executor ends tasks that exceed theirs."""

    def attempt_id(self, task: str, number: int) -> str:
        """Return the id of the n-th attempt of a task in this round."""

    def survivors(self) -> Sequence[Launched]:
        """Return tasks that an earlier process started and whose end it did not see."""

    def start(self, attempt: Attempt) -> Launched:
        """Start a task."""

    def refresh(self) -> None:
        """Poll all running tasks at once."""

    def spare_mb(self) -> float:
        """Return the machine's free memory, MiB."""

    def until_s(self) -> float | None:
        """Return when all running tasks will be ended, s since the epoch; None for never."""

    def closing(self) -> bool:
        """Whether all running tasks are being ended now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress for display: each running task with its memory, and whether all are being stopped."""

    running: list[tuple[Attempt, float, Seen]]
    waiting: int
    ended: list[Run]
    bounds: Bounds
    stopping: bool = False
