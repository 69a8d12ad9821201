"""How far tasks beyond all sizes seen are followed."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from planner.memory.growth import LEAST_GROWTH, most_beyond
from planner.memory.members import Past
from planner.memory.sizing import Sizer


def most(sizes: np.ndarray, peaks: np.ndarray, at: float) -> float:
    return float(peaks.max()) * most_beyond(Past(sizes, peaks), np.ones(len(sizes)), at, kappa=2.0)


@pytest.mark.parametrize("at", [10.5, 15.0, 60.0])
@pytest.mark.parametrize(
    "need", [lambda x: 100 + 10 * x, lambda x: 100 * x, lambda x: x**2, lambda x: 50 * x**0.5, lambda x: 70 + 0 * x]
)
def test_a_tool_that_goes_on_as_before_gets_what_it_needs(at: float, need: Callable[[float], float]) -> None:
    sizes = np.linspace(1, 10, 30)
    assert most(sizes, np.array([need(x) for x in sizes]), at) >= need(at)


def test_beyond_a_plateau_hardly_more_than_the_largest_peak_is_asked() -> None:
    sizes = np.geomspace(1, 1000, 30)
    assert most(sizes, np.minimum(sizes, 50) * 100, 1500) == pytest.approx(LEAST_GROWTH * 5000)


def test_one_giant_among_the_largest_tasks_does_not_make_a_slope() -> None:
    sizes = np.geomspace(1, 1000, 30)
    peaks = np.minimum(sizes, 20) * 100
    peaks[27] *= 1.7
    assert most(sizes, peaks, 1800) == pytest.approx(LEAST_GROWTH * 3400)


@pytest.mark.parametrize("sizes", [np.arange(1.0, 7), np.zeros(30), -np.arange(1.0, 30), np.ones(30)])
def test_where_too_few_tasks_can_tell_nothing_is_bounded(sizes: np.ndarray) -> None:
    assert most(sizes, 100 + np.arange(len(sizes)), 100.0) == math.inf


def test_a_request_beyond_the_sizes_seen_is_bounded_and_not_one_within_them() -> None:
    rng = np.random.default_rng(5)
    sizes = rng.permutation(np.geomspace(1, 1000, 40))
    peaks = np.minimum(sizes, 20) * 300 * np.exp(0.02 * rng.standard_normal(40))
    peaks[np.argsort(sizes)[37]] *= 1.7
    sizer = Sizer()
    for size, peak in zip(sizes, peaks, strict=True):
        sizer.update(size, peak, 100.0, sizer.predict(size) if len(sizer) else None)
    assert sizer.predict(2000.0).request <= LEAST_GROWTH**2 * peaks.max()
    assert sizer.predict(2000.0).most < sizer.predict(999.0).most == math.inf
