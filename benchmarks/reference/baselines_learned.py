"""Baselines that need scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.reference.baselines import Remembering

Floats = NDArray[np.float64]

_FEW = 5


class SupportVector(Remembering):
    """Support vector regression in standard units, raised by the 95th percentile of its relative residuals."""

    source: ClassVar[str] = "Smola, Schölkopf: A tutorial on support vector regression (2004); scikit-learn's SVR"

    def request(self, size: float, preset_mb: float) -> float:
        """Return the raised prediction; the preset before five tasks."""
        if len(self.peaks) < _FEW:
            return preset_mb
        from sklearn.svm import SVR

        x, y = np.array(self.sizes), np.array(self.peaks)
        x_scale, y_scale = float(x.std()) or 1.0, float(y.std()) or 1.0
        model = SVR(C=10.0, epsilon=0.05).fit(((x - x.mean()) / x_scale)[:, None], (y - y.mean()) / y_scale)

        def predict(at: Floats) -> Floats:
            told = model.predict(((at - x.mean()) / x_scale)[:, None])
            return np.asarray(np.maximum(y.mean() + y_scale * told, 0.5 * y.min()))

        over = float(np.quantile(y / predict(x), 0.95))
        return float(predict(np.array([size]))[0]) * max(1.0, over)


class SizeyStyle(Remembering):
    """Line, neighbours, forest and network; the one of best accuracy and efficiency, raised by the errors made so far.

    After Sizey: each model's score is ``(1 - alpha) accuracy - alpha prediction / largest prediction``; its request is
    raised by the median of the relative under-predictions so far. The models are refitted every ``refit_every`` tasks.
    """

    source: ClassVar[str] = (
        "Bader et al.: Sizey: Memory-efficient execution of scientific workflow tasks (CLUSTER 2024)"
    )

    def __init__(self, *, alpha: float = 0.0, refit_every: int = 10, seed: int = 0) -> None:
        super().__init__()
        self.alpha, self.refit_every, self.seed = alpha, refit_every, seed
        self._models: list[Any] = []
        self._fitted_at = 0
        self._said: list[float] = []
        self._errors: list[list[float]] = [[] for _ in range(4)]

    def request(self, size: float, preset_mb: float) -> float:
        """Return the best model's raised prediction; the preset before five tasks."""
        self._said = []
        if len(self.peaks) < _FEW:
            return preset_mb
        if not self._models or len(self.peaks) - self._fitted_at >= self.refit_every:
            self._refit()
        self._said = [max(float(model.predict([[size]])[0]), 0.5 * min(self.peaks)) for model in self._models]
        best = int(np.argmax([self._score(number) for number in range(len(self._said))]))
        return self._said[best] * (1 + self._offset(best))

    def retry(self, failed_mb: float, failures: int) -> float:
        """Return the largest peak seen when that is clearly more, else double."""
        largest = max(self.peaks, default=0.0)
        return largest if largest >= 1.05 * failed_mb else 2 * failed_mb

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Remember the task and each model's relative error."""
        for errors, said in zip(self._errors, self._said, strict=False):
            errors.append((peak_mb - said) / peak_mb)
        super().learn(size, peak_mb, wall_s)

    def _score(self, number: int) -> float:
        errors = self._errors[number]
        accuracy = 1 - float(np.mean(np.minimum(np.abs(errors), 1.0))) if errors else 0.0
        return (1 - self.alpha) * accuracy - self.alpha * self._said[number] / max(self._said)

    def _offset(self, number: int) -> float:
        under = [error for error in self._errors[number] if error > 0]
        return float(np.median(under)) if under else 0.05

    def _refit(self) -> None:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LinearRegression
        from sklearn.neighbors import KNeighborsRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network = TransformedTargetRegressor(
            make_pipeline(
                StandardScaler(),
                MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", max_iter=200, random_state=self.seed),
            ),
            transformer=StandardScaler(),
        )
        models = [
            LinearRegression(),
            KNeighborsRegressor(n_neighbors=min(5, len(self.peaks))),
            RandomForestRegressor(n_estimators=30, random_state=self.seed),
            network,
        ]
        x, y = np.array(self.sizes)[:, None], np.array(self.peaks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a network stopped early is a baseline all the same
            self._models = [model.fit(x, y) for model in models]
        self._fitted_at = len(self.peaks)
