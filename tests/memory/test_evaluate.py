"""How good a model is on attempts it has not seen."""

import warnings

import numpy as np
import pytest
from observed import beagle_runs, observation, observations

from benchmarks.beagle import FEATURES as BEAGLE_FEATURES
from planner.core import units
from planner.core.records import Quality
from planner.memory import evaluate
from planner.memory.evaluate import cross_validate


def test_a_line_is_predicted_and_saves_against_one_request_for_all() -> None:
    sizes = np.linspace(46, 249, 22)
    rows = observations(sizes.tolist(), (20 * sizes).tolist())
    found = cross_validate(rows, tool="beagle", feature_names=("length_mb",), uniform_mb=6000)
    assert found is not None
    assert found.rows == 22
    assert found.error_percent < 2
    assert found.correlation is not None
    assert found.correlation > 0.99
    assert found.uniform_failures == 0
    assert found.uniform_waste_gbh == pytest.approx(sum(6000 - 20 * sizes) * 600 * units.GB_H)
    assert found.uniform_waste_gbh is not None
    assert found.waste_gbh < 0.3 * found.uniform_waste_gbh


def test_a_uniform_request_that_is_too_small_pays_for_its_retries() -> None:
    rows = observations([1.0] * 8, [100.0] * 7 + [150.0])
    found = cross_validate(rows, tool="beagle", feature_names=(), uniform_mb=100)
    assert found is not None
    assert found.uniform_failures == 1
    assert found.uniform_waste_gbh == pytest.approx((100 + 50) * 600 * units.GB_H)


def test_a_killed_attempt_is_asked_for_again_as_a_plan_would() -> None:
    rows = observations([1.0] * 20, [100.0] * 16 + [1000.0] * 4)
    found = cross_validate(rows, tool="beagle", feature_names=(), chosen=0.5, uniform_mb=100)
    assert found is not None
    # straight to the largest peak seen, where a uniform request doubles four times
    assert (found.failures, found.uniform_failures) == (4, 16)


def test_short_sampled_attempts_that_a_site_trusts_are_judged_too() -> None:
    rows = [observation(n, 100.0 + n, {}, quality=Quality.SAMPLED, wall_s=5.0, job_id=str(n)) for n in range(8)]
    found = cross_validate(rows, tool="beagle", feature_names=())
    assert found is not None
    assert found.uniform_waste_gbh is None


def test_equal_peaks_have_no_correlation() -> None:
    found = cross_validate(observations([1.0, 2.0, 3.0, 4.0], [100.0] * 4), tool="beagle", feature_names=())
    assert found is not None
    assert found.correlation is None
    assert found.failures == 0


def test_fewer_than_four_attempts_cannot_be_judged() -> None:
    assert cross_validate(observations([1.0] * 3, [1.0] * 3), tool="beagle", feature_names=()) is None


def upper_of_mapie(rows: np.ndarray, peaks: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """One-sided 95 % bound of split conformal prediction round a line through the logarithms."""
    from mapie.regression import SplitConformalRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split

    fitted, calibrated = train_test_split(np.arange(len(peaks)), test_size=0.3, random_state=seed)
    conformal = SplitConformalRegressor(LinearRegression(), confidence_level=0.9, prefit=False)
    logs, target = np.log(rows), np.log(peaks)
    conformal.fit(logs[fitted], target[fitted]).conformalize(logs[calibrated], target[calibrated])
    return np.asarray(np.exp(conformal.predict_interval(np.log(new))[1][:, 1, 0]))


def test_the_bound_on_the_beagle_runs_covers_as_it_says_with_less_than_split_conformal_prediction() -> None:
    pytest.importorskip("mapie")
    runs = beagle_runs()
    found = cross_validate(runs, tool="beagle", feature_names=BEAGLE_FEATURES, level=0.95, seed=0)
    assert found is not None
    assert 0.93 <= found.coverage <= 0.98
    table = np.array([[row.features[name] for name in BEAGLE_FEATURES] for row in runs])
    peaks = np.array([row.peak_mb for row in runs], dtype=float)
    ratios = []
    for part in np.array_split(np.random.default_rng(0).permutation(len(peaks)), evaluate.FOLDS):
        rest = np.setdiff1d(np.arange(len(peaks)), part)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upper = upper_of_mapie(table[rest], peaks[rest], table[part], seed=0)
        ratios += list(upper / peaks[part])
    assert found.bound_ratio <= np.median(ratios)
