#!/usr/bin/env python3
"""Make the bundled formulas of the tools again, from the rows that ``measure_tools.py`` wrote.

Run it from anywhere: ``python examples/tools/fit_tools.py [--out FOLDER]``. It writes
``planner/data/formulas/TOOL.toml`` for each tool, or into FOLDER, and prints how good each law is on rows held out.
It takes a few seconds.
"""

from __future__ import annotations

import argparse
import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from planner.core import files
from planner.formula import file as formula_files
from planner.formula.discovery import fit as fitting
from planner.formula.discovery.laws import fit_law
from planner.formula.formula import WIDENING

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "examples" / "data"
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Law:
    """What a tool keeps in memory: whole numbers stand, the others are fitted (README.md).

    ``widening`` is how the bound grows outside the rows, where predictions grow in proportion at most: 1 where memory
    grows with the square.
    """

    text: str
    units: dict[str, str]
    unnamed: dict[str, str]
    widening: float = WIDENING


LAWS = {
    "plink1.9-grm": Law(
        text="8.5 + 0.0000057*n_samples*n_samples + 0.0000005*n_samples*n_variants",
        units={"n_samples": "samples", "n_variants": "variants", "n_threads": "threads"},
        unnamed={"n_threads": "cpus"},
        widening=1.0,
    ),
    "samtools-sort": Law(
        text="10.5 + min(1.05*n_threads*sort_mem_mb, 0.00006*n_reads + 0.0000018*n_reads*read_length)",
        units={"n_reads": "reads", "read_length": "bases", "n_threads": "threads", "sort_mem_mb": "MiB for each (-m)"},
        unnamed={"sort_mem_mb": "768", "n_threads": "cpus"},
    ),
    "bcftools-sort": Law(
        text="8.5 + min(1.05*sort_mem_mb, 0.0002*n_variants + 0.000002*n_variants*n_samples)",
        units={"n_variants": "variants", "n_samples": "samples", "sort_mem_mb": "MiB (-m)"},
        unnamed={"sort_mem_mb": "768"},
    ),
    "minimac4": Law(
        text=(
            "8.5 + min(1, 26/segment_mb)*(n_ref_variants*(0.0002 + 0.0000003*n_ref_samples"
            " + 0.00001*min(n_samples, 200)) + 0.0000008*n_threads*n_variants*n_ref_samples)"
        ),
        units={
            "n_ref_variants": "variants in the reference",
            "n_ref_samples": "samples in the reference",
            "n_samples": "samples in the target",
            "n_variants": "variants in the target",
            "n_threads": "threads",
            "segment_mb": "Mb of genome in the files",
        },
        unnamed={"segment_mb": "length", "n_ref_samples": "2504", "n_threads": "cpus"},
    ),
}


def fit(tool: str, date: str) -> fitting.FittedFormula:
    """Fit a tool's law and calibrate it."""
    law, table = LAWS[tool], pd.read_csv(DATA / f"tool_{tool}.csv")
    origin = fitting.Origin(tool=tool, target="peak_rss_mb", units=law.units, date=date)
    names, peaks = list(law.units), table["peak_rss_mb"].to_numpy(float)
    fitted = fit_law(law.text, names, table[names].to_numpy(float), peaks, origin=origin, seed=1)
    known = fitted.formula.features
    taken = {name: replace(known[name], source=source) for name, source in law.unnamed.items()}
    return replace(fitted, formula=replace(fitted.formula, features={**known, **taken}, widening=law.widening))


def judge(tool: str) -> None:
    """Print how good the law is without every fifth row, and without the largest fifth."""
    law, table = LAWS[tool], pd.read_csv(DATA / f"tool_{tool}.csv")
    names, peaks = list(law.units), table["peak_rss_mb"].to_numpy(float)
    fold = np.random.default_rng(1).permutation(len(peaks)) % 5
    for said, parts in (
        ("every fifth row", [fold == k for k in range(5)]),
        ("the largest fifth", [peaks >= np.quantile(peaks, 0.8)]),
    ):
        errors, within, ratios = [], [], []
        for held in parts:
            found = fit_law(law.text, names, table[~held][names].to_numpy(float), peaks[~held]).formula
            found = replace(found, widening=law.widening)
            for row, peak in zip(table[held].to_dict("records"), peaks[held], strict=True):
                told = found.bound({name: float(row[name]) for name in names}, LEVEL)
                errors.append(abs(told.point_mb / peak - 1))
                within.append(peak <= told.upper_mb)
                ratios.append(told.upper_mb / peak)
        print(f"    without {said}: mean error {100 * np.mean(errors):.1f} %")
        print(f"        {LEVEL:.0%} bound: {np.mean(within):.0%} within, {np.median(ratios):.2f} times the peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the formulas into this folder")
    out = parser.parse_args().out or ROOT / "planner" / "data" / "formulas"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    for tool in LAWS:
        fitted = fit(tool, today)
        files.write_text(out / f"{tool}.toml", formula_files.dumps(fitted.formula))
        errors = fitted.formula.errors
        print(f"{tool}: {fitted.formula.text}")
        print(f"    held out one by one: mean error {errors['mape']:.1f} %, Pearson {errors['pearson']:.3f}")
        judge(tool)


if __name__ == "__main__":
    main()
