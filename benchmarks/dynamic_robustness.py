"""The dynamic scheduler where not all is as expected: ``python -m benchmarks.dynamic_robustness``.

22 tasks on one node (`reference/cases.py`), one thing changed at a time (`reference/distorted.py`); makespan over the
best schedule found in hindsight, and tasks killed per run, for chromplan with and without predictions and for "largest
first, predicted + 20 %". ``--first-seed`` from 50000 for tuning. dynamic_schedule.md has the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.reference import hindsight
from benchmarks.reference.cases import NODES, TASK_SIZES, Preset, without_predictions
from benchmarks.reference.distorted import Condition, distorted_case, largest_first
from planner.schedule.dynamic.decide import decide
from planner.schedule.dynamic.simulator import simulate
from planner.schedule.dynamic.state import Sharing, Start, State

SHARING = {"A": Sharing.POOL, "B": Sharing.LIMITS}
Decide = Callable[[State], Sequence[Start]]
POLICIES: dict[str, tuple[Decide, bool]] = {
    "chromplan": (decide, False),
    "chromplan, prior": (decide, True),
    "largest first + 20 %": (largest_first, False),
    "largest first + 20 %, prior": (largest_first, True),
}
Cell = tuple[float, float]
"""Mean ratio, and mean kills per run."""


def measure(
    condition: Condition, preset: Preset, task_size: float, mode: str, seeds: Sequence[int], kept: Path | None
) -> dict[str, Cell]:
    """Return each policy's cell."""
    cases = [distorted_case(condition, preset, task_size, seed) for seed in seeds]
    best = _best(condition, preset, task_size, seeds, kept)
    found = {}
    for label, (policy, prior) in POLICIES.items():
        runs = [
            simulate(case if prior else without_predictions(case), policy, sharing=SHARING[mode], nodes=NODES)
            for case in cases
        ]
        ratios = [run.makespan_s / least for run, least in zip(runs, best, strict=True)]
        found[label] = (statistics.fmean(ratios), statistics.fmean(run.overcommits for run in runs))
    return found


def _best(
    condition: Condition, preset: Preset, task_size: float, seeds: Sequence[int], kept: Path | None
) -> list[float]:
    """Return the makespans found in hindsight, which no policy changes: kept on disk where a folder is given."""
    file = kept and kept / f"{condition}-{preset}-{task_size}-{seeds[0]}-{len(seeds)}.json"
    if file and file.exists():
        return [float(value) for value in json.loads(file.read_text())]
    found = hindsight.makespans([distorted_case(condition, preset, task_size, seed) for seed in seeds])
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--condition", action="append", choices=[*Condition])
    parser.add_argument("--preset", choices=[*Preset], default="P")
    parser.add_argument("--mode", choices=[*SHARING], default="A", help="A: one pool of memory; B: a limit per task")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hindsight", type=Path, help="folder that keeps the best schedules found")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.runs)
    conditions = [Condition(name) for name in options.condition or Condition]
    with ProcessPoolExecutor(options.jobs) as pool:
        one = partial(measure, preset=Preset(options.preset), mode=options.mode, seeds=seeds, kept=options.hindsight)
        waiting = {(c, size): pool.submit(one, condition=c, task_size=size) for c in conditions for size in TASK_SIZES}
        print(f"| condition | policy | {' | '.join(f'{size:.0%}' for size in TASK_SIZES)} |")
        print("|---" * (2 + len(TASK_SIZES)) + "|")
        for condition in conditions:
            cells = [waiting[condition, size].result() for size in TASK_SIZES]
            for label in POLICIES:
                texts = [f"{cell[label][0]:.3f} ({cell[label][1]:.2f})" for cell in cells]
                print(f"| {condition} | {label} | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
