"""Lower bounds that no order can beat, from which the gap of a searched order follows.

Each bound is a necessary condition with its argument in the docstring. ``D`` is the sum of the durations, ``A`` the sum
of memory × duration (the area of the schedule), ``K`` the number of slots.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from planner.schedule.order.batch import Floats, Ints

Bools = NDArray[np.bool_]

# An order within this share of its bound counts as proved.
PROVED = 1e-6
# Caps are kept to one part in 1e9 (planner.schedule.listing); bounds must allow as much.
SLACK = 1 + 4e-9
_BISECTIONS = 60
# Up to this many tasks larger than the mean, their subsets are enumerated; beyond, a relaxation is used.
_ENUMERATED = 17
_DUAL_STEPS = 64


def makespan_bound(
    mem: Floats, wall: Floats, cpus: Ints, *, slots: int, cap: float | None = None, cores: int | None = None
) -> float:
    """Return a lower bound on the makespan under K slots, a memory cap and a core limit.

    The largest of: the longest task; ``D / K``; with more than K tasks, what the pigeonhole puts on one slot
    (`_shared_slot`); and the area, ``A / cap`` and its like for cores, sharpened by dual feasible functions
    (`_energy`), which count pairs that cannot overlap.
    """
    bounds = [float(wall.max(initial=0.0)), float(wall.sum()) / slots, _shared_slot(wall, slots)]
    if cap is not None:
        bounds.append(_energy(mem / (cap * SLACK), wall))
    if cores is not None:
        bounds.append(_energy(cpus / (cores * SLACK), wall))
    return max(bounds)


def slot_peak_bound(mem: Floats, wall: Floats, slots: int, makespan_limit: float = math.inf) -> float:
    """Return a lower bound on the peak of list scheduling on K slots, by bisection over `slot_peak_possible`."""
    if slots >= len(mem):
        return float(mem.sum())
    low = max(
        float(mem.max()),
        float(np.sort(mem)[:slots].sum()),
        float((mem * wall).sum()) / makespan_limit,
    )
    high = float(np.sort(mem)[-slots:].sum())
    if slot_peak_possible(mem, wall, slots, low):
        return low
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if slot_peak_possible(mem, wall, slots, middle) else (middle, high)
    return low


def slot_peak_possible(mem: Floats, wall: Floats, slots: int, peak: float) -> bool:
    """Say whether simple arguments leave room for a list schedule on K slots within a peak.

    Let t be the start of the last task. Until t all K slots are busy, so K tasks run just before t, with at most
    ``peak`` together. The *last set*, those that run just after t, needs at most ``peak`` too; every other task has
    ended by t. Mostly one task ends at t, and the last set has K tasks; when several end in the same instant, it may
    have fewer.

    1. A task that cannot end by t belongs to the last set. Beside task i, K - 1 others run all its life, with at
       most ``peak - m_i`` between them: fill that time, (K - 1) d_i, with the tasks of least memory that fit there at
       all, each for at most min(d_i, d_j). When there is not enough of them, or even the cheapest filling needs more
       than ``(peak - m_i) d_i``, task i cannot end by t. If such tasks exceed ``peak``, or with the smallest others,
       where the last set has K tasks: impossible.
    2. Until t memory × time is at most ``peak × t``, and K t is the time worked until t. So the sum of
       ``(m_i - peak / K) × (time of i before t)`` is not positive. Only the last set can have time after t, so the sum
       over all tasks of ``(m_i - peak / K) d_i`` is at most the sum of the positive terms over the last set: a choice
       of tasks, the ones of argument 1 among them, with at most ``peak`` of memory.
    """
    peak *= SLACK
    last = np.array([not _may_end_early(task, mem, wall, slots, peak) for task in range(len(mem))])
    held, places = float(mem[last].sum()), slots - int(last.sum())
    if places < 0 or held > peak:
        return False
    others = np.cumsum(np.concatenate([[0.0], np.sort(mem[~last])]))
    excess = (mem - peak / slots) * wall
    most = float(excess.sum()) - 1e-9 * float(np.abs(excess).sum())
    if held + others[min(places, len(others) - 1)] <= peak:
        smallest = float(mem.min())
        # every place left empty is taken by a task at least as large as the smallest
        if most <= _most_excess(mem - smallest, excess, last, places, peak - held - places * smallest):
            return True
    return places > 0 and most <= _most_excess(mem, excess, last, places - 1, peak - held)


def lockstep_peak_bound(mem: Floats, slots: int) -> float:
    """Return a lower bound on the peak of batches of K with a barrier.

    With n = qK + r tasks, the r tasks of the last batch need at most the peak and at most what the r largest need; the
    others share q batches, so one of these needs at least their mean. And the (r+1)-th largest task, or a larger one,
    runs beside at least K - 1 others.
    """
    falling = np.sort(mem)[::-1]
    full, rest = divmod(len(mem), slots)
    if full == 0:
        return float(mem.sum())
    total = float(mem.sum())
    largest_rest = float(falling[:rest].sum())
    shared = (total - largest_rest) / full
    if rest and largest_rest > shared:
        shared = total / (full + 1)
    return max(float(falling[0]), shared, float(falling[rest] + falling[len(mem) - slots + 1 :].sum()))


def lockstep_makespan_bound(wall: Floats, slots: int) -> float:
    """Return the least makespan of batches of K: longest first is optimal, for the j-th batch holds a task as long."""
    return float(np.sort(wall)[::-1][::slots].sum())


def _may_end_early(task: int, mem: Floats, wall: Floats, slots: int, peak: float) -> bool:
    """Return whether a task can end before the last one starts: argument 1 of `slot_peak_possible`."""
    if slots == 1:
        return True
    others = np.delete(np.arange(len(mem)), task)
    others = others[np.argsort(mem[others], kind="stable")]
    room = peak - mem[task]
    beside = mem[others[: slots - 2]].sum()
    others = others[mem[others] + np.where(np.arange(len(others)) < slots - 2, 0, beside) <= room]
    time = np.minimum(wall[others], wall[task])
    needed = (slots - 1) * wall[task]
    if time.sum() < needed * (1 - 1e-12):
        return False
    time = np.diff(np.minimum(np.cumsum(time), needed), prepend=0.0)
    return bool((mem[others] * time).sum() <= room * wall[task] * SLACK)


def _most_excess(weight: Floats, excess: Floats, last: Bools, places: int, room: float) -> float:
    """Return the largest sum of positive excesses of the last set, or a bound on it.

    The last set is ``last`` and at most ``places`` further tasks whose ``weight`` together fits the ``room``.
    """
    sure = float(np.maximum(excess[last], 0).sum())
    gainful = np.flatnonzero((excess > 0) & ~last)
    chosen = _best_subset if len(gainful) <= _ENUMERATED else _relaxed_subset
    return sure + chosen(weight[gainful], excess[gainful], places, room)


def _best_subset(weight: Floats, gain: Floats, count: int, room: float) -> float:
    """Return the largest gain of at most ``count`` tasks within the room, from all subsets."""
    weights, gains, counts = np.zeros(1), np.zeros(1), np.zeros(1, np.int8)
    for one_weight, one_gain in zip(weight, gain, strict=True):
        keep = (weights + one_weight <= room) & (counts < count)
        weights = np.concatenate([weights, weights[keep] + one_weight])
        gains = np.concatenate([gains, gains[keep] + one_gain])
        counts = np.concatenate([counts, counts[keep] + 1])
    return float(gains.max())


def _relaxed_subset(weight: Floats, gain: Floats, count: int, room: float) -> float:
    """Lagrangian bound: for any price >= 0 of memory, the best ``count`` tasks after paying it, plus price × room."""

    def value(price: float) -> float:
        paid = np.sort(np.maximum(gain - price * weight, 0))[::-1]
        return float(paid[:count].sum()) + price * max(room, 0.0)

    low, high = 0.0, float((gain / np.maximum(weight, 1e-12 * weight.max(initial=1.0))).max(initial=0.0))
    for _ in range(_BISECTIONS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if value(left) <= value(right) else (left, high)
    return min(value(low), value(high), value(0.0))


def _shared_slot(wall: Floats, slots: int) -> float:
    """Return the pigeonhole bound: of the jK + 1 longest tasks some slot gets j + 1."""
    falling = np.sort(wall)[::-1]
    bounds = [float(falling[j * slots - j : j * slots + 1].sum()) for j in range(1, (len(wall) - 1) // slots + 1)]
    return max(bounds, default=0.0)


def _energy(share: Floats, wall: Floats) -> float:
    """Return the largest area bound over dual feasible functions of the share of the resource each task takes.

    A function f is dual feasible when shares that sum to at most 1 still do after f; then the sum of f(share) ×
    duration is a lower bound. Used: Fekete and Schepers' (Math. Program. 91, 2001) f_0 (tasks that leave no room for
    the smallest considered count as 1, smaller ones as 0) at every share as threshold, and the rounding u_k after it.
    """
    best = float((share * wall).sum())
    thresholds = np.unique(np.concatenate([[0.0], share[share <= 0.5], 1 - share[share > 0.5]]))
    if len(thresholds) > _DUAL_STEPS:
        thresholds = thresholds[np.linspace(0, len(thresholds) - 1, _DUAL_STEPS).astype(int)]
    for threshold in thresholds:
        trimmed = np.where(share > 1 - threshold, 1.0, np.where(share < threshold, 0.0, share))
        best = max(best, float((trimmed * wall).sum()))
        for k in range(1, 13):
            scaled = (k + 1) * trimmed
            whole = np.abs(scaled - np.rint(scaled)) < 1e-12
            best = max(best, float((np.where(whole, trimmed, np.floor(scaled) / k) * wall).sum()))
    return best
