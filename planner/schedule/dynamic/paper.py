"""The dynamic scheduler of arXiv 2511.15977: batches packed by predicted memory, one after the other.

Its code is not public. Where the text leaves something open the reading here is the one that reproduces its published
ablation: memory is regressed on the chromosome's number; a batch starts when the last one has ended; without
predictions the first tasks run one by one; with predictions those of unfinished tasks are regressed together with what
was measured; the bias is a percentile of the residuals, from .95 falling to .80 as tasks complete; a task killed for
memory counts 1.30 times as much per kill. Two guards keep two small first tasks from extrapolating to nothing: a slope
of the wrong sign gives the mean, and no prediction lies below half of the smallest peak seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planner.schedule import knapsack
from planner.schedule.dynamic.state import Node, Sharing, Start, State, Waiting


class Packer(StrEnum):
    """How a batch is packed."""

    GREEDY = "greedy"
    """The smallest first: as many tasks as fit."""
    KNAPSACK = "knapsack"
    """As much memory as fits."""


class Init(StrEnum):
    """Which tasks run first while nothing is known; of equal batches, also which is taken."""

    LARGEST = "largest"
    SMALLEST = "smallest"
    MIXED = "mixed"


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperOptions:
    """The paper's options.

    Attributes
    ----------
    degree : int
        Of the polynomial.
    bias : pair of float or None
        Percentiles of the residuals, at the first and at the last task; None leaves the bias out.
    sequential : int
        Tasks run one by one before the regression is used, when there are no predictions.
    growth : float
        Factor per kill.
    steps : int
        Parts of a node that memory is counted in by the knapsack.
    """

    packer: Packer = Packer.KNAPSACK
    init: Init = Init.SMALLEST
    degree: int = 1
    bias: tuple[float, float] | None = (0.95, 0.80)
    sequential: int = 2
    growth: float = 1.30
    steps: int = 1000


def decide(state: State, options: PaperOptions) -> list[Start]:
    """Return the next batch, or nothing while the last one still runs."""
    if state.running:
        return []
    largest = max(state.nodes, key=lambda node: node.mem_mb)
    waiting = [task for task in _in_order(state.waiting, options.init) if _within_cores([task], largest)]
    if not waiting:
        return []
    predicted = [task for task in waiting if task.work.predicted_mb is not None]
    if not predicted and len(state.done) < options.sequential:
        return [_start(waiting[0], state, largest, largest.mem_mb)]
    expected = dict(zip((task.work.name for task in waiting), _predict(state, waiting, options), strict=True))
    starts: list[Start] = []
    for node in state.nodes:
        batch = _pack(waiting, expected, node, options)
        starts += [_start(task, state, node, expected[task.work.name]) for task in batch]
        packed = {task.work.name for task in batch}
        waiting = [task for task in waiting if task.work.name not in packed]
    if not starts:
        starts = [_start(min(waiting, key=lambda task: expected[task.work.name]), state, largest, largest.mem_mb)]
    return starts


def _start(task: Waiting, state: State, node: Node, expected_mb: float) -> Start:
    limit = min(expected_mb, node.mem_mb) if state.sharing is Sharing.LIMITS else None
    return Start(name=task.work.name, node=node.name, limit_mb=limit)


def _in_order(waiting: Sequence[Waiting], init: Init) -> list[Waiting]:
    largest_first = sorted(waiting, key=lambda task: -task.work.size)
    if init is Init.LARGEST:
        return largest_first
    if init is Init.SMALLEST:
        return sorted(waiting, key=lambda task: task.work.size)
    mixed: list[Waiting] = []
    while largest_first:
        mixed.append(largest_first.pop(0 if len(mixed) % 2 == 0 else -1))
    return mixed


def _predict(state: State, waiting: Sequence[Waiting], options: PaperOptions) -> list[float]:
    points = [(float(done.work.position), done.peak_mb) for done in state.done]
    points += [
        (float(task.work.position), task.work.predicted_mb) for task in waiting if task.work.predicted_mb is not None
    ]
    # a chromosome's number falls as its size grows: counted downwards, a positive slope is the right sign
    positions, peaks = -np.array([x for x, _ in points]), np.array([y for _, y in points])
    fit = _Polynomial(positions, peaks, options.degree)
    share = len(state.done) / (len(state.done) + len(waiting))
    bias = 0.0
    if options.bias is not None:
        first, last = options.bias
        level = first + (last - first) * share
        bias = max(0.0, float(np.percentile(peaks - fit.at(positions), 100 * level)))
    expected = fit.at(-np.array([float(task.work.position) for task in waiting])) + bias
    if state.done:
        expected = np.maximum(expected, 0.5 * min(done.peak_mb for done in state.done))
    kills = np.array([task.kills for task in waiting])
    return [float(value) for value in np.maximum(expected, 1e-9) * options.growth**kills]


class _Polynomial:
    """Least squares polynomial of no higher degree than the points determine; the mean where it falls with size."""

    def __init__(self, x: np.ndarray, y: np.ndarray, degree: int) -> None:
        self._centre, self._width = float(x.mean()), float(np.ptp(x)) or 1.0
        degree = min(degree, len(np.unique(x)) - 1)
        self._coefficients = np.linalg.lstsq(self._rows(x, degree), y, rcond=None)[0]
        low, high = self.at(np.array([x.min(), x.max()]))
        if degree and high <= low:
            self._coefficients = np.array([float(y.mean())])

    def at(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._rows(x, len(self._coefficients) - 1) @ self._coefficients)

    def _rows(self, x: np.ndarray, degree: int) -> np.ndarray:
        return np.vander((x - self._centre) / self._width, degree + 1)


def _pack(waiting: Sequence[Waiting], expected: dict[str, float], node: Node, options: PaperOptions) -> list[Waiting]:
    mem = [expected[task.work.name] for task in waiting]
    if options.packer is Packer.KNAPSACK:
        chosen = knapsack.fill(mem, node.mem_mb, step_mb=node.mem_mb / options.steps)
    else:
        chosen = _greedy(mem, node.mem_mb)
    return _within_cores([waiting[k] for k in chosen], node)


def _greedy(mem_mb: Sequence[float], capacity_mb: float) -> list[int]:
    chosen: list[int] = []
    for task in sorted(range(len(mem_mb)), key=mem_mb.__getitem__):
        if mem_mb[task] <= capacity_mb:
            capacity_mb -= mem_mb[task]
            chosen.append(task)
    return chosen


def _within_cores(batch: Sequence[Waiting], node: Node) -> list[Waiting]:
    if node.cores is None:
        return list(batch)
    kept: list[Waiting] = []
    left = node.cores
    for task in batch:
        if task.work.cpus <= left:
            kept.append(task)
            left -= task.work.cpus
    return kept
