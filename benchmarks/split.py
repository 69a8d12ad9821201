"""``plan --split auto`` against fixed numbers of parts: what plans say, what a simulation and a cluster make of them.

22 tasks whose memory and time grow with their chromosome, the largest 40 % of a node: peak_mb = 20 + 220 L/L1 (1 +
.08e), time = 3 + 9 L/L1 (1 + .05e'); a part has the share of its length. The plan learns from one earlier sample with
other noise. In the simulation the requests of the plan run for their true times on two nodes of 600 MB and 8 cores, as
Slurm's backfill starts them; on the cluster they are real processes. ``--slower`` multiplies the times.

    python -m benchmarks.split [--seeds 5] [--slower 4] [--cluster auto 1 2 4 8]
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "support")]

from benchmarks.cluster_comparison import SITE, measure, stamp  # noqa: E402
from planner.actions import splitting  # noqa: E402
from planner.actions.opening import open_project, open_store  # noqa: E402
from planner.core import genomes  # noqa: E402
from planner.core.records import Observation, Outcome, Quality  # noqa: E402
from planner.plan.document import Plan, PlannedTask  # noqa: E402
from planner.plan.placing import expect_again  # noqa: E402

WAYS = ("auto", "1", "2", "4", "8")
LENGTHS = {name: bases for name, bases in genomes.lengths("GRCh37").items() if name.isdecimal()}
TOML = """
[pipeline]
name = "cut"
tool = "hold"
genome = "GRCh37"
command = "python3 hold.py truth.csv {chromosome} {start} {end}"
time = "00:10:00"

[submit]
site = "./site.toml"
"""
HOLD = """
import sys, time
rows = {r.split(",")[0]: r.split(",") for r in open(sys.argv[1]).read().split()[1:]}
_, length, peak_mb, wall_s, fixed_s = rows[sys.argv[2]]
share = (int(sys.argv[4]) - int(sys.argv[3]) + 1) / int(length)
began, held = time.time(), []
peak, lasts = 20 + (float(peak_mb) - 20) * share - 9, float(fixed_s) + (float(wall_s) - float(fixed_s)) * share
while (elapsed := time.time() - began) < lasts:
    while len(held) < min(1.0, elapsed / (0.6 * lasts)) * peak:
        held.append(bytearray(1 << 20))
    time.sleep(0.05)
"""


class Sample:
    """Peaks and times of the whole chromosomes of one sample."""

    def __init__(self, seed: int, slower: float) -> None:
        rng = np.random.default_rng(seed)
        noise, slowness = rng.normal(size=22).clip(-3, 3), rng.normal(size=22).clip(-3, 3)
        x = np.array(list(LENGTHS.values())) / LENGTHS["1"]
        self.fixed_s = 3 * slower
        self.peak_mb = dict(zip(LENGTHS, 20 + 220 * x * (1 + 0.08 * noise), strict=True))
        self.wall_s = dict(zip(LENGTHS, self.fixed_s + 9 * slower * x * (1 + 0.05 * slowness), strict=True))

    def observations(self) -> list[Observation]:
        """Return what a history holds of it."""
        return [
            Observation(
                tool="hold",
                task=f"chr{name}",
                sample="",
                chromosome=name,
                features={"length_mb": bases / 1e6},
                peak_mb=float(self.peak_mb[name]),
                limit_mb=600,
                wall_s=float(self.wall_s[name]),
                outcome=Outcome.COMPLETED,
                quality=Quality.MEASURED,
                job_id=f"before.{name}",
                submit_s=1,
            )
            for name, bases in LENGTHS.items()
        ]

    def text(self) -> str:
        """Return what the processes read."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["chromosome", "length", "peak_mb", "wall_s", "fixed_s"])
        for name, bases in LENGTHS.items():
            writer.writerow([name, bases, self.peak_mb[name], self.wall_s[name], self.fixed_s])
        return out.getvalue()

    def lasts_s(self, task: PlannedTask) -> float:
        """Return how long a task lasts, s."""
        share = 1e6 * task.features["length_mb"] / LENGTHS[task.chromosome]
        return float(self.fixed_s + (self.wall_s[task.chromosome] - self.fixed_s) * share)


def prepare(folder: Path, seed: int, slower: float) -> None:
    """Write a project that knows one earlier sample."""
    (folder / "chromplan.toml").write_text(TOML)
    (folder / "site.toml").write_text(SITE)
    with open_store(open_project(folder)) as store:
        store.add(Sample(1000 + seed, slower).observations())


def planned(folder: Path, how: str) -> Plan:
    return splitting.plan_next(open_project(folder), how)[0]


def simulated_s(plan: Plan, truth: Sample) -> float:
    """Return when the last task of a plan ends if each takes its true time, s."""
    wall_s = [truth.lasts_s(task) for task in plan.tasks]
    return expect_again(plan.tasks, [task.request_mb for task in plan.tasks], wall_s, plan.target).makespan


def simulate(seeds: int, slower: float) -> None:
    found: dict[str, list[tuple[int, float, float]]] = {how: [] for how in WAYS}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as name:
            prepare(Path(name), seed, slower)
            for how in WAYS:
                plan = planned(Path(name), how)
                found[how].append((len(plan.tasks), plan.makespan_s or 0.0, simulated_s(plan, Sample(seed, slower))))
        best = min(found[how][-1][2] for how in WAYS[1:])
        print(f"seed {seed}: auto {found['auto'][-1][2]:.1f} s, the best fixed split {best:.1f} s", flush=True)
    print("parts    tasks  said s  simulated s (means)")
    for how, rows in found.items():
        tasks, said, took = (statistics.fmean(column) for column in zip(*rows, strict=True))
        print(f"{how:6} {tasks:7.1f} {said:7.1f} {took:12.1f}")


def on_cluster(ways: Sequence[str], slower: float) -> None:
    """Run the ways on a private cluster, each in a project of its own."""
    from cluster import Cluster, Node
    from pipelines import Pipeline

    running = Cluster(nodes=[Node(cpus=8, mem_mb=600)] * 2)
    print("parts    tasks  said s  ran s  killed  reserved GB·s", flush=True)
    try:
        running.start()
        for how in ways:
            pipeline = Pipeline(running, name=f"split{how}")
            for name, text in {
                "chromplan.toml": TOML,
                "site.toml": SITE,
                "hold.py": HOLD,
                "truth.csv": Sample(0, slower).text(),
                "earlier.csv": _table(Sample(1000, slower)),
            }.items():
                pipeline.write(name, text)
            pipeline.chromplan("history", "import", "earlier.csv", "--tool", "hold", "--feature", "length_mb")
            said = pipeline.json("plan", "--split", how)
            pipeline.chromplan("render")
            pipeline.chromplan("submit")
            jobs = sorted({line.split("\t")[1].split("_")[0] for line in pipeline.manifest()})
            elements = [line.split("\t")[1] for line in pipeline.manifest()]
            running.wait(*elements, timeout_s=60 + 20 * said["makespan_s"])
            took = measure(running, how, jobs)
            rows = running.sacct(*jobs, fields=("JobID", "Start", "End"))
            starts_s, ends_s = ([stamp(row[name]) for row in rows] for name in ("Start", "End"))
            ran_s = max(ends_s) - min(starts_s)  # without what sbatch and the updates take before
            print(
                f"{how:6} {len(said['tasks']):7} {said['makespan_s']:7.1f} {ran_s:7.1f} {took.killed:7} "
                f"{took.reserved_gb_s:14.1f}",
                flush=True,
            )
    finally:
        running.stop()


def _table(sample: Sample) -> str:
    rows = [f"{n},{b / 1e6},{sample.peak_mb[n]:.2f},{sample.wall_s[n]:.2f}" for n, b in LENGTHS.items()]
    return "\n".join(["chromosome,length_mb,peak_mb,wall_s", *rows, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--slower", type=float, default=1.0, metavar="TIMES")
    parser.add_argument("--cluster", nargs="*", choices=WAYS, metavar="WAY", help="on a private cluster, these ways")
    options = parser.parse_args()
    if options.cluster is None:
        simulate(options.seeds, options.slower)
    else:
        on_cluster(options.cluster or WAYS, options.slower)


if __name__ == "__main__":
    main()
