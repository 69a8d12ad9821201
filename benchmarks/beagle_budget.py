"""22 chromosomes of real Beagle in one memory budget, by several policies: ``python -m benchmarks.beagle_budget``.

The paper's Figure 5. Peaks and durations are those of real Beagle 5.4 runs (serial collector, window 40 cM, one
thread), measured one after the other: simulated genomes with GRCh37's lengths over 10 and over 5. They are replayed in
a budget of so many times the largest peak; when a task reaches its peak, and all that run need more together than the
budget, it is killed and runs again. When it reaches its peak is not recorded: a random share of its duration, 20 seeds
for each repeat. Predictions are the bundled formula's, fitted to none of these runs. In the first table each task has a
core of its own; the second goes over budgets and over numbers of cores, which tasks share when more of them run.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from benchmarks import recorded
from benchmarks.beagle import DATA
from benchmarks.reference import hindsight
from benchmarks.reference.cases import without_predictions
from planner.core import files
from planner.formula import file as formula_files
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.simulator import Case, simulate
from planner.schedule.dynamic.state import Node, Start, State, Work

SIZES = {"tenth": "beagle_chr22", "fifth": "beagle_chr22_fifth"}
BUDGET = 4.0  # times the largest peak
BUDGETS = (3.0, 4.0, 5.0, 6.5, 8.0)
BUDGET_MB = 1200.0  # one more, the same at both sizes
CORES = (2, 4, 8, 16)
SEEDS = range(20)
ATTEMPTS = 60
Decide = Callable[[State], Sequence[Start]]
RECORD, CURVE = "beagle_budget", "beagle_budgets"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Means over repeats and seeds of one policy at one size; a budget is held until the last task ends."""

    makespan_s: float
    killed: float
    most_killed: int
    held_gb_s: float
    wasted: float
    """Share of memory x time held that no task needed."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The chromosomes of one repeat."""

    case: Case
    """Its predictions are the formula's."""
    experienced: Case
    """The same, with the other repeat's peaks and times as predictions: what a user has who ran an earlier sample."""


def replays(name: str, seeds: Sequence[int] = SEEDS) -> list[Replay]:
    """Return what is replayed: every repeat of the 22 chromosomes with every seed."""
    formula = formula_files.loads((files.shipped("data") / "formulas" / "beagle.toml").read_text(encoding="utf-8"))
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if float(row["window_cm"]) == 40 and row["gc"] == "serial"]
    rows.sort(key=lambda row: int(row["chromosome"]))
    repeats = {
        repeat: [row for row in rows if row["repeat"] == repeat] for repeat in sorted({r["repeat"] for r in rows})
    }
    found = []
    for repeat, mine in repeats.items():
        works = tuple(
            Work(
                name=f"chr{row['chromosome']}",
                size=float(row["length_mb_grch37"]),
                position=int(row["chromosome"]),
                predicted_mb=formula.evaluate({name: float(row[name]) for name in formula.inputs}),
            )
            for row in mine
        )
        other = next(rows for name, rows in repeats.items() if name != repeat)
        seen = tuple(
            replace(work, predicted_mb=float(row["peak_rss_mb"]), predicted_s=float(row["wall_s"]), tested=True)
            for work, row in zip(works, other, strict=True)
        )
        for seed in seeds:
            peak_at = np.random.default_rng([seed, int(repeat)]).random((len(mine), ATTEMPTS))
            case = Case(
                works=works,
                true_mb=tuple(float(row["peak_rss_mb"]) for row in mine),
                wall_s=tuple(float(row["wall_s"]) for row in mine),
                peak_at=tuple(tuple(shares) for shares in peak_at.tolist()),
            )
            found.append(Replay(case=case, experienced=replace(case, works=seen)))
    return found


def largest_mb(found: Sequence[Replay]) -> float:
    """Return the largest peak of all, MiB."""
    return max(max(one.case.true_mb) for one in found)


def at_most(state: State, *, tasks: int) -> list[Start]:
    """Start waiting tasks, chromosome 1 first, until so many run, whatever they need."""
    free = tasks - len(state.running)
    ready = [one for one in state.waiting if not one.held or not state.running]
    return [Start(name=one.work.name, node=state.nodes[0].name) for one in ready[: max(0, free)]]


def policies(budget_mb: float, replayed: Replay) -> Mapping[str, tuple[Case, Decide]]:
    """Return what each policy is told and how it decides, by its name in the record."""
    case = replayed.case
    unpredicted = without_predictions(case)
    paper = partial(dynamic.decide, options=DynamicOptions(policy=Policy.PAPER))
    return {
        "sequential": (case, partial(at_most, tasks=1)),
        "naive": (case, partial(at_most, tasks=len(case.works))),
        "largest-fits": (case, partial(at_most, tasks=int(budget_mb // max(case.true_mb)))),
        "paper": (case, paper),
        "chromplan": (unpredicted, dynamic.decide),
        "chromplan-prior": (case, dynamic.decide),
        "chromplan-experienced": (replayed.experienced, dynamic.decide),
    }


def measure(
    found: Sequence[Replay], budget_mb: float, *, cores: int | None = None, only: Sequence[str] = ()
) -> dict[str, Outcome]:
    """Return the outcome of each policy in one budget; of ``only`` these, if any are named."""
    runs: dict[str, list[tuple[float, int, float, float]]] = {}
    for one in found:
        case = one.case
        node = Node(name="node", mem_mb=budget_mb, cores=cores)
        used_mb_s = sum(mb * wall for mb, wall in zip(case.true_mb, case.wall_s, strict=True))
        for policy, (told, decide) in policies(budget_mb, one).items():
            if only and policy not in only:
                continue
            ran = simulate(told, decide, nodes=(node,), cores=cores)
            held_mb_s = budget_mb * ran.makespan_s
            runs.setdefault(policy, []).append((ran.makespan_s, ran.overcommits, held_mb_s, 1 - used_mb_s / held_mb_s))
    return {policy: _mean(outcomes) for policy, outcomes in runs.items()}


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
    table: dict[str, dict[str, object]] = {}
    for size, name in SIZES.items():
        found = replays(name)
        outcomes = measure(found, BUDGET * largest_mb(found))
        for policy, outcome in outcomes.items():
            faster = round(outcomes["naive"].makespan_s / outcome.makespan_s, 2)
            cells = {**asdict(outcome), "faster": faster}
            table.setdefault(policy, {}).update({f"{size}_{cell}": value for cell, value in cells.items()})
    return table


def curve(*, seeds: Sequence[int] = SEEDS) -> dict[str, dict[str, float]]:
    """Return the rows of the second record: all at once against chromplan, over budgets and numbers of cores."""
    table: dict[str, dict[str, float]] = {}
    for size, name in SIZES.items():
        found = replays(name, seeds)
        largest = largest_mb(found)
        at: dict[str, tuple[float, int | None]] = {f"{times:g}": (times * largest, None) for times in BUDGETS}
        at[f"{BUDGET_MB:g} MB"] = (BUDGET_MB, None)
        at[f"{BUDGET_MB:g} MB, {CORES[0]} cores"] = (BUDGET_MB, CORES[0])
        at |= {f"{cores} cores": (BUDGET * largest, cores) for cores in CORES}
        for row, (budget_mb, cores) in at.items():
            cells = _against_all_at_once(found, budget_mb, cores)
            table.setdefault(row, {}).update({f"{size}_{cell}": value for cell, value in cells.items()})
    return table


def _against_all_at_once(found: Sequence[Replay], budget_mb: float, cores: int | None) -> dict[str, float]:
    """Return what both come to, and how much sooner a schedule made in hindsight could end at the most."""
    outcomes = measure(found, budget_mb, cores=cores, only=("naive", "chromplan-prior", "chromplan-experienced"))
    naive, ours, experienced = outcomes["naive"], outcomes["chromplan-prior"], outcomes["chromplan-experienced"]
    cases = [one.case for one in found]
    # a bound, as memory and cores cannot be more than full, and no task ends sooner than it takes
    bounds = [
        max(area, sum(case.wall_s) / cores if cores else 0.0)
        for case, area in zip(cases, hindsight.area_bounds(cases, capacity_mb=budget_mb), strict=True)
    ]
    return {
        "naive_s": naive.makespan_s,
        "naive_killed": naive.killed,
        "ours_s": ours.makespan_s,
        "ours_killed": ours.killed,
        "faster": round(naive.makespan_s / ours.makespan_s, 2),
        "experienced_s": experienced.makespan_s,
        "experienced_killed": experienced.killed,
        "experienced_faster": round(naive.makespan_s / experienced.makespan_s, 2),
        "most": round(naive.makespan_s / statistics.fmean(bounds), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--record", action="store_true", help="these become the figures of benchmarks/records")
    options = parser.parse_args()
    measured: dict[str, Mapping[str, Mapping[str, object]]] = {RECORD: rows(), CURVE: curve()}
    for record, found in measured.items():
        if options.record:
            command = "python -m benchmarks.beagle_budget --record"
            recorded.save(record, found, measured=f"{datetime.date.today()}", command=command)
        for row, cells in found.items():
            print(f"{row:18}", "  ".join(f"{name} {value}" for name, value in cells.items()))


if __name__ == "__main__":
    main()
