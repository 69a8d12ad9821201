"""One workload, several ways to ask for memory, on a real (private) Slurm cluster.

22 tasks of examples/data/cluster_workload.csv: real processes that touch their memory up to the peak at 60 % of their
time, then hold it. Two nodes with 8 CPUs and 600 MB, memory enforced by polling every second. Reported are the makespan
(first submission to last end), the memory reserved over time, and the attempts killed for memory.

    python -m benchmarks.cluster_comparison [--runs 3] [--json] [--strategy NAME …]

Needs Slurm, munge and MariaDB installed (docs/testing.md); takes about two minutes per run of all strategies.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "support")]

from cluster import Cluster, Node  # noqa: E402
from pipelines import Pipeline  # noqa: E402

from benchmarks import recorded  # noqa: E402
from planner.core import units  # noqa: E402

WORKLOAD = ROOT / "examples" / "data" / "cluster_workload.csv"
HOLD = """
import sys, time
rows = {r.split(",")[0]: r.split(",") for r in open(sys.argv[1]).read().split()[1:]}
_, _, peak_mb, duration_s = rows[sys.argv[2]]
began, held = time.time(), []
peak, rise = float(peak_mb) - 9, 0.6 * float(duration_s)     # 9 MB are the interpreter's
while (elapsed := time.time() - began) < float(duration_s):
    while len(held) < min(1.0, elapsed / rise) * peak:
        held.append(bytearray(1 << 20))
    time.sleep(0.05)
"""
SITE = """
name = "two"
description = "the benchmark's cluster"
source = "benchmarks/cluster_comparison.py"
as_of = 2026-01-01
acctg_freq_s = 1

[[partitions]]
name = "main"
nodes = 2
cores = 8
mem_mb = 600
default = true
"""
MEMORY_KILL = ("OUT_OF_MEMORY", "FAILED")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run of one strategy."""

    strategy: str
    makespan_s: float
    reserved_gb_s: float
    killed: int


def workload() -> list[dict[str, str]]:
    with WORKLOAD.open(newline="") as stream:
        return list(csv.DictReader(stream))


def measure(cluster: Cluster, strategy: str, jobs: Sequence[str]) -> Result:
    """Sum up what the accounting says of all attempts."""
    fields = ("JobID", "State", "Submit", "End", "ElapsedRaw", "AllocTRES")
    rows = [row for row in cluster.sacct(*jobs, fields=fields) if "." not in row["JobID"]]
    steps = [row for row in cluster.sacct(*jobs, fields=("JobID", "State", "ExitCode")) if "." in row["JobID"]]
    killed = {
        row["JobID"].split(".")[0] for row in steps if row["ExitCode"] == "0:9" or row["State"] in MEMORY_KILL[:1]
    }
    named_steps = sum(row["ExitCode"] == "0:9" and not row["JobID"].endswith(".batch") for row in steps)
    reserved = 0.0
    for row in rows:
        tres = dict(item.split("=") for item in row["AllocTRES"].split(",") if item)
        reserved += (units.parse_mem_mb(tres.get("mem", "0")) or 0.0) / 1024 * float(row["ElapsedRaw"])
    return Result(
        strategy=strategy,
        makespan_s=max(stamp(row["End"]) for row in rows) - min(stamp(row["Submit"]) for row in rows),
        reserved_gb_s=reserved,
        killed=max(len(killed), named_steps),
    )


def stamp(text: str) -> float:
    return float(text) if text.isdigit() else datetime.datetime.fromisoformat(text).timestamp()


def failed(cluster: Cluster, job: str) -> list[int]:
    rows = cluster.sacct(job, fields=("JobID", "State"))
    return [int(row["JobID"].split("_")[1]) for row in rows if "." not in row["JobID"] and row["State"] in MEMORY_KILL]


def plain_array(pipeline: Pipeline, mem_mb: int, indices: Sequence[int]) -> str:
    script = "#!/bin/bash\n#SBATCH --acctg-freq=task=1\nexec srun python3 hold.py workload.csv $SLURM_ARRAY_TASK_ID\n"
    array = ",".join(str(index) for index in indices)
    cluster: Cluster = pipeline.cluster
    return cluster.sbatch(script, f"--mem={mem_mb}", f"--array={array}", "--output=/dev/null", cwd=pipeline.folder)


def uniform(pipeline: Pipeline) -> list[str]:
    """One --mem for all: 1.1 x the largest, which one must know."""
    largest = max(float(row["peak_mb"]) for row in workload())
    job = plain_array(pipeline, round(1.1 * largest), range(1, 23))
    pipeline.cluster.wait(*(f"{job}_{index}" for index in range(1, 23)), timeout_s=300)
    return [job]


def doubling(pipeline: Pipeline) -> list[str]:
    """1.1 x the median for all; what failed is submitted again at twice the memory once the array has ended."""
    mem_mb = round(1.1 * statistics.median(float(row["peak_mb"]) for row in workload()))
    jobs, indices = [], list(range(1, 23))
    while indices:
        job = plain_array(pipeline, mem_mb, indices)
        pipeline.cluster.wait(*(f"{job}_{index}" for index in indices), timeout_s=300)
        jobs.append(job)
        indices, mem_mb = failed(pipeline.cluster, job), 2 * mem_mb
    return jobs


def chromplan(mode: str, submit: str = "") -> Callable[[Pipeline], list[str]]:
    def go(pipeline: Pipeline) -> list[str]:
        """Plan from one earlier sample, then rounds until everything is done."""
        command = "python3 hold.py workload.csv {chromosome}"
        pipeline.configure(mode=mode, command=command, samples='["s2"]', submit=submit)
        pipeline.write("earlier.csv", earlier_sample())
        pipeline.chromplan("history", "import", "earlier.csv", "--tool", "hold")
        pipeline.ready()
        jobs: list[str] = []
        while True:
            pipeline.chromplan("submit")
            pipeline.finish()
            jobs += sorted({line.split("\t")[1].split("_")[0] for line in pipeline.manifest()})
            if not pipeline.json("next")["tasks"]:
                return jobs

    return go


def earlier_sample() -> str:
    """Return the same tasks of an earlier sample: the same law, other noise."""
    rng = np.random.default_rng(7)
    lengths = np.array([float(row["length"]) for row in workload()])
    noise, slowness = rng.normal(size=22).clip(-3, 3), rng.normal(size=22).clip(-3, 3)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["chromosome", "length_mb", "peak_rss_mb", "wall_s"])
    x = lengths / lengths[0]
    for i in range(22):
        peak_mb = 20 + 200 * x[i] * (1 + 0.08 * noise[i])
        wall_s = 3 + 9 * x[i] * (1 + 0.05 * slowness[i])
        writer.writerow([i + 1, round(lengths[i] / 1e6, 3), round(peak_mb, 2), round(wall_s, 2)])
    return out.getvalue()


STRATEGIES: Mapping[str, Callable[[Pipeline], list[str]]] = {
    "uniform": uniform,
    "doubling": doubling,
    "chromplan-array": chromplan("array"),
    "chromplan-tiers": chromplan("tiers"),
    "chromplan-jobs": chromplan("jobs"),
    "chromplan-packed": chromplan("packed"),
    "chromplan-dynamic": chromplan("dynamic", "nodes = 2"),
    "chromplan-pool": chromplan("dynamic", "nodes = 2\npool = true"),
}


def median_of(runs: Sequence[Result]) -> dict[str, object]:
    """Return the medians of one strategy's runs."""
    fields = ("makespan_s", "reserved_gb_s", "killed")
    return {field: round(statistics.median(getattr(run, field) for run in runs), 1) for field in fields}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--strategy", action="append", choices=list(STRATEGIES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="the medians become those of benchmarks/records")
    options = parser.parse_args()
    results: list[Result] = []
    done = options.strategy or list(STRATEGIES)
    with tempfile.TemporaryDirectory():
        cluster = Cluster(nodes=[Node(cpus=8, mem_mb=600), Node(cpus=8, mem_mb=600)]).start()
        try:
            for _ in range(options.runs):
                for name in done:
                    pipeline = Pipeline(cluster)
                    for file, text in {
                        "hold.py": HOLD,
                        "site.toml": SITE,
                        "workload.csv": WORKLOAD.read_text(),
                    }.items():
                        pipeline.write(file, text)
                    results.append(measure(cluster, name, STRATEGIES[name](pipeline)))
                    if not options.json:
                        print(results[-1], flush=True)
        finally:
            cluster.stop()
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    medians = {name: median_of([one for one in results if one.strategy == name]) for name in done}
    if options.record:
        command = f"python -m benchmarks.cluster_comparison --runs {options.runs} --record"
        recorded.save("cluster_comparison", medians, measured=f"{datetime.date.today()}", command=command)
    print(f"\n{'strategy':<20}{'makespan s':>12}{'reserved GB·s':>15}{'killed':>8}   medians of {options.runs}")
    for name, row in medians.items():
        print(f"{name:<20}{row['makespan_s']:>12.0f}{row['reserved_gb_s']:>15.1f}{row['killed']:>8.0f}")


if __name__ == "__main__":
    main()
