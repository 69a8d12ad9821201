"""The state that the dynamic scheduler decides from, and its answer; the same for every executor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sharing(StrEnum):
    """How tasks on a node share its memory."""

    POOL = "pool"  # together they may use all memory of the node
    LIMITS = "limits"  # each is held to a limit of its own; the limits together fit on the node


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node, or the usable part of one.

    Attributes
    ----------
    mem_mb : float
        MiB (any unit, used throughout).
    cores : int or None
        None: cores are not limited.
    """

    name: str
    mem_mb: float
    cores: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A task as known before it runs.

    Attributes
    ----------
    size : float
        The quantity that memory and duration grow with: the chromosome's length, or a predicted peak.
    position : int
        Its number in the natural order (the chromosome's number).
    tool : str
        The tool; tasks of one tool share observations.
    predicted_mb, predicted_s : float or None
        What a model expects.
    tested : bool
        Whether the model behind ``predicted_mb`` rests on peaks measured here: then it need not prove itself first.
    """

    name: str
    size: float
    position: int = 0
    cpus: int = 1
    tool: str = ""
    predicted_mb: float | None = None
    predicted_s: float | None = None
    tested: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A task that has not started, or was killed.

    Attributes
    ----------
    kills : int
        How often it was killed for memory.
    held : bool
        It was killed and no other task has completed since: it may start only when nothing runs.
    limit_mb : float or None
        With limits: the one it gets, decided elsewhere (a plan's request); None leaves it to the scheduler.
    """

    work: Work
    kills: int = 0
    held: bool = False
    limit_mb: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A task that runs.

    Attributes
    ----------
    node : str
    start_s : float
    limit_mb : float or None
        Its own limit; None in a pool.
    peak_mb : float or None
        Its peak, once that is known to have passed.
    seen_mb : float
        Its highest observed use so far, MiB.
    """

    work: Work
    node: str
    start_s: float
    limit_mb: float | None = None
    peak_mb: float | None = None
    seen_mb: float = 0.0
    kills: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A task that has completed, with its measured peak."""

    work: Work
    peak_mb: float
    wall_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Overflow:
    """Tasks that together needed more than ``mem_mb`` (one task: its limit), by name."""

    names: tuple[str, ...]
    mem_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything a decision depends on.

    Attributes
    ----------
    overflows : tuple of Overflow
        Every kill for memory so far.
    watched : bool
        Peaks become known when they are reached, not only when the task completes.
    """

    now_s: float
    nodes: tuple[Node, ...]
    waiting: tuple[Waiting, ...]
    running: tuple[Running, ...] = ()
    done: tuple[Done, ...] = ()
    overflows: tuple[Overflow, ...] = ()
    sharing: Sharing = Sharing.POOL
    watched: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A task to start now, on which node, and its own limit (None in a pool)."""

    name: str
    node: str
    limit_mb: float | None = None
