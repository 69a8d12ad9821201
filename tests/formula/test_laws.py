"""Laws that a person writes down: which constants are fitted, and how well they are found again."""

import numpy as np
import pytest

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.discovery.laws import fit_law

NAMES = ("length_mb", "threads")


def rows(count: int = 60, *, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    table = np.column_stack([rng.uniform(20, 250, count), 2.0 ** rng.integers(0, 4, count)])
    peaks = 120 + 3.5 * table[:, 0] * table[:, 1] ** 0.7
    return table, peaks * np.exp(noise * rng.standard_normal(count))


def test_the_constants_behind_exact_rows_are_found_again() -> None:
    found = fit_law("50.5 + 1.5*length_mb*threads^0.5", NAMES, *rows()).formula
    at = {"length_mb": 100.0, "threads": 4.0}
    assert found.evaluate(at) == pytest.approx(120 + 350 * 4**0.7, rel=0.02)
    assert found.errors["mape"] < 2


def test_whole_numbers_stand() -> None:
    found = fit_law("50.5 + 3*length_mb*threads^0.5", NAMES, *rows()).formula
    constants = [float(word) for word in found.text.replace("*", " ").replace("^", " ").split() if word[0].isdigit()]
    assert 3.0 in constants
    assert 50.5 not in constants


def test_the_bound_holds_for_as_many_rows_held_out_as_it_says() -> None:
    table, peaks = rows(200, noise=0.15)
    fitted = fit_law("50.5 + 1.5*length_mb*threads^0.5", NAMES, table, peaks)
    calibration = fitted.formula.calibration
    assert calibration is not None
    uppers = [calibration.upper(float(point), 0.9) for point in fitted.discovery.predicted]
    assert np.mean(peaks <= uppers) >= 0.88


def test_the_same_seed_gives_the_same_formula() -> None:
    table, peaks = rows(40, noise=0.2)
    one, two = (fit_law("50.5 + 1.5*length_mb", NAMES, table, peaks, seed=3).formula for _ in range(2))
    assert one == two


def test_features_that_a_law_leaves_out_keep_their_ranges() -> None:
    found = fit_law("50.5 + 1.5*length_mb", NAMES, *rows()).formula
    assert found.names == ("length_mb",)
    assert set(found.features) == set(NAMES)
    assert grammar.names(found.root) == ("length_mb",)


def test_a_law_needs_two_rows_per_constant() -> None:
    table, peaks = rows(5)
    with pytest.raises(InputError, match="5 rows for a law with 3 constants"):
        fit_law("50.5 + 1.5*length_mb*threads^0.5", NAMES, table, peaks)
