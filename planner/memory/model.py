"""A fitted memory model of one tool: a task's features in, a request with its reason out.

>>> model = fit(observations, tool="beagle", feature_names=("length",))     # of planner.memory.fitting; doctest: +SKIP
>>> model.predict({"length": 248.9}).request_mb                              # doctest: +SKIP
5210
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.core import levels as texts
from planner.core.errors import InputError
from planner.core.frames import html_table
from planner.core.margins import TIME_MARGIN
from planner.core.retry import Retry
from planner.core.wording import count
from planner.memory.levels import NO_LEVELS, Levels
from planner.memory.point import PointModel, from_rows
from planner.memory.sizing import LEAST_REQUEST_MB, Sized, Sizer, SizerState

Floats = NDArray[np.float64]

_TIME_LEVEL = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """Predicted need of a task, and the request.

    Attributes
    ----------
    point_mb : float
        Expected peak, MiB.
    request_mb : int
        The request, MiB.
    wall_s, time_limit_s : float, int or None
        Expected run time and the time limit to request, s; None when no run time was ever recorded.
    rows : int
        Observations the prediction rests on.
    level : float or None
        The coverage that was asked for; None for the request of least expected cost.
    reason : str
        One line for the plan.
    outside_range : bool
        Whether a feature lies outside what was observed.
    """

    point_mb: float
    request_mb: int
    wall_s: float | None
    time_limit_s: int | None
    rows: int
    level: float | None
    reason: str
    outside_range: bool


@dataclass(frozen=True, kw_only=True)
class Curve:
    """From features to a size, and from the size to a distribution of peaks (MiB) or run times (s).

    Attributes
    ----------
    point : PointModel
    memory : SizerState
        The last observations, and the state learnt from them.
    step : float
        Sizes are rounded up by at most this share, so that many tasks need few distributions; 0 to take each as it is.
    """

    point: PointModel
    memory: SizerState
    step: float = 0.0

    @cached_property
    def _sizer(self) -> Sizer:
        return Sizer(self.memory, proportional=self.point.told)

    def shape(self) -> PointModel:
        """Return the relative sizes of its tasks as a starting point for another tool."""
        return from_rows(self.point, np.array(self.memory.size), np.array(self.memory.value))

    def predict(self, features: Mapping[str, float], level: float | None) -> tuple[float, float]:
        """Return a task's median, and what covers ``level``; without a level, the request of least expected cost."""
        size = self._size(features)
        if (size, level) not in self._known:
            if not self.step:
                self._known.clear()
            sized = self._sized(size)
            self._known[size, level] = (sized.quantile(0.5), sized.request if level is None else sized.bound(level))
        return self._known[size, level]

    @cached_property
    def _known(self) -> dict[tuple[float, float | None], tuple[float, float]]:
        return {}

    def _sized(self, size: float) -> Sized:
        """Return the distribution for a size; only the last one is kept, as they are large."""
        if size not in self._last:  # bound and request of a task come from the same distribution
            self._last.clear()
            self._last[size] = self._sizer.predict(size)
        return self._last[size]

    @cached_property
    def _last(self) -> dict[float, Sized]:
        return {}

    def _size(self, features: Mapping[str, float]) -> float:
        size = float(self.point.size(self.point.row(features))[0])
        if not self.step or size <= 0:
            return size
        width = math.log1p(self.step)
        raised = math.exp(math.ceil(math.log(size) / width) * width)
        # no task is taken for one beyond what was seen
        return self._largest if size <= self._largest < raised else raised

    @cached_property
    def _largest(self) -> float:
        return max(self.memory.size)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryModel:
    """One tool's model. ``rows`` is 0 when nothing usable was observed; :meth:`predict` then raises.

    Attributes
    ----------
    skipped : mapping of str to int
        Observations that did not train the model, by reason.
    ranges : mapping of str to pair of float
        Least and greatest value seen of each feature.
    largest_mb : float
        Largest peak learnt from.
    let_go : str
        Why the given shape was not used; empty if nothing contradicts it.
    levels, time_levels : Levels
        Effects of text features; ``memory`` and ``time`` describe tasks without them.
    shared : int
        How many of the rows are shared runs of others.
    """

    tool: str
    feature_names: tuple[str, ...]
    rows: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    largest_mb: float = 0.0
    memory: Curve | None = None
    time: Curve | None = None
    let_go: str = ""
    levels: Levels = NO_LEVELS
    time_levels: Levels = NO_LEVELS
    shared: int = 0

    def __repr__(self) -> str:
        features = ", ".join(self.feature_names) or "no feature"
        return f"<MemoryModel of {self.tool or 'no tool'}: {count(self.rows, 'observation')}, by {features}>"

    def _repr_html_(self) -> str:
        rows = [(name, low, high) for name, (low, high) in self.ranges.items()]
        return html_table(repr(self), ("feature", "least seen", "greatest seen"), rows)

    @property
    def fitted(self) -> bool:
        """Whether there is anything to predict from."""
        return self.memory is not None

    def predict(
        self,
        features: Mapping[str, float],
        *,
        level: float | None = None,
        floor_mb: float = 0,
        cap_mb: float | None = None,
        time_cap_s: float | None = None,
    ) -> Prediction:
        """Predict a task's peak and run time, and the request.

        Parameters
        ----------
        features : mapping of str to float
            At least the model's features.
        level : float, optional
            Wanted coverage of the request, in (0, 1); by default the request of least expected cost.
        floor_mb : float
            Known need of this task, MiB, from earlier attempts: the request is not below it (see :meth:`retry`).
        cap_mb : float, optional
            Largest request that the site allows, MiB.
        time_cap_s : float, optional
            The site's longest run time, s.

        Raises
        ------
        InputError
            When the model is not fitted, or a feature is missing or not a finite number.
        ValueError
            When ``level`` is not in (0, 1).
        """
        if self.memory is None:
            raise InputError(
                f"no usable observation of {self.tool}",
                "import history ('chromplan history import'), or give a formula or a default in chromplan.toml",
            )
        if level is not None and not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {level}")
        self._check(features)
        outside = [name for name in self.ranges if not self._inside(name, features[name])]
        outside += self.levels.unseen(features)
        factor = self.levels.factor(features)
        median, enough = self.memory.predict(features, level)
        point, wanted = max(1.0, factor * median), max(factor * enough, LEAST_REQUEST_MB)
        request = _clip(wanted, floor_mb, cap_mb)
        wall, limit = self._time(features, time_cap_s)
        return Prediction(
            point_mb=point,
            request_mb=request,
            wall_s=wall,
            time_limit_s=limit,
            rows=self.rows,
            level=level,
            reason=_reason(point, request, self._rests_on(), floor_mb=floor_mb, cap_mb=cap_mb, outside=outside)
            + (f"; {self.let_go}" if self.let_go else ""),
            outside_range=bool(outside),
        )

    def coarse(self, step: float) -> MemoryModel:
        """Return the model that rounds sizes up by at most this share, those of run times by twice as much.

        Predictions for many tasks take less time with it.
        """
        return replace(
            self,
            memory=self.memory and replace(self.memory, step=step),
            time=self.time and replace(self.time, step=2 * step),
        )

    def _check(self, features: Mapping[str, float]) -> None:
        for name in self.feature_names:
            if texts.value(features, name) is None:
                raise InputError(f"the model of {self.tool} needs the feature {name}", "give it in [features]")
            if name not in self.ranges:
                continue
            if name not in features:
                text = texts.level(features, name)
                raise InputError(f"feature {name} is the text {text!r}, the history has numbers", "check [features]")
            if not math.isfinite(features[name]):
                raise InputError(f"feature {name} is {features[name]}, not a finite number", "check [features]")

    def _inside(self, name: str, value: float) -> bool:
        low, high = self.ranges[name]
        slack = 1e-9 * max(abs(low), abs(high))
        return low - slack <= value <= high + slack

    def _rests_on(self) -> str:
        if self.shared:
            return f"{self.rows - self.shared} of your runs, {self.shared} shared"
        return count(self.rows, "observation")

    def retry(self) -> Retry:
        """Return how the request of a task grows from kill to kill."""
        return Retry(self.largest_mb)

    def _time(self, features: Mapping[str, float], cap_s: float | None) -> tuple[float | None, int | None]:
        if self.time is None:
            return None, None
        factor = self.time_levels.factor(features)
        median, bound = self.time.predict(features, _TIME_LEVEL)
        wall = max(0.0, factor * median)
        limit = TIME_MARGIN * max(wall, factor * bound)
        limit_s = 60 * max(1, math.ceil(limit / 60))  # Slurm counts time limits in minutes
        return wall, int(limit_s if cap_s is None or not math.isfinite(cap_s) else min(limit_s, cap_s))


def _clip(wanted_mb: float, floor_mb: float, cap_mb: float | None) -> int:
    request = max(1, math.ceil(wanted_mb), math.ceil(floor_mb))
    return request if cap_mb is None else max(1, min(request, math.floor(cap_mb)))


def safety(point_mb: float, request_mb: float) -> str:
    """Return the margin of a request over the prediction in words: as a percentage, or in MB if it is a multiple."""
    if request_mb > 2 * point_mb:
        return f"{request_mb - point_mb:.0f} MB safety"
    return f"{100 * (request_mb / point_mb - 1):.0f} % safety"


def _reason(
    point: float, request: int, rests_on: str, *, floor_mb: float, cap_mb: float | None, outside: list[str]
) -> str:
    number = f"{round(point):,}".replace(",", " ")
    text = f"predicted {number} MB"
    if request <= floor_mb:
        text += f", raised to the {request} MB it is known to need"
    elif cap_mb is not None and request >= math.floor(cap_mb):
        text += ", cut to what the site offers"
    elif request <= LEAST_REQUEST_MB:
        text += f", raised to the least request, {request} MB"
    else:
        text += f" + {safety(point, request)}"
    text += f", {rests_on}"
    if outside:
        text += f", {' and '.join(outside)} outside the range seen"
    return text
