"""One size from several features."""

import numpy as np
import pytest

from planner.core.errors import InputError
from planner.memory.point import fit_point, from_formula, from_rows

RNG = np.random.default_rng(11)
NAMES = ("variants", "samples")
ROWS = np.column_stack([RNG.uniform(1e3, 1e5, 60), RNG.uniform(10, 2000, 60)])
NOISE = 1 + 0.05 * RNG.standard_normal(60)


def test_without_features_all_tasks_are_alike() -> None:
    model, sizes = fit_point((), np.empty((3, 0)), np.array([5.0, 6.0, 7.0]))
    assert (model.form, list(sizes)) == ("constant", [1.0, 1.0, 1.0])


def test_one_feature_is_its_own_size() -> None:
    model, sizes = fit_point(("length_mb",), np.array([[3.0], [-2.0]]), np.array([5.0, 6.0]))
    assert model.form == "feature"
    assert list(sizes) == [3.0, -2.0]
    assert model.size(model.row({"length_mb": 7.0, "other": 1.0}))[0] == 7.0


def test_products_are_found_as_powers() -> None:
    values = 3 * ROWS[:, 0] ** 0.5 * ROWS[:, 1] ** 0.3 * NOISE
    model, sizes = fit_point(NAMES, ROWS, values)
    assert model.form == "powers"
    assert model.coefficients == pytest.approx((0.5, 0.3), abs=0.05)
    assert np.median(np.abs(sizes / values - 1)) < 0.06


def test_sums_are_found_as_sums_with_no_negative_term() -> None:
    values = (400 + 0.05 * ROWS[:, 0] + 2.0 * ROWS[:, 1]) * NOISE
    model, _ = fit_point(NAMES, ROWS, values)
    assert model.form == "sum"
    assert np.array(model.coefficients) / np.array(model.scales) == pytest.approx([0.05, 2.0], rel=0.1)
    falling, _ = fit_point(NAMES, ROWS, 3000 - values * 0.1)
    assert min(falling.coefficients) >= 0 or falling.form == "powers"


def test_the_sizes_of_the_rows_are_told_without_them() -> None:
    values = ROWS[:, 0] ** 0.5 * NOISE
    values[0] *= 100
    model, sizes = fit_point(NAMES, ROWS, values)
    assert sizes[0] != pytest.approx(model.size(ROWS)[0], rel=1e-6)


def test_other_units_and_another_seed_of_the_folds_change_little_or_nothing() -> None:
    values = 3 * ROWS[:, 0] ** 0.5 * ROWS[:, 1] ** 0.3 * NOISE
    model, sizes = fit_point(NAMES, ROWS, values, seed=1)
    scaled, told = fit_point(NAMES, ROWS * np.array([1e-6, 1e3]), values, seed=1)
    assert told == pytest.approx(sizes, rel=1e-9)
    assert scaled.form == model.form
    again, _ = fit_point(NAMES, ROWS, values, seed=2)
    assert again.size(ROWS) == pytest.approx(model.size(ROWS))


def test_a_feature_that_is_zero_somewhere_is_logged_a_little_above_zero() -> None:
    rows = ROWS.copy()
    rows[:30, 1] = 0.0
    model, _ = fit_point(NAMES, rows, 2 * rows[:, 0] ** 0.7 * NOISE)
    assert model.form == "powers"
    assert model.logged == (True, True)
    assert model.shifts[0] == 0 < model.shifts[1]
    assert np.isfinite(model.size(np.array([[0.0, -5.0]]))).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_rows_give_finite_sizes(count: int) -> None:
    model, sizes = fit_point(NAMES, ROWS[:count], np.array([100.0, 120.0, 90.0])[:count])
    assert np.isfinite(sizes).all()
    assert 1 < model.size(ROWS[50:51])[0] < 1e5


def test_constant_features_are_no_trouble() -> None:
    rows = np.full((10, 2), 5.0)
    model, sizes = fit_point(NAMES, rows, np.linspace(90, 110, 10))
    assert np.isfinite(sizes).all()
    assert model.size(rows[:1])[0] == pytest.approx(100, rel=0.1)


def test_a_formula_decides_while_rows_are_few_and_yields_to_a_better_fit() -> None:
    shape = from_formula("100 + samples / 2")
    few, told = fit_point(NAMES, ROWS[:3], np.array([500.0, 700.0, 300.0]), shape=shape)
    assert few == shape
    assert told == pytest.approx(100 + ROWS[:3, 1] / 2)
    values = 3 * ROWS[:, 0] ** 0.5 * ROWS[:, 1] ** 0.3 * NOISE
    assert fit_point(NAMES, ROWS, values, shape=shape)[0].form == "powers"
    assert fit_point(NAMES, ROWS, 7 * (100 + ROWS[:, 1] / 2) * NOISE, shape=shape)[0] == shape


def test_a_tool_that_is_known_tells_how_the_tasks_of_another_compare() -> None:
    size = ROWS[:, :1]
    one, sizes = fit_point(NAMES[:1], size, 3 * size[:, 0] ** 0.5)
    assert one.form == "feature"
    told = from_rows(one, sizes, 3 * size[:, 0] ** 0.5)
    assert told.told
    assert told.size(np.array([[4e4]]))[0] / told.size(np.array([[1e4]]))[0] == pytest.approx(2, rel=0.01)
    both, sizes = fit_point(NAMES, ROWS, ROWS[:, 0] ** 0.5 * NOISE)
    assert from_rows(both, sizes, sizes).coefficients == both.coefficients


def test_a_formula_that_does_not_fit_the_features_is_left_alone() -> None:
    for text in ("100 + depth", "samples - 1000"):
        assert fit_point(NAMES, ROWS, 100 * NOISE, shape=from_formula(text))[0].form != "formula"
    with pytest.raises(InputError):
        from_formula("100 +")


def test_one_zero_among_many_rows_changes_little_for_the_others() -> None:
    values = 3 * ROWS[:, 0] ** 0.5 * ROWS[:, 1] ** 0.3 * NOISE
    rows = ROWS.copy()
    rows[7, 0] = 0.0
    model, _ = fit_point(NAMES, rows, values)
    before, _ = fit_point(NAMES, ROWS, values)
    asked = np.array([[2e5, 100.0], [5e4, 4000.0], [1e6, 2000.0]])
    assert (model.size(asked) < 3 * before.size(asked)).all()
    assert np.isfinite(model.size(np.array([[0.0, 0.0]]))).all()


def test_what_stands_in_an_exponent_is_not_followed_beyond_what_was_seen() -> None:
    rows = np.column_stack([ROWS[:, 0], np.linspace(-5, 3, 60)])
    values = 3 * ROWS[:, 0] ** 0.5 * NOISE * np.exp(0.5 * rows[:, 1])
    model, _ = fit_point(("variants", "shift"), rows, values)
    assert model.form == "powers"
    assert model.logged == (True, False)
    at_the_edge, far = model.size(np.array([[5e4, 3.0], [5e4, 300.0]]))
    assert far == pytest.approx(at_the_edge)
