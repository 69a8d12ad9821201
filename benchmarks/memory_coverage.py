"""How often the 95 % bound holds on the real Beagle runs, and what it costs, beside split conformal prediction.

    python -m benchmarks.memory_coverage [SEED …]

Ten-fold cross-validation; MAPIE gets the same folds, with a line through the logarithms or the numbers themselves,
30 % of the training rows for calibration, and the upper end of its two-sided 90 % interval.
"""

from __future__ import annotations

import argparse
import csv
import warnings

import numpy as np
from numpy.typing import NDArray

from benchmarks.beagle import DATA, FEATURES
from planner.core.records import Observation, Outcome, Quality
from planner.memory import evaluate

Floats = NDArray[np.float64]

SETS = {
    "runs, 8 features": ("beagle_runs.csv", FEATURES, False),
    "runs with G1, 9 features": ("beagle_runs.csv", (*FEATURES, "g1"), True),
    "chromosomes, length": ("beagle_chr22.csv", ("length_mb_grch37",), False),
    "chromosomes, length and window": ("beagle_chr22.csv", ("length_mb_grch37", "window_cm"), False),
}


def read(name: str, features: tuple[str, ...], with_g1: bool) -> list[Observation]:
    with (DATA / name).open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if with_g1 or row["gc"] == "serial"]
    return [
        Observation(
            tool="beagle",
            task=f"run{number}",
            sample="",
            chromosome=row.get("chromosome", ""),
            features={name: float(row["gc"] == "g1" if name == "g1" else row[name]) for name in features},
            peak_mb=float(row["peak_rss_mb"]),
            limit_mb=None,
            wall_s=float(row["wall_s"]),
            outcome=Outcome.COMPLETED,
            quality=Quality.MEASURED,
            job_id=str(number),
            submit_s=number,
        )
        for number, row in enumerate(rows)
    ]


def mapie(rows: list[Observation], features: tuple[str, ...], seed: int, *, logs: bool) -> tuple[float, float]:
    """Return coverage and median bound / peak of MAPIE on the folds of evaluate.cross_validate."""
    from mapie.regression import SplitConformalRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split

    table = np.array([[row.features[name] for name in features] for row in rows])
    peaks = np.array([row.peak_mb for row in rows], dtype=float)
    if logs:
        table = np.log(table + (table.min(axis=0) <= 0))
    target: Floats = np.log(peaks) if logs else peaks
    ratios: list[float] = []
    for part in np.array_split(np.random.default_rng(seed).permutation(len(rows)), evaluate.FOLDS):
        rest = np.setdiff1d(np.arange(len(rows)), part)
        fitted, calibrated = train_test_split(rest, test_size=0.3, random_state=seed)
        conformal = SplitConformalRegressor(LinearRegression(), confidence_level=0.9, prefit=False)
        conformal.fit(table[fitted], target[fitted]).conformalize(table[calibrated], target[calibrated])
        upper = conformal.predict_interval(table[part])[1][:, 1, 0]
        ratios += list((np.exp(upper) if logs else upper) / peaks[part])
    return float(np.mean(np.array(ratios) >= 1)), float(np.median(ratios))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", nargs="*", type=int, metavar="SEED", help="default: 0 1 2 3 4")
    seeds = parser.parse_args().seed or [0, 1, 2, 3, 4]
    print(f"{'data':32} {'seed':>4}   {'chromplan':>13}   {'MAPIE, logs':>13}   {'MAPIE, raw':>13}")
    for name, (file, features, with_g1) in SETS.items():
        rows = read(file, features, with_g1)
        for seed in seeds:
            found = evaluate.cross_validate(rows, tool="beagle", feature_names=features, seed=seed)
            assert found is not None
            told = [(found.coverage, found.bound_ratio)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                told += [mapie(rows, features, seed, logs=logs) for logs in (True, False)]
            print(f"{name:32} {seed:4}   " + "   ".join(f"{100 * cover:5.1f} % x{ratio:.2f}" for cover, ratio in told))


if __name__ == "__main__":
    main()
