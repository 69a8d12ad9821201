"""How long planning, rendering and submitting many tasks takes: ``python -m benchmarks.modes [SAMPLES]``.

22 chromosomes of each sample (100 unless given: 2 200 tasks) as arrays with per-element memory, then with per-element
time limits, too, submitted to a private Slurm (tests/cluster); 10 samples as packed batches. Slurm, munge and MariaDB
are needed, see docs/testing.md.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "support")]

import plans  # noqa: E402
from cluster import Cluster  # noqa: E402
from pipelines import Pipeline  # noqa: E402

from planner.core.modes import Mode  # noqa: E402
from planner.core.samples import Sample  # noqa: E402
from planner.plan.document import Plan  # noqa: E402
from planner.scripts import render  # noqa: E402

T = TypeVar("T")


def timed(what: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    result = work()
    print(f"{what:<58} {time.perf_counter() - started:6.2f} s", flush=True)
    return result


def plan(samples: int, mode: Mode) -> Plan:
    names = [Sample(name=f"s{number}", columns={}) for number in range(samples)]
    return plans.plan(plans.config(submit={"mode": mode}), samples=names)


def within_python(samples: int) -> None:
    for mode, count in ((Mode.ARRAY, samples), (Mode.PACKED, 10)):
        tasks = 22 * count
        made = timed(f"{mode}: plan {tasks} tasks", lambda mode=mode, count=count: plan(count, mode))  # type: ignore[misc]
        files = timed(f"{mode}: render them", lambda made=made: render.render(made))  # type: ignore[misc]
        print(f"  {len(files)} files, {sum(map(len, files.values())) / 1e6:.2f} MB")


def on_slurm(samples: int) -> None:
    cluster = Cluster().start()
    try:
        names = str([f"s{number}" for number in range(samples)]).replace("'", '"')
        for limits in (False, True):
            pipeline = Pipeline(
                cluster, samples=names, command="echo {sample} {chromosome}; sleep 600", time="08:00:00"
            )
            if limits:
                pipeline.remember(minutes=0.5)
            _submit(pipeline, "memory and time limits" if limits else "memory")
            cluster.cancel_all()
    finally:
        cluster.stop()


def _submit(pipeline: Pipeline, what: str) -> None:
    print(f"each element's own {what}:")
    for command in ("plan", "render"):
        timed(f"chromplan {command}", lambda command=command: pipeline.chromplan(command))  # type: ignore[misc]
    counting = pipeline.counting("scontrol")
    timed("chromplan submit", lambda: pipeline.chromplan("submit", env=counting))
    arrays = {line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}
    updating = [call for call in pipeline.calls("scontrol") if not call.startswith("release")]
    print(f"  {len(pipeline.manifest())} elements in {len(arrays)} arrays, {len(updating)} scontrol for them")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="?", type=int, default=100, metavar="SAMPLES", help="default: 100")
    samples = parser.parse_args().samples
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {22 * samples} tasks")
    within_python(samples)
    on_slurm(samples)


if __name__ == "__main__":
    main()
