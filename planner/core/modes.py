"""What a user chooses among: modes, packers, orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """How a plan becomes jobs."""

    ARRAY = "array"
    TIERS = "tiers"
    JOBS = "jobs"
    PACKED = "packed"
    HET = "het"
    DYNAMIC = "dynamic"

    @property
    def tasks_are_steps(self) -> bool:
        """Whether tasks share a job, as steps of it."""
        return self in (Mode.PACKED, Mode.HET, Mode.DYNAMIC)


AUTO: Final = "auto"
"""Used instead of a mode: the plan chooses one."""

MODES = (*(mode.value for mode in Mode), AUTO)


class BatchPacker(StrEnum):
    """How tasks are distributed over shared allocations."""

    KNAPSACK = "knapsack"  # batches as full as possible, whose tasks run at once
    LPT = "lpt"  # longest processing time first: the costliest task goes to the node with least work
    AUTO = "auto"  # whichever reserves less


class Ordering(StrEnum):
    """How tasks that are jobs or elements of their own are ordered."""

    COST = "cost"  # by memory x time
    ANNEAL = "anneal"
    HILL_CLIMB = "hill-climb"  # as arXiv 2511.15977
