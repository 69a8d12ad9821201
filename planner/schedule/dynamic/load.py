"""What the nodes hold while starts are decided."""

from __future__ import annotations

import math

from planner.schedule.dynamic.online import TaskSum
from planner.schedule.dynamic.state import Node
from planner.schedule.listing import ROUNDING


class NodeLoad:
    """What a node holds while starts are decided."""

    __slots__ = ("cores_left", "doubted_mb", "empty", "largest", "mean_mb", "node", "sums")

    def __init__(self, node: Node, *, largest: bool) -> None:
        self.node = node
        self.largest = largest
        self.mean_mb = 0.0
        self.doubted_mb = 0.0  # should predictions that nothing has tested yet be that wrong
        self.cores_left = math.inf if node.cores is None else node.cores
        self.empty = True
        self.sums: dict[str, TaskSum] = {}

    @property
    def room_mb(self) -> float:
        """Largest expected memory of a further task that fits, MiB."""
        if self.cores_left < 1:
            return -math.inf
        return math.inf if self.empty and self.largest else self.node.mem_mb * (1 + ROUNDING) - self.mean_mb

    def put(
        self, cpus: int, mean_mb: float, uncertain: tuple[str, float] | None, *, doubted_mb: float | None = None
    ) -> None:
        """Add a task; ``uncertain`` is its tool and relative size when its memory is not known."""
        self.empty = False
        self.cores_left -= cpus
        self.mean_mb += mean_mb
        self.doubted_mb += mean_mb if doubted_mb is None else doubted_mb
        if uncertain is not None:
            tool, x = uncertain
            self.sums[tool] = self.sums.get(tool, TaskSum()).and_one(x)
