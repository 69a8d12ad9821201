"""The line that a running schedule learns from."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.schedule.dynamic import online
from planner.schedule.dynamic.online import MemoryLine, TaskSum

SIZES = st.lists(st.floats(0.1, 1.0), min_size=1, max_size=12)


def truth(x: float) -> float:
    return 40 * (0.1 + 0.9 * x)


@given(SIZES)
@settings(deadline=None, max_examples=25)
def test_it_is_the_posterior_of_a_bayesian_line_with_noise_that_grows_with_size(sizes: list[float]) -> None:
    """The same as the textbook's matrices give (normal prior, noise plugged in twice)."""
    known = np.array([(1.0, 41.0), (0.5, 23.0), (0.3, 14.0)])
    seen = [(x, truth(x) * 1.05) for x in sizes]
    start = online.from_predictions([(x, mb) for x, mb in known], scale_sd=0.17, line_sd=0.05)
    line = online.learn(start, seen, spread=0.08, dof=15)

    theta0 = np.linalg.lstsq(np.column_stack([np.ones(3), known[:, 0]]), known[:, 1], rcond=None)[0]
    level = theta0.sum()
    precision0 = np.linalg.inv(0.17**2 * np.outer(theta0, theta0) + (0.05 * level) ** 2 * np.eye(2))
    rows = np.column_stack([np.ones(len(sizes)), sizes])
    peaks = np.array([mb for _, mb in seen])
    weights = (0.1 + 0.9 * rows[:, 1]) ** 2
    s2 = (0.08 * level) ** 2
    for _ in range(2):
        covariance = np.linalg.inv(precision0 + rows.T @ (rows / (weights * s2)[:, None]))
        theta = covariance @ (precision0 @ theta0 + rows.T @ (peaks / (weights * s2)))
        s2 = (15 * (0.08 * level) ** 2 + np.sum((peaks - rows @ theta) ** 2 / weights)) / (15 + len(sizes))

    assert line.coefficients == pytest.approx(theta, rel=1e-6)
    assert line.s2 == pytest.approx(s2, rel=1e-6)
    assert np.array(line.cov) == pytest.approx(covariance, rel=1e-6)
    at_half = np.array([1.0, 0.5])
    variance = s2 * 0.55**2 + at_half @ covariance @ at_half
    assert line.variance(TaskSum().and_one(0.5)) == pytest.approx(variance, rel=1e-6)


def test_predictions_that_are_all_too_low_are_corrected_by_a_few_peaks() -> None:
    start = online.from_predictions([(x, 0.8 * truth(x)) for x in (0.25, 0.5, 1.0)], scale_sd=0.12, line_sd=0.03)
    line = online.learn(start, [(x, truth(x)) for x in (0.3, 0.6, 0.9, 0.7)], spread=0.08, dof=30)
    assert abs(line.mean(1.0) - truth(1.0)) < abs(sum(start.coefficients) - truth(1.0)) / 4


def test_without_predictions_two_small_tasks_do_not_extrapolate_to_nothing() -> None:
    seen = [(0.19, 12.0), (0.21, 9.0)]  # the smaller one needed more
    start = online.from_observations(seen, slope_sd_mb=40.0, bend_sd=0.7, spread=0.08)
    line = online.learn(start, seen, spread=0.08, dof=30)
    assert line.mean(1.0) > 20


@given(st.lists(st.floats(0.25, 1.0), min_size=4, max_size=12, unique=True))
@settings(deadline=None, max_examples=25)
def test_without_predictions_a_bend_is_learnt_as_the_textbook_says(sizes: list[float]) -> None:
    seen = [(x, 40 * (0.1 + 0.9 * x**2)) for x in sizes]
    start = online.from_observations(seen, slope_sd_mb=40.0, bend_sd=0.7, spread=0.08)
    line = online.learn(start, seen, spread=0.08, dof=30)
    rows = np.array([online.powers(x) for x in sizes])
    weights = (0.1 + 0.9 * rows[:, 1]) ** 2
    precision0 = np.linalg.inv(np.array(start.cov))
    s2 = (0.08 * start.level_mb) ** 2
    peaks = np.array([mb for _, mb in seen])
    for _ in range(2):
        covariance = np.linalg.inv(precision0 + rows.T @ (rows / (weights * s2)[:, None]))
        theta = covariance @ (precision0 @ start.coefficients + rows.T @ (peaks / (weights * s2)))
        s2 = (30 * (0.08 * start.level_mb) ** 2 + np.sum((peaks - rows @ theta) ** 2 / weights)) / (30 + len(sizes))
    assert line.coefficients == pytest.approx(theta, rel=1e-6, abs=1e-6)
    assert np.array(line.cov) == pytest.approx(covariance, rel=1e-6, abs=1e-9)


def test_the_bend_that_small_tasks_cannot_show_leaves_large_ones_uncertain() -> None:
    seen = [(x, truth(x)) for x in (0.25, 0.3, 0.35, 0.4, 0.45)]

    def spread_at_largest(bend_sd: float) -> float:
        start = online.from_observations(seen, slope_sd_mb=40.0, bend_sd=bend_sd, spread=0.08)
        return math.sqrt(online.learn(start, seen, spread=0.08, dof=30).variance(TaskSum().and_one(1.0)))

    assert spread_at_largest(0.7) > 1.3 * spread_at_largest(0.0001)


def test_predictions_that_fall_with_size_give_no_slope_to_believe() -> None:
    start = online.from_predictions([(0.2, 30.0), (1.0, 10.0)], scale_sd=0.12, line_sd=0.03)
    assert start.coefficients[1] > 0
    assert sum(start.coefficients) == pytest.approx(start.level_mb)


def test_equal_sizes_have_no_slope() -> None:
    assert online.least_squares([(1.0, 10.0), (1.0, 14.0)]) == (12.0, 0.0)


def test_what_was_exceeded_is_learnt_like_a_truncated_normal() -> None:
    """The moments agree with sampling."""
    line = MemoryLine(coefficients=(4.0, 36.0), cov=((1.0, 0.5), (0.5, 16.0)), s2=9.0, dof=30)
    sizes, limit = [1.0, 0.7], 75.0
    weights = [online.noise_weight(x) for x in sizes]
    expected = sum(line.mean(x) for x in sizes)
    moved, rise = online.exceeded(line, sizes, expected, limit)
    rng = np.random.default_rng(7)
    theta = rng.multivariate_normal(line.coefficients, line.cov, size=400_000)
    noise = rng.standard_normal((400_000, 2)) * np.sqrt(9.0 * np.array(weights))
    kept = (theta[:, 0, None] + theta[:, 1, None] * np.array(sizes) + noise).sum(axis=1) > limit
    assert moved.coefficients == pytest.approx(theta[kept].mean(axis=0), rel=0.01)
    assert moved.cov[1][1] == pytest.approx(np.var(theta[kept, 1]), rel=0.03)
    assert [rise * weight for weight in weights] == pytest.approx(noise[kept].mean(axis=0), rel=0.05)


@given(SIZES, st.floats(0.2, 30.0))
@settings(deadline=None, max_examples=60)
def test_exceeding_a_limit_never_lowers_anything_and_leaves_a_proper_variance(
    sizes: list[float], factor: float
) -> None:
    line = MemoryLine(coefficients=(4.0, 36.0), cov=((1.0, 0.0), (0.0, 16.0)), s2=9.0, dof=30)
    expected = sum(line.mean(x) for x in sizes)
    moved, rise = online.exceeded(line, sizes, expected, factor * expected)
    assert moved.mean(1.0) >= line.mean(1.0)
    assert rise >= 0
    assert all(map(math.isfinite, moved.coefficients))
    assert moved.variance(TaskSum((1.0, 1.0, 1.0))) >= -1e-9
