"""Free memory and cores of a machine's nodes while a list is scheduled on them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator


class FreeNodes:
    """Nodes that are all alike; each task runs on one of them.

    Parameters
    ----------
    nodes : int
    mem, cores : float
        Of each node; may be infinite.
    """

    def __init__(self, nodes: int, mem: float, cores: float) -> None:
        self.nodes = nodes
        self.idle_cores = nodes * cores
        self._mem = [mem] * nodes
        self._cores = [cores] * nodes
        self._by_mem = [(mem, node) for node in range(nodes)]

    @property
    def most_mem(self) -> float:
        """The memory that is free on the node with most of it."""
        return self._by_mem[-1][0]

    def find(self, mem: float, cpus: float) -> int | None:
        """Return the node with least free memory among those that hold a task, as Slurm chooses; None without one."""
        return next(self.having(mem, cpus), None)

    def having(self, mem: float, cpus: float) -> Iterator[int]:
        """Yield the nodes that hold a task, the one with least free memory first."""
        for at in range(bisect_left(self._by_mem, (mem, -1)), len(self._by_mem)):
            node = self._by_mem[at][1]
            if self._cores[node] >= cpus:
                yield node

    def on(self, node: int) -> tuple[float, float]:
        """Return the free memory and cores of a node."""
        return self._mem[node], self._cores[node]

    def change(self, node: int, mem: float, cpus: float) -> None:
        """Add memory and cores to what is free on a node; less than 0 takes them."""
        del self._by_mem[bisect_left(self._by_mem, (self._mem[node], node))]
        self._mem[node] += mem
        self._cores[node] += cpus
        self.idle_cores += cpus
        insort(self._by_mem, (self._mem[node], node))
