"""Options of the dynamic scheduler: the policy, and how cautious it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from planner.schedule.dynamic.belief import Assumptions
from planner.schedule.dynamic.paper import PaperOptions


class Policy(StrEnum):
    """How starts are decided."""

    CHROMPLAN = "chromplan"
    PAPER = "paper"


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicOptions:
    """How cautious the scheduler is.

    Attributes
    ----------
    alpha : float
        In a pool: accepted probability that the tasks of a node together exceed its memory, with predicted peaks.
    alpha_unpredicted : float
        The same without predictions: the line then starts with a wide prior, which is on the safe side.
    alpha_limits : float
        Accepted chance that a task exceeds a limit of its own; where many share a node it is less for tasks that take
        little memory x time, and more for the others.
    opening : float
        Factor on these probabilities for limits and for small tasks (a fifth of a node or less) while nothing has been
        measured: memory that caution leaves empty at the start stays empty until a task ends.
    scout : float
        The smallest task is among the first to start if it needs less than this share of a node, or if no measurement
        has tested the predictions yet: its peak, known early, shows how many of the others fit. Where running tasks are
        watched this is not needed.
    doubt, doubt_limits : float
        Until a peak of the tool is known, and unless its predictions are ``tested``, room is left for this many times
        the predicted memory of its tasks together (with limits: of each): even predictions of half the need then cause
        hardly any kills.
    """

    policy: Policy = Policy.CHROMPLAN
    alpha: float = 0.02
    alpha_unpredicted: float = 0.07
    alpha_limits: float = 0.01
    opening: float = 2.5
    scout: float = 0.1
    doubt: float = 2.2
    doubt_limits: float = 2.8
    assume: Assumptions = field(default_factory=Assumptions)
    paper: PaperOptions = field(default_factory=PaperOptions)
