#!/usr/bin/env python3
"""Make the bundled Beagle formula again from the bundled runs, and plot what it predicts against what was measured.

Run it from anywhere: ``python examples/beagle_formula/regenerate.py``. It writes ``planner/data/formulas/beagle.toml``
and ``examples/beagle_formula/beagle_formula.svg``; with ``--out FOLDER`` both go there instead. About half a minute.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from planner.core import files
from planner.formula import formula
from planner.formula.discovery import fit as fitting
from planner.formula.discovery.search import SearchOptions
from planner.formula.formula import Formula

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNS = ROOT / "examples" / "data" / "beagle_runs.csv"
UNITS = {
    "n_threads": "threads",
    "burnin_iterations": "iterations",
    "main_iterations": "iterations",
    "window_cm": "cM",
    "n_variants": "variants in the target",
    "n_samples": "samples in the target",
    "n_ref_variants": "variants in the reference",
    "n_ref_samples": "samples in the reference",
}
SEED = 1
LEVEL = 0.95


def runs() -> pd.DataFrame:
    """Return the runs that used Java's serial collector: the default one fills whatever memory the node has."""
    table = pd.read_csv(RUNS)
    return table[(table["gc"] == "serial") & (table["exit_code"] == 0)]


def fit(*, sources: tuple[str, ...] | None = None, date: str = "") -> fitting.FittedFormula:
    """Fit the formula; the sources that compete can be fewer than all."""
    table = runs()
    return fitting.fit(
        list(UNITS),
        table[list(UNITS)].to_numpy(float),
        table["peak_rss_mb"].to_numpy(float),
        origin=fitting.Origin(tool="beagle", target="peak_rss_mb", units=UNITS, date=date),
        options=SearchOptions(seed=SEED, sources=sources, progress=print if sources is None else lambda _: None),
    )


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
    ticks = [64, 100, 150, 200, 300, 400, 600]
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
    files.write_text(target, formula.dumps(fitted.formula))
    picture = (out or HERE) / "beagle_formula.svg"
    plot(fitted.formula, fitted.discovery.predicted, picture)
    print(f"{target}: {fitted.formula.text}")
    for standing in fitted.discovery.standings:
        mark = "*" if standing.source == fitted.discovery.source else " "
        print(f" {mark} {standing.source:28s} log error {standing.error:.3f} at {standing.limit} nodes")
    print(picture)


if __name__ == "__main__":
    main()
