"""The Bayesian line and the paper's polynomial."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.memory.linear import fit_line, fit_polynomial, student_t_quantile

SIZES = np.linspace(50, 250, 22)


def test_with_many_tasks_the_line_is_the_true_one() -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(50, 250, 2000)
    value = 100 + 4 * size + rng.normal(0, 0.05 * (4 * size))
    line = fit_line(size, value)
    assert line.mean(np.array([50.0, 150.0, 250.0])) == pytest.approx([300, 700, 1100], rel=0.01)


def test_the_spread_grows_with_the_size() -> None:
    line = fit_line(SIZES, 10 * SIZES)
    assert line.sd(250.0)[0] > 2 * line.sd(50.0)[0]


def test_one_task_predicts_nearly_in_proportion() -> None:
    line = fit_line([50.0], [500.0])
    assert line.mean(250.0)[0] == pytest.approx(2300, rel=0.02)  # m (.1 + .9 x) with x = 5


def test_two_small_tasks_do_not_extrapolate_to_negative_memory() -> None:
    line = fit_line([46.7, 50.8], [520.0, 480.0])
    assert line.mean(248.9)[0] > 1000


def test_a_prior_decides_before_and_gives_way_after_the_tasks() -> None:
    prior = (SIZES, 100 + 2 * SIZES)
    alone = fit_line([], [], prior=prior)
    assert alone.mean(200.0)[0] == pytest.approx(500, rel=0.01)
    taught = fit_line(SIZES, 3 * (100 + 2 * SIZES), prior=prior)
    assert taught.mean(200.0)[0] == pytest.approx(1500, rel=0.1)


def test_the_bound_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        size = rng.uniform(50, 250, 13)
        mean = 50 + 4 * size
        value = mean * (1 + 0.08 * rng.standard_normal(13))
        line = fit_line(size[:12], value[:12])
        covered.append(value[12] <= line.upper(size[12], 0.9)[0])
    assert 0.86 <= np.mean(covered) <= 0.95


def test_without_tasks_and_without_a_prior_there_is_no_line() -> None:
    with pytest.raises(ValueError, match="neither"):
        fit_line([], [])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(1, 300), st.floats(1, 1e5)), min_size=1, max_size=12),
    st.floats(1e-6, 1e6),
)
def test_other_units_of_size_change_nothing(rows: list[tuple[float, float]], unit: float) -> None:
    size, value = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    at = float(size.max())
    here, there = fit_line(size, value).upper(at, 0.95)[0], fit_line(size * unit, value).upper(at * unit, 0.95)[0]
    assert there == pytest.approx(here, rel=1e-6)


@pytest.mark.parametrize(("level", "dof", "exact"), [(0.95, 15, 1.75305), (0.99, 25, 2.48511), (0.5, 20, 0.0)])
def test_quantiles_of_student_t(level: float, dof: float, exact: float) -> None:
    assert student_t_quantile(level, dof) == pytest.approx(exact, abs=1e-4)


def test_the_polynomial_and_its_interpolated_percentile() -> None:
    size = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    value = 2 + 3 * size + np.array([0.0, 1.0, -1.0, 0.0, 0.0])
    fitted = fit_polynomial(size, value)
    assert fitted.upper(3.0, 0.95) == pytest.approx(fitted.mean(3.0) + np.quantile(fitted.residuals, 0.95))
    assert fit_polynomial(size, size**2, degree=2).mean(6.0) == pytest.approx(36)


def test_a_falling_line_gives_way_to_the_mean_and_nothing_falls_below_half_the_least() -> None:
    assert fit_polynomial([1.0, 2.0], [20.0, 10.0]).mean(10.0) == pytest.approx(15)
    assert fit_polynomial([1.0, 2.0, 3.0], [10.0, 100.0, 190.0]).mean(0.0) == pytest.approx(5)
    with pytest.raises(ValueError, match="no observations"):
        fit_polynomial([], [])
