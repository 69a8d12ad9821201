"""How many parts each chromosome becomes, so that the round ends soonest or costs least.

Cutting lets large tasks run side by side and fit smaller nodes, and costs each part's fixed time and memory and the
overlaps once more. Every way is judged by list scheduling on the partition's nodes, as plans are
(`planner.plan.placing.expect`). The search starts from the best of all equal splits and of all that keep every part
below one duration or one memory, then changes single chromosomes as long as that helps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from planner.schedule import listing
from planner.schedule.listing import Machine

PARTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64)
"""The numbers of parts that are tried."""
FIXED = (1, 2, 4, 8)
"""Numbers of parts for all chromosomes alike that a choice is compared with."""
_LEVELS = 24
# task starts simulated in one search
_EFFORT = 150_000
# Durations are predictions: a way that is best for exactly these need not be so for others. Each is judged by the mean
# over some, in which each chromosome takes longer or shorter by a share of this size.
_DOUBT = 0.08
_SCENARIOS = 4
# later or dearer by this share is accepted for fewer tasks
_HARDLY_WORSE = 0.005


class Aim(StrEnum):
    """What a split is chosen for."""

    SOONEST = "auto"
    CHEAPEST = "cheapest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A task on one part: what it requests, how long it runs, and its price while it does.

    Attributes
    ----------
    mem_mb : int
    cpus : int
    wall_s, limit_s : float
        Expected duration and time limit.
    price : float
        In any unit that all pieces share.
    """

    mem_mb: int
    cpus: int
    wall_s: float
    limit_s: float
    price: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Divisible:
    """A workload whose chromosomes can be cut.

    Attributes
    ----------
    pieces : mapping of str to mapping of int to tuple of Piece
        Chromosome -> number of parts -> the tasks of all samples. A number whose tasks fit no node is missing; at least
        one number is left for each chromosome.
    machine : Machine
        The nodes.
    most_tasks : int
        Limit of the array and of the queue. If even the fewest possible tasks are more, these are taken.
    kept : frozenset of str
        Chromosomes whose parts are given, as some have run already.
    """

    pieces: Mapping[str, Mapping[int, tuple[Piece, ...]]]
    machine: Machine
    most_tasks: int
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitEstimate:
    """One way to cut, and what it is expected to come to.

    Attributes
    ----------
    parts : mapping of str to int
        Chromosome -> number of parts.
    tasks : int
    makespan_s : float
    doubtful_s : float
        Mean of the makespans if chromosomes take longer or shorter than predicted.
    price : float
        In the unit of the pieces.
    """

    parts: Mapping[str, int]
    tasks: int
    makespan_s: float
    doubtful_s: float
    price: float

    def figure(self, aim: Aim) -> float:
        """Return what the aim looks at."""
        return self.makespan_s if aim is Aim.SOONEST else self.price

    def doubtful(self, aim: Aim) -> float:
        """Return what ways are compared by."""
        return self.doubtful_s if aim is Aim.SOONEST else self.price


def choose(work: Divisible, aim: Aim) -> SplitEstimate:
    """Return the best way that is found, never worse than a fixed split that the limits allow.

    Deterministic; ends after a limited effort.
    """
    search = _SplitSearch(work, aim)
    search.look()
    fixed = [way.figure(aim) for way in map(search.fixed, FIXED) if way is not None]
    allowed = [way for way in search.seen.values() if way.figure(aim) <= min(fixed, default=math.inf)]
    most = (1 + _HARDLY_WORSE) * min(way.doubtful(aim) for way in allowed)
    good = [way for way in allowed if way.doubtful(aim) <= most]
    return min(good, key=lambda way: (way.tasks, search.key(way)))


def fewest(work: Divisible) -> dict[str, int]:
    """Return the fewest parts of each chromosome with which all its tasks fit a node."""
    return {name: min(by_number) for name, by_number in work.pieces.items()}


class _SplitSearch:
    def __init__(self, work: Divisible, aim: Aim) -> None:
        self._work = work
        self._aim = aim
        self._numbers = [sorted(by_number) for by_number in work.pieces.values()]
        self._least = tuple(numbers[0] for numbers in self._numbers)
        self._most_tasks = max(work.most_tasks, len(self._pieces(self._least)))
        self._left = _EFFORT
        noise = np.random.default_rng(0).normal(size=(_SCENARIOS, len(self._numbers))).clip(-2, 2)
        self._factors = 1 + _DOUBT * noise
        self.seen: dict[tuple[int, ...], SplitEstimate] = {}

    def key(self, way: SplitEstimate) -> tuple[float, float, int]:
        """Return what is compared: the aim's figure, then the other one, then the number of tasks."""
        other = Aim.CHEAPEST if self._aim is Aim.SOONEST else Aim.SOONEST
        return (way.doubtful(self._aim), way.doubtful(other), way.tasks)

    def fixed(self, number: int) -> SplitEstimate | None:
        parts = []
        for name, numbers in zip(self._work.pieces, self._numbers, strict=True):
            if numbers[0] > number and name not in self._work.kept:
                return None
            parts.append(max((one for one in numbers if one <= number), default=numbers[0]))
        return self.way(tuple(parts))

    def look(self) -> None:
        """Try all starts, then improve the best one chromosome by chromosome."""
        starts = [self.way(self._least), *map(self.fixed, PARTS), *map(self.way, self._levels())]
        best = min((way for way in starts if way is not None), key=self.key)
        before = None
        while best is not before and self._left > 0:
            before = best
            for place in range(len(self._numbers)):
                best = min([best, *self._beside(best, place)], key=self.key)

    def _levels(self) -> Iterator[tuple[int, ...]]:
        """Yield the fewest parts of each chromosome that keep every part below a duration, a memory or a price."""
        measures: list[Callable[[Sequence[Piece]], float]] = [
            lambda pieces: max((one.wall_s for one in pieces), default=0.0),
            lambda pieces: max((one.mem_mb for one in pieces), default=0.0),
        ]
        for measure in measures:
            sizes = [{k: measure(pieces) for k, pieces in one.items()} for one in self._work.pieces.values()]
            values = sorted({size for one in sizes for size in one.values()})
            for level in values[:: max(1, len(values) // _LEVELS)]:
                yield tuple(
                    next((k for k in numbers if one[k] <= level), numbers[-1])
                    for one, numbers in zip(sizes, self._numbers, strict=True)
                )
        yield tuple(
            min(one, key=lambda k: (sum(piece.price for piece in one[k]), k)) for one in self._work.pieces.values()
        )

    def _beside(self, way: SplitEstimate, place: int) -> Iterator[SplitEstimate]:
        """Yield the ways in which one chromosome has the next smaller or larger number of parts."""
        numbers = self._numbers[place]
        parts = list(way.parts.values())
        at = numbers.index(parts[place])
        for beside in numbers[max(0, at - 1) : at + 2]:
            found = self.way((*parts[:place], beside, *parts[place + 1 :])) if self._left > 0 else None
            if found is not None:
                yield found

    def _pieces(self, parts: tuple[int, ...]) -> list[Piece]:
        by_number = zip(self._work.pieces.values(), parts, strict=True)
        return [piece for one, number in by_number for piece in one[number]]

    def way(self, parts: tuple[int, ...]) -> SplitEstimate | None:
        """Return what a way comes to; None if it has too many tasks."""
        if parts in self.seen:
            return self.seen[parts]
        pieces = self._pieces(parts)
        if len(pieces) > self._most_tasks:
            return None
        sizes = [len(one[number]) for one, number in zip(self._work.pieces.values(), parts, strict=True)]
        predicted_s = np.array([one.wall_s for one in pieces])
        ends_s = self._ends_s(pieces, predicted_s)
        doubtful = [self._ends_s(pieces, predicted_s * factors.repeat(sizes)) for factors in self._factors]
        self.seen[parts] = SplitEstimate(
            parts=dict(zip(self._work.pieces, parts, strict=True)),
            tasks=len(pieces),
            makespan_s=ends_s,
            doubtful_s=math.fsum([ends_s, *doubtful]) / (1 + len(doubtful)),
            price=math.fsum(one.price for one in pieces),
        )
        return self.seen[parts]

    def _ends_s(self, pieces: Sequence[Piece], wall_s: NDArray[np.float64]) -> float:
        """Return when the last task ends, if tasks start in the order of their predictions and last that long, s."""
        self._left -= len(pieces)
        mem_mb = [one.mem_mb for one in pieces]
        order = listing.by_cost(mem_mb, [one.wall_s for one in pieces])
        cpus = [one.cpus for one in pieces]
        limit_s = [one.limit_s for one in pieces]
        return listing.list_schedule(
            order, mem_mb, wall_s.tolist(), self._work.machine, cpus=cpus, limit_s=limit_s
        ).makespan
