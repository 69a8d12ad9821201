#!/usr/bin/env python3
"""Make the bundled Beagle formula again from the bundled runs, and plot what it predicts against what was measured.

Run it from anywhere: ``python examples/beagle_formula/regenerate.py``. It writes ``planner/data/formulas/beagle.toml``
and ``examples/beagle_formula/beagle_formula.svg``; with ``--out FOLDER`` both go there instead. A few seconds.
"""

from __future__ import annotations

import argparse
import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from planner.core import files
from planner.formula import file as formula_files
from planner.formula.discovery import fit as fitting
from planner.formula.discovery import scoring
from planner.formula.discovery.laws import fit_law
from planner.formula.formula import Formula

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = ROOT / "examples" / "data"
RUNS = (DATA / "beagle_runs.csv", DATA / "beagle_panels.csv")
UNITS = {
    "n_threads": "threads",
    "burnin_iterations": "iterations",
    "main_iterations": "iterations",
    "window_cm": "cM",
    "n_variants": "variants in the target",
    "n_samples": "samples in the target",
    "n_ref_variants": "variants in the reference",
    "n_ref_samples": "samples in the reference",
    "segment_mb": "Mb of genome in the files",
}
# What plans take where a pipeline does not name it: whole chromosomes, the panel of the 1000 Genomes.
UNNAMED = {"segment_mb": "length", "n_ref_samples": "2504"}
# What Beagle does, in the README's words. Whole numbers stand, the others are fitted.
LAW = (
    "50.5 + 0.26*sqrt(n_ref_variants) + 0.18*n_samples + 0.006*n_ref_samples + 0.00000013*n_ref_variants*n_ref_samples"
    " + n_variants/(1 + 0.005*n_variants/segment_mb)/sqrt(1 + (0.55*segment_mb/window_cm)^2)"
    "*(0.041*n_threads^0.8 + 0.00044*n_samples)"
)
SEED = 1
LEVEL = 0.95


def runs() -> pd.DataFrame:
    """Return the runs that used Java's serial collector: the default one fills whatever memory the node has."""
    table = pd.concat([pd.read_csv(path) for path in RUNS], ignore_index=True)
    return table[(table["gc"] == "serial") & (table["exit_code"] == 0)].reset_index(drop=True)


def fit(*, date: str = "") -> fitting.FittedFormula:
    """Fit the law's constants and calibrate it."""
    table = runs()
    origin = fitting.Origin(tool="beagle", target="peak_rss_mb", units=UNITS, date=date)
    fitted = fit_law(
        LAW,
        list(UNITS),
        table[list(UNITS)].to_numpy(float),
        table["peak_rss_mb"].to_numpy(float),
        origin=origin,
        seed=SEED,
    )
    known = fitted.formula.features
    taken = {name: replace(known[name], source=source) for name, source in UNNAMED.items()}
    return replace(fitted, formula=replace(fitted.formula, features={**known, **taken}))


def judge(fitted: fitting.FittedFormula) -> None:
    """Print how good the law is: on rows held out, on the largest tenth, and on runs that it was not fitted to."""
    table = runs()
    peaks = table["peak_rss_mb"].to_numpy(float)
    small = table["run_id"].str.match("[de]").to_numpy()
    for said, rows in (("all rows", np.full(len(peaks), True)), ("small ones", small), ("real sizes", ~small)):
        errors = scoring.point_errors(fitted.discovery.predicted[rows].tolist(), peaks[rows].tolist())
        print(f"held out one in fifty, {said} ({rows.sum()}): {errors}")
    rng = np.random.default_rng(SEED)
    fold = rng.permutation(len(peaks)) % 5
    parts = {"every fifth row": [fold == k for k in range(5)], "the largest tenth": [peaks >= np.quantile(peaks, 0.9)]}
    for said, left_out in parts.items():
        told = [pair for held in left_out for pair in bounds(table[~held], table[held])]
        points, uppers, truth = map(np.array, zip(*told, strict=True))
        error, held, ratio = np.mean(np.abs(points / truth - 1)), np.mean(truth <= uppers), np.mean(uppers / truth)
        print(f"fitted and calibrated without {said}: mean error {100 * error:.1f} %")
        print(f"    {LEVEL:.0%} bound: {held:.1%} within, {ratio:.2f} times the peak on average")
    for name in ("beagle_chr22", "beagle_chr22_fifth"):
        rows = pd.read_csv(DATA / f"{name}.csv").to_dict("records")
        checked = fitting.check(fitted.formula, rows, [row["peak_rss_mb"] for row in rows])
        print(f"{name}, not fitted: {checked}")


def bounds(known: pd.DataFrame, held: pd.DataFrame) -> list[tuple[float, float, float]]:
    """Return prediction, bound and peak (MiB) of held rows by a law fitted and calibrated to the others."""
    columns = list(UNITS)
    found = fit_law(LAW, columns, known[columns].to_numpy(float), known["peak_rss_mb"].to_numpy(float)).formula
    told = [found.bound({name: float(row[name]) for name in columns}, LEVEL) for row in held.to_dict("records")]
    return [(one.point_mb, one.upper_mb, peak) for one, peak in zip(told, held["peak_rss_mb"], strict=True)]


def plot(found: Formula, predicted: np.ndarray, path: Path) -> None:
    """Plot predictions out of fold against measured peaks, with the bound."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "chromplan"
    from matplotlib import pyplot as plt

    measured = runs()["peak_rss_mb"].to_numpy(float)
    calibration = found.calibration
    assert calibration is not None
    line = np.geomspace(predicted.min(), predicted.max(), 200)
    bound = [calibration.upper(float(value), LEVEL) for value in line]
    above = measured > [calibration.upper(float(value), LEVEL) for value in predicted]
    figure, axes = plt.subplots(figsize=(7, 5.2), layout="constrained")
    axes.fill_between(line, bound, color="#0072b2", alpha=0.08, linewidth=0)
    axes.plot(line, bound, color="#0072b2", label=f"{LEVEL:.0%} bound: what is asked for")
    axes.plot(line, line, color="#999999", linewidth=1, linestyle="--", label="measured = predicted")
    axes.scatter(predicted[~above], measured[~above], s=18, color="#333333", label="run, predicted out of fold")
    axes.scatter(predicted[above], measured[above], s=30, color="#d55e00", label=f"above the bound ({above.sum()})")
    axes.set(xscale="log", yscale="log", xlabel="predicted peak, MiB", ylabel="measured peak, MiB")
    ticks = [64, 100, 200, 400, 800, 1600, 3200]
    axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.set_yticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.set_ylim(55, 1.1 * max(max(bound), measured.max()))
    axes.set_title(
        f"Beagle 5.4, {len(measured)} runs: mean error {found.errors['mape']:.1f} %, "
        f"Pearson {found.errors['pearson']:.3f} on rows held out",
        fontsize=11,
    )
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write both files into this folder")
    out = parser.parse_args().out
    target = out / "beagle.toml" if out else ROOT / "planner" / "data" / "formulas" / "beagle.toml"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    fitted = fit(date=today)
    files.write_text(target, formula_files.dumps(fitted.formula))
    picture = (out or HERE) / "beagle_formula.svg"
    plot(fitted.formula, fitted.discovery.predicted, picture)
    print(f"{target}: {fitted.formula.text}")
    judge(fitted)
    print(picture)


if __name__ == "__main__":
    main()
