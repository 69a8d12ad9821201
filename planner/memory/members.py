"""Members of the ensemble: each predicts a new task's peak as weighted plausible values, from earlier tasks.

A member moves every earlier peak along a line fitted to all tasks or to those near in size, and weighs it by nearness.
Nearness is measured in ranks of the size, so that units of the sizes and gaps between them do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Member:
    """One simple predictor.

    Attributes
    ----------
    line : str
        ``flat`` (peaks as they are), ``global`` (least squares over all tasks), ``local`` (least squares over near
        tasks), ``local-log`` (the same against the logarithm of the size), ``order`` (least squares over tasks near in
        time, against their order: what a new version or growing inputs change).
    bandwidth : float
        Standard deviation of the normal kernel, in ranks (0..1), for one earlier task; shrinks with n^-0.2.
    """

    line: str
    bandwidth: float

    @property
    def slopes(self) -> bool:
        """Whether it depends on the size, and so can predict beyond all sizes seen."""
        return self.line not in ("flat", "order")


MEMBERS = (
    Member("global", 0.3),
    Member("flat", 0.15),
    Member("flat", 0.08),
    Member("flat", 1.0),
    Member("order", 1.0),
    Member("local", 0.3),
    Member("local-log", 0.3),
)

_LEAST_NEARNESS = 1e-3
_FAR = 6.0  # in units of the median absolute residual: four standard deviations of a normal law
_MOST_ROUNDS = 12
_SETTLED = 0.05
_LEAST_SLACK = 0.05  # a task that alone decides the line has no residual of its own: bound the leave-one-out factor


class Past:
    """Earlier tasks in the form that the members need: sizes, values, ranks of the sizes."""

    def __init__(self, size: Floats, value: Floats) -> None:
        self.size, self.value = size, value
        self.count = len(value)
        self.ordered = np.sort(size)
        self.rank = self._rank(size)
        self.varies = self.count > 2 and bool(self.ordered[-1] > self.ordered[0])
        self._log: Floats | None = None
        self._nearness: dict[tuple[float, float], Floats] = {}

    def _rank(self, size: Floats | float) -> Floats:
        left, right = self.ordered.searchsorted(size, "left"), self.ordered.searchsorted(size, "right")
        return np.asarray((left + right) / (2 * self.count))

    def nearness(self, size: float, bandwidth: float) -> Floats:
        """Return the weight of every earlier task for a task of this size."""
        key = (size, bandwidth)
        if key not in self._nearness:
            self._nearness[key] = nearness(self.rank - self._rank(size), bandwidth, self.count)
        return self._nearness[key]

    def abscissa(self, size: float, *, log: bool) -> tuple[Floats, float]:
        """Return the sizes and the new size, as they are or, where all are positive, as logarithms."""
        if not log or self.ordered[0] <= 0 or size <= 0:
            return self.size, size
        if self._log is None:
            self._log = np.log(self.size)
        return self._log, float(np.log(size))

    def plausible(self, member: Member, size: float, place: float) -> tuple[Floats, Floats]:
        """Return plausible values for a task, and their weights; both of shape (n,).

        Parameters
        ----------
        member : Member
        size : float
            Size of the task.
        place : float
            Position of the task among the earlier ones, oldest first; their number for the next one.
        """
        if member.line == "order":
            order = np.arange(self.count, dtype=float)
            near = nearness((order - place) / self.count, member.bandwidth, self.count)
            return moved_along(order, self.value, near, place), near
        near = self.nearness(size, member.bandwidth)
        if member.line == "flat" or not self.varies:
            return self.value, near
        x, at = self.abscissa(size, log=member.line == "local-log")
        return moved_along(x, self.value, np.ones(self.count) if member.line == "global" else near, at), near


def nearness(apart: Floats, bandwidth: float, count: int) -> Floats:
    """Return weights from distances in ranks (0..1): a normal kernel, narrower the more tasks there are."""
    distance = apart / (bandwidth * count**-0.2)
    return np.asarray(np.maximum(_LEAST_NEARNESS, np.exp(-0.5 * distance * distance)))


def moved_along(x: Floats, value: Floats, weight: Floats, at: float) -> Floats:
    """Return ``a + b at + r_i``: the weighted line at a new point plus each row's leave-one-out residual.

    The leave-one-out residual is ``(value_i - a - b x_i) / (1 - h_i)``, h_i the leverage. A value far off the line
    pulls it no more than one at ``_FAR`` median residuals would (Huber 1981, winsorised residuals), but keeps its own.
    """
    total = weight.sum()
    offset = x - float(weight @ x) / total
    moment = weight * offset
    spread = float(moment @ offset)
    if spread <= 0:
        return value
    pulled, before = value, np.full(len(value), np.inf)
    for _ in range(_MOST_ROUNDS):
        level, slope = float(weight @ pulled) / total, float(moment @ pulled) / spread
        line = level + slope * offset
        residual = value - line
        limit = _FAR * weighted_median(np.abs(residual), weight)
        if float(np.abs(line - before).max()) <= _SETTLED * limit or float(np.abs(residual).max()) <= limit:
            break
        pulled, before = line + np.clip(residual, -limit, limit), line
    leverage = weight / total + moment * offset / spread
    left_out = residual + np.clip(residual, -limit, limit) * leverage / np.maximum(1 - leverage, _LEAST_SLACK)
    return np.asarray(level + slope * (at - float(weight @ x) / total) + left_out)


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the median of weighted values, interpolated between their midpoints: one wild value moves it little."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(np.interp(0.5 * share[-1], share - 0.5 * weights[order], values[order]))


def middle_means(values: Floats, weights: Floats) -> Floats:
    """Return the mean of the middle fifth of the weight in each column; values of shape (n, m), weights (n,) sum to 1.

    Unlike a median it changes continuously with every value, so the means of ascending columns ascend; unlike a mean it
    ignores the lowest and the highest two fifths of the weight.
    """
    order = np.argsort(values, axis=0, kind="stable")
    until = np.cumsum(weights[order], axis=0)
    inside = np.diff(np.clip(until, 0.4, 0.6), axis=0, prepend=0.4)
    return np.asarray((inside * np.take_along_axis(values, order, axis=0)).sum(axis=0) / 0.2)
