"""Baselines that need scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.reference.baselines import Remembering

Floats = NDArray[np.float64]

_FEW = 5
_FOLDED = 10
_DEFAULT_OFFSET = 0.05
_NEIGHBOURS = 3  # their place among the models


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


class Sizey(Remembering):
    """Line, neighbours, forest and network, interpolated by their resource-adequacy scores, with a dynamic offset.

    A model scores ``(1 - alpha) accuracy - alpha prediction / largest prediction``, its accuracy less by the mean
    relative error, at most 1, in cross-validation; predictions are averaged with weights ``exp(score)``. Each model's
    offset is the one of four spreads of its errors so far with which it would have wasted least.

    What the published code does beyond the paper is done here, too, as its figures come from it: the errors are those
    of all tools of a workflow together, and only of tasks after the history (without that, a tool of constant memory
    gets no offset at all); accuracy is measured on peaks scaled to 0 .. 1; the neighbours never learn from what comes
    after the history; where less than nothing is predicted, 5 % of the least peak is asked for. Unlike it, this has
    fixed hyperparameters, fits the models every ``refit_every`` tasks, and does not know a task's peak when it chooses
    the offset of its request.

    Parameters
    ----------
    errors : tuple of four lists, optional
        Relative errors of each model, shared by the tools of a workflow.
    history : int
        So many tasks are known before the first that is predicted, but ten at least.
    """

    source: ClassVar[str] = (
        "Bader et al.: Sizey: Memory-efficient execution of scientific workflow tasks (CLUSTER 2024)"
    )

    def __init__(
        self,
        errors: tuple[list[float], ...] = (),
        *,
        history: int = 0,
        alpha: float = 0.0,
        refit_every: int = 10,
        seed: int = 42,
    ) -> None:
        super().__init__()
        self.alpha, self.refit_every, self.seed = alpha, refit_every, seed
        self._history = max(history, _FOLDED)
        self._models: list[Any] = []
        self._accuracy: Floats = np.empty(0)
        self._fitted_at = 0
        self._size = 0.0
        self._said: Floats = np.empty(0)
        self._errors = errors or ([], [], [], [])

    def request(self, size: float, preset_mb: float) -> float:
        """Return the interpolated prediction and offset; the preset until the history is known."""
        self._size = size
        self._said = np.empty(0)
        if len(self.peaks) < self._history:
            return preset_mb
        if not self._models:
            self._models = self._first_models()
        if len(self.peaks) - self._fitted_at >= self.refit_every:
            self._refit()
        self._said = np.array([float(model.predict([[size]])[0]) for model in self._models])
        scores = (1 - self.alpha) * self._accuracy - self.alpha * self._said / self._said.max()
        weights = np.exp(scores) / np.exp(scores).sum()
        offset = float(weights @ [self._offset(number) for number in range(len(self._models))])
        asked = float(weights @ self._said) * (1 + offset)
        return asked if asked > 0 else _DEFAULT_OFFSET * min(self.peaks)

    def retry(self, failed_mb: float, failures: int) -> float:
        """Return the largest peak seen if that is clearly more and sizes do not explain peaks; otherwise double."""
        from scipy.stats import kendalltau

        largest = max(self.peaks, default=0.0)
        if largest < 1.05 * failed_mb:
            return 2 * failed_mb
        beyond = self._size > self.sizes[int(np.argmax(self.peaks))]
        explained = beyond and kendalltau(self.sizes, self.peaks).statistic > 0.25
        return 2 * failed_mb if explained else largest

    def learn(self, size: float, peak_mb: float, wall_s: float) -> None:
        """Remember the task and each model's relative error."""
        for errors, said in zip(self._errors, self._said, strict=False):
            errors.append((peak_mb - said) / peak_mb)
        super().learn(size, peak_mb, wall_s)

    def _offset(self, number: int) -> float:
        """Return the offset with which a model would have wasted least on all tasks so far."""
        if not self._errors[number]:
            return _DEFAULT_OFFSET
        y = np.array(self.peaks)
        told = self._models[number].predict(np.array(self.sizes)[:, None])
        told = np.where(told > 0, told, told[told > 0].min(initial=np.inf))

        def wasted(offset: float) -> float:
            asked = told * (1 + offset)
            doubled = asked * 2 ** np.ceil(np.log2(np.maximum(y / asked, 1)))
            return float(np.where(asked >= y, asked - y, doubled / 2 + doubled - y).sum())

        return min(_spreads(np.array(self._errors[number])), key=wasted)

    def _first_models(self) -> list[Any]:
        """Return line, network, forest and neighbours."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.linear_model import LinearRegression
        from sklearn.neighbors import KNeighborsRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MinMaxScaler

        pool = (
            LinearRegression(),
            MLPRegressor(hidden_layer_sizes=(7, 7), solver="lbfgs", alpha=1e-3, max_iter=5000, random_state=self.seed),
            RandomForestRegressor(n_estimators=25, max_depth=5, random_state=self.seed),
            KNeighborsRegressor(n_neighbors=3),
        )
        return [
            TransformedTargetRegressor(make_pipeline(MinMaxScaler(), one), transformer=MinMaxScaler()) for one in pool
        ]

    def _refit(self) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import cross_val_score

        x, y = np.array(self.sizes)[:, None], np.array(self.peaks)
        learning = self._models if not self._fitted_at else self._models[:_NEIGHBOURS]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a network stopped early is a baseline all the same
            accuracy = [
                float(cross_val_score(model.regressor[-1], _scaled(x), _scaled(y), cv=5, scoring=_minus_error).mean())
                for model in learning
            ]
            for model in learning:
                model.fit(x, y)
        self._accuracy = np.array([*accuracy, *self._accuracy[len(accuracy) :]])
        self._fitted_at = len(self.peaks)


def _scaled(values: Sequence[float] | Floats) -> Floats:
    """Return values between 0 and 1, as they lie between the least and the largest."""
    array = np.asarray(values, dtype=float)
    return np.asarray((array - array.min()) / (np.ptp(array) or 1.0))


def _minus_error(model: Any, x: Floats, y: Floats) -> float:
    """Return minus the mean relative error, each at most 1, of peaks scaled to 0 .. 1."""
    return -float(np.mean(np.minimum(np.abs((y - model.predict(x)) / (y + 1e-8)), 1.0)))


def _spreads(errors: Floats) -> list[float]:
    """Return the four offsets that Sizey chooses among, from a model's relative errors."""
    under, sizes = errors[errors > 0], np.abs(errors)
    low, high = np.percentile(sizes, [10, 90])
    usual = sizes[(sizes >= low - 1.5 * (high - low)) & (sizes <= high + 1.5 * (high - low))]
    return [
        float(np.std(usual)) if len(errors) > 1 else _DEFAULT_OFFSET,
        float(np.median(under)) if len(under) else _DEFAULT_OFFSET,
        float(np.median(sizes)),
        float(np.std(under)) if len(under) else _DEFAULT_OFFSET,
    ]
