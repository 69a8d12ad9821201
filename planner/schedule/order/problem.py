"""The ordering problem: tasks, limits, model and objective."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planner.schedule.listing import Dispatch, Machine, Schedule, list_schedule
from planner.schedule.order import bounds
from planner.schedule.order import build as orderbuild
from planner.schedule.order.batch import BarrierBatch, Evaluator, Floats, Ints, LimitBatch, Scores, SlotBatch

# Makespans that differ by less than this share are the same: 0.3 s in a year.
SAME = 1e-8
# A peak below any other costs some time: an eps below this counts as this, a minute and a half in a day.
LEAST_EPS = 1e-3
# With an eps below this hardly any order is short enough for annealing to find one by chance.
_TIGHT = 0.005
# The batch evaluators count time in ticks.
_TICKS = 1e-10
# Of two orders with the same peak the shorter is better, and the other way round: a tie-break, not a trade.
_TIE = 1e-8
# How much a makespan beyond the limit costs while searching: 1 % too long weighs as 8 % more peak.
_PENALTY = 8.0


class Model(StrEnum):
    """How an order runs."""

    LIST = "list"
    LOCKSTEP = "lockstep"


class Objective(StrEnum):
    """What makes an order good."""

    MAKESPAN = "makespan"  # as short as possible within the limits
    PEAK_EPS = "peak-eps"  # as low as possible, no longer than (1 + eps) x the best makespan
    PEAK = "peak"  # as low as possible, whatever it costs in time


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Tasks, limits, model and objective.

    Attributes
    ----------
    mem_mb, wall_s : sequence of float
        Memory and duration by task, each in any one unit.
    cpus : sequence of int, optional
        Cores by task; 1 each when not given.
    slots : int, optional
        Most tasks at once.
    cap_mb : float, optional
        Most memory at once.
    cores : int, optional
        Most cores at once.
    eps : float
        How much longer than the best makespan ``PEAK_EPS`` may take, at least `LEAST_EPS`.
    """

    mem_mb: Sequence[float]
    wall_s: Sequence[float]
    cpus: Sequence[int] | None = None
    slots: int | None = None
    cap_mb: float | None = None
    cores: int | None = None
    model: Model = Model.LIST
    objective: Objective = Objective.MAKESPAN
    eps: float = 0.02

    @property
    def size(self) -> int:
        """Number of tasks."""
        return len(self.mem_mb)

    @property
    def slot_count(self) -> int:
        """How many slots there are, as far as ``slots`` and ``cores`` say; every task when neither does."""
        asked = self.size if self.slots is None else self.slots
        single = self.cores if self.cores is not None and self.cpus is None else self.size
        return max(1, min(asked, single, self.size))

    @property
    def slots_only(self) -> bool:
        """Whether the number of slots is the only limit."""
        return self.cap_mb is None and (self.cores is None or self.cpus is None)

    @property
    def tight(self) -> bool:
        """Whether an order must be hardly longer than the shortest."""
        tight_eps = self.objective is Objective.PEAK_EPS and self.eps < _TIGHT
        return tight_eps or self.objective is Objective.MAKESPAN

    @property
    def mem(self) -> Floats:
        """Memory by task."""
        return np.asarray(self.mem_mb, dtype=float)

    @property
    def wall(self) -> Floats:
        """Duration by task."""
        return np.asarray(self.wall_s, dtype=float)

    @property
    def cpu_counts(self) -> Ints:
        """Cores by task."""
        return np.asarray([1] * self.size if self.cpus is None else self.cpus, dtype=np.int64)

    def run(self, order: Sequence[int]) -> Schedule:
        """Return the exact schedule of an order."""
        return list_schedule(
            order,
            self.mem_mb,
            self.wall_s,
            Machine(
                slots=self.slot_count,
                cap_mb=self.cap_mb,
                cores=self.cores,
                dispatch=Dispatch.STRICT if self.model is Model.LIST else Dispatch.LOCKSTEP,
            ),
            cpus=self.cpus,
        )

    def evaluator(self, *, wants_peak: bool) -> Evaluator:
        """Return the evaluator that scores many orders at once; without ``wants_peak`` their peaks may be left out."""
        cap = math.inf if self.cap_mb is None else self.cap_mb
        cores = math.inf if self.cores is None or self.cpus is None else self.cores
        tasks = (self.mem, self.wall, self.cpu_counts)
        if self.model is Model.LOCKSTEP:
            return BarrierBatch(*tasks, slots=self.slot_count, cap=cap, cores=cores)
        if self.slots_only:
            return SlotBatch(self.mem, self.wall, self.slot_count)
        return LimitBatch(*tasks, slots=self.slot_count, cap=cap, cores=cores, wants_peak=wants_peak)

    def starts(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Build orders to start from, the natural one first."""
        yield list(range(self.size))
        if self.slots_only:
            yield from orderbuild.slot_starts(self.mem, self.wall, self.slot_count, rng)
        else:
            yield from orderbuild.limit_starts(
                self.mem, self.wall, self.cpu_counts, slots=self.slot_count, cap=self.cap_mb, cores=self.cores
            )

    def goal(self, *, peak: bool, makespan_limit: float = math.inf) -> Goal:
        """Return the goal of one search."""
        other = self.wall if peak else self.mem
        return Goal(peak=peak, other_scale=float(other.sum()) or 1.0, makespan_limit=makespan_limit)

    def makespan_limit(self, best: float) -> float:
        """Return how long an order may take when the best takes ``best``."""
        if self.objective is Objective.PEAK:
            return math.inf
        return best * (1 + (SAME if self.objective is Objective.MAKESPAN else max(self.eps, LEAST_EPS)))

    def makespan_bound(self) -> float:
        """Return a lower bound on the makespan."""
        if self.model is Model.LOCKSTEP and self.slots_only:
            return bounds.lockstep_makespan_bound(self.wall, self.slot_count)
        cores = None if self.cpus is None else self.cores
        return bounds.makespan_bound(
            self.mem, self.wall, self.cpu_counts, slots=self.slot_count, cap=self.cap_mb, cores=cores
        )

    def peak_bound(self, makespan_limit: float) -> float:
        """Return a lower bound on the peak of every order no longer than the limit."""
        area = float((self.mem * self.wall).sum())
        least = max(float(self.mem.max()), area / makespan_limit if makespan_limit else 0.0)
        if not self.slots_only:
            return least
        if self.model is Model.LOCKSTEP:
            return max(least, bounds.lockstep_peak_bound(self.mem, self.slot_count))
        return bounds.slot_peak_bound(self.mem, self.wall, self.slot_count, makespan_limit)


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """One search: the least makespan, or the least peak within a makespan.

    Attributes
    ----------
    peak : bool
        Whether the peak is to be low; else the makespan.
    other_scale : float
        Size of the quantity that only breaks ties.
    makespan_limit : float
    """

    peak: bool
    other_scale: float
    makespan_limit: float = math.inf

    def cost(self, scores: Scores) -> Floats:
        """Return what annealing lowers: smooth, and finite for orders that are too long."""
        if not self.peak:
            return scores.makespan
        if math.isinf(self.makespan_limit):
            return scores.soft
        excess = np.maximum(scores.makespan / self.makespan_limit - 1, 0)
        return scores.soft * (1 + _PENALTY * excess)

    def value(self, peak: Floats, makespan: Floats) -> Floats:
        """Return what is asked for; infinite where the order is too long."""
        if not self.peak:
            return makespan * (1 + _TIE * peak / self.other_scale)
        value = peak * (1 + _TIE * makespan / self.other_scale)
        return np.where(makespan <= self.makespan_limit * (1 + _TICKS), value, np.inf)
