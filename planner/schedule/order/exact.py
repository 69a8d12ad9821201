"""Exact solutions for some twenty tasks: the shortest makespan on K slots, the lowest peak of batches with a barrier.

Both ask for weights to be shared out over bins so that the fullest is as empty as possible: durations over slots, or
memories over batches of fixed sizes. Whether a partition fits into bins of a given size is answered exactly; bisecting
that size ends with the best partition and the proof that no better one exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.schedule.order.batch import Floats, Ints
from planner.schedule.order.bounds import PROVED

# Subsets looked at before giving up: half a second, and some 100 MB at once for 24 tasks.
EFFORT = 10_000_000
_ROUNDING = 1e-10
# What a step costs whatever its size, in subsets.
_OVERHEAD = 200
# Bisect while the bound is this far below the best found; then ask for the least improvement, whose failure is a proof.
_CLOSE = 1e-3
# More items than fit into the bits of a mask are not for this search.
_MOST = 60


class GaveUpError(Exception):
    """The effort was spent before an answer was found."""


@dataclass(frozen=True, kw_only=True)
class Least:
    """The least fullest bin.

    Attributes
    ----------
    bins : list of list of int, or None
        The best partition found; None when nothing better than what was known at the start was found.
    bound : float
        No partition has a fullest bin below this.
    """

    bins: list[list[int]] | None
    bound: float


def shortest(wall: Floats, slots: int, *, known: float, bound: float, effort: int = EFFORT) -> Least:
    """Share tasks out over K slots so that the longest slot is shortest.

    Parameters
    ----------
    wall : array of float
        Duration by task.
    slots : int
        Number of slots, K.
    known : float
        A makespan that is known to be possible.
    bound : float
        A lower bound.
    effort : int
        Subsets to look at before giving up with what was found and proved by then.
    """
    return _least(lambda cap, budget: _BinSearch(wall, cap, budget).over(slots), wall, known, bound, effort)


def lowest_batches(mem: Floats, slots: int, *, known: float, bound: float, effort: int = EFFORT) -> Least:
    """Share tasks out over batches of K, and one of the rest, so that the fullest batch is least; cf. `shortest`."""
    full, rest = divmod(len(mem), slots)
    return _least(lambda cap, budget: _BinSearch(mem, cap, budget).sized(slots, full, rest), mem, known, bound, effort)


def _least(
    packed: Callable[[float, _Budget], list[list[int]] | None],
    weights: Floats,
    known: float,
    bound: float,
    effort: int,
) -> Least:
    """Bisect the weight of the fullest bin between a lower bound and the best known partition.

    Parameters
    ----------
    packed : callable
        Of a cap and a budget: a partition with no bin above the cap, or None when there is none.
    """
    budget, best = _Budget(effort), None
    while bound < known * (1 - PROVED) and len(weights) <= _MOST:
        middle = (bound + known) / 2
        cap = middle if known > bound * (1 + _CLOSE) else known * (1 - _ROUNDING)
        try:
            found = packed(cap, budget)
        except GaveUpError:
            return Least(bins=best, bound=bound)
        if found is None:
            bound = cap
        else:
            best, known = found, max(float(weights[one].sum()) for one in found)
    return Least(bins=best, bound=min(bound, known))


@dataclass(slots=True)
class _Budget:
    """The number of subsets that may still be looked at."""

    left: int

    def spend(self, subsets: int) -> None:
        """Count subsets that were looked at; raise `GaveUpError` when that was more than allowed."""
        self.left -= subsets
        if self.left < 0:
            raise GaveUpError


@dataclass(slots=True)
class _BinSearch:
    """Search for a partition of the items over bins with no bin above the cap.

    The bin of the largest item left is filled first, in every way that can still lead to a partition.
    """

    weights: Floats
    cap: float
    budget: _Budget
    items: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.items = np.argsort(-self.weights, kind="stable")

    def over(self, bins: int) -> list[list[int]] | None:
        """Return a partition over at most ``bins`` bins, or None when there is none."""
        return self._over(self.items, bins)

    def sized(self, size: int, full: int, rest: int) -> list[list[int]] | None:
        """Return a partition over ``full`` bins of ``size`` items each and one of ``rest``, or None."""
        return self._sized(self.items, size, full, rest)

    def _over(self, items: Ints, bins: int) -> list[list[int]] | None:
        if not len(items):
            return []
        least = float(self.weights[items].sum()) - (bins - 1) * self.cap
        for chosen, others in self._fillings(items, least, None):
            found = self._over(others, bins - 1) if bins > 1 or not len(others) else None
            if found is not None:
                return [chosen.tolist(), *found]
        return None

    def _sized(self, items: Ints, size: int, full: int, rest: int) -> list[list[int]] | None:
        if not len(items):
            return []
        total = float(self.weights[items].sum())
        # what the bin of the rest can hold at most bounds what the others must
        last = min(self.cap, float(self.weights[items[:rest]].sum()))
        if full:
            for chosen, others in self._fillings(items, total - (full - 1) * self.cap - last, size):
                found = self._sized(others, size, full - 1, rest)
                if found is not None:
                    return [chosen.tolist(), *found]
        if rest:
            for chosen, others in self._fillings(items, total - full * self.cap, rest):
                found = self._sized(others, size, full, 0)
                if found is not None:
                    return [*found, chosen.tolist()]
        return None

    def _fillings(self, items: Ints, least: float, count: int | None) -> Iterator[tuple[Ints, Ints]]:
        """Yield the ways to fill the largest item's bin, fullest first: the items in the bin, and those left.

        Parameters
        ----------
        items : array of int
            Items not in a bin yet, largest first.
        least : float
            Least weight of the bin: with less in it, the others would not fit into the bins left.
        count : int, optional
            Number of items in the bin; any by default.
        """
        others = items[1:]
        first, weights = float(self.weights[items[0]]), self.weights[others]
        masks, sums = self._subsets(weights, least - first, self.cap - first, None if count is None else count - 1)
        bits = np.arange(len(others))
        for mask in masks[np.argsort(-sums, kind="stable")]:
            inside = (mask >> bits & 1).astype(bool)
            yield np.concatenate([items[:1], others[inside]]), others[~inside]

    def _subsets(self, weights: Floats, least: float, most: float, count: int | None) -> tuple[Ints, Floats]:
        """Return the subsets of ``weights`` that weigh from ``least`` to ``most``: as bit masks, and their weights.

        They grow item by item; a subset is dropped as soon as all the items to come could not bring it to ``least``,
        or to ``count`` items where that is given.
        """
        slack = self.cap * _ROUNDING / 8
        sums, masks, sizes = np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int8)
        if most < -slack:
            return masks[:0], sums[:0]
        to_come = float(weights.sum())
        for number, weight in enumerate(weights):
            to_come -= float(weight)
            fits = sums + weight <= most + slack
            if count is not None:
                fits &= sizes < count
            sums = np.concatenate([sums, sums[fits] + weight])
            masks = np.concatenate([masks, masks[fits] | (1 << number)])
            sizes = np.concatenate([sizes, sizes[fits] + 1]).astype(np.int8)
            reaches = sums + to_come >= least - slack
            if count is not None:
                reaches &= sizes + (len(weights) - number - 1) >= count
            sums, masks, sizes = sums[reaches], masks[reaches], sizes[reaches]
            self.budget.spend(len(sums) + _OVERHEAD)
        return masks, sums


def slots_to_order(bins: Sequence[Sequence[int]], wall_s: Sequence[float]) -> list[int]:
    """Return the tasks by start when every slot works through its bin, longest task first.

    List scheduling of that order ends no later than the fullest bin: each task finds a slot free when planned, or
    earlier.
    """
    start: dict[int, float] = {}
    for one in bins:
        clock = 0.0
        for task in sorted(one, key=lambda task: -wall_s[task]):
            start[task] = clock
            clock += wall_s[task]
    return sorted(start, key=lambda task: start[task])


def batches_to_order(bins: Sequence[Sequence[int]]) -> list[int]:
    """Return the tasks batch after batch, the short batch last."""
    return [task for one in sorted(bins, key=len, reverse=True) for task in sorted(one)]
