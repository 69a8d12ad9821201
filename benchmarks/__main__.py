"""Run the benchmarks one after the other, for `make bench`: ``python -m benchmarks [--quick | --long] [NAME …]``.

Where a part would take long it has fewer seeds or repetitions than the figures on its page, which ``--long`` makes
again. ``--quick`` shows in some minutes that each part runs; its figures are too few to quote. What this machine lacks
is skipped, saying what it needs; one that fails does not stop the others. Ctrl-C ends the part that runs, and all.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import shutil
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
    """A module of this package and the arguments of its runs; ``{folder}`` is a scratch folder.

    Attributes
    ----------
    usual, quick : sequence of str
    long : sequence of str or None
        What made the figures on its page; None where the usual arguments did.
    cpu_min : float, optional
        CPU time of the usual run when it was last measured, minutes.
    wall_min : float
        How long the usual run lasts at least where it mostly waits for a cluster, minutes.
    needs : str
        What not every machine has.
    """

    module: str
    usual: Sequence[str] = ()
    quick: Sequence[str] = ()
    long: Sequence[str] | None = None
    cpu_min: float | None = None
    wall_min: float = 0.0
    needs: str = ""

    def arguments(self, form: str, **folders: object) -> list[str]:
        """Return the arguments of a form: usual, quick or long."""
        parts = {"usual": self.usual, "quick": self.quick, "long": self.usual if self.long is None else self.long}
        return [part.format_map(folders) for part in parts[form]]

    @property
    def cost(self) -> str:
        """How long it took when it was last measured."""
        waits = f", {self.wall_min:g} min of waiting" if self.wall_min else ""
        cpu = "CPU time not measured yet" if self.cpu_min is None else f"{self.cpu_min:g} min of CPU time"
        return f"{cpu}{waits}"


BENCHMARKS = (
    Benchmark("static_order", quick=("paper", "eps", "caps"), cpu_min=3),
    Benchmark("split", quick=("--seeds", "1"), cpu_min=0.4),
    Benchmark(
        "dynamic_schedule",
        quick=("--preset", "P", "--task-size", "0.4", "--policy", "chromplan", "--runs", "10"),
        cpu_min=2,
    ),
    Benchmark(
        "paper",
        ("--quick", "--out", "{folder}/paper.html"),
        ("--quick", "--out", "{folder}/paper.html"),
        ("--out", "{folder}/paper.html"),
        cpu_min=0.2,
    ),
    Benchmark("beagle_budget", cpu_min=0.02),
    Benchmark(
        "dynamic_robustness",
        ("--runs", "50"),
        ("--condition", "halved", "--runs", "10"),
        (),
        cpu_min=1,
    ),
    Benchmark("formula", ("--splits", "4"), ("--part", "starts"), (), cpu_min=9),
    Benchmark("formula_quantile", ("--splits", "1"), ("--splits", "1"), ("--splits", "6")),
    Benchmark("memory_coverage", ("0", "1"), ("0",), (), cpu_min=0.2),
    Benchmark("memory_scale", quick=("100", "1000"), cpu_min=0.1),
    Benchmark("memory_requests", quick=("--method", "chromplan", "largest"), cpu_min=0.4),
    Benchmark(
        "memory_requests",
        ("--traces", "{traces}", "--trace", "methylseq", "eager"),
        ("--traces", "{traces}", "--method", "chromplan"),
        ("--traces", "{traces}"),
        cpu_min=3,
        needs="traces",
    ),
    Benchmark(
        "memory_shapes",
        ("{folder}", "--seed", "31", "--processes", "2"),
        ("{folder}", "--seed", "31", "--processes", "1"),
        ("{folder}", "--seed", "31"),
    ),
    Benchmark(
        "memory_requests",
        ("--traces", "{folder}", "--seed", "7"),
        ("--traces", "{folder}", "--seed", "7", "--method", "chromplan"),
        cpu_min=7,
    ),
    Benchmark("history", quick=("220",)),
    Benchmark("ingest", quick=("10",), cpu_min=0.6),
    Benchmark("many_tasks", quick=("20",), cpu_min=0.3),
    Benchmark("simulate", quick=("--quick",)),
    Benchmark("elastic_heap", ("{folder}/g1",), ("{folder}/g1", "--chromosomes", "21-22"), needs="beagle"),
    Benchmark("modes", quick=("2",), needs="slurm"),
    Benchmark(
        "cluster_comparison",
        ("--runs", "1"),
        ("--strategy", "chromplan-array"),
        ("--runs", "3"),
        wall_min=6,
        needs="slurm",
    ),
    Benchmark(
        "snakemake_comparison",
        ("--runs", "1"),
        ("--way", "chromplan"),
        ("--runs", "3"),
        wall_min=20,
        needs="snakemake",
    ),
)


def lacking(one: Benchmark, traces: Path | None) -> str:
    """Return what a benchmark needs and this machine has not; empty when nothing."""
    if one.needs == "traces" and traces is None:
        return NO_TRACES
    if one.needs == "beagle":
        return "" if shutil.which("beagle") else "beagle on PATH"
    if one.needs == "snakemake" and importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "the Slurm plugin of Snakemake: pip install '.[pipelines]'"
    missing = missing_programs() if one.needs in ("slurm", "snakemake") else []
    return f"Slurm: {', '.join(missing)} not found (docs/testing.md)" if missing else ""


def _left(benchmarks: Sequence[Benchmark]) -> str:
    return " ".join(dict.fromkeys(one.module for one in benchmarks))


def _cpu_s() -> float:
    """Return the CPU time of all parts so far, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run them, and say at the end which were skipped and which failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted({one.module for one in BENCHMARKS})
    parser.add_argument("name", nargs="*", choices=[*names, []], metavar="NAME", help=f"of {', '.join(names)}")
    forms = parser.add_mutually_exclusive_group()
    for form, said in (("quick", "small runs"), ("long", "as the figures on the pages were made: some hours")):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, default="usual", help=said)
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder with public traces")
    options = parser.parse_args()
    failed: list[str] = []
    skipped: list[str] = []
    chosen = [one for one in BENCHMARKS if not options.name or one.module in options.name]
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(chosen, 1):
            needs = lacking(one, options.traces)
            given = one.arguments(options.form, folder=folder, traces=options.traces)
            line = " ".join(["python -m", f"benchmarks.{one.module}", *given])
            if needs:
                skipped.append(f"skipped: {one.module} needs {needs}")
                print(f"\n== {skipped[-1]}", flush=True)
                continue
            usually = f" ({one.cost})" if options.form == "usual" else ""
            print(f"\n== {number} of {len(chosen)}: {line}{usually}", flush=True)
            began_s, before_s = time.monotonic(), _cpu_s()
            command = [sys.executable, "-m", f"benchmarks.{one.module}", *given]
            try:
                ended_well = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
            except KeyboardInterrupt:
                sys.exit(f'\ninterrupted; what is left: make bench ONLY="{_left(chosen[number - 1 :])}"')
            took_min, cpu_min = (time.monotonic() - began_s) / 60, (_cpu_s() - before_s) / 60
            print(f"== {one.module}: {took_min:.1f} min, {cpu_min:.1f} min of CPU time", flush=True)
            if not ended_well:
                failed.append(f"failed: {line}")
    print("", *skipped, *failed, sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
