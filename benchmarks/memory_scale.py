"""Time and memory of fitting many observations of one tool: ``python -m benchmarks.memory_scale [OBSERVATIONS …]``."""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from planner.core.records import Observation, Outcome, Quality
from planner.memory.fitting import fit
from planner.memory.sizing import WINDOW


def observations(count: int) -> list[Observation]:
    rng = np.random.default_rng(0)
    length, samples = rng.uniform(50, 250, count), rng.integers(10, 5000, count)
    peak = (200 + 3 * length + 0.5 * samples) * (1 + 0.08 * rng.standard_normal(count))
    return [
        Observation(
            tool="tool",
            task=f"task{n}",
            sample="s",
            chromosome="1",
            features={"length_mb": float(length[n]), "samples": float(samples[n])},
            peak_mb=float(peak[n]),
            limit_mb=8000,
            wall_s=float(peak[n] / 2),
            outcome=Outcome.COMPLETED,
            quality=Quality.MEASURED,
            job_id=str(n),
            submit_s=n,
        )
        for n in range(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="*", type=int, metavar="OBSERVATIONS", help="default: 100 to 100000")
    counts = parser.parse_args().count or [100, 1000, 10_000, 100_000]
    print(f"a prediction looks at the last {WINDOW} observations")
    print(f"{'observations':>12} {'fit s':>8} {'ms per prediction':>18} {'peak MB of the process':>23}")
    for count in counts:
        rows = observations(count)
        started = time.process_time()
        model = fit(rows, tool="tool", feature_names=("length_mb", "samples"))
        fit_s = time.process_time() - started
        started = time.process_time()
        for row in rows[:100]:
            model.predict(row.features)
        each_ms = 10 * (time.process_time() - started)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{count:12} {fit_s:8.2f} {each_ms:18.2f} {peak_mb:23.0f}")


if __name__ == "__main__":
    main()
