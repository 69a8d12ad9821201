"""22 chromosomes of real Beagle in one memory budget, by several policies: ``python -m benchmarks.beagle_budget``.

The paper's Figure 5. Peaks and durations are those of real Beagle 5.4 runs (serial collector, window 40 cM, one
thread), measured one after the other: simulated genomes with GRCh37's lengths over 10 and over 5. They are replayed in
a budget of so many times the largest peak, each task with a core of its own; when a task reaches its peak, and all that
run need more together than the budget, it is killed and runs again. When it reaches its peak is not recorded: a random
share of its duration, 20 seeds for each repeat. Predictions are the bundled formula's, fitted to none of these runs.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from benchmarks import recorded
from benchmarks.beagle import DATA
from benchmarks.reference.cases import without_predictions
from planner.core import files
from planner.formula import file as formula_files
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.simulator import Case, simulate
from planner.schedule.dynamic.state import Node, Start, State, Work

SIZES = {"tenth": "beagle_chr22", "fifth": "beagle_chr22_fifth"}
BUDGET = 4.0  # times the largest peak
SEEDS = range(20)
ATTEMPTS = 60
Decide = Callable[[State], Sequence[Start]]
RECORD = "beagle_budget"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Means over repeats and seeds of one policy at one size; a budget is held until the last task ends."""

    makespan_s: float
    killed: float
    most_killed: int
    held_gb_s: float
    wasted: float
    """Share of memory x time held that no task needed."""


def cases(name: str) -> list[tuple[float, Case]]:
    """Return budget (MiB) and case for every repeat of the 22 chromosomes and every seed."""
    formula = formula_files.loads((files.shipped("data") / "formulas" / "beagle.toml").read_text(encoding="utf-8"))
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if float(row["window_cm"]) == 40 and row["gc"] == "serial"]
    repeats = sorted({row["repeat"] for row in rows})
    budget_mb = BUDGET * max(float(row["peak_rss_mb"]) for row in rows)
    found = []
    for repeat in repeats:
        mine = sorted((row for row in rows if row["repeat"] == repeat), key=lambda row: int(row["chromosome"]))
        works = tuple(
            Work(
                name=f"chr{row['chromosome']}",
                size=float(row["length_mb_grch37"]),
                position=int(row["chromosome"]),
                predicted_mb=formula.evaluate({name: float(row[name]) for name in formula.inputs}),
            )
            for row in mine
        )
        for seed in SEEDS:
            peak_at = np.random.default_rng([seed, int(repeat)]).random((len(mine), ATTEMPTS))
            case = Case(
                works=works,
                true_mb=tuple(float(row["peak_rss_mb"]) for row in mine),
                wall_s=tuple(float(row["wall_s"]) for row in mine),
                peak_at=tuple(tuple(shares) for shares in peak_at.tolist()),
            )
            found.append((budget_mb, case))
    return found


def at_most(state: State, *, tasks: int) -> list[Start]:
    """Start waiting tasks, chromosome 1 first, until so many run, whatever they need."""
    free = tasks - len(state.running)
    ready = [one for one in state.waiting if not one.held or not state.running]
    return [Start(name=one.work.name, node=state.nodes[0].name) for one in ready[: max(0, free)]]


def policies(budget_mb: float, case: Case) -> Mapping[str, tuple[Case, Decide]]:
    """Return what each policy is told and how it decides, by its name in the record."""
    unpredicted = without_predictions(case)
    paper = partial(dynamic.decide, options=DynamicOptions(policy=Policy.PAPER))
    return {
        "sequential": (case, partial(at_most, tasks=1)),
        "naive": (case, partial(at_most, tasks=len(case.works))),
        "largest-fits": (case, partial(at_most, tasks=int(budget_mb // max(case.true_mb)))),
        "paper": (case, paper),
        "chromplan": (unpredicted, dynamic.decide),
        "chromplan-prior": (case, dynamic.decide),
    }


def measure(name: str) -> dict[str, Outcome]:
    """Return the outcome of each policy at one size."""
    runs: dict[str, list[tuple[float, int, float, float]]] = {}
    for budget_mb, case in cases(name):
        node = Node(name="node", mem_mb=budget_mb)
        used_mb_s = sum(mb * wall for mb, wall in zip(case.true_mb, case.wall_s, strict=True))
        for policy, (told, decide) in policies(budget_mb, case).items():
            ran = simulate(told, decide, nodes=(node,))
            held_mb_s = budget_mb * ran.makespan_s
            runs.setdefault(policy, []).append((ran.makespan_s, ran.overcommits, held_mb_s, 1 - used_mb_s / held_mb_s))
    return {policy: _mean(found) for policy, found in runs.items()}


def _mean(found: Sequence[tuple[float, int, float, float]]) -> Outcome:
    makespan_s, killed, held_mb_s, wasted = (list(values) for values in zip(*found, strict=True))
    return Outcome(
        makespan_s=round(statistics.fmean(makespan_s), 1),
        killed=round(statistics.fmean(killed), 2),
        most_killed=int(max(killed)),
        held_gb_s=round(statistics.fmean(held_mb_s) / 1024, 1),
        wasted=round(statistics.fmean(wasted), 3),
    )


def rows() -> dict[str, dict[str, object]]:
    """Return the rows of the record: what each policy came to, by size."""
    found: dict[str, dict[str, object]] = {}
    for size, name in SIZES.items():
        outcomes = measure(name)
        for policy, outcome in outcomes.items():
            faster = round(outcomes["naive"].makespan_s / outcome.makespan_s, 2)
            cells = {**asdict(outcome), "faster": faster}
            found.setdefault(policy, {}).update({f"{size}_{cell}": value for cell, value in cells.items()})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--record", action="store_true", help="these become the figures of benchmarks/records")
    options = parser.parse_args()
    found = rows()
    if options.record:
        command = "python -m benchmarks.beagle_budget --record"
        recorded.save(RECORD, found, measured=f"{datetime.date.today()}", command=command)
    for policy, cells in found.items():
        print(f"{policy:18}", "  ".join(f"{name} {value}" for name, value in cells.items()))


if __name__ == "__main__":
    main()
