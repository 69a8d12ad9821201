"""The need of each element, and its prediction by a model that was fitted to all the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.advice.arrays import PastArray, PastElement
from planner.core.records import Observation
from planner.core.retry import DOUBLE, Retry
from planner.history.sacct.read import observe
from planner.memory import heldout
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel, Prediction

_TOOL = "array"
LEAST_ROWS = 4
"""With fewer peaks there is nobody to predict the others from."""
_MOST_ROWS = 60
"""Evidence for one prediction: more takes seconds, and hardly tells more."""
_LEAST_TO_COMPARE = 6
_FOLLOWS_LENGTH = 0.5
_A_LITTLE_MORE = 1.01


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """An element whose peak is known, and what the others say of it.

    Attributes
    ----------
    peak_mb, wall_s : float
    assumed : bool
        Nobody knows its peak, as it was killed: it is taken to be what the others say, and a little more than it had.
    prediction : Prediction
    retry : Retry
        What is asked for after a kill.
    """

    element: PastElement
    peak_mb: float
    wall_s: float
    prediction: Prediction
    assumed: bool = False
    retry: Retry = DOUBLE


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """What could have been known.

    Attributes
    ----------
    rows : tuple of Foretold
    follows_length : float or None
        Correlation (of logarithms) of the peaks with the lengths of the chromosomes, where they are predicted from
        these.
    own_mb : (int, int) or None
        Smallest and largest request that each would have next time, MiB.
    left_out : int
        Elements of which nothing can be said.
    why_not : str
        Why nothing is said at all; empty otherwise.
    """

    rows: tuple[Foretold, ...] = ()
    own_mb: tuple[int, int] | None = None
    follows_length: float | None = None
    left_out: int = 0
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class _Known:
    elements: Mapping[str, PastElement]
    observations: Sequence[Observation]
    lengths_bp: Mapping[str, int]
    follows_length: float | None = field(default=None)

    @property
    def feature_names(self) -> tuple[str, ...]:
        recorded = {tuple(element.features) for element in self.elements.values()}
        if len(recorded) == 1 and (names := recorded.pop()):
            return names
        return () if self.follows_length is None else ("length_mb",)

    def features(self, element: PastElement) -> dict[str, float]:
        return _features(element, self.lengths_bp)


def foresee(
    array: PastArray,
    *,
    lengths_bp: Mapping[str, int],
    seed: int = 0,
    report: Callable[[float], None] = lambda _: None,
) -> Foresight:
    """Predict each element from the others.

    Parameters
    ----------
    lengths_bp : mapping of str to int
        Length of each chromosome; it counts where the peaks follow it.
    seed : int
        Decides which elements are left out together, where there are more than ten.
    report : callable
        Called with the share done.
    """
    evidence = _evidence(array, lengths_bp)
    known = len(evidence.observations)
    if known < LEAST_ROWS:
        return Foresight(left_out=len(array.elements), why_not=_too_few(array, known))
    asked = heldout.Asked(
        tool=_TOOL,
        feature_names=evidence.feature_names,
        poll_s=0.0,
        seed=seed,
        times=False,
        most_rows=_MOST_ROWS,
    )
    found, _ = heldout.predict(evidence.observations, asked, report=report)
    model = fit(
        heldout.drawn(evidence.observations, asked),
        tool=_TOOL,
        feature_names=evidence.feature_names,
        seed=seed,
        poll_s=0.0,
        times=False,
    )
    rows = [
        Foretold(
            element=evidence.elements[one.observation.task],
            peak_mb=one.observation.peak_mb or 0.0,
            wall_s=one.observation.wall_s or 0.0,
            prediction=one.prediction,
            retry=one.retry,
        )
        for one in found
        if one.prediction is not None
    ]
    rows += _killed(array, evidence, model)
    order = {element.label: place for place, element in enumerate(array.elements)}
    rows.sort(key=lambda row: order[row.element.label])
    return Foresight(
        rows=tuple(rows),
        own_mb=_own_mb(array, evidence, model),
        follows_length=evidence.follows_length,
        left_out=len(array.elements) - len(rows),
    )


def _too_few(array: PastArray, known: int) -> str:
    if len(array.elements) < LEAST_ROWS:
        return (
            f"other ways to ask are compared only for {LEAST_ROWS} jobs of a kind or more: --name shows them together"
        )
    return f"{known} of {len(array.elements)} have a peak that can be trusted: too few to predict the others from"


def _features(element: PastElement, lengths_bp: Mapping[str, int]) -> dict[str, float]:
    length = lengths_bp.get(element.chromosome)
    return {**({} if length is None else {"length_mb": length / 1e6}), **element.features}


def _evidence(array: PastArray, lengths_bp: Mapping[str, int]) -> _Known:
    observations = []
    for element in array.elements:
        if element.measured is not None:
            features = _features(element, lengths_bp)
            observations.append(observe(element.measured, tool=_TOOL, task=element.label, features=features))
    return _Known(
        elements={element.label: element for element in array.elements},
        observations=observations,
        lengths_bp=lengths_bp,
        follows_length=_follows_length(array, lengths_bp),
    )


def _follows_length(array: PastArray, lengths_bp: Mapping[str, int]) -> float | None:
    """Return the correlation of peaks with the lengths of chromosomes; None where the elements are not chromosomes."""
    pairs = []
    for element in array.elements:
        length = lengths_bp.get(element.chromosome)
        if length is None:
            return None
        if element.peak_mb and (element.measured is not None or element.killed):
            pairs.append((math.log(length), math.log(element.peak_mb)))
    lengths, peaks = zip(*pairs, strict=True) if pairs else ((), ())
    if len(pairs) < _LEAST_TO_COMPARE or len(set(lengths)) < 2 or len(set(peaks)) < 2:
        return None
    found = statistics.correlation(lengths, peaks)
    return found if found >= _FOLLOWS_LENGTH else None


def _own_mb(array: PastArray, evidence: _Known, model: MemoryModel) -> tuple[int, int]:
    features = {tuple(evidence.features(element).items()) for element in array.elements}
    requests = [model.predict(dict(one)).request_mb for one in features]
    return min(requests), max(requests)


def _killed(array: PastArray, evidence: _Known, model: MemoryModel) -> list[Foretold]:
    """Return the elements that were killed and never ran to their end."""
    usual_s = statistics.median(one.wall_s or 0.0 for one in evidence.observations)
    found = []
    for element in array.elements:
        if element.measured is not None or not element.killed:
            continue
        prediction = model.predict(evidence.features(element))
        had_mb = max((one.peak_mb or one.limit_mb or 0.0 for one in element.killed), default=0.0)
        found.append(
            Foretold(
                element=element,
                peak_mb=max(prediction.point_mb, _A_LITTLE_MORE * had_mb),
                wall_s=max(element.last.wall_s or 0.0, usual_s),
                prediction=prediction,
                assumed=True,
                retry=model.retry(),
            )
        )
    return found
