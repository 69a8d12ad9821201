"""Static orders of GRCh37's autosomes: the published peaks beside ours, methods side by side, and what a search costs.

    python -m benchmarks.static_order            # everything; some minutes
    python -m benchmarks.static_order paper      # one part: paper, eps, caps, methods, search, sizes

Chromosome lengths in Mb stand for memory and duration alike. Published: arXiv 2511.15977.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.core import files, genomes, human
from planner.schedule.order import tables as ordertables
from planner.schedule.order.problem import LEAST_EPS, Model, Objective, Problem
from planner.schedule.order.search import Found, HillClimb, search
from planner.schedule.order.tables import TabledOrder

NAMES = human.parse_chromosomes("1-22")
LENGTHS = [genomes.lengths("GRCh37")[name] / 1e6 for name in NAMES]
# By K: the published peak in natural order, and after the search of the paper.
PUBLISHED = {
    2: (492.45, 297.38),
    3: (690.47, 413.47),
    5: (1062.54, 784.03),
    7: (1392.80, 1037.98),
    10: (1815.91, 1440.64),
}
EPS = (LEAST_EPS, 0.01, 0.02, 0.05, 0.10, 0.20)
CAPS = (321.28, 456.52, 719.75, 979.75, 1356.93)
# Not the seeds that anything was tuned on (those from 50000).
SEEDS = range(7)
MOST_EVALUATIONS = 600_000
SAMPLES = (10, 100)


def main() -> None:
    parts: dict[str, Callable[[], None]] = {
        "paper": paper,
        "eps": eps_table,
        "caps": cap_table,
        "methods": methods,
        "search": searched,
        "sizes": sizes,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*parts, []], help="default: all")
    for part in parser.parse_args().part or parts:
        parts[part]()
        print()


def paper() -> None:
    """Print the published table beside the orders that ship, under both models."""
    print(
        "| K | natural: published | ours | searched: published | lockstep | bound | list, peak alone | bound | ", end=""
    )
    print("its makespan / best | list, eps 2 % | bound |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for slots, (natural, published) in PUBLISHED.items():
        alone = problem(slots=slots, objective=Objective.PEAK)
        ours = alone.run(range(len(NAMES))).peak
        assert round(ours, 2) == natural, "the natural order is the paper's, or nothing can be compared"
        lockstep, low = tabled(replace(alone, model=Model.LOCKSTEP)), tabled(alone)
        near = tabled(problem(slots=slots, objective=Objective.PEAK_EPS))
        print(
            f"| {slots} | {natural:.2f} | {ours:.2f} | {published:.2f} | {lockstep.peak:.2f} | {bound(lockstep)} "
            f"| {low.peak:.2f} | {bound(low)} | {low.makespan:.1f} / {low.best_makespan:.1f} "
            f"| {near.peak:.2f} | {bound(near)} |"
        )


def eps_table() -> None:
    """Print the lowest peaks within (1 + eps) of the shortest makespan."""
    print(
        "| K | shortest makespan | "
        + " | ".join(f"{eps:.1%}" for eps in EPS)
        + " |\n|---|---"
        + "|---" * len(EPS)
        + "|"
    )
    for slots in PUBLISHED:
        entries = [tabled(problem(slots=slots, objective=Objective.PEAK_EPS, eps=eps)) for eps in EPS]
        shortest = tabled(problem(slots=slots, objective=Objective.MAKESPAN))
        cells = " | ".join(f"{entry.peak:.2f}{' (proved)' if entry.proved else ''}" for entry in entries)
        print(f"| {slots} | {shortest.makespan:.2f}{' (proved)' if shortest.proved else ''} | {cells} |")


def cap_table() -> None:
    """Print the shortest makespans under memory caps, beside those of a fixed K with the same peak."""
    print("| memory cap | shortest makespan | bound | fixed K with that peak |\n|---|---|---|---|")
    for cap, slots in zip(CAPS, PUBLISHED, strict=True):
        entry, fixed = tabled(problem(cap_mb=cap)), tabled(problem(slots=slots, objective=Objective.PEAK))
        print(f"| {cap} | {entry.makespan:.1f} | {bound(entry)} | {fixed.makespan:.1f} (K = {slots}) |")


def methods() -> None:
    """Print how many orders each method tries until its peak is within 1 % of the best known."""
    print(f"| K | method | of {len(SEEDS)} seeds within 1 % | median peak | best | worst |\n|---|---|---|---|---|---|")
    for slots in PUBLISHED:
        asked = problem(slots=slots, objective=Objective.PEAK)
        best = tabled(asked).peak
        for method, climb in (("anneal", None), ("hill-climb", HillClimb())):
            peaks = [search(asked, seed=seed, climb=climb, evaluations=MOST_EVALUATIONS).peak for seed in SEEDS]
            near = sum(peak <= best * 1.01 for peak in peaks)
            spread = f"{statistics.median(peaks):.2f} | {min(peaks):.2f} | {max(peaks):.2f}"
            print(f"| {slots} | {method} | {near} | {spread} |")


def searched() -> None:
    """Print what the default search comes to beside the tables, at every K and every cap, and its CPU time."""
    print("| model | objective | limit with the largest excess | excess over the table | most CPU s |")
    print("|---|---|---|---|---|")
    slots = range(2, len(NAMES) + 1)
    for model in Model:
        for objective in Objective:
            compare(model, objective, [problem(slots=k, model=model, objective=objective) for k in slots])
    caps = sorted({entry.cap for entry in table() if entry.cap is not None and len(entry.order) == len(NAMES)})
    compare(Model.LIST, Objective.MAKESPAN, [problem(cap_mb=cap) for cap in caps])


def compare(model: Model, objective: Objective, problems: list[Problem]) -> None:
    worst, most = (0.0, ""), 0.0
    for asked in problems:
        before = cpu_s()
        found = search(asked, seed=0)
        most = max(most, cpu_s() - before)
        limit = f"K = {asked.slots}" if asked.cap_mb is None else f"cap {asked.cap_mb}"
        worst = max(worst, (value(asked, found) / tabled(asked).value - 1, limit))
    print(f"| {model} | {objective} | {worst[1]} | {worst[0]:.2%} | {most:.2f} |", flush=True)


def sizes() -> None:
    """Print what `chromplan order` takes for many samples, each the whole command in a process of its own."""
    print("| tasks | natural peak | peak | makespan / best | bound | CPU s | MB |\n|---|---|---|---|---|---|---|")
    for samples in SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "tasks.csv"
            rows = (
                f"s{i}_{n},{length},{length}" for i in range(samples) for n, length in zip(NAMES, LENGTHS, strict=True)
            )
            table.write_text("name,mem_mb,wall_s\n" + "\n".join(rows) + "\n")
            found, seconds, mb = command("-k", "5", "--table", str(table))
        natural, peak = found["natural"]["peak"], found["peak"]
        print(
            f"| {samples * len(NAMES)} | {natural:.2f} | {peak:.2f} ({peak / natural - 1:.1%}) "
            f"| {found['makespan'] / found['best_makespan']:.3f} | {found['lower_bound']:.2f} "
            f"| {seconds:.1f} | {mb:.0f} |"
        )


def problem(
    *,
    slots: int | None = None,
    cap_mb: float | None = None,
    model: Model = Model.LIST,
    objective: Objective = Objective.MAKESPAN,
    eps: float = 0.02,
) -> Problem:
    return Problem(
        mem_mb=LENGTHS, wall_s=LENGTHS, slots=slots, cap_mb=cap_mb, model=model, objective=objective, eps=eps
    )


def table() -> list[TabledOrder]:
    return ordertables.loads((files.shipped("data") / "orders_GRCh37.json").read_text(encoding="utf-8"))


def tabled(asked: Problem) -> TabledOrder:
    entry = ordertables.lookup(table(), NAMES, asked)
    if entry is None:
        raise SystemExit(f"no entry for {asked}: python -m benchmarks.tables.order_tables --genome GRCh37")
    return entry


def bound(entry: TabledOrder) -> str:
    return "proved" if entry.proved else f"{entry.lower_bound:.2f}"


def value(asked: Problem, found: Found) -> float:
    return found.makespan if asked.objective is Objective.MAKESPAN else found.peak


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def command(*arguments: str) -> tuple[dict[str, Any], float, float]:
    """Run ``chromplan order --json``; return what it says, its CPU seconds and its memory in MB."""
    code = "from planner.cli import main; main()"
    measured = (
        "import json, resource, subprocess, sys\n"
        f"done = subprocess.run([sys.executable, '-c', {code!r}, 'order', *sys.argv[1:], '--json'], "
        "capture_output=True, text=True, check=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([json.loads(done.stdout), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))\n"
    )
    done = subprocess.run([sys.executable, "-c", measured, *arguments], capture_output=True, text=True, check=True)
    found, seconds, mb = json.loads(done.stdout)
    return found, seconds, mb


if __name__ == "__main__":
    main()
