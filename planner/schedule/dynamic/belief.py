"""Beliefs about memory and time not known yet: one line per tool, fitted to what has run so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.schedule.dynamic import online
from planner.schedule.dynamic.online import MemoryLine
from planner.schedule.dynamic.state import State, Work


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """What is assumed of predictions and of noise; each relative.

    Attributes
    ----------
    scale_sd : float
        How far all predictions of a tool may be off together.
    line_sd : float
        How far intercept and slope may be off each on its own.
    spread : float
        How far tasks scatter around the line, before that is seen.
    dof : float
        How many observations the belief in ``spread`` is worth.
    slope_sd : float
        Without predictions: how wide open the slope is, relative to the largest node.
    """

    scale_sd: float = 0.12
    line_sd: float = 0.03
    spread: float = 0.08
    dof: float = 30.0
    slope_sd: float = 0.4


@dataclass(slots=True)
class _Tool:
    """One tool's tasks in a state."""

    works: list[Work]
    scale: float
    line: MemoryLine | None
    rate_s: float | None  # seconds per unit of size


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
            tool.line = self._line(tool, list(_seen(state, name, tool.scale)), assume)
            tool.rate_s = _rate(state, name)
        if state.overflows:
            self._learn_overflows(state)

    def blind(self, work: Work) -> bool:
        """Return whether nothing at all is known of this task's tool."""
        return self._tools[work.tool].line is None

    def x(self, work: Work) -> float:
        """Return the size relative to the tool's largest."""
        return work.size / self._tools[work.tool].scale

    def mean_mb(self, work: Work) -> float:
        """Return the expected peak; for a tool never seen, the share of a node that its size would suggest."""
        tool = self._tools[work.tool]
        x = work.size / tool.scale
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

    def variance(self, tool: str, count: float, sum_x: float, sum_w: float) -> float:
        """Return the variance of a sum of tasks of one tool, given the sums of their x and noise weights."""
        line = self._tools[tool].line
        return 0.0 if line is None else line.variance(count, sum_x, sum_w)

    @property
    def dof(self) -> float:
        """The fewest degrees of freedom of any tool."""
        return min((tool.line.dof for tool in self._tools.values() if tool.line is not None), default=1.0)

    def _line(self, tool: _Tool, seen: list[tuple[float, float]], assume: Assumptions) -> MemoryLine | None:
        predictions = [
            (work.size / tool.scale, work.predicted_mb) for work in tool.works if work.predicted_mb is not None
        ]
        if predictions:
            start = online.from_predictions(predictions, scale_sd=assume.scale_sd, line_sd=assume.line_sd)
        elif seen:
            start = online.from_observations(seen, slope_sd_mb=assume.slope_sd * self._capacity, spread=assume.spread)
        else:
            return None
        return online.learn(start, seen, spread=assume.spread, dof=assume.dof)

    def _learn_overflows(self, state: State) -> None:
        """Move lines and single tasks by what is known to have been too much."""
        known = {done.work.name: done.peak_mb for done in state.done}
        known |= {run.work.name: run.peak_mb for run in state.running if run.peak_mb is not None}
        works = {work.name: work for tool in self._tools.values() for work in tool.works}
        for overflow in state.overflows:
            unknown = [works[name] for name in overflow.names if name not in known and name in works]
            tools = {work.tool for work in unknown}
            if len(tools) != 1:
                continue  # explained by now, or nobody's fault in particular
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
    return {name: _Tool(works, max(work.size for work in works) or 1.0, None, None) for name, works in tools.items()}


def _seen(state: State, tool: str, scale: float) -> Iterable[tuple[float, float]]:
    for done in state.done:
        if done.work.tool == tool:
            yield done.work.size / scale, done.peak_mb
    for run in state.running:
        if run.work.tool == tool and run.peak_mb is not None:
            yield run.work.size / scale, run.peak_mb


def _rate(state: State, tool: str) -> float | None:
    ended = [done for done in state.done if done.work.tool == tool]
    size = sum(done.work.size for done in ended)
    return sum(done.wall_s for done in ended) / size if size > 0 else None
