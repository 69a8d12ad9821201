"""Made-up traces of every shape that memory takes, to see what a method does where nobody has tuned it.

    python -m benchmarks.memory_shapes DIR [--seed N] [--processes N]
    python -m benchmarks.memory_requests --traces DIR …

Writes ``trace_SHAPE.csv`` into DIR, in the columns that memory_requests.py reads. Each process has its own number of
tasks (40 to 400), scale (100 MB to 20 GB), spread of sizes and run times; the author's preset is enough for all.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIB, GIB = 2**20, 2**30
COLUMNS = ("process", "rchar", "rss", "peak_rss", "realtime", "memory", "submit")


def noise(rng: Generator, count: int, spread: float) -> Floats:
    return np.exp(spread * rng.standard_normal(count))


def two_regimes(rng: Generator, x: Floats) -> Floats:
    """Return peaks of which some are several times higher, and nothing tells which."""
    return np.where(rng.random(len(x)) < rng.uniform(0.05, 0.5), rng.uniform(1.5, 6), 1.0) * noise(rng, len(x), 0.05)


def rare_giants(rng: Generator, x: Floats) -> Floats:
    return np.where(rng.random(len(x)) < 0.02, rng.uniform(5, 20), 1.0) * noise(rng, len(x), 0.05)


def step(rng: Generator, x: Floats) -> Floats:
    """Return peaks of a tool whose new version needs more from some day on."""
    after = np.arange(len(x)) > len(x) * rng.uniform(0.3, 0.7)
    return np.where(after, rng.uniform(1.5, 4), 1.0) * (0.3 + x) * noise(rng, len(x), 0.05)


# x is the size relative to the median one, in order of submission; what is returned is multiplied by a scale
SHAPES: dict[str, Callable[[Generator, Floats], Floats]] = {
    "line": lambda rng, x: (rng.uniform(0.1, 1) + x) * noise(rng, len(x), 0.03),
    "noisy-line": lambda rng, x: (rng.uniform(0.1, 1) + x) * noise(rng, len(x), 0.2),
    "root": lambda rng, x: x ** rng.uniform(0.3, 0.7) * noise(rng, len(x), 0.06),
    "power": lambda rng, x: x ** rng.uniform(1.3, 2) * noise(rng, len(x), 0.06),
    "plateau": lambda rng, x: np.minimum(x, rng.uniform(1, 2)) * noise(rng, len(x), 0.02),
    "threshold": lambda rng, x: np.where(x > rng.uniform(0.7, 2), rng.uniform(2, 6), 1.0) * noise(rng, len(x), 0.05),
    "falling": lambda rng, x: x**-0.4 * noise(rng, len(x), 0.06),
    "constant": lambda rng, x: np.ones(len(x)),
    "unrelated": lambda rng, x: noise(rng, len(x), 0.12),
    "lognormal": lambda rng, x: noise(rng, len(x), 0.5),
    "pareto": lambda rng, x: 1 + rng.pareto(2.5, len(x)),
    "two-regimes": two_regimes,
    "rare-giants": rare_giants,
    "drift": lambda rng, x: (1 + rng.uniform(1, 3) * np.arange(len(x)) / len(x)) * noise(rng, len(x), 0.05),
    "step": step,
}


def process(rng: Generator, shape: str) -> tuple[Floats, Floats, Floats]:
    """Return size (bytes), peak (MiB) and run time (s) of one process's tasks, in order of submission."""
    count = int(rng.choice([40, 60, 100, 200, 400]))
    x = noise(rng, count, rng.uniform(0.3, 1.2))
    peak_mb = 10 ** rng.uniform(2, 4.3) * SHAPES[shape](rng, x)
    wall_s = 10 ** rng.uniform(1, 3.7) * noise(rng, count, rng.uniform(0.2, 1)) * x ** rng.uniform(0, 1)
    return 10 ** rng.uniform(7, 10) * x, peak_mb, wall_s


def write(folder: Path, shape: str, *, seed: int, processes: int) -> None:
    rng = np.random.default_rng([seed, list(SHAPES).index(shape)])
    with (folder / f"trace_{shape}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number in range(processes):
            size, peak_mb, wall_s = process(rng, shape)
            preset = GIB * 2.0 ** np.ceil(np.log2(1.3 * peak_mb.max() / 1024))
            for order, (x, mb, seconds) in enumerate(zip(size, peak_mb, wall_s, strict=True)):
                peak = round(mb * MIB)
                row = (
                    f"P{number}",
                    round(x),
                    peak,
                    peak,
                    max(1, round(1000 * seconds)),
                    max(GIB, round(preset)),
                    order,
                )
                writer.writerow(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=4)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        write(arguments.folder, shape, seed=arguments.seed, processes=arguments.processes)


if __name__ == "__main__":
    main()
