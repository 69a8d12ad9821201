"""The cost-aware request."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.retry import Retry
from planner.memory.cost import cheapest
from planner.memory.members import MEMBERS, Past, middle_means, moved_along
from planner.memory.predictive import Predictive, smooth
from planner.memory.sizing import (
    LEAST_REQUEST_MB,
    Sizer,
    SizerState,
)


def taught(sizes: np.ndarray, peaks: np.ndarray, walls: np.ndarray | float = 600.0) -> Sizer:
    sizer = Sizer()
    for size, peak, wall in zip(sizes, peaks, np.broadcast_to(walls, len(sizes)), strict=True):
        sizer.update(size, peak, wall, sizer.predict(size) if len(sizer) else None)
    return sizer


def atoms(*values: float, mass: list[float] | None = None) -> Predictive:
    weights = np.array(mass or [1 / len(values)] * len(values))
    return Predictive(np.array(values), weights, weights)


def expected_cost(request: float, predictive: Predictive, retry: Retry, kappa: float) -> float:
    total = 0.0
    for peak, mass in zip(predictive.atoms, predictive.cost_mass, strict=True):
        wasted, failures = retry.replay(request, peak, 1.0)
        total += mass * (wasted + kappa * failures * peak)
    return total


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.floats(1, 1000), min_size=2, max_size=12, unique=True),
    st.floats(0, 2000),
    st.floats(0.1, 5),
)
def test_the_request_is_the_atom_of_least_expected_cost(values: list[float], largest: float, kappa: float) -> None:
    predictive = atoms(*sorted(values))
    retry = Retry(largest)
    found = cheapest(predictive, retry, least=0.01, kappa=kappa)
    upper = [a for i, a in enumerate(predictive.atoms) if (i + 1) / len(values) > 0.5 + 1e-9]
    costs = [expected_cost(a, predictive, retry, kappa) for a in upper]
    assert expected_cost(found, predictive, retry, kappa) <= min(costs) * (1 + 1e-9) + 1e-9


def test_a_rare_giant_is_left_to_the_retry_and_a_frequent_one_is_not() -> None:
    rare = atoms(100.0, 1000.0, mass=[0.99, 0.01])
    often = atoms(100.0, 1000.0, mass=[0.6, 0.4])
    assert cheapest(rare, Retry(1000.0), least=1, kappa=2) == 100.0
    assert cheapest(often, Retry(1000.0), least=1, kappa=2) == 1000.0


def test_a_retry_steps_above_what_failed_and_what_was_seen_and_doubles_from_there() -> None:
    retry = Retry(1000.0)
    assert retry.after(500.0) == retry.after(1000.0) == 1300.0
    assert retry.after(1001.0) == pytest.approx(1301.3)
    assert retry.after(1300.0) == 2600.0
    assert Retry(0.0).after(500.0) == 1000.0
    assert retry.replay(500.0, 800.0, 2.0) == (500 * 2 + 500 * 2, 1)


def test_leave_one_out_residuals_are_those_of_refitting_without_the_row() -> None:
    rng = np.random.default_rng(0)
    x, y, weight = rng.uniform(1, 9, 8), rng.uniform(10, 90, 8), rng.uniform(0.2, 1, 8)
    at = 5.0
    moved = moved_along(x, y, weight, at)
    full = np.polynomial.Polynomial.fit(x, y, 1, w=np.sqrt(weight))
    for i in range(8):
        rest = np.arange(8) != i
        without = np.polynomial.Polynomial.fit(x[rest], y[rest], 1, w=np.sqrt(weight[rest]))
        assert moved[i] - full(at) == pytest.approx(y[i] - without(x[i]))


def test_nearness_is_counted_in_ranks() -> None:
    past = Past(np.array([1.0, 2.0, 3.0, 1000.0]), np.ones(4))
    near = past.nearness(1000.0, 0.3)
    assert near[3] == 1.0
    assert near[2] == pytest.approx(past.nearness(1.0, 0.3)[1])


def test_the_distribution_reaches_beyond_what_was_seen() -> None:
    said = smooth(np.array([100.0, 110.0, 120.0, 130.0]), np.ones(4), np.ones(4), rows=4)
    assert said.quantile(0.5) == pytest.approx(115, abs=15)
    assert said.atoms[-1] > 150
    assert np.all(np.diff(said.atoms) >= 0)
    assert said.quantile(1.0) == said.atoms[-1]


def test_requests_follow_a_line_closely() -> None:
    rng = np.random.default_rng(3)
    size = rng.uniform(50, 250, 120)
    sizer = taught(size, (100 + 4 * size) * (1 + 0.02 * rng.standard_normal(120)))
    for at in (60.0, 150.0, 240.0):
        assert 1.0 < sizer.predict(at).request / (100 + 4 * at) < 1.15


def test_beyond_the_sizes_seen_the_request_goes_on_growing() -> None:
    size = np.linspace(50, 130, 30)
    sizer = taught(size, 100 + 4 * size * (1 + 0.02 * np.sin(np.arange(30))))
    assert sizer.predict(250.0).request >= 1100


def test_a_plateau_is_not_extrapolated() -> None:
    size = np.linspace(1, 100, 100)
    sizer = taught(size, np.minimum(100 * size, 2000) + np.sin(np.arange(100)))
    assert sizer.predict(300.0).request < 2500


def test_the_member_that_cost_least_is_heard_most() -> None:
    size = np.linspace(1, 100, 60)
    order = np.random.default_rng(0).permutation(60)
    sizer = taught(size[order], 1000 * size[order])
    flat = [number for number, member in enumerate(MEMBERS) if member.line == "flat"]
    assert sizer.costs[0] < 0.1 * min(sizer.costs[flat])
    assert sizer.predict(50.5).weights[flat].sum() < 0.01


def test_peaks_that_grow_from_task_to_task_are_followed() -> None:
    rng = np.random.default_rng(8)
    count = np.arange(80)
    peaks = (1000 + 20 * count) * (1 + 0.01 * rng.standard_normal(80))
    assert 2600 <= taught(rng.uniform(1, 9, 80), peaks).predict(5.0).request <= 2850
    assert taught(rng.uniform(1, 9, 80), rng.permutation(peaks)).predict(5.0).request < 2700


def test_sizes_in_ascending_order_are_judged_as_in_any_other() -> None:
    rng = np.random.default_rng(4)
    size = np.linspace(40, 250, 22)
    peaks = (100 + 20 * size) * (1 + 0.01 * rng.standard_normal(22))
    sizer = Sizer()
    for one, peak in zip(size, peaks, strict=True):
        sizer.update(one, peak, 600.0)
    sizer.judge(most=100)
    assert sizer.predict(100.0).request == pytest.approx(2100, rel=0.05)
    flat = [number for number, member in enumerate(MEMBERS) if member.line == "flat"]
    assert sizer.predict(100.0).weights[flat].sum() < 0.01


def test_the_middle_of_what_members_say_ascends_and_leaves_out_a_minority() -> None:
    weights = np.array([0.3, 0.45, 0.25])
    assert middle_means(np.array([[9e9], [5.0], [7.0]]), weights)[0] == pytest.approx(0.25 * 5 + 0.75 * 7)
    columns = np.sort(np.random.default_rng(6).uniform(0, 9, (3, 50)), axis=1)
    assert (np.diff(middle_means(columns, weights)) >= -1e-12).all()


def test_a_slow_task_counts_more_than_a_fast_one() -> None:
    peaks = np.array([100.0] * 30 + [140.0] * 6)
    slow = taught(np.ones(36), peaks, np.where(peaks > 100, 6000.0, 60.0))
    fast = taught(np.ones(36), peaks, np.where(peaks > 100, 60.0, 6000.0))
    assert slow.predict(1.0).request >= 140
    # in whole MiB, as Slurm is asked
    assert math.ceil(fast.predict(1.0).request) <= math.ceil(slow.predict(1.0).request)


def test_only_a_window_is_remembered() -> None:
    sizer = Sizer(window=50)
    for number in range(120):
        sizer.update(1.0, 100.0 + number, 60.0)
    assert len(sizer) == 50
    assert sizer.memory.value[0] == 170.0


def test_what_is_remembered_can_be_kept_and_taken_up_again() -> None:
    rng = np.random.default_rng(5)
    sizer = taught(rng.uniform(1, 9, 20), rng.uniform(100, 900, 20))
    again = Sizer(sizer.memory)
    assert again.predict(4.0).request == sizer.predict(4.0).request
    assert again.memory == sizer.memory


def test_nothing_seen_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing observed"):
        Sizer(SizerState()).predict(1.0)


def saturating(size: Any) -> Any:
    return 9000 * size / (size + 300)


def test_beyond_all_sizes_a_tool_that_has_reached_its_plateau_is_not_followed_upwards() -> None:
    rng = np.random.default_rng(7)
    size = np.exp(rng.uniform(np.log(10), np.log(10_000), 60))
    sizer = taught(size, saturating(size) * (1 + 0.03 * rng.standard_normal(60)))
    for far in (12_000.0, 20_000.0, 40_000.0):
        assert saturating(np.array([far]))[0] < sizer.predict(far).request < 11_500


def test_the_largest_tasks_tell_most_of_what_comes_beyond_them() -> None:
    """Growth that ended long below the largest task is not followed, although smaller tasks still grew."""
    size = np.array([*np.geomspace(10, 900, 14), 1800.0, 2400.0, 4000.0, 5700.0])
    peak = np.minimum(5 * size, 5000.0) * (1 + 0.01 * np.cos(np.arange(len(size))))
    assert taught(size, peak).predict(15_000.0).request < 1.6 * 5000


def test_no_request_stops_a_hair_below_the_largest_peak_seen() -> None:
    """Tools of nearly constant memory: a thousandth saved is a task killed."""
    rng = np.random.default_rng(3)
    size = rng.uniform(40, 60, 40)
    peaks = 36_500 + 1.2 * size + rng.normal(0, 3, 40)
    sizer = taught(size, peaks)
    asked = [sizer.predict(float(one)).request for one in np.linspace(41, 59, 10)]
    assert min(asked) >= peaks.max()


ODD = {
    "one": ([7.0], [300.0]),
    "two": ([7.0, 8.0], [300.0, 290.0]),
    "three": ([7.0, 8.0, 9.0], [300.0, 290.0, 500.0]),
    "constant size": ([5.0] * 20, list(np.linspace(100, 200, 20))),
    "zero variance": ([5.0] * 20, [150.0] * 20),
    "zero variance, sizes vary": (list(range(1, 21)), [150.0] * 20),
    "duplicated rows": ([1.0, 2.0, 3.0] * 12, [100.0, 200.0, 300.0] * 12),
    "one giant outlier": (list(range(1, 31)), [100.0] * 29 + [1e6]),
    "one giant size": ([*range(1, 30), 1e9], [100.0] * 29 + [130.0]),
    "zero and negative sizes": ([0.0, -5.0, 3.0] * 5, [100.0, 90.0, 120.0] * 5),
    "all sizes zero": ([0.0] * 9, [100.0] * 9),
    "falling": (list(range(1, 31)), list(np.linspace(900, 30, 30))),
    "tiny peaks": (list(range(1, 11)), [1e-3] * 10),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_histories_give_sane_requests(name: str) -> None:
    sizes, peaks = (np.array(column, dtype=float) for column in ODD[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sizer = taught(sizes, peaks)
        inside = float(np.median(sizes))
        request = sizer.predict(inside).request
        far = [sizer.predict(at).request for at in (float(sizes.max()) * 3, 0.0, -1.0)]
    typical = float(np.median(peaks))
    assert (
        max(0.9 * min(typical, peaks.min()), LEAST_REQUEST_MB) <= request <= max(4 * typical, LEAST_REQUEST_MB) * 1.01
    )
    assert all(LEAST_REQUEST_MB <= one < 1e9 for one in far)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(1, 1e6), st.floats(1, 1e5)), min_size=1, max_size=25),
    st.floats(1e-6, 1e6),
    st.floats(1e-3, 1e3),
)
def test_other_units_of_size_and_time_change_nothing(
    rows: list[tuple[float, float, float]], unit: float, second: float
) -> None:
    sizes, peaks, walls = (np.array([row[i] for row in rows]) for i in range(3))
    at = float(np.median(sizes))
    here = taught(sizes, peaks, walls).predict(at).request
    there = taught(sizes * unit, peaks, walls * second).predict(at * unit).request
    assert there == pytest.approx(here, rel=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.just(0.0) | st.floats(1e-6, 1e4), st.floats(1, 1e6)), min_size=1, max_size=25),
    st.floats(0, 2e4),
)
def test_the_bound_is_monotone_in_the_level(rows: list[tuple[float, float]], at: float) -> None:
    said = taught(np.array([r[0] for r in rows]), np.array([r[1] for r in rows])).predict(at)
    bounds = [said.bound(level) for level in (0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)]
    assert bounds == sorted(bounds)
    assert np.isfinite(bounds).all()
