"""The power laws that learn from one observation on, and the paper's polynomial."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.memory.linear import EXPONENTS, MOST_STRETCH, PowerLaws, fit_powers, student_t_quantile

SIZES = np.linspace(50, 250, 22)


def quantile(laws: PowerLaws, size: float, level: float) -> float:
    atoms, mass = laws.atoms(size)
    return float(atoms[np.searchsorted(np.cumsum(mass), level)])


def test_with_many_tasks_one_law_is_left() -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(50, 250, 200)
    laws = fit_powers(size, 7 * size**0.5 * np.exp(0.05 * rng.standard_normal(200)))
    assert laws.exponents[laws.weights.argmax()] == 0.5
    assert laws.weights.max() > 0.99
    assert np.exp(laws.levels[2]) == pytest.approx(7, rel=0.01)
    assert laws.sds[2] == pytest.approx(0.05, rel=0.15)


def test_before_sizes_have_varied_every_law_is_as_likely() -> None:
    for sizes in ([50.0], [50.0, 50.0]):
        assert fit_powers(sizes, [500.0] * len(sizes)).weights == pytest.approx([1 / len(EXPONENTS)] * len(EXPONENTS))


def test_the_spread_grows_with_the_size() -> None:
    laws = fit_powers(SIZES, 10 * SIZES)

    def spread(size: float) -> float:
        return quantile(laws, size, 0.9) - quantile(laws, size, 0.1)

    assert spread(250.0) == pytest.approx(5 * spread(50.0), rel=0.01)


def test_one_task_predicts_more_for_a_larger_one_and_at_most_in_proportion() -> None:
    laws = fit_powers([50.0], [500.0])
    assert 500 < quantile(laws, 250.0, 0.5) < 2500
    assert quantile(laws, 250.0, 0.85) == pytest.approx(2500, rel=0.15)


def test_two_small_tasks_do_not_extrapolate_below_what_they_needed() -> None:
    laws = fit_powers([46.7, 50.8], [520.0, 480.0])
    assert quantile(laws, 248.9, 0.1) > 400


def test_no_law_is_followed_far_beyond_the_sizes_seen() -> None:
    laws = fit_powers([50.0, 60.0], [500.0, 600.0])
    for near, far in ((60.0 * MOST_STRETCH, 1e9), (50.0 / MOST_STRETCH, 1e-9), (50.0 / MOST_STRETCH, -1.0)):
        assert np.array_equal(laws.atoms(near)[0], laws.atoms(far)[0])


def test_sizes_that_are_not_positive_say_nothing() -> None:
    laws = fit_powers([0.0, 5.0, -3.0], [100.0, 110.0, 105.0])
    assert list(laws.exponents) == [0.0]
    assert np.array_equal(laws.atoms(1.0)[0], laws.atoms(1e6)[0])


def test_the_bound_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        size = rng.uniform(50, 250, 6)
        value = 40 * size**0.75 * np.exp(0.1 * rng.standard_normal(6))
        covered.append(value[5] <= quantile(fit_powers(size[:5], value[:5]), size[5], 0.9))
    assert 0.87 <= np.mean(covered) <= 0.96


def test_values_in_proportion_to_their_sizes_leave_no_other_law() -> None:
    laws = fit_powers([50.0], [500.0], exponents=(1.0,))
    assert quantile(laws, 250.0, 0.5) == pytest.approx(2500, rel=0.01)


def test_without_tasks_there_is_no_law() -> None:
    with pytest.raises(ValueError, match="no observations"):
        fit_powers([], [])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(1, 300), st.floats(1, 1e5)), min_size=1, max_size=12),
    st.floats(1e-6, 1e6),
)
def test_other_units_of_size_change_nothing(rows: list[tuple[float, float]], unit: float) -> None:
    size, value = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    at = float(size.max())
    here, there = fit_powers(size, value), fit_powers(size * unit, value)
    assert there.atoms(at * unit)[0] == pytest.approx(here.atoms(at)[0], rel=1e-6)
    assert here.atoms(at)[1].sum() == pytest.approx(1)


@pytest.mark.parametrize(("level", "dof", "exact"), [(0.95, 15, 1.75305), (0.99, 25, 2.48511), (0.5, 20, 0.0)])
def test_quantiles_of_student_t(level: float, dof: float, exact: float) -> None:
    assert student_t_quantile(level, dof) == pytest.approx(exact, abs=1e-4)
