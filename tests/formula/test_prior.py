"""A formula as the first idea of a tool's memory: it decides alone, follows the observations, and is given up."""

from __future__ import annotations

import pytest
from formulas import FEATURES, bundled, feature_rows, small

from planner.core.errors import InputError
from planner.formula import formula, prior
from planner.formula.ranges import Feature

ROW = {"length_mb": 100.0, "n_samples": 100.0, "window": 40.0}


def seen(count: int, *, times: float = 1.0) -> list[tuple[dict[str, float], float]]:
    """Return tasks whose peaks are ``times`` what the formula predicts."""
    one = small()
    rows = feature_rows(one, count, seed=3)
    return [(row, times * one.bound(row, 0.5).point_mb) for row in rows]


def test_without_observations_the_formula_decides_alone() -> None:
    found = prior.learn("impute", small(), [])
    point, upper = found.request(ROW, 0.9)
    bound = small().bound(ROW, 0.9)
    assert (point, upper) == (bound.point_mb, bound.upper_mb)
    assert found.share == 1.0
    assert found.counted() == "formula impute (100 rows) 100 %, no observation yet"


def test_without_a_level_the_request_is_the_one_expected_to_waste_least() -> None:
    found = prior.learn("impute", small(), [])
    assert found.request(ROW, None) == found.request(ROW, found.cheapest_level)
    assert 0.5 < found.cheapest_level < 1.0


def test_the_share_of_the_formula_falls_with_every_observation_until_it_is_not_asked() -> None:
    shares = [prior.learn("impute", small(), seen(count)).share for count in (0, 1, 8, 40, 100)]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] == 0.5
    assert [prior.learn("impute", small(), seen(count)).asked for count in (72, 73)] == [True, False]


def test_the_level_of_the_formula_follows_the_observations_at_once() -> None:
    one = prior.learn("impute", small(), seen(1, times=1.9))
    four = prior.learn("impute", small(), seen(4, times=1.9))
    assert 1.5 < one.moved < four.moved < 1.9
    assert four.request(ROW, 0.9)[1] == pytest.approx(four.moved * small().bound(ROW, 0.9).upper_mb)
    assert four.counted() == f"formula impute 67 %, its level moved {four.moved:.2f}-fold, 4 observations 33 %"


def test_observations_as_predicted_move_nothing() -> None:
    found = prior.learn("impute", small(), seen(1))
    assert found.moved == pytest.approx(1.0)
    assert found.counted() == "formula impute 89 %, 1 observation 11 %"


def test_a_blend_lies_between_formula_and_model_nearer_to_the_one_that_counts_more() -> None:
    few, many = (prior.learn("impute", small(), seen(count)).blend(100.0, 400.0) for count in (2, 60))
    assert 100.0 < few < 200.0 < many < 400.0


def test_a_formula_serves_tasks_that_have_the_features_of_its_arithmetic() -> None:
    with_threads = small(features=FEATURES | {"threads": Feature(low=1.0, high=8.0)})
    found = prior.usable(with_threads, ROW)
    assert found is not None
    assert "threads" not in found.features
    assert prior.usable(with_threads, ["length_mb"]) is None


def test_a_formula_without_calibration_is_no_prior() -> None:
    assert prior.usable(small(calibration=None), ROW) is None
    with pytest.raises(InputError, match="no calibration"):
        prior.learn("impute", small(calibration=None), [])


def test_its_shape_is_the_prediction_with_all_limits_as_arithmetic_in_the_features() -> None:
    for one in (small(), bundled()):
        shape = formula.parse(prior.shape(one))
        assert set(shape.names) <= set(one.inputs)
        for row in feature_rows(one, 100):
            assert shape.evaluate(row) == pytest.approx(one.bound(row, 0.5).point_mb)
