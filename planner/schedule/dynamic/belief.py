"""Estimates of unknown memory and time: one line per tool, fitted to the tasks that have run so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planner.core.surprise import surprising
from planner.schedule.dynamic import online
from planner.schedule.dynamic.online import MemoryLine, TaskSum
from planner.schedule.dynamic.state import State, Work

# standard deviations, in logs, of a single task around its prediction: what might be mere chance
_ABOVE, _BELOW, _SHAPE = 0.12, 0.16, 0.35
_LINE_MISFIT = 0.1  # relative: predictions scatter so much around a line when that is their own noise


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """Assumptions about predictions and noise; all relative.

    Attributes
    ----------
    scale_sd : float
        Standard deviation of an error common to all predictions of a tool.
    line_sd : float
        Standard deviation of independent errors of intercept and slope.
    spread : float
        Prior scatter of tasks around the line.
    dof : float
        How many observations the belief in ``spread`` is worth.
    slope_sd : float
        Without predictions: prior standard deviation of the slope, relative to the largest node.
    bend_sd : float
        Without predictions: how far memory may bend away from a line, relative to the largest task.
    moved_sd : float
        Like ``scale_sd``, for predictions that were rescaled because the first peaks contradicted them.
    """

    scale_sd: float = 0.12
    line_sd: float = 0.03
    spread: float = 0.08
    dof: float = 30.0
    slope_sd: float = 0.4
    bend_sd: float = 0.7
    moved_sd: float = 0.2


@dataclass(slots=True)
class _Tool:
    """One tool's tasks in a state.

    Attributes
    ----------
    scale : float
        Largest size.
    largest_mb : float or None
        Largest prediction, where predictions stand for the size: they do when they are no line in it.
    rate_s : float or None
        Seconds per unit of size.
    """

    works: list[Work]
    scale: float
    largest_mb: float | None = None
    line: MemoryLine | None = None
    rate_s: float | None = None
    peaks: int = 0
    predicted: bool = False

    def x(self, work: Work) -> float:
        """Return the size relative to the largest."""
        if self.largest_mb is not None and work.predicted_mb is not None:
            return work.predicted_mb / self.largest_mb
        return work.size / self.scale


class Belief:
    """Expected memory and duration of every task of a state, and how uncertain a sum of them is.

    Parameters
    ----------
    state : State
    assume : Assumptions
    """

    def __init__(self, state: State, assume: Assumptions) -> None:
        self._capacity = max(node.mem_mb for node in state.nodes)
        self._rise: dict[str, float] = {}
        self._tools = _by_tool(state)
        for name, tool in self._tools.items():
            seen = list(_seen(state, name))
            tool.peaks = len(seen)
            tool.line = self._line(tool, seen, assume)
            tool.rate_s = _rate(state, name)
        if state.overflows:
            self._learn_overflows(state)

    def blind(self, work: Work) -> bool:
        """Return whether nothing at all is known of this task's tool."""
        return self._tools[work.tool].line is None

    def peaks(self, work: Work) -> int:
        """Return how many peaks of this task's tool are known."""
        return self._tools[work.tool].peaks

    def x(self, work: Work) -> float:
        """Return the size relative to the tool's largest."""
        return self._tools[work.tool].x(work)

    def mean_mb(self, work: Work) -> float:
        """Return the expected peak; for a tool never seen, the share of a node that its size would suggest."""
        tool = self._tools[work.tool]
        x = tool.x(work)
        if tool.line is None:
            return self._capacity * (0.1 + 0.9 * x)
        return max(tool.line.mean(x) + self._rise.get(work.name, 0.0), 1e-3 * math.sqrt(tool.line.s2))

    def duration_s(self, work: Work) -> float:
        """Return the expected duration; the relative size when there is nothing to go by."""
        if work.predicted_s is not None:
            return work.predicted_s
        tool = self._tools[work.tool]
        return work.size * tool.rate_s if tool.rate_s is not None else work.size / tool.scale

    def times(self, work: Work) -> bool:
        """Return whether `duration_s` is in seconds."""
        return work.predicted_s is not None or self._tools[work.tool].rate_s is not None

    def variance(self, tool: str, tasks: TaskSum) -> float:
        """Return the variance of a sum of tasks of one tool."""
        line = self._tools[tool].line
        return 0.0 if line is None else line.variance(tasks)

    @property
    def predicted(self) -> bool:
        """Whether predictions are believed, of any tool."""
        return any(tool.predicted for tool in self._tools.values())

    @property
    def dof(self) -> float:
        """The fewest degrees of freedom of any tool."""
        return min((tool.line.dof for tool in self._tools.values() if tool.line is not None), default=1.0)

    def _line(self, tool: _Tool, seen: list[tuple[Work, float]], assume: Assumptions) -> MemoryLine | None:
        predicted = [work.predicted_mb for work in tool.works if work.predicted_mb is not None]
        told = [(work.predicted_mb, mb) for work, mb in seen if work.predicted_mb is not None]
        factor = _believed(told, assume) if predicted else None
        tool.predicted = factor is not None
        if factor is not None:
            tool.largest_mb = _standing_for_size(tool)
            points = [
                (tool.x(work), factor * work.predicted_mb) for work in tool.works if work.predicted_mb is not None
            ]
            scale_sd = assume.scale_sd if factor == 1 else assume.moved_sd
            start = online.from_predictions(points, scale_sd=scale_sd, line_sd=assume.line_sd)
        elif seen:
            start = online.from_observations(
                [(tool.x(work), mb) for work, mb in seen],
                slope_sd_mb=assume.slope_sd * self._capacity,
                bend_sd=assume.bend_sd,
                spread=assume.spread,
            )
        else:
            return None
        points = [(tool.x(work), mb) for work, mb in seen]
        return online.learn(start, points, spread=assume.spread, dof=assume.dof)

    def _learn_overflows(self, state: State) -> None:
        """Raise lines and single tasks by the observed overflows of memory."""
        known = {done.work.name: done.peak_mb for done in state.done}
        known |= {run.work.name: run.peak_mb for run in state.running if run.peak_mb is not None}
        works = {work.name: work for tool in self._tools.values() for work in tool.works}
        for overflow in state.overflows:
            unknown = [works[name] for name in overflow.names if name not in known and name in works]
            tools = {work.tool for work in unknown}
            if len(tools) != 1:
                continue  # already explained, or not attributable to a task
            rest = overflow.mem_mb - sum(known.get(name, 0.0) for name in overflow.names)
            self._exceeded(unknown, rest)

    def _exceeded(self, works: list[Work], more_than_mb: float) -> None:
        tool = self._tools[works[0].tool]
        if tool.line is None:
            return
        sizes = [self.x(work) for work in works]
        expected = sum(self.mean_mb(work) for work in works)
        tool.line, rise = online.exceeded(tool.line, sizes, expected, more_than_mb)
        for work, x in zip(works, sizes, strict=True):
            self._rise[work.name] = self._rise.get(work.name, 0.0) + rise * online.noise_weight(x)


def all_works(state: State) -> Iterator[Work]:
    """Return every task of a state."""
    for group in (state.waiting, state.running, state.done):
        for item in group:
            yield item.work


def _by_tool(state: State) -> dict[str, _Tool]:
    tools: dict[str, list[Work]] = {}
    for work in all_works(state):
        tools.setdefault(work.tool, []).append(work)
    return {name: _Tool(works, max(work.size for work in works) or 1.0) for name, works in tools.items()}


def _believed(told: Sequence[tuple[float, float]], assume: Assumptions) -> float | None:
    """Return the assumed common error of the predictions; None if they are to be ignored.

    Parameters
    ----------
    told : sequence of (float, float)
        Predicted and measured peak, MiB, of the tasks measured so far.
    """
    ratios = [math.log(max(mb, 1e-6) / predicted) for predicted, mb in told if predicted > 0]
    if not ratios:
        return 1.0
    level = math.fsum(ratios) / len(ratios)
    # too little kills, too much costs time: that peaks are higher is believed sooner than that they are lower
    noise = _ABOVE if level > 0 else _BELOW
    if not surprising(ratios, noise, level_sd=assume.scale_sd):
        return 1.0
    if surprising(ratios, _SHAPE):
        return None
    return math.exp(level + noise / math.sqrt(len(ratios)))


def _standing_for_size(tool: _Tool) -> float | None:
    """Return the largest prediction where predictions say more than the size does: they do not follow it in a line."""
    points = [(work.size / tool.scale, work.predicted_mb) for work in tool.works if work.predicted_mb is not None]
    if len(points) < len(tool.works) or min(mb for _, mb in points) <= 0:
        return None
    a, b = online.least_squares(points)
    misfit = sum((1 - (a + b * x) / mb) ** 2 for x, mb in points) / len(points)
    return max(mb for _, mb in points) if misfit > _LINE_MISFIT**2 else None


def _seen(state: State, tool: str) -> Iterable[tuple[Work, float]]:
    for done in state.done:
        if done.work.tool == tool:
            yield done.work, done.peak_mb
    for run in state.running:
        if run.work.tool == tool and run.peak_mb is not None:
            yield run.work, run.peak_mb


def _rate(state: State, tool: str) -> float | None:
    ended = [done for done in state.done if done.work.tool == tool]
    size = sum(done.work.size for done in ended)
    return sum(done.wall_s for done in ended) / size if size > 0 else None
