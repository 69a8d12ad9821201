"""Past jobs replayed as separate jobs, started as Slurm starts them: in their order, whatever fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from planner.core.errors import InputError
from planner.core.retry import DOUBLE
from planner.plan.document import Target
from planner.replay.past import PastJob, Workload, expected_s
from planner.replay.shared_node import Course, HeldMemory
from planner.schedule import listing as order
from planner.schedule.dynamic.simulator import Case, Span, simulate
from planner.schedule.dynamic.state import Node, Sharing, Start, State, Waiting
from planner.site import Adjusted


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """The requests of a strategy.

    Attributes
    ----------
    first : callable
        The first request of a job, MiB.
    again : callable
        The next one after a request that was too low, MiB.
    """

    first: Callable[[PastJob], float]
    again: Callable[[PastJob, float], float] = lambda _, killed_mb: DOUBLE.after(killed_mb)

    def mem_mb(self, job: PastJob, kills: int, cap_mb: float) -> int:
        """Return the request after this many kills, MiB; at most ``cap_mb``."""
        mem_mb = self.first(job)
        for _ in range(kills):
            mem_mb = self.again(job, mem_mb)
        return math.ceil(min(mem_mb, cap_mb))


class SlurmQueue:
    """Slurm's queue: decides which of the separate jobs start."""

    def __init__(self, work: Workload, target: Target, asking: Requests, *, by_cost: bool, rounds: bool) -> None:
        self._jobs = {job.name: job for job in work.jobs}
        self._target = target
        self._asking = asking
        self._rounds = rounds
        self._asked: dict[tuple[str, int], Adjusted] = {}
        names = [job.name for job in work.jobs]
        if by_cost:
            mem_mb = [float(self.ask(job.name, 0).mem_mb) for job in work.jobs]
            names = [names[k] for k in order.by_cost(mem_mb, expected_s(work.jobs))]
        self._rank = {name: rank for rank, name in enumerate(names)}

    def ask(self, name: str, kills: int) -> Adjusted:
        """Return a job's request, by the rules of the site."""
        key = (name, kills)
        if key not in self._asked:
            job, partition = self._jobs[name], self._target.partition
            mem_mb = self._asking.mem_mb(job, kills, partition.cap_mb)
            asked = self._target.site.adjust(partition, mem_mb, job.cpus)
            if asked.mem_mb > partition.cap_mb or asked.cpus > partition.cores:
                raise InputError(
                    f"job {name} would ask for {asked.mem_mb} MB and {asked.cpus} cores; "
                    f"a node has {partition.cap_mb} MB and {partition.cores}",
                    "give larger nodes: --mem, --cpus",
                )
            self._asked[key] = asked
        return self._asked[key]

    def __call__(self, state: State) -> list[Start]:
        """Return the jobs to start now."""
        free = {node.name: _Room(node.mem_mb, node.cores or math.inf) for node in state.nodes}
        for run in state.running:
            free[run.node].take(self.ask(run.work.name, run.kills))
        slots = (self._target.max_running or math.inf) - len(state.running)
        starts: list[Start] = []
        for task in self._next(state):
            if len(starts) >= slots:
                break
            asked = self.ask(task.work.name, task.kills)
            node = next((name for name, room in free.items() if room.holds(asked)), "")
            if node:
                free[node].take(asked)
                starts.append(Start(name=task.work.name, node=node, limit_mb=asked.mem_mb))
            elif self._target.site.scheduler != "backfill":
                break
        return starts

    def _next(self, state: State) -> list[Waiting]:
        """Return the queued jobs; in rounds, killed jobs are submitted again when all others have ended."""
        waiting = sorted(state.waiting, key=lambda task: (task.kills, self._rank[task.work.name]))
        if not self._rounds:
            return waiting
        current = min([task.kills for task in waiting] + [run.kills for run in state.running])
        return [task for task in waiting if task.kills == current]


@dataclass(slots=True)
class _Room:
    """Free memory and cores of a node."""

    mem_mb: float
    cpus: float

    def holds(self, asked: Adjusted) -> bool:
        """Whether a job fits in."""
        return self.mem_mb >= asked.mem_mb and self.cpus >= asked.cpus

    def take(self, asked: Adjusted) -> None:
        """Start a job here."""
        self.mem_mb -= asked.mem_mb
        self.cpus -= asked.cpus


def separate(
    work: Workload, target: Target, case: Case, *, asking: Requests, by_cost: bool = False, rounds: bool = False
) -> Course:
    """Replay all jobs as separate jobs.

    Parameters
    ----------
    by_cost : bool
        Whether they are submitted by memory x time, largest first; otherwise in the order of the workload.
    rounds : bool
        Whether killed jobs run again only when all others have ended.
    """
    partition = target.partition
    nodes = min(partition.nodes or len(work.jobs), len(work.jobs))
    queue = SlurmQueue(work, target, asking, by_cost=by_cost, rounds=rounds)
    run = simulate(
        case,
        queue,
        sharing=Sharing.LIMITS,
        nodes=[Node(name=f"node{k}", mem_mb=partition.cap_mb, cores=partition.cores) for k in range(nodes)],
    )
    return Course(spans=run.spans, held=tuple(_held(span) for span in run.spans))


def _held(span: Span) -> HeldMemory:
    return HeldMemory(start_s=span.start_s, end_s=span.end_s, mem_mb=span.limit_mb or 0.0)
