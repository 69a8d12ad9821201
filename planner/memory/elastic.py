"""Elastic peaks, which reflect the memory granted rather than needed, as of a heap that fills whatever it is given.

A virtual machine with a lazy collector (G1 is Java's default) lets its heap grow before it collects.
Uncorrected, such peaks keep requests where they are, or drive them up: each round asks for a little more than the last
peak, and the heap fills that too.

They are recognised from similar tasks (same chromosome and features) that ran with different limits: if peaks follow
the limit, and fill most of it, they are elastic. Reruns after a kill do not count: they had more because they needed
more. The need of such tasks is then taken as somewhat less than the lowest limit under which one completed, but never
less than a limit under which one was killed.

A program that logs its garbage collections says so at once: what was still in use after them is what it needs, and a
heap half as large again is enough. Of 21 Beagle runs with the serial collector, the smallest heap with which each
completed was at most 1.18 times that (examples/data/beagle_minxmx.csv).

The test is made only for tools whose command derives its heap from the request. Limits chosen by people may have
followed a need that no feature shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from planner.core import java
from planner.core.records import Observation, Outcome
from planner.memory.rows import trains

# limits that differ by less say nothing
_APART = 1.15
_FEWEST_GROUPS = 4
# d log(peak) / d log(limit): 0 if the peak is what the task needs, 1 if it is what the task was given
_FOLLOWS = 0.5
_FILLS = 0.6
# share of the lowest limit under which such a task completed: a request made from it stays below that limit
_STEP_DOWN = 0.85
# heap for what was in use after collections; with 1.25 times that a collector already works up to half as much more
_ROOM = 1.5


def follow_limits(rows: Sequence[Observation], killed: Iterable[Observation] = ()) -> bool:
    """Whether a tool's peaks follow the memory limits of its tasks.

    Parameters
    ----------
    rows : sequence of Observation
        Completed attempts with a peak, of one tool.
    killed : iterable of Observation
        Attempts of the tool that were killed for memory.
    """
    reruns = {(one.sample, one.task) for one in killed}
    groups = [
        [row for row in group if (row.sample, row.task) not in reruns and row.limit_mb]
        for group in _alike(rows).values()
    ]
    slopes: list[tuple[float, float]] = []
    filled: list[float] = []
    for group in groups:
        limits = np.array([row.limit_mb for row in group], dtype=float)
        if len(group) < 2 or limits.max() < _APART * limits.min():
            continue
        peaks = np.array([row.peak_mb for row in group], dtype=float)
        x, y = np.log(limits) - np.log(limits).mean(), np.log(peaks) - np.log(peaks).mean()
        slopes.append((float(x @ y), float(x @ x)))
        filled.append(float(np.median(peaks / limits)))
    if len(slopes) < _FEWEST_GROUPS:
        return False
    slope = sum(both for both, _ in slopes) / sum(square for _, square in slopes)
    return slope >= _FOLLOWS and float(np.median(filled)) >= _FILLS


def needed(rows: Sequence[Observation], killed: Sequence[Observation] = ()) -> list[Observation]:
    """Return the attempts, with elastic peaks replaced by an upper bound of the need, MiB; others are unchanged."""
    if not follow_limits(rows, killed):
        return list(rows)
    alike = _alike(rows)
    floors = _floors(killed)
    found: list[Observation] = []
    for row in rows:
        group = alike[_kind(row)]
        least_mb = min(one.peak_mb or 0.0 for one in group)
        limit_mb = min((one.limit_mb for one in group if one.limit_mb), default=None)
        enough_mb = least_mb if limit_mb is None else min(least_mb, _STEP_DOWN * limit_mb)
        found.append(replace(row, peak_mb=max(enough_mb, floors[_kind(row)])))
    return found


def by_their_logs(rows: Sequence[Observation], killed: Sequence[Observation] = ()) -> list[Observation]:
    """Return the attempts, peaks replaced by what their logs of the Java heap say is enough, where that is less, MiB.

    Never less than a limit under which a task of the same kind was killed.
    """
    floors = _floors(killed)
    found: list[Observation] = []
    for row in rows:
        enough_mb = row.peak_mb
        if row.heap_kept_mb is not None and row.peak_mb is not None:
            by_log_mb = max(java.request_for_mb(_ROOM * row.heap_kept_mb), floors[_kind(row)])
            enough_mb = min(row.peak_mb, by_log_mb)
        found.append(replace(row, peak_mb=enough_mb))
    return found


def as_needed(observations: Sequence[Observation]) -> tuple[list[Observation], bool]:
    """Return a tool's attempts, elastic peaks replaced as by `needed` and `by_their_logs`; whether there were any."""
    rows = [one for one in observations if not trains(one, poll_s=0)]
    killed = [one for one in observations if one.outcome is Outcome.OOM]
    enough = by_their_logs(needed(rows, killed), killed)
    learnt = {_attempt(one): new for one, new in zip(rows, enough, strict=True)}
    return [learnt.get(_attempt(one), one) for one in observations], enough != rows


def _attempt(one: Observation) -> Hashable:
    return (*one.key, one.task)


def _floors(killed: Iterable[Observation]) -> dict[Hashable, float]:
    """Return, for each kind of task, the largest limit under which one was killed, MiB."""
    floors: dict[Hashable, float] = defaultdict(float)
    for one in killed:
        floors[_kind(one)] = max(floors[_kind(one)], float(one.limit_mb or 0))
    return floors


def _alike(rows: Iterable[Observation]) -> dict[Hashable, list[Observation]]:
    groups: dict[Hashable, list[Observation]] = defaultdict(list)
    for row in rows:
        groups[_kind(row)].append(row)
    return groups


def _kind(row: Observation) -> Hashable:
    return (row.chromosome, tuple(sorted(row.features.items())))
