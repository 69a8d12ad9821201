"""Other ways to choose a request, behind one interface, to be compared with.

Each is written from its publication; ``benchmarks/reference/baselines_learned.py`` has those that need scikit-learn.
"""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np

from benchmarks.reference.polynomial import Polynomial, fit_polynomial
from planner.memory.sizing import Sized, Sizer

LARGEST_NODE_MB = 128e9 / 2**20
"""What Tovar's second retry takes: the node of the Sizey study, 128 GB."""

_FEW = 12


class Policy(Protocol):
    """Chooses requests of one tool, task by task, and learns from each.

    Attributes
    ----------
    source : str
        Where the method is published.
    """

    source: ClassVar[str]

    def request(self, size: float, preset_mb: float) -> float:
        """Return the first request for a task, MiB; ``preset_mb`` is what the workflow's author put down."""
        ...

    def retry(self, failed_mb: float, failures: int) -> float:
        """Return the next request after the last one failed; ``failures`` counts those of this task."""
        ...

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Take in the finished task that was asked for last."""
        ...


class Remembering:
    """What most policies share: the tasks seen, and doubling after a failure."""

    def __init__(self) -> None:
        self.sizes: list[float] = []
        self.peaks: list[float] = []
        self.walls: list[float] = []

    def retry(self, failed_mb: float, failures: int) -> float:
        """Double."""
        return 2 * failed_mb

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Remember the task."""
        self.sizes.append(size)
        self.peaks.append(peak_mb)
        self.walls.append(wall_s)


class Preset(Remembering):
    """The workflow author's number."""

    source: ClassVar[str] = "the memory column of the trace"

    def request(self, size: float, preset_mb: float) -> float:
        """Return the preset."""
        return preset_mb


class Largest(Remembering):
    """The largest peak seen, and 5 %."""

    source: ClassVar[str] = "rule of thumb"

    def request(self, size: float, preset_mb: float) -> float:
        """Return 1.05 times the largest peak; the preset before the first."""
        return 1.05 * max(self.peaks) if self.peaks else preset_mb


class WittPercentile(Remembering):
    """The 95th percentile of all peaks."""

    source: ClassVar[str] = "Witt, Wagner, Leser: Feedback-based resource allocation for batch scheduling (HPCS 2019)"

    def request(self, size: float, preset_mb: float) -> float:
        """Return the percentile; the preset before the first peak."""
        return float(np.percentile(self.peaks, 95)) if self.peaks else preset_mb


class WittLinear(Remembering):
    """Least squares, raised by the standard deviation of the relative errors made so far."""

    source: ClassVar[str] = WittPercentile.source

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[float] = []
        self._predicted: float | None = None

    def request(self, size: float, preset_mb: float) -> float:
        """Return the raised prediction; the preset before two tasks."""
        self._predicted = None
        if len(self.peaks) < 2:
            return preset_mb
        x, y = np.array(self.sizes), np.array(self.peaks)
        offset = x - x.mean()
        slope = float(offset @ y) / float(offset @ offset) if np.ptp(x) > 0 else 0.0
        self._predicted = float(y.mean() + slope * (size - x.mean()))
        raised = self._predicted * (1 + (float(np.std(self.errors)) if self.errors else 0.0))
        return raised if raised > 0 else float(y.max())

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Remember the task and the relative error of its prediction."""
        if self._predicted is not None:
            self.errors.append((peak_mb - self._predicted) / peak_mb)
        super().learn(size, peak_mb, wall_s)


class Tovar(Remembering):
    """The peak seen that would have wasted least, with the largest as second try."""

    source: ClassVar[str] = "Tovar et al.: A job sizing strategy for high-throughput scientific workflows (TPDS 2018)"

    def request(self, size: float, preset_mb: float) -> float:
        """Return argmin over peaks a of ``a E[t] + a_max E[t; peak > a]`` (equation 1); the preset before the first."""
        if not self.peaks:
            return preset_mb
        values, inverse = np.unique(-np.array(self.peaks), return_inverse=True)
        times = np.bincount(inverse, weights=self.walls)
        candidates = -values
        above = np.concatenate([[0.0], np.cumsum(times)[:-1]])
        return float(candidates[np.argmin(candidates * times.sum() + candidates[0] * above)])

    def retry(self, failed_mb: float, failures: int) -> float:
        """Return the largest peak seen, then a whole node."""
        largest = max(self.peaks, default=0.0)
        return largest if failed_mb < largest else max(LARGEST_NODE_MB, 2 * failed_mb)


class Paper(Remembering):
    """Polynomial regression plus a percentile of its residuals that falls from 95 to 80 as tasks complete."""

    source: ClassVar[str] = "arXiv 2511.15977 (chromosome parallelization), online RAM prediction"

    def __init__(self, *, tasks: int, degree: int = 1, gammas: tuple[float, float] = (0.95, 0.80)) -> None:
        super().__init__()
        self.tasks, self.degree, self.gammas = tasks, degree, gammas

    def request(self, size: float, preset_mb: float) -> float:
        """Return the biased prediction; the preset before two tasks."""
        if len(self.peaks) < 2:
            return preset_mb
        high, low = self.gammas
        gamma = high + (low - high) * min(1.0, len(self.peaks) / self.tasks)
        fitted: Polynomial = fit_polynomial(self.sizes, self.peaks, degree=self.degree)
        return fitted.upper(size, gamma)


class Chromplan:
    """The ensemble of ``planner.memory.sizing``, in whole MiB."""

    source: ClassVar[str] = "planner/memory/sizing.py"

    def __init__(self, sizer: Sizer | None = None) -> None:
        self.sizer = Sizer() if sizer is None else sizer
        self._said: Sized | None = None
        self._preset_mb = 0.0

    def request(self, size: float, preset_mb: float) -> float:
        """Return the request of least expected cost; the preset before the first task."""
        self._preset_mb = preset_mb
        self._said = self.sizer.predict(size) if len(self.sizer) else None
        return preset_mb if self._said is None else float(math.ceil(self._said.request))

    def retry(self, failed_mb: float, failures: int) -> float:
        """Return what the ensemble says; while few tasks are known, the author's number after a second failure."""
        if self._said is None:
            return 2 * failed_mb
        if failures > 1 and len(self.sizer) < _FEW and self._preset_mb > failed_mb:
            return self._preset_mb
        return float(math.ceil(self._said.retry.after(failed_mb)))

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Learn, and see what each member would have cost."""
        self.sizer.update(size, peak_mb, wall_s, self._said)
