"""Formulas and feature rows for tests."""

from __future__ import annotations

import numpy as np

from planner.core import files
from planner.formula import file as formula_files
from planner.formula import formula
from planner.formula.conformal import calibrate
from planner.formula.formula import Formula
from planner.formula.ranges import Feature, Ratio

TEXT = "40 + 0.05*length_mb*n_samples^0.5 + 2*exp(0.01*window)"
FEATURES = {
    "length_mb": Feature(low=48.0, high=249.0, unit="Mb"),
    "n_samples": Feature(low=10.0, high=2000.0, unit="samples"),
    "window": Feature(low=0.0, high=80.0),
}
RATIOS = (Ratio(over="n_samples", under="length_mb", high=10.0),)


def bundled() -> Formula:
    """Return the Beagle formula that ships with chromplan."""
    path = files.shipped("data") / "formulas" / "beagle.toml"
    return formula_files.loads(path.read_text(encoding="utf-8"))


def small(**changes: object) -> Formula:
    """Return a formula of three features, one of which may be 0, and no ratio, calibrated on noisy rows."""
    rng = np.random.default_rng(7)
    predicted = rng.uniform(60.0, 600.0, 100)
    actual = predicted * np.exp(0.1 * rng.standard_normal(100))
    given: dict[str, object] = {
        "root": formula.parse(TEXT).root,
        "tool": "impute",
        "engine": "by hand",
        "date": "2026-01-31",
        "rows": 100,
        "floor_mb": 50.0,
        "features": FEATURES,
        "calibration": calibrate(predicted.tolist(), actual.tolist()).rounded(),
    }
    return Formula(**(given | changes))  # type: ignore[arg-type]


def feature_rows(one: Formula, count: int, *, seed: int = 1) -> list[dict[str, float]]:
    """Return random rows inside the ranges, at their edges, and up to three times outside."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        row = {}
        for name, known in one.features.items():
            edge = rng.choice([known.low, known.high, known.high * 3.0, known.low / 20.0])
            inside = rng.uniform(known.low, known.high)
            row[name] = float(edge if number % 4 == 0 and rng.random() < 0.5 else inside)
        rows.append(row)
    corners = [{name: getattr(known, end) for name, known in one.features.items()} for end in ("low", "high")]
    return [*corners, *rows][:count]
