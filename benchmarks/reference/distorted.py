"""The scheduler's benchmark under conditions that it was not made for: wrong predictions, other noise, other shapes.

Each case is the benchmark's own (`cases.py`, same draws) with one thing changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from benchmarks.reference.cases import CAPACITY, Preset, benchmark_case, scattered, sizes
from planner.schedule.dynamic.simulator import Case
from planner.schedule.dynamic.state import Sharing, Start, State, Waiting, Work


class Condition(StrEnum):
    """What is unlike the benchmark."""

    PLAIN = "plain"
    HALVED = "halved"  # all predictions
    DOUBLED = "doubled"
    QUADRATIC = "quadratic"  # memory grows with the square of the size
    NOISE_2 = "noise-.2"  # memory scatters by 20 % instead of 8 %
    NOISE_3 = "noise-.3"
    OUTLIER = "outlier"  # one task needs 2.5 times as much
    DURATIONS = "durations"  # not related to size


def distorted_case(condition: Condition, preset: Preset, task_size: float, seed: int) -> Case:
    """Return the benchmark's case for one seed under a condition."""
    case = benchmark_case(preset, task_size, seed)
    rng = np.random.default_rng([seed, 77])
    match condition:
        case Condition.HALVED:
            return _predictions_times(case, 0.5)
        case Condition.DOUBLED:
            return _predictions_times(case, 2.0)
        case Condition.QUADRATIC:
            return scattered(sizes(preset), task_size, seed, power=2.0)
        case Condition.NOISE_2:
            return scattered(sizes(preset), task_size, seed, noise=0.2)
        case Condition.NOISE_3:
            return scattered(sizes(preset), task_size, seed, noise=0.3)
        case Condition.OUTLIER:
            odd = int(rng.integers(len(case.works)))
            peaks = list(case.true_mb)
            peaks[odd] = min(2.5 * peaks[odd], 0.97 * CAPACITY)
            return replace(case, true_mb=tuple(peaks))
        case Condition.DURATIONS:
            return replace(case, wall_s=tuple(rng.permutation(case.wall_s).tolist()))
        case _:
            return case


def _predictions_times(case: Case, factor: float) -> Case:
    works = (replace(work, predicted_mb=factor * (work.predicted_mb or 0.0)) for work in case.works)
    return replace(case, works=tuple(works))


def largest_first(state: State, *, margin: float = 1.2) -> list[Start]:
    """Start the largest tasks first, each taken to need its prediction + 20 %: the rival, which learns nothing.

    Tasks without predictions are sized by a least squares line through the peaks measured so far; before the first one
    the smallest task runs alone. Each kill makes a task count 1.3 times more.
    """
    expected = _expected(state)
    if expected is None:
        idle = not state.running
        smallest = min(state.waiting, key=lambda task: task.work.size)
        return [Start(name=smallest.work.name, node="node", limit_mb=CAPACITY)] if idle else []

    def counted(work: Work, kills: int) -> float:
        return min(margin * expected[work.name] * 1.3**kills, CAPACITY)

    if state.sharing is Sharing.LIMITS:
        taken = sum(run.limit_mb or 0.0 for run in state.running)
    else:
        taken = sum(run.peak_mb or counted(run.work, run.kills) for run in state.running)
    starts: list[Start] = []
    for task in sorted(state.waiting, key=lambda task: -expected[task.work.name]):
        need = counted(task.work, task.kills)
        alone = not state.running and not starts
        if (task.held and state.running) or (taken + need > CAPACITY and not alone):
            continue
        taken += need
        starts.append(Start(name=task.work.name, node="node", limit_mb=need))
    return starts


def _expected(state: State) -> dict[str, float] | None:
    waiting: Sequence[Waiting] = state.waiting
    works = [task.work for task in waiting] + [run.work for run in state.running]
    if all(work.predicted_mb is not None for work in works):
        return {work.name: work.predicted_mb or 0.0 for work in works}
    seen = [(done.work.size, done.peak_mb) for done in state.done]
    seen += [(run.work.size, run.peak_mb) for run in state.running if run.peak_mb is not None]
    if not seen:
        return None
    x, y = np.array(seen).T
    slope, intercept = np.polyfit(x, y, 1) if len(seen) > 1 and np.ptp(x) > 0 else (0.0, float(y.mean()))
    if slope <= 0:
        slope, intercept = float(y.mean() / x.mean()), 0.0
    return {work.name: max(float(intercept + slope * work.size), 0.5 * float(y.min())) for work in works}
