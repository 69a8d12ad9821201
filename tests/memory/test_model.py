"""The memory model of a tool."""

import json
import random
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import beagle_runs, observation, observations

from benchmarks.beagle import FEATURES as BEAGLE_FEATURES
from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel
from planner.memory.point import from_formula
from planner.memory.rows import training, trains
from planner.memory.saved import dumps, loads

LENGTHS = np.linspace(46, 249, 22)
LINE = observations(LENGTHS.tolist(), (200 + 20 * LENGTHS).tolist())


def model(rows: list[Observation] | None = None, names: tuple[str, ...] = ("length_mb",), **fields: Any) -> MemoryModel:
    return fit(LINE if rows is None else rows, tool="beagle", feature_names=names, **fields)


def test_a_request_lies_a_little_above_what_the_tasks_needed() -> None:
    said = model().predict({"length_mb": 150.0})
    assert said.point_mb == pytest.approx(3200, rel=0.02)
    assert 3200 <= said.request_mb <= 3500
    assert isinstance(said.request_mb, int)
    assert said.rows == 22
    assert not said.outside_range


def test_the_reason_tells_prediction_safety_and_observations() -> None:
    said = model(observations(LENGTHS.tolist(), (400 + 40 * LENGTHS).tolist())).predict({"length_mb": 150.0})
    percent = round(100 * (said.request_mb / said.point_mb - 1))
    assert said.reason == f"predicted 6 400 MB + {percent} % safety, 22 observations"


def test_outside_what_was_seen_is_said() -> None:
    said = model().predict({"length_mb": 300.0})
    assert said.outside_range
    assert said.reason.endswith("22 observations, length_mb outside the range seen")
    assert said.request_mb > 6000


def test_run_times_are_predicted_with_a_margin_in_whole_minutes() -> None:
    rows = [observation(n, 500.0, {"length_mb": x}, wall_s=60 * x) for n, x in enumerate(LENGTHS)]
    said = model(rows).predict({"length_mb": 150.0})
    assert said.wall_s == pytest.approx(9000, rel=0.05)
    assert said.time_limit_s is not None
    assert 9000 * 1.2 <= said.time_limit_s <= 9000 * 1.8
    assert said.time_limit_s % 60 == 0
    assert model(rows).predict({"length_mb": 150.0}, time_cap_s=7200).time_limit_s == 7200


def test_without_run_times_there_is_no_time_limit() -> None:
    rows = [observation(n, 500.0, {"length_mb": x}, wall_s=None) for n, x in enumerate(LENGTHS)]
    said = model(rows).predict({"length_mb": 150.0})
    assert (said.wall_s, said.time_limit_s) == (None, None)


def test_with_nothing_observed_the_model_refuses() -> None:
    empty = model([])
    assert (empty.fitted, empty.rows) == (False, 0)
    with pytest.raises(InputError, match="no usable observation of beagle"):
        empty.predict({"length_mb": 1.0})
    assert loads(dumps(empty)) == empty


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({}, "the model of beagle needs the feature length_mb"),
        ({"length_mb": float("nan")}, "feature length_mb is nan"),
    ],
)
def test_a_missing_feature_is_named(features: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        model().predict(features)


def test_a_level_must_be_a_probability() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        model().predict({"length_mb": 100.0}, level=1.0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, ""),
        ({"outcome": Outcome.OOM, "quality": Quality.CENSORED}, "killed for memory: a lower bound only"),
        ({"quality": Quality.CENSORED}, "killed for memory: a lower bound only"),
        ({"outcome": Outcome.TIMEOUT}, "timeout: the peak may not have been reached"),
        ({"outcome": Outcome.FAILED}, "failed: the peak may not have been reached"),
        ({"quality": Quality.MISSING}, "no peak recorded"),
        ({"peak_mb": None}, "no peak recorded"),
        ({"peak_mb": 0.0}, "no peak recorded"),
        ({"peak_mb": float("inf")}, "no peak recorded"),
        ({"quality": Quality.SAMPLED, "wall_s": 89.0}, "too short to be sampled"),
        ({"quality": Quality.SAMPLED, "wall_s": None}, "too short to be sampled"),
        ({"quality": Quality.SAMPLED, "wall_s": 90.0}, ""),
        ({"quality": Quality.MEASURED, "wall_s": 2.0}, ""),
    ],
)
def test_which_attempts_train(fields: dict[str, Any], reason: str) -> None:
    peak = fields.pop("peak_mb", 300.0)
    assert trains(observation(1, peak, {}, **fields)) == reason


def test_a_site_that_samples_each_second_makes_short_attempts_count() -> None:
    row = observation(1, 300.0, {}, quality=Quality.SAMPLED, wall_s=5.0)
    assert trains(row, poll_s=1.0) == ""


def test_what_did_not_train_is_counted_by_reason() -> None:
    rows = [
        *LINE,
        observation(50, 9e5, {"length_mb": 100.0}, outcome=Outcome.OOM, quality=Quality.CENSORED),
        observation(51, 300.0, {}),
        observation(52, 300.0, {"length_mb": float("inf")}),
        observation(53, 300.0, {"length_mb": 5.0}, tool="plink2"),
    ]
    fitted = model(rows)
    assert fitted.rows == 22
    assert fitted.skipped == {"killed for memory: a lower bound only": 1, "no feature length_mb": 2}
    assert fitted.predict({"length_mb": 100.0}).request_mb < 3000
    kept, skipped = training(rows, tool="beagle", feature_names=("length_mb",))
    assert (len(kept), skipped) == (22, fitted.skipped)


def test_after_a_kill_a_step_above_all_that_was_seen_is_asked_for_and_double_from_there() -> None:
    fitted = model(observations([1.0, 2.0], [100.0, 1000.0]))
    assert fitted.retry().after(400.0) == 1300.0
    assert fitted.retry().after(1010.0) == 1313.0
    assert fitted.retry().after(1313.0) == 2626.0
    assert model([]).retry().after(3000.0) == 6000.0


ROWS = st.lists(
    st.tuples(st.floats(0.1, 300), st.floats(0, 50), st.floats(1, 2e5), st.floats(1, 1e5)), min_size=1, max_size=14
)


def several(rows: list[tuple[float, float, float, float]], unit: float = 1.0) -> list[Observation]:
    return [
        observation(n, peak, {"length_mb": x * unit, "depth": z}, wall_s=wall)
        for n, (x, z, peak, wall) in enumerate(rows)
    ]


@settings(deadline=None, max_examples=25)
@given(ROWS, st.floats(0.1, 400), st.floats(0, 4e5), st.floats(2, 4e5))
def test_requests_keep_their_bounds(
    rows: list[tuple[float, float, float, float]], at: float, floor_mb: float, cap_mb: float
) -> None:
    fitted = model(several(rows), ("length_mb", "depth"))
    features = {"length_mb": at, "depth": 10.0}
    levels = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
    requests = [fitted.predict(features, level=level).request_mb for level in levels]
    assert requests == sorted(requests)
    for level in (None, 0.9):
        free = fitted.predict(features, level=level)
        raised = fitted.predict(features, level=level, floor_mb=floor_mb)
        capped = fitted.predict(features, level=level, cap_mb=cap_mb)
        both = fitted.predict(features, level=level, floor_mb=floor_mb, cap_mb=cap_mb)
        assert raised.request_mb >= max(floor_mb, free.request_mb)
        assert capped.request_mb <= cap_mb
        assert both.request_mb <= cap_mb
        assert both.request_mb >= min(floor_mb, int(cap_mb))
        assert free.request_mb >= 1


@settings(deadline=None, max_examples=15)
@given(ROWS, st.randoms(use_true_random=False), st.floats(1e-6, 1e6))
def test_the_order_of_the_rows_and_the_units_change_nothing(
    rows: list[tuple[float, float, float, float]], rng: random.Random, unit: float
) -> None:
    history = several(rows)
    shuffled = rng.sample(history, len(history))
    features = {"length_mb": 77.0, "depth": 10.0}
    here = model(history, ("length_mb", "depth")).predict(features)
    assert model(shuffled, ("length_mb", "depth")).predict(features) == here
    scaled = model(several(rows, unit), ("length_mb", "depth")).predict({"length_mb": 77.0 * unit, "depth": 10.0})
    assert scaled.request_mb == pytest.approx(here.request_mb, rel=2e-2, abs=1)


ODD: dict[str, tuple[list[float], list[float]]] = {
    "one": ([100.0], [500.0]),
    "two": ([100.0, 200.0], [500.0, 900.0]),
    "three": ([100.0, 200.0, 50.0], [500.0, 900.0, 300.0]),
    "constant feature": ([100.0] * 12, [500.0 + n for n in range(12)]),
    "duplicated rows": ([100.0, 200.0] * 9, [500.0, 900.0] * 9),
    "zero variance": ([float(n) for n in range(1, 13)], [500.0] * 12),
    "one giant outlier": ([float(n) for n in range(50, 80)], [500.0] * 29 + [5e6]),
}


@pytest.mark.parametrize("level", [None, 0.95])
@pytest.mark.parametrize("name", ODD)
def test_odd_histories_give_sane_requests_without_warnings(name: str, level: float | None) -> None:
    sizes, peaks = ODD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = model(observations(sizes, peaks)).predict({"length_mb": 100.0 if 100.0 in sizes else 6.0}, level=level)
    assert 0.9 * 500 <= said.request_mb <= 1100
    assert said.rows == len(sizes)
    assert "nan" not in said.reason


def test_a_saved_model_is_readable_and_says_the_same() -> None:
    fitted = fit(beagle_runs(), tool="beagle", feature_names=BEAGLE_FEATURES)
    text = dumps(fitted)
    again = loads(text)
    assert again == fitted
    features = beagle_runs()[3].features
    assert again.predict(features) == fitted.predict(features)
    assert json.loads(text)["tool"] == "beagle"
    assert max(len(line) for line in text.splitlines()) < 20_000
    assert len(text.splitlines()) < 120


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a saved model"),
        ('{"schema": "other"}', "not a saved model"),
        ('{"schema": "chromplan-memory-model", "version": 99}', "version 99"),
        ('{"schema": "chromplan-memory-model", "version": 3, "tool": "x"}', "damaged"),
    ],
)
def test_what_is_no_model_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        loads(text)
    assert "chromplan fit" in raised.value.hint


def test_a_coarse_model_has_few_distributions_and_predicts_hardly_more() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.uniform(1, 250, 60)
    rows = [
        observation(
            n, float(50 + 8 * size * (1 + 0.002 * rng.normal())), {"length_mb": float(size)}, wall_s=60 + 9 * size
        )
        for n, size in enumerate(sizes)
    ]
    fine = model(rows)
    coarse = fine.coarse(0.05)
    wanted = np.linspace(1, 1.2 * sizes.max(), 300).tolist()
    exact, found = ([one.predict({"length_mb": size}) for size in wanted] for one in (fine, coarse))
    for one, other in zip(exact, found, strict=True):
        assert 0.95 * one.point_mb <= other.point_mb <= 1.1 * one.point_mb
        assert one.outside_range == other.outside_range
    assert len({one.point_mb for one in found}) < 0.5 * len({one.point_mb for one in exact})


def test_a_formula_helps_the_first_predictions() -> None:
    rows = [observation(0, 460.0, {"length_mb": 46.0, "samples": 100.0})]
    names = ("length_mb", "samples")
    told = model(rows, names, shape=from_formula("length_mb * samples / 20"))
    assert told.predict({"length_mb": 230.0, "samples": 100.0}).point_mb == pytest.approx(2300, rel=0.05)
    assert loads(dumps(told)) == told


def test_another_tools_model_helps_the_first_predictions() -> None:
    other = model([observation(n, 3 * x, {"length_mb": x, "samples": 9.0}) for n, x in enumerate(LENGTHS)])
    assert other.memory is not None
    rows = [observation(0, 460.0, {"length_mb": 46.0, "samples": 9.0})]
    said = model(rows, ("length_mb", "samples"), shape=other.memory.shape()).predict(
        {"length_mb": 230.0, "samples": 9.0}
    )
    assert said.point_mb == pytest.approx(2300, rel=0.05)


def test_predicting_imports_neither_scikit_learn_nor_pandas() -> None:
    code = (
        "import sys; from planner.memory import model; "
        "sys.exit(bool({'sklearn', 'scipy', 'pandas', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("exponent", "kept"), [(1.0, True), (1.2, True), (-1.0, False), (3.0, False)])
def test_another_tools_shape_is_let_go_when_few_measurements_already_contradict_it(exponent: float, kept: bool) -> None:
    told = from_formula("10 * length_mb")
    rows = observations((47.0, 107.0, 171.0), [300 * (mb / 47) ** exponent for mb in (47.0, 107.0, 171.0)])
    found = fit(rows, tool="beagle", feature_names=("length_mb",), shape=told)
    assert found.memory is not None
    assert found.memory.point.told is kept
    assert ("no longer used" in found.predict({"length_mb": 120.0}).reason) is not kept
    assert loads(dumps(found)) == found
