"""CPU time of ``chromplan simulate``, two histories: ``python -m benchmarks.simulate [--quick]`` (the first alone)."""

from __future__ import annotations

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.beagle import DATA
from planner.core import genomes


def two_samples() -> list[dict[str, object]]:
    """Return the 66 real runs of the demo's history, and 22 with a smaller panel as a second sample."""
    found: list[dict[str, object]] = []
    for sample, name, step in (("history", "beagle_chr22.csv", 1), ("batch1", "beagle_chr22_fifth.csv", 3)):
        with (DATA / name).open() as text:
            found += [{"sample": sample, **row} for row in list(csv.DictReader(text))[::step]]
    return found


def hundred_samples() -> Iterator[dict[str, object]]:
    """Yield made-up runs: memory and time grow with the variants, and scatter by 8 and 10 %."""
    rng = random.Random(1)
    lengths = genomes.lengths("GRCh38")
    for sample in range(100):
        share = rng.lognormvariate(0, 0.15)
        for number in range(1, 23):
            length_mb = round(lengths[str(number)] / 1e6, 1)
            variants = int(length_mb * 6000 * share * rng.lognormvariate(0, 0.05))
            peak_mb = (800 + 20 * length_mb * share + 0.004 * variants) * rng.lognormvariate(0, 0.08)
            wall_s = (30 + 3 * length_mb * share) * rng.lognormvariate(0, 0.1)
            row = {"sample": f"s{sample}", "chromosome": number, "n_variants": variants}
            yield row | {"peak_rss_mb": round(peak_mb, 1), "wall_s": round(wall_s, 1)}


def cpu_s(file: Path, options: str) -> float:
    before = os.times()
    command = ["chromplan", "simulate", "--table", str(file), "--sample", "sample", *options.split(), "--json"]
    folder = Path(sys.executable).parent
    subprocess.run([folder / command[0], *command[1:]], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first history alone")
    quick = parser.parse_args().quick
    separate = (
        "--strategy uniform --strategy doubling --strategy paper --strategy array --strategy dynamic --strategy known"
    )
    histories = [
        (two_samples(), "--feature n_ref_variants --feature n_samples --nodes 1 --mem 1200M --cpus 8"),
        (list(hundred_samples()), f"--feature n_variants --nodes 2 --mem 64G --cpus 16 --runs 2 {separate}"),
    ]
    for rows, options in histories[: 1 if quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "runs.csv"
            with file.open("w", newline="") as text:
                table = csv.DictWriter(text, list(rows[0]), extrasaction="ignore")
                table.writeheader()
                table.writerows(rows)
            print(f"{len(rows)} jobs, {options}: {cpu_s(file, options):.1f} s")


if __name__ == "__main__":
    main()
