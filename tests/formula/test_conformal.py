"""From predictions to bounds: ranks, bins, monotonicity, and MAPIE as the judge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.formula.conformal import BEYOND, LEVELS, Calibration, calibrate, rank

POSITIVE = st.floats(1.0, 1e5)
PAIRS = st.lists(st.tuples(POSITIVE, st.floats(0.2, 5.0)), min_size=1, max_size=150)


def noisy(rows: int, seed: int = 0) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(60.0, 600.0, rows)
    return predicted.tolist(), (predicted * np.exp(0.15 * rng.standard_normal(rows))).tolist()


def from_pairs(pairs: list[tuple[float, float]], bins: int | None = None) -> Calibration:
    return calibrate([p for p, _ in pairs], [p * ratio for p, ratio in pairs], bins=bins)


@pytest.mark.parametrize("rows", [30, 61, 94, 200])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_one_bin_gives_the_bound_of_mapie(rows: int, level: float) -> None:
    from mapie.conformity_scores import GammaConformityScore
    from mapie.regression import SplitConformalRegressor
    from sklearn.base import BaseEstimator, RegressorMixin

    class Told(RegressorMixin, BaseEstimator):
        """Predicts its only feature."""

        def fit(self, x: object, y: object) -> Told:
            self.fitted_ = True
            return self

        def predict(self, x: object) -> object:
            return np.asarray(x)[:, 0]

    predicted, actual = noisy(rows)
    # the upper end of MAPIE's two-sided interval with unsymmetric scores is one-sided at half the error
    oracle = SplitConformalRegressor(
        Told().fit(None, None),
        confidence_level=2 * level - 1,
        conformity_score=GammaConformityScore(sym=False),
        prefit=True,
    )
    oracle.conformalize(np.array(predicted)[:, None], np.array(actual))
    points = [70.0, 300.0, 900.0]
    _, interval = oracle.predict_interval(np.array(points)[:, None])
    ours = calibrate(predicted, actual, bins=1)
    assert [ours.upper(point, level) for point in points] == pytest.approx(interval[:, 1, 0].tolist())


@pytest.mark.parametrize(("rows", "level", "expected"), [(19, 0.95, 19), (18, 0.95, 19), (99, 0.9, 90), (9, 0.5, 5)])
def test_the_rank_is_the_ceiling_of_rows_plus_one_times_level(rows: int, level: float, expected: int) -> None:
    assert rank(rows, level) == expected


def test_the_bound_is_the_row_of_that_rank() -> None:
    found = calibrate([100.0] * 19, [100.0 + i for i in range(1, 20)])
    assert found.upper(100.0, 0.95) == pytest.approx(119.0)
    assert found.upper(100.0, 0.90) == pytest.approx(118.0)
    assert found.upper(100.0, 0.50) == pytest.approx(110.0)


def test_too_few_rows_stretch_the_largest_residual_and_say_so() -> None:
    found = calibrate([100.0] * 10, [100.0 + 2 * i for i in range(1, 11)])
    assert found.upper(100.0, 0.95) == pytest.approx(100.0 + BEYOND * 20.0)
    assert not found.enough(0.95)
    assert "10 rows are too few for a 95% bound" in found.note(0.95)
    assert found.enough(0.9)
    assert found.note(0.9) == "90% bound from 10 rows"


def test_a_largest_residual_below_zero_is_not_stretched_downwards() -> None:
    assert calibrate([100.0] * 3, [80.0, 85.0, 90.0]).upper(100.0, 0.99) == pytest.approx(90.0)


@settings(deadline=None, max_examples=80)
@given(PAIRS, st.tuples(POSITIVE, POSITIVE), st.floats(0.01, 1.0))
def test_a_larger_prediction_never_gets_a_smaller_bound(
    pairs: list[tuple[float, float]], points: tuple[float, float], level: float
) -> None:
    found = from_pairs(pairs, bins=4)
    low, high = sorted(points)
    assert found.upper(low, level) <= found.upper(high, level) * (1 + 1e-12)


@settings(deadline=None, max_examples=80)
@given(PAIRS, POSITIVE, st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0)))
def test_a_higher_level_never_gets_a_smaller_bound(
    pairs: list[tuple[float, float]], point: float, levels: tuple[float, float]
) -> None:
    found = from_pairs(pairs, bins=3)
    low, high = sorted(levels)
    assert found.upper(point, low) <= found.upper(point, high) * (1 + 1e-12)


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(pairs: list[tuple[float, float]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert from_pairs(pairs) == from_pairs(shuffled)


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.floats(0.001, 1000.0))
def test_another_unit_scales_the_bound(pairs: list[tuple[float, float]], unit: float) -> None:
    scaled = [(p * unit, ratio) for p, ratio in pairs]
    assert from_pairs(scaled).upper(50.0 * unit, 0.9) == pytest.approx(unit * from_pairs(pairs).upper(50.0, 0.9))


def test_the_bound_is_linear_between_the_knots_and_proportional_beyond() -> None:
    found = calibrate(*noisy(200), bins=3)
    (x0, x1, _), level = found.knots_mb, 0.9
    middle = 0.5 * (found.upper(x0, level) + found.upper(x1, level))
    assert found.upper(0.5 * (x0 + x1), level) == pytest.approx(middle)
    assert found.upper(x0 / 2, level) == pytest.approx(found.upper(x0, level) / 2)
    assert found.upper(found.knots_mb[-1] * 3, level) == pytest.approx(3 * found.upper(found.knots_mb[-1], level))


def test_levels_between_the_tabulated_ones_are_interpolated() -> None:
    found = calibrate(*noisy(200), bins=1)
    between = 0.5 * (found.upper(100.0, 0.8) + found.upper(100.0, 0.85))
    assert found.upper(100.0, 0.825) == pytest.approx(between)
    assert found.upper(100.0, 0.1) == found.upper(100.0, LEVELS[0])


def test_equal_predictions_share_one_bin() -> None:
    found = calibrate([100.0] * 200, noisy(200)[1])
    assert len(found.knots_mb) == 1


def test_bins_come_with_the_rows() -> None:
    assert [len(calibrate(*noisy(rows)).knots_mb) for rows in (39, 80, 120, 1000)] == [1, 2, 3, 5]


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_new_rows_are_covered_as_often_as_promised(level: float) -> None:
    covered = []
    for seed in range(60):
        found = calibrate(*noisy(80, seed))
        predicted, actual = noisy(50, 1000 + seed)
        covered += [a <= found.upper(p, level) for p, a in zip(predicted, actual, strict=True)]
    assert np.mean(covered) == pytest.approx(level, abs=0.02)


def test_a_table_rounded_for_a_file_never_promises_less() -> None:
    found = calibrate(*noisy(120))
    for row, short in zip(found.factors, found.rounded().factors, strict=True):
        assert all(a <= b < a + 1.1e-4 for a, b in zip(row, short, strict=True))


def test_a_dearer_failure_never_lowers_the_cheapest_level() -> None:
    table = calibrate(*noisy(200))
    levels = [table.cheapest_level(cost) for cost in (0.1, 1.0, 2.0, 10.0)]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


def test_failing_on_purpose_is_not_free() -> None:
    with pytest.raises(ValueError, match="positive"):
        calibrate([100.0], [100.0]).cheapest_level(0.0)


def test_the_cheapest_level_wastes_least_on_new_rows() -> None:
    table = calibrate(*noisy(2000), bins=1)
    predicted, actual = noisy(2000, seed=5)

    def waste(level: float) -> float:
        asked = [table.upper(p, level) for p in predicted]
        doubled = [3 * a + 2 * y - y if a < y else a - y for a, y in zip(asked, actual, strict=True)]
        return sum(doubled)

    best = min(waste(level) for level in table.levels)
    assert waste(table.cheapest_level()) <= 1.05 * best


@pytest.mark.parametrize(
    ("predicted", "actual"),
    [([], []), ([1.0], []), ([0.0], [1.0]), ([1.0], [-1.0]), ([math.nan], [1.0]), ([1.0], [math.inf])],
)
def test_rows_that_cannot_be_calibrated_with_are_refused(predicted: list[float], actual: list[float]) -> None:
    with pytest.raises(ValueError, match=r"row|finite|peaks"):
        calibrate(predicted, actual)


@pytest.mark.parametrize("level", [0.0, -1.0, 1.5])
def test_a_level_is_a_probability(level: float) -> None:
    found = calibrate([100.0], [110.0])
    with pytest.raises(ValueError, match="level"):
        found.upper(100.0, level)
    with pytest.raises(ValueError, match="level"):
        calibrate([100.0], [110.0], levels=[level])
