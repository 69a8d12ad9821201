"""The Slurm allocation that this process runs in, from slurmctld and the environment."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from planner import slurm
from planner.core import node_lists
from planner.core.errors import FailureError, InputError
from planner.plan.overheads import driver_mb
from planner.schedule.dynamic.state import Node

# the ids of Slurm's own steps (batch, extern, interactive) start here
_SPECIAL_STEPS = 0xFFFFFFF0
# a time limit may be changed: it is queried again when little time is left
_ASK_AGAIN_S = 60.0
_NODES = re.compile(r"^\s*Nodes=(\S+) CPU_IDs=(\S+) Mem=(\d+)", re.MULTILINE)
_FIELD = re.compile(r"(?<!\S)(\w+)=(\S*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """The nodes and time of an allocation.

    Attributes
    ----------
    job_id : str
    nodes : tuple of Node
        The nodes, with the memory (MiB) and CPUs that the job has on each.
    here : str or None
        The node that this process runs on; None if it is not one of them (salloc on a login node).
    end_s : float or None
        When the time limit ends it, s since the epoch.
    """

    job_id: str
    nodes: tuple[Node, ...]
    here: str | None
    end_s: float | None

    def for_tasks(
        self, *, slots: int | None, cpus: int, mem_mb: int | None, otherwise_mb: int | None = None
    ) -> tuple[Node, ...]:
        """Return the nodes with what tasks may use, less the share of this process and its sruns on their node.

        Parameters
        ----------
        slots : int or None
            Tasks that may run at once.
        cpus : int
            CPUs of a task.
        mem_mb : int or None
            Memory to use on each node, MiB, instead of all that is allocated.
        otherwise_mb : int or None
            Memory allocated on each node if Slurm does not say because it allocates only cores, MiB.

        Raises
        ------
        InputError
            When no memory is left, or Slurm does not say how much there is.
        """
        own = [max(1, (node.cores or 1) // cpus) for node in self.nodes]
        if slots is not None:
            own = [min(have, math.ceil(slots / len(own))) for have in own]
        found = []
        for node, most in zip(self.nodes, own, strict=True):
            given_mb = min(mem_mb or math.inf, node.mem_mb or otherwise_mb or math.inf)
            if not math.isfinite(given_mb):
                raise InputError(
                    f"Slurm does not say how much memory job {self.job_id} has on {node.name}", "give it: --mem 60G"
                )
            own_mb = driver_mb(sum(own)) if node.name == self.here else 0
            if given_mb <= own_mb:
                raise InputError(
                    f"job {self.job_id} has {given_mb:.0f} MB on {node.name}, the driver itself needs {own_mb} MB",
                    "ask for more memory: salloc --mem=8G …",
                )
            found.append(Node(name=node.name, mem_mb=given_mb - own_mb, cores=min(node.cores or 1, most * cpus)))
        return tuple(found)


def current(environment: Mapping[str, str]) -> Allocation:
    """Return the allocation this process runs in.

    Raises
    ------
    InputError
        When it does not run in one, or runs within a step that holds the resources of other steps.
    FailureError
        When Slurm does not answer.
    """
    job_id = environment.get("SLURM_JOB_ID", "")
    if not job_id:
        raise InputError(
            "drive works inside a Slurm allocation, and this is not one",
            "salloc --mem=8G --cpus-per-task=4 chromplan drive; or plan with --mode dynamic, and submit",
        )
    step = environment.get("SLURM_STEP_ID", "")
    if step.isdigit() and int(step) < _SPECIAL_STEPS:
        raise InputError(
            f"step {job_id}.{step} holds what the tasks' steps would need",
            "start drive from a batch script or from salloc, not with srun",
        )
    return parse(slurm.job_details(job_id), job_id=job_id, here=environment.get("SLURMD_NODENAME"))


def parse(details: str, *, job_id: str, here: str | None) -> Allocation:
    """Read an allocation from ``scontrol --details show job`` with times as seconds since the epoch.

    Raises
    ------
    FailureError
        When it has no nodes, as the job is not running.
    """
    nodes = tuple(
        Node(name=name, mem_mb=int(mem), cores=_count(cpus))
        for names, cpus, mem in _NODES.findall(details)
        for name in node_lists.expand_nodes(names)
    )
    if not nodes:
        raise FailureError(f"job {job_id} has no nodes", "is it still running? see 'squeue --me'")
    end = dict(_FIELD.findall(details)).get("EndTime", "")
    names = {node.name for node in nodes}
    return Allocation(
        job_id=job_id,
        nodes=nodes,
        here=here if here in names else None,
        end_s=float(end) if end.isdigit() else None,
    )


def _count(indices: str) -> int:
    """Return how many numbers ``0-3,8`` names."""
    ends = (part.split("-") for part in indices.split(","))
    return sum(int(pair[-1]) - int(pair[0]) + 1 for pair in ends)


class Deadline:
    """The end of an allocation, queried again once it seems near, as a time limit can be changed."""

    def __init__(self, allocation: Allocation) -> None:
        self._allocation = allocation
        self._asked_s = time.time()

    def __call__(self) -> float | None:
        """Return when the allocation ends, s since the epoch; None for never."""
        now_s = time.time()
        end_s = self._allocation.end_s
        if end_s is not None and end_s - now_s < 2 * _ASK_AGAIN_S and now_s - self._asked_s > _ASK_AGAIN_S / 4:
            self._asked_s = now_s
            try:
                details = slurm.job_details(self._allocation.job_id)
                self._allocation = parse(details, job_id=self._allocation.job_id, here=self._allocation.here)
            except FailureError:
                return end_s
        return self._allocation.end_s
