"""Past jobs replayed as separate jobs, started as Slurm starts them: in their order, whatever fits."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from planner.core.errors import InputError
from planner.core.retry import DOUBLE
from planner.replay.past import PastJob, Workload, expected_s, first_mb
from planner.replay.shared_node import Course, HeldMemory
from planner.schedule import listing as order
from planner.schedule.dynamic.simulator import Case, Span


class Granted(NamedTuple):
    """What a job is given: memory (MiB), and cores."""

    mem_mb: int
    cpus: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """Nodes that run separate jobs.

    Attributes
    ----------
    nodes : int or None
        None: as many as there are jobs.
    mem_mb, cores : int
        Of a node.
    max_running : int or None
        Most jobs at once.
    backfill : bool
        Whether a job may overtake one that does not fit.
    grant : callable
        What a job is given that requests memory (MiB) and cores.
    """

    nodes: int | None
    mem_mb: int
    cores: int
    max_running: int | None = None
    backfill: bool = True
    grant: Callable[[int, int], Granted] = Granted


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
    """Slurm's queue of separate jobs, and what becomes of them: whoever fits on a node starts, in the queue's order.

    Parameters
    ----------
    by_cost : bool
        Whether they are submitted by memory x time, largest first; otherwise in the order of the workload.
    rounds : bool
        Whether killed jobs run again only when all others have ended.
    """

    def __init__(
        self, work: Workload, offer: Offer, case: Case, asking: Requests, *, by_cost: bool, rounds: bool
    ) -> None:
        self._jobs, self._case, self._offer, self._asking, self._rounds = work.jobs, case, offer, asking, rounds
        self._now_s = 0.0
        nodes = min(offer.nodes or len(work.jobs), len(work.jobs))
        self._free = [_Room(offer.mem_mb, offer.cores) for _ in range(nodes)]
        order_of = list(range(len(work.jobs)))
        if by_cost:
            mem_mb = [float(self._ask(place, 0).mem_mb) for place in order_of]
            order_of = order.by_cost(mem_mb, expected_s(work.jobs))
        self._queue: list[_InQueue] = []
        self._sizes: list[int] = []  # memory of what is queued, ascending
        for rank, place in enumerate(order_of):
            self._submit(place, rank, kills=0)
        self._running: Counter[int] = Counter()  # by number of kills
        self._ends: list[tuple[float, bool, str, int, _OnNode]] = []
        self._spans: list[Span] = []

    def run(self) -> tuple[Span, ...]:
        """Run all jobs to their end; return every attempt, by end."""
        self._start_some()
        while self._ends:
            self._now_s, completed, *_, run = heapq.heappop(self._ends)
            self._end(run, killed=not completed)
            self._start_some()
        return tuple(self._spans)

    def _submit(self, place: int, rank: int, *, kills: int) -> None:
        asked = self._ask(place, kills)
        insort(self._queue, _InQueue(kills, rank, place, asked))
        insort(self._sizes, asked.mem_mb)

    def _ask(self, place: int, kills: int) -> Granted:
        """Return what a job is given after this many kills."""
        job, offer = self._jobs[place], self._offer
        asked = offer.grant(self._asking.mem_mb(job, kills, offer.mem_mb), job.cpus)
        if asked.mem_mb > offer.mem_mb or asked.cpus > offer.cores:
            raise InputError(
                f"job {job.name} would ask for {asked.mem_mb} MB and {asked.cpus} cores; "
                f"a node has {offer.mem_mb} MB and {offer.cores}",
                "give larger nodes: --mem, --cpus",
            )
        return asked

    def _start_some(self) -> None:
        for at in reversed(list(self._admitted())):
            del self._queue[at]

    def _admitted(self) -> Iterator[int]:
        """Start the jobs that fit now; yield their positions in the queue, ascending."""
        last = self._last_round()
        full = self._full()
        for at, queued in enumerate(self._queue):
            if full or queued.kills > last:
                return
            node = next((number for number, room in enumerate(self._free) if room.holds(queued.asked)), None)
            if node is not None:
                self._start(queued, node)
                yield at
                full = self._full()
            elif not self._offer.backfill:
                return

    def _last_round(self) -> float:
        """Return the number of kills above which jobs wait: in rounds, that of the round in progress."""
        if not self._rounds or not self._queue:
            return math.inf
        return min([self._queue[0].kills, *(kills for kills, running in self._running.items() if running)])

    def _full(self) -> bool:
        """Whether nothing can start, judged by the smallest job, without a look at all that are queued."""
        if self._offer.max_running and self._running.total() >= self._offer.max_running:
            return True
        return not self._sizes or self._sizes[0] > max(room.mem_mb for room in self._free)

    def _start(self, queued: _InQueue, node: int) -> None:
        place, asked = queued.place, queued.asked
        del self._sizes[bisect_left(self._sizes, asked.mem_mb)]
        self._free[node].take(asked)
        self._running[queued.kills] += 1
        wall_s, shares = self._case.wall_s[place], self._case.peak_at[place]
        completes = self._case.true_mb[place] <= asked.mem_mb
        lasts_s = wall_s if completes else shares[min(queued.kills, len(shares) - 1)] * wall_s
        run = _OnNode(queued=queued, node=node, start_s=self._now_s)
        heapq.heappush(self._ends, (self._now_s + lasts_s, completes, self._jobs[place].name, place, run))

    def _end(self, run: _OnNode, *, killed: bool) -> None:
        kills, rank, place, asked = run.queued
        self._free[run.node].give_back(asked)
        self._running[kills] -= 1
        self._spans.append(
            Span(
                name=self._jobs[place].name,
                node=f"node{run.node}",
                start_s=run.start_s,
                end_s=self._now_s,
                killed=killed,
                limit_mb=asked.mem_mb,
            )
        )
        if killed:
            self._submit(place, rank, kills=kills + 1)


class _InQueue(NamedTuple):
    """A job in the queue: by how often it was killed, then by its place in the order of submission."""

    kills: int
    rank: int
    place: int
    asked: Granted


@dataclass(frozen=True, kw_only=True, slots=True)
class _OnNode:
    """An attempt that runs."""

    queued: _InQueue
    node: int
    start_s: float


@dataclass(slots=True)
class _Room:
    """Free memory and cores of a node."""

    mem_mb: int
    cpus: int

    def holds(self, asked: Granted) -> bool:
        """Whether a job fits in."""
        return self.mem_mb >= asked.mem_mb and self.cpus >= asked.cpus

    def take(self, asked: Granted) -> None:
        """Start a job here."""
        self.mem_mb -= asked.mem_mb
        self.cpus -= asked.cpus

    def give_back(self, asked: Granted) -> None:
        """End a job here."""
        self.mem_mb += asked.mem_mb
        self.cpus += asked.cpus


def separate(
    work: Workload, offer: Offer, case: Case, *, asking: Requests, by_cost: bool = False, rounds: bool = False
) -> Course:
    """Replay all jobs as separate jobs; see `SlurmQueue`."""
    spans = SlurmQueue(work, offer, case, asking, by_cost=by_cost, rounds=rounds).run()
    return Course(spans=spans, held=tuple(_held(span) for span in spans))


def recorded(work: Workload, offer: Offer, case: Case) -> Course:
    """Replay jobs with the limits they had, or the one for all; doubled after a kill."""
    return separate(work, offer, case, asking=Requests(first=lambda job: job.recorded_mb or work.uniform_mb))


def array(work: Workload, offer: Offer, case: Case) -> Course:
    """Replay one array whose elements have their own requests, largest first; killed ones run in the next round."""
    asking = Requests(first=partial(first_mb, work=work), again=PastJob.retry_mb)
    return separate(work, offer, case, asking=asking, by_cost=True, rounds=True)


def known(work: Workload, offer: Offer, case: Case) -> Course:
    """Replay jobs that request exactly their peaks, largest first."""
    told = replace(work, jobs=tuple(replace(job, predicted_s=job.wall_s) for job in work.jobs))
    return separate(told, offer, case, asking=Requests(first=lambda job: job.peak_mb), by_cost=True)


def _held(span: Span) -> HeldMemory:
    return HeldMemory(start_s=span.start_s, end_s=span.end_s, mem_mb=span.limit_mb or 0.0)
