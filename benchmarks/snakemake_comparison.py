"""One Snakemake workflow, three ways to say `mem_mb`, on a real (private) Slurm cluster.

22 chromosomes x 2 steps (phase, then impute), run by Snakemake with its Slurm plugin. Each job is a process that
touches its memory up to the peak at 60 % of its time, then holds it; two nodes with 8 CPUs and 4000 MB, memory enforced
by polling every second. All three ways know the same: what an earlier sample used. Reported are the makespan (first
submission to last end), the memory reserved over time, and the attempts killed for memory.

    python -m benchmarks.snakemake_comparison [--runs 3] [--way NAME …] [--record]

Needs Slurm, munge and MariaDB (docs/testing.md), and Snakemake: pip install '.[pipelines]'. Most of the CPU time, some
five minutes per run of one way, goes into starting Snakemake in each job; runs take longer where others use the cores.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "support")]

import snakemake_runs  # noqa: E402
from cluster import Cluster, Node  # noqa: E402

from benchmarks import recorded  # noqa: E402
from benchmarks.cluster_comparison import Result, measure  # noqa: E402
from planner.core.genomes import lengths  # noqa: E402

RECORD = "snakemake_comparison"
ENGINE_MB = 300
"""What Snakemake's own processes hold in each job (docs/pipelines.md), MiB; every way adds it."""
STEPS = {"phase": (100, 500, 5, 11), "impute": (150, 1200, 6, 14)}
"""MiB and seconds: what every chromosome needs, and what chromosome 1 needs on top."""

SNAKEFILE = """
{imports}
CHROMOSOMES = [str(n) for n in range(1, 23)]

rule all:
    input: expand("out/{{chrom}}.impute", chrom=CHROMOSOMES)

rule phase:
    output: "out/{{chrom}}.phase"
    resources: mem_mb={phase}, runtime=10
    shell: "python3 hold.py phase {{wildcards.chrom}} && touch {{output}}"

rule impute:
    input: "out/{{chrom}}.phase"
    output: "out/{{chrom}}.impute"
    resources: mem_mb={impute}, runtime=10
    shell: "python3 hold.py impute {{wildcards.chrom}} && touch {{output}}"
"""
HOLD = """
import csv, sys, time
found = [r for r in csv.DictReader(open("needs.csv")) if [r["tool"], r["chromosome"]] == sys.argv[1:]]
peak_mb, wall_s = float(found[0]["peak_mb"]) - 9, float(found[0]["wall_s"])     # 9 MB are the interpreter's
began, held = time.time(), []
while (elapsed := time.time() - began) < wall_s:
    while len(held) < min(1.0, elapsed / (0.6 * wall_s)) * peak_mb:
        held.append(bytearray(1 << 20))
    time.sleep(0.1)
"""


def sample(seed: int) -> list[dict[str, object]]:
    """Return what the 44 jobs of a sample need: proportional to length, with noise of its own."""
    rng = np.random.default_rng(seed)
    bases = np.array([lengths("GRCh37")[str(number)] for number in range(1, 23)])
    rows: list[dict[str, object]] = []
    for step, (base_mb, more_mb, base_s, more_s) in STEPS.items():
        noise = rng.normal(size=(2, 22)).clip(-3, 3)
        for number, (x, mb, s) in enumerate(zip(bases / bases[0], *noise, strict=True), start=1):
            peak_mb = base_mb + more_mb * x * (1 + 0.08 * mb)
            wall_s = base_s + more_s * x * (1 + 0.05 * s)
            row = {"tool": step, "chromosome": number, "length_mb": round(bases[number - 1] / 1e6, 3)}
            rows.append({**row, "peak_mb": round(peak_mb, 1), "wall_s": round(wall_s, 2)})
    return rows


def text_of(rows: Sequence[Mapping[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


EARLIER, NOW = sample(7), sample(8)


def peaks(step: str) -> list[float]:
    return [float(str(row["peak_mb"])) for row in EARLIER if row["tool"] == step]


def one_for_all(of: Callable[[Sequence[float]], float]) -> Callable[[Cluster, Path], str]:
    def write(cluster: Cluster, folder: Path) -> str:
        said = {
            step: f"lambda wildcards, attempt: {ENGINE_MB + round(1.1 * of(peaks(step)))} * 2 ** (attempt - 1)"
            for step in STEPS
        }
        return SNAKEFILE.format(imports="", **said)

    return write


def chromplan(cluster: Cluster, folder: Path) -> str:
    snakemake_runs.write(cluster, folder, {"earlier.csv": text_of(EARLIER)})
    cluster.run(["chromplan", "history", "import", "earlier.csv", "--feature", "length_mb"], cwd=folder)
    cluster.run(["chromplan", "export", "--to", "snakemake", "--overhead", f"{ENGINE_MB}M"], cwd=folder)
    said = {step: f'chromplan("{step}")' for step in STEPS}
    return SNAKEFILE.format(imports="from chromplan_resources import chromplan", **said)


WAYS: Mapping[str, Callable[[Cluster, Path], str]] = {
    "largest": one_for_all(max),
    "median": one_for_all(statistics.median),
    "chromplan": chromplan,
}


def run(cluster: Cluster, way: str) -> Result:
    """Run the workflow once; with chromplan, fail where a job's ReqMem is not what was exported."""
    folder = cluster.user_dir(f"snakemake-{way}")
    cluster.run(["mkdir", "out"], cwd=folder)
    files = {"Snakefile": WAYS[way](cluster, folder), "hold.py": HOLD, "needs.csv": text_of(NOW)}
    snakemake_runs.write(cluster, folder, files)
    snakemake_runs.run(cluster, folder, jobs=44)
    asked = snakemake_runs.requested(cluster, folder)
    if way == "chromplan":
        check(asked, json.loads((folder / "chromplan.json").read_text())["rules"])
    return measure(cluster, way, sorted(snakemake_runs.jobs_of(folder)))


def check(asked: Sequence[tuple[str, str, int]], rules: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
    """Fail unless each job asked for what its attempt was planned to ask for."""
    attempts: dict[tuple[str, str], list[int]] = {}
    for rule, chromosome, mem_mb in asked:
        attempts.setdefault((rule, chromosome), []).append(mem_mb)
    for (rule, chromosome), got in attempts.items():
        task = rules[rule][chromosome][""]
        wanted = task["mem_mb"][: len(got)]  # type: ignore[index]
        if got != wanted:
            raise RuntimeError(f"{rule} of chromosome {chromosome} asked for {got} MB, the plan for {wanted}")
    if len(attempts) != 22 * len(STEPS):
        raise RuntimeError(f"{len(attempts)} jobs instead of {22 * len(STEPS)}")


def summed_up(runs: Sequence[Result]) -> dict[str, object]:
    """Return medians, and the least and the most, of one way's runs."""
    row: dict[str, object] = {"runs": [asdict(one) for one in runs]}
    for field in ("makespan_s", "reserved_gb_s", "killed"):
        values = [float(getattr(one, field)) for one in runs]
        row |= {field: statistics.median(values), f"{field}_min": min(values), f"{field}_max": max(values)}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--way", action="append", choices=list(WAYS))
    parser.add_argument("--record", action="store_true", help="the figures become those of benchmarks/records")
    options = parser.parse_args()
    if not snakemake_runs.installed():
        sys.exit("error: the Slurm plugin of Snakemake is not installed\nhint: pip install '.[pipelines]'")
    ways = options.way or list(WAYS)
    results: list[Result] = []
    rows: dict[str, dict[str, object]] = {}
    cluster = Cluster(nodes=[Node(cpus=8, mem_mb=4000), Node(cpus=8, mem_mb=4000)]).start()
    try:
        for _ in range(options.runs):
            for way in ways:
                results.append(run(cluster, way))
                print(results[-1], flush=True)
            rows = {way: summed_up([one for one in results if one.strategy == way]) for way in ways}
            if options.record:
                command = f"python -m benchmarks.{RECORD} --runs {options.runs} --record"
                recorded.save(RECORD, rows, measured=f"{datetime.date.today()}", command=command)
    finally:
        cluster.stop()
    print(f"\n{'way':<12}{'makespan s':>12}{'reserved GB·s':>15}{'killed':>8}   medians of {options.runs}")
    for way, row in rows.items():
        print(f"{way:<12}{row['makespan_s']:>12.0f}{row['reserved_gb_s']:>15.1f}{row['killed']:>8.0f}")


if __name__ == "__main__":
    main()
