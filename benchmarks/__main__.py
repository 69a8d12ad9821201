"""Run the benchmarks one after the other, for `make bench`: ``python -m benchmarks [--quick] [--traces DIR] [NAME …]``.

What this machine lacks is skipped, saying what it needs; one that fails does not stop the others. ``--quick`` shows in
some minutes that each of them runs; its figures are too few to quote. Ctrl-C ends the part that runs, and all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "cluster"))

from cluster import missing_programs  # noqa: E402

NO_TRACES = (
    "public Nextflow traces: git clone https://github.com/dos-group/sizey (arXiv 2407.16353), "
    "then make bench TRACES=sizey/data"
)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of this package and the arguments of a whole run and a quick one; ``{folder}`` is a scratch folder."""

    module: str
    whole: Sequence[str] = ()
    quick: Sequence[str] = ()
    needs: str = ""


BENCHMARKS = (
    Benchmark("static_order", quick=("paper", "eps", "caps")),
    Benchmark(
        "dynamic_schedule", quick=("--preset", "P", "--task-size", "0.4", "--policy", "chromplan", "--runs", "10")
    ),
    Benchmark("paper", ("--out", "{folder}/paper.html"), ("--quick", "--out", "{folder}/paper.html")),
    Benchmark("dynamic_robustness", quick=("--condition", "halved", "--runs", "10")),
    Benchmark("formula", quick=("--part", "starts")),
    Benchmark("memory_coverage", quick=("0",)),
    Benchmark("memory_scale", quick=("100", "1000")),
    Benchmark("memory_requests", quick=("--method", "chromplan", "largest")),
    Benchmark("memory_requests", ("--traces", "{traces}"), ("--traces", "{traces}", "--method", "chromplan"), "traces"),
    Benchmark("memory_shapes", ("{folder}", "--seed", "31"), ("{folder}", "--seed", "31", "--processes", "1")),
    Benchmark(
        "memory_requests",
        ("--traces", "{folder}", "--seed", "7"),
        ("--traces", "{folder}", "--seed", "7", "--method", "chromplan"),
    ),
    Benchmark("history", quick=("220",)),
    Benchmark("ingest", quick=("10",)),
    Benchmark("simulate", quick=("--quick",)),
    Benchmark("modes", quick=("2",), needs="slurm"),
    Benchmark("cluster_comparison", ("--runs", "3"), ("--strategy", "chromplan-array"), "slurm"),
)


def lacking(one: Benchmark, traces: Path | None) -> str:
    """Return what a benchmark needs and this machine has not; empty when nothing."""
    if one.needs == "traces" and traces is None:
        return NO_TRACES
    missing = missing_programs() if one.needs == "slurm" else []
    return f"Slurm: {', '.join(missing)} not found (docs/testing.md)" if missing else ""


def _left(benchmarks: Sequence[Benchmark]) -> str:
    return " ".join(dict.fromkeys(one.module for one in benchmarks))


def main() -> None:
    """Run them, and say at the end which were skipped and which failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted({one.module for one in BENCHMARKS})
    parser.add_argument("name", nargs="*", choices=[*names, []], metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="small runs")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder with public traces")
    options = parser.parse_args()
    failed: list[str] = []
    skipped: list[str] = []
    chosen = [one for one in BENCHMARKS if not options.name or one.module in options.name]
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(chosen, 1):
            needs = lacking(one, options.traces)
            given = [
                part.format(folder=folder, traces=options.traces)
                for part in (one.quick if options.quick else one.whole)
            ]
            line = " ".join(["python -m", f"benchmarks.{one.module}", *given])
            if needs:
                skipped.append(f"skipped: {one.module} needs {needs}")
                print(f"\n== {skipped[-1]}", flush=True)
                continue
            print(f"\n== {number} of {len(chosen)}: {line}", flush=True)
            began_s = time.monotonic()
            command = [sys.executable, "-m", f"benchmarks.{one.module}", *given]
            try:
                ended_well = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
            except KeyboardInterrupt:
                sys.exit(f'\ninterrupted; what is left: make bench ONLY="{_left(chosen[number - 1 :])}"')
            print(f"== {one.module}: {(time.monotonic() - began_s) / 60:.1f} min", flush=True)
            if not ended_well:
                failed.append(f"failed: {line}")
    print("", *skipped, *failed, sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
