"""A formula with its ranges and calibration: values, bounds, files, and files to distrust."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from formulas import FEATURES, RATIOS, bundled, feature_rows, small
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.formula import file as formula_files
from planner.formula import formula
from planner.formula.discovery import fit as fitting
from planner.formula.discovery.search import Discovery, SearchOptions
from planner.formula.formula import request_mb
from planner.formula.ranges import Feature

INSIDE = {"length_mb": 100.0, "n_samples": 100.0, "window": 40.0}


def test_bare_arithmetic_is_a_formula_without_a_bound() -> None:
    one = formula.parse("40 + 2*length_mb")
    assert one.evaluate({"length_mb": 10.0}) == 60.0
    assert one.names == ("length_mb",)
    assert one.nodes == 5
    with pytest.raises(InputError, match="no calibration"):
        one.upper({"length_mb": 10.0}, 0.95)


def test_inside_the_ranges_the_bound_is_the_calibrated_one() -> None:
    one = small()
    assert one.calibration is not None
    for row in feature_rows(one, 200):
        if one.outside(row):
            continue
        point = max(one.evaluate(row), one.floor_mb)
        for level in (0.5, 0.8, 0.87, 0.95, 1.0):
            assert one.upper(row, level) == pytest.approx(one.calibration.upper(point, level))


def test_no_prediction_is_below_the_smallest_peak_seen() -> None:
    assert small(floor_mb=500.0).bound(INSIDE, 0.9).point_mb == 500.0


def test_the_reason_says_what_the_request_rests_on() -> None:
    bound = small().bound(INSIDE, 0.9)
    assert bound.reason == f"formula {bound.point_mb:.0f} MB, 90% bound from 100 rows: {bound.upper_mb:.0f} MB"
    assert bound.outside == ()
    assert bound.widened == 1.0
    assert bound.request_mb == math.ceil(bound.upper_mb)


def test_outside_the_ranges_the_bound_is_widened_and_says_so() -> None:
    one = small()
    bound = one.bound(INSIDE | {"n_samples": 8000.0}, 0.9)
    assert bound.widened == pytest.approx(4.0**one.widening)
    assert bound.outside == ("n_samples 8000 is outside 10 to 2000 samples",)
    assert "widened 2.00-fold, n_samples 8000 is outside 10 to 2000 samples" in bound.reason


def test_below_the_ranges_the_bound_is_widened_too_down_to_a_sixteenth() -> None:
    one = small()
    assert one.bound(INSIDE | {"length_mb": 24.0}, 0.9).widened == pytest.approx(2.0**one.widening)
    assert one.bound(INSIDE | {"length_mb": 0.0}, 0.9).widened == pytest.approx(16.0**one.widening)


def test_above_a_ratio_the_bound_is_widened_though_each_feature_is_inside_its_range() -> None:
    one = small(ratios=RATIOS)
    unusual = INSIDE | {"length_mb": 50.0, "n_samples": 2000.0}
    bound = one.bound(unusual, 0.9)
    assert bound.widened == pytest.approx(4.0**one.ratio_widening)
    assert bound.upper_mb == pytest.approx(bound.widened * small().upper(unusual, 0.9))
    assert bound.outside == ("n_samples/length_mb 40 is above 10",)
    assert "n_samples/length_mb 40 is above 10" in bound.reason
    for usual in (INSIDE, INSIDE | {"length_mb": 240.0, "n_samples": 10.0}):
        assert one.bound(usual, 0.9) == small().bound(usual, 0.9)


def test_the_bound_grows_steadily_with_the_distance_from_the_highest_ratio() -> None:
    one = small(ratios=RATIOS)
    samples = np.geomspace(500.0, 2000.0, 400)
    widened = [one.bound(INSIDE | {"length_mb": 50.0, "n_samples": float(x)}, 0.9).widened for x in samples]
    assert widened[0] == pytest.approx(1.0)
    assert all(before < after < 1.01 * before for before, after in pairwise(widened))


def test_a_fit_keeps_the_ratios_of_the_four_features_that_vary_most_and_no_row_is_outside() -> None:
    rng = np.random.default_rng(3)
    names = ("steady", "a", "zero", "b", "c", "d", "e")
    table = np.column_stack([np.exp(rng.uniform(0.0, width, 40)) for width in (0.0, 3.0, 9.0, 1.0, 4.0, 5.0, 2.0)])
    table[0, 2] = 0.0
    peaks = 100.0 * table[:, 1] ** 0.5 * table[:, 4] ** 0.2 / table[:, 5] ** 0.3
    one = fitting.fit(names, table, peaks, options=SearchOptions(sources=("log-linear",))).formula
    # numerators are those with which the peak grows more: a, then c, then e, with which it does not change, then d
    assert [ratio.text for ratio in one.ratios] == ["a/c", "a/d", "a/e", "c/d", "c/e", "e/d"]
    rows = [dict(zip(names, row, strict=True)) for row in table.tolist()]
    assert fitting.check(one, rows, [100.0] * 40)["outside_range"] == 0
    beyond = rows[1] | {"a": 10.0, "c": 30.0, "d": 1.2}
    assert not [said for said in one.outside(beyond) if "/" not in said]
    assert fitting.check(one, [*rows, beyond], [100.0] * 41)["outside_range"] == 1


def test_what_is_calibrated_is_the_bound_that_unseen_rows_get_widened_where_they_lie_outside_the_others() -> None:
    length = np.append(np.arange(10.0, 50.0), 98.0)  # the last is twice as long as all others
    peaks = 1.2 * length
    peaks[-1] *= 2.0**formula.WIDENING
    found = Discovery(
        root=formula.parse("length").root,
        source="by hand",
        standings=(),
        front=(),
        predicted=length,
        teacher_scale=None,
    )
    one = fitting.calibrated(found, ("length",), length[:, None], peaks)
    assert one.calibration is not None
    # the widening alone would have covered it, so that it says nothing of tasks inside the ranges
    assert one.calibration.factors_at(0.975) == pytest.approx((1.2,), abs=1e-4)
    assert one.features["length"].high == 98.0


def test_a_file_without_ratios_is_read_as_ever() -> None:
    text = formula_files.dumps(small())
    assert "ratios" not in text and "ratio_" not in text
    assert formula_files.loads(text).ratios == ()


def test_a_feature_whose_range_includes_zero_is_measured_in_spans() -> None:
    one = small()
    assert one.bound(INSIDE | {"window": 160.0}, 0.9).widened == pytest.approx(2.0**one.widening)
    assert one.bound(INSIDE | {"window": -80.0}, 0.9).widened == pytest.approx(2.0**one.widening)


def test_a_feature_that_the_arithmetic_does_not_use_widens_as_well() -> None:
    one = small(features=FEATURES | {"threads": Feature(low=4.0, high=4.0)})
    bound = one.bound(INSIDE | {"threads": 8.0}, 0.9)
    assert bound.widened == pytest.approx(2.0**one.widening)
    assert one.inputs == ("length_mb", "n_samples", "window", "threads")


def test_twice_as_long_is_not_believed_to_need_more_than_twice_the_memory() -> None:
    steep = small(root=formula.parse("50 + length_mb^4").root)
    most = {"length_mb": 249.0, "n_samples": 100.0, "window": 40.0}
    assert steep.bound(most | {"length_mb": 498.0}, 0.9).point_mb == pytest.approx(
        2.0 * steep.bound(most, 0.9).point_mb
    )


@settings(deadline=None, max_examples=150)
@given(st.fixed_dictionaries({name: st.floats(0.0, 1e9) for name in FEATURES}), st.floats(0.01, 1.0))
def test_any_features_give_a_finite_request_of_at_least_the_prediction(row: dict[str, float], level: float) -> None:
    one = small(ratios=RATIOS)
    bound = one.bound(row, level)
    assert math.isfinite(bound.upper_mb)
    assert bound.point_mb >= one.floor_mb
    assert bound.request_mb >= 1
    assert bound.widened >= 1.0


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_bound_is_continuous_at_the_edge_of_the_ranges(rand: random.Random) -> None:
    one = small()
    edge = {name: rand.choice([known.low, known.high]) for name, known in FEATURES.items()}
    past = {
        name: value + (1e-7 if value == FEATURES[name].high else -1e-7) * max(1.0, value)
        for name, value in edge.items()
    }
    assert one.upper(past, 0.95) == pytest.approx(one.upper(edge, 0.95), rel=1e-5)


def test_requests_are_whole_mebibytes_rounded_up_but_not_by_a_rounding_error() -> None:
    assert request_mb(100.0) == 100
    assert request_mb(100.0000000001) == 100
    assert request_mb(100.01) == 101
    assert request_mb(0.2) == 1


def test_a_file_reads_back_as_the_same_formula() -> None:
    for one in (
        small(),
        bundled(),
        small(calibration=None),
        small(ratios=RATIOS),
        small(seed=3, errors={"mape": 12.0}, tool='a "b" \\ ü'),
    ):
        assert formula_files.loads(formula_files.dumps(one)) == one
        assert formula_files.dumps(formula_files.loads(formula_files.dumps(one))) == formula_files.dumps(one)


def test_a_file_shows_one_fact_per_line() -> None:
    lines = formula_files.dumps(small()).splitlines()
    assert 'unit = "MiB"' in lines
    assert 'date = "2026-01-31"' in lines
    assert "[features.length_mb]" in lines
    assert any(line.startswith('"0.95" = [') for line in lines)
    assert max(map(len, lines)) <= 160


def edited(old: str, new: str) -> str:
    text = formula_files.dumps(small())
    assert old in text
    return text.replace(old, new, 1)


FORMULA_LINE = f'formula = "{small().text}"'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (FORMULA_LINE, "formula = \"__import__('os').system('id')\"", "formula: column 12"),
        (FORMULA_LINE, f'formula = "{"(" * 10**6}"', "characters, more than"),
        (FORMULA_LINE, f'formula = "{"(" * 9000}"', "formula: the formula is nested more than"),
        (FORMULA_LINE, 'formula = "nan*length_mb"', "formula: column 1: nan is not a number"),
        (FORMULA_LINE, 'formula = "length_mb*threads"', "formula: threads is used but"),
        (FORMULA_LINE, "formula = 3", "formula: Input should be a valid string"),
        (FORMULA_LINE, "", "formula: missing"),
        ("floor_mb = 50.0", "floor_mb = nan", "floor_mb: "),
        ("floor_mb = 50.0", "floor_mb = -1", "floor_mb: "),
        ("widening = 0.5", "widening = inf", "widening: "),
        ("low = 48.0", "low = nan", "features.length_mb.low: "),
        ("low = 48.0", "low = 1e6", "features.length_mb: low 1e"),
        (
            "[features.length_mb]",
            '[ratios]\n"n_samples/cats" = 2.0\n[features.length_mb]',
            "ratios: n_samples/cats: ",
        ),
        ("[features.length_mb]", '[ratios]\n"n_samples/window" = 2.0\n[features.length_mb]', "window may be 0"),
        ("[features.length_mb]", '[ratios]\n"n_samples/length_mb" = [1, 2]\n[features.length_mb]', "ratios.n_samples/"),
        ("[features.length_mb]", '[ratios]\n"n_samples" = 2.0\n[features.length_mb]', "ratios.n_samples: "),
        (
            "[features.length_mb]",
            '[ratios]\n"n_samples/length_mb" = nan\n[features.length_mb]',
            "ratios.n_samples/",
        ),
        ("version = 1", "version = 2", "version: this chromplan reads version 1"),
        ('unit = "MiB"', 'unit = "GB"', "unit: formulas give MiB"),
        ("rows = 100", "rows = -5", "rows: "),
        ("rows = 100", "lines = 100", "lines: Extra inputs"),
        ("[features.length_mb]", '[features."rm -rf"]', "features.rm -rf: "),
        ('tool = "impute"', 'tool = "a\\nb"', "tool: "),
        ('"0.95" = [', '"0.95x" = [', "calibration.factors: '0.95x' is not a level"),
        ('"0.95" = [', '"0.95" = [1.0, ', "calibration: factors 0.95: 3 factors for 2 knots"),
        ('"0.95" = [', '"0.95" = [0.1] # ', "calibration: factors 0.95: 1 factors"),
        ("knots_mb = [", "knots_mb = [nan, ", "calibration.knots_mb.0: "),
        ("knots_mb = [", "knots_mb = [9999.0, ", "calibration: knots_mb must increase"),
        ("version = 1", "version = = 1", "is not TOML"),
        ("version = 1", f"version = {'[' * 100_000}", "is not TOML: nested too deeply"),
    ],
)
def test_a_hostile_or_broken_file_is_refused_with_its_field(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        formula_files.loads(edited(old, new), name="shared.toml")
    assert caught.value.message.startswith("shared.toml")
    assert message in caught.value.message
    assert caught.value.hint


def test_a_calibration_that_falls_with_the_level_or_the_prediction_is_refused() -> None:
    one = small()
    assert one.calibration is not None
    falling = replace(one.calibration, factors=tuple(reversed(one.calibration.factors)))
    with pytest.raises(InputError, match=r"factors .* are below those of"):
        formula_files.loads(formula_files.dumps(replace(one, calibration=falling)))
    dipping = replace(one.calibration, factors=tuple((9.0, 0.5) for _ in one.calibration.factors))
    with pytest.raises(InputError, match="the bound decreases while the prediction grows"):
        formula_files.loads(formula_files.dumps(replace(one, calibration=dipping)))


def test_a_number_that_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        formula_files.dumps(small(floor_mb=math.inf))


def test_a_feature_may_not_take_the_names_of_the_steps() -> None:
    one = small(root=formula.parse("cp_point*2").root, features={"cp_point": Feature(low=1.0, high=2.0)})
    with pytest.raises(InputError, match="cp_point starts with cp_"):
        one.upper({"cp_point": 1.0}, 0.9)


def test_the_bundled_formula_is_short_and_known_well() -> None:
    one = bundled()
    assert one.nodes <= 60
    assert one.rows >= 150
    assert one.errors["pearson"] > 0.95
    assert one.errors["mape"] < 12
    assert one.largest_mb is not None
    assert one.largest_mb > 2500
    assert one.calibration is not None
    assert one.calibration.enough(0.95)
