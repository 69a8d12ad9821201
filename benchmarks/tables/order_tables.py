"""Make the tables of static orders that come with chromplan: planner/data/orders_*.json.

Each run searches every entry anew, starting also from the orders that the tables hold, and keeps the better one; with
another seed it may find more. Whatever is proved already is left as it is. ``--fresh`` starts from nothing.

    python -m benchmarks.tables.order_tables --seed 1                             # every genome
    python -m benchmarks.tables.order_tables --genome GRCh37 --chromosomes 1-22 -k 5 --evaluations 8000000 --seed 2
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from planner.core import files, genomes, human
from planner.schedule.order import bounds
from planner.schedule.order import tables as ordertables
from planner.schedule.order.problem import LEAST_EPS, Model, Objective, Problem
from planner.schedule.order.search import Found, search
from planner.schedule.order.tables import TabledOrder

SETS = ("1-22", "1-22,X,Y")
EPS = 0.02
# Lengths are whole base pairs, so six decimals of a Mb are exact.
DECIMALS = 6
# These as well for GRCh37's autosomes and list scheduling; LEAST_EPS stands for 0.
MORE_EPS = (LEAST_EPS, 0.01, 0.05, 0.10, 0.20)
# Peaks published or known for K = 2, 3, 5, 7, 10, to compare makespans under the same memory.
MORE_CAPS = (321.28, 456.52, 719.75, 979.75, 1356.93)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genome", action="append", choices=human.GENOMES, help="default: all")
    parser.add_argument("--chromosomes", action="append", choices=SETS, help="default: both")
    parser.add_argument("-k", type=int, action="append", help="only these K, and no caps; default: all")
    parser.add_argument("--model", action="append", choices=[model.value for model in Model], help="default: both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=3_000_000, help="orders to try by entry")
    parser.add_argument("--no-proof", action="store_true", help="leave the bounds by exact search and programs out")
    parser.add_argument("--fresh", action="store_true", help="forget the orders known")
    asked = parser.parse_args()
    for name in asked.genome or human.GENOMES:
        path = files.shipped("data") / f"orders_{name}.json"
        entries = [] if asked.fresh or not path.is_file() else ordertables.loads(path.read_text(encoding="utf-8"))
        for chromosomes in asked.chromosomes or SETS:
            improve(path, name, chromosomes, entries, asked)


def improve(path: Path, name: str, chromosomes: str, entries: list[TabledOrder], asked: argparse.Namespace) -> None:
    """Search every entry of one set of chromosomes, and write the table after each."""
    names = human.parse_chromosomes(chromosomes)
    lengths = [genomes.lengths(name)[each] / 1e6 for each in names]
    models = [Model(model) for model in asked.model or Model]
    wanted = itertools.chain(
        slot_problems(lengths, models, asked.k, full=(name, chromosomes) == ("GRCh37", "1-22")),
        () if asked.k else cap_problems(lengths, names, entries, full=(name, chromosomes) == ("GRCh37", "1-22")),
    )
    for problem in wanted:
        started = time.process_time()
        before = ordertables.lookup(entries, names, problem)
        if before is not None and before.proved:
            continue
        found = search(
            problem,
            seed=asked.seed,
            evaluations=asked.evaluations,
            starts=ordertables.orders_of(entries, names),
            prove=not asked.no_proof,
        )
        entry = entry_of(problem, found, names, lower_bound=known_bound(problem, names, entries))
        if before is not None:
            entries.remove(before)
        entries.append(entry)
        entries.sort(key=rank)
        files.write_text(path, ordertables.dumps(name, entries))
        report(name, entry, before, time.process_time() - started)


def slot_problems(
    lengths: list[float], models: list[Model], only: list[int] | None, *, full: bool
) -> Iterator[Problem]:
    """Yield the problems with K slots: the peak alone first, for its bound holds for the others."""
    for model, slots in itertools.product(models, only or range(2, len(lengths) + 1)):
        alone = Problem(mem_mb=lengths, wall_s=lengths, slots=slots, model=model, objective=Objective.PEAK)
        yield alone
        yield replace(alone, objective=Objective.MAKESPAN)
        for eps in (*(MORE_EPS if full and model is Model.LIST else ()), EPS):
            yield replace(alone, objective=Objective.PEAK_EPS, eps=eps)


def cap_problems(
    lengths: list[float], names: list[str], entries: list[TabledOrder], *, full: bool
) -> Iterator[Problem]:
    """Yield the problems with a memory cap: the lowest peak of every K, to the hundredth."""
    caps = {cap for cap in MORE_CAPS if full}
    for entry in entries:
        if sorted(entry.order) == sorted(names) and (entry.model, entry.objective) == (Model.LIST, Objective.PEAK):
            caps.add(math.ceil(round(entry.peak * 100, 4)) / 100)
    for cap in sorted(caps):
        yield Problem(mem_mb=lengths, wall_s=lengths, cap_mb=cap)


def entry_of(problem: Problem, found: Found, names: Sequence[str], *, lower_bound: float = 0.0) -> TabledOrder:
    """Return the entry of an order found; ``lower_bound`` is one known from elsewhere."""
    value = round(found.makespan if problem.objective is Objective.MAKESPAN else found.peak, DECIMALS)
    bound = min(value, rounded_down(max(found.lower_bound, lower_bound)))
    return TabledOrder(
        model=problem.model,
        objective=problem.objective,
        eps=ordertables.eps_of(problem),
        slots=None if problem.cap_mb is not None else problem.slot_count,
        cap=problem.cap_mb,
        order=tuple(names[task] for task in found.order),
        peak=round(found.peak, DECIMALS),
        makespan=round(found.makespan, DECIMALS),
        best_makespan=round(found.best_makespan, DECIMALS),
        lower_bound=bound,
        proved=value <= bound * (1 + bounds.PROVED),
    )


def rounded_down(value: float) -> float:
    steps = 10.0**DECIMALS
    return math.floor(value * steps) / steps


def known_bound(problem: Problem, names: list[str], entries: list[TabledOrder]) -> float:
    """Return a bound that the entries hold: of this problem, or of the peak alone for one with a limit as well."""
    same = [problem]
    if problem.objective is Objective.PEAK_EPS:
        same.append(replace(problem, objective=Objective.PEAK))
    found = [ordertables.lookup(entries, names, each) for each in same]
    return max((entry.lower_bound for entry in found if entry is not None), default=0.0)


def rank(entry: TabledOrder) -> tuple[object, ...]:
    """Return the place of an entry in the file."""
    return (
        len(entry.order),
        entry.cap or 0.0,
        entry.model,
        entry.slots or 0,
        entry.objective,
        entry.eps or 0.0,
    )


def report(name: str, entry: TabledOrder, before: TabledOrder | None, seconds: float) -> None:
    """Say what one entry has come to."""
    limit = f"K={entry.slots}" if entry.cap is None else f"cap {entry.cap}"
    eps = "" if entry.eps is None else f" {entry.eps:g}"
    was = "" if before is None or before.value == entry.value else f", was {before.value:.2f}"
    gap = "proved" if entry.proved else f"gap {entry.value / entry.lower_bound - 1:.2%}"
    print(
        f"{name} {len(entry.order)} {entry.model} {limit} {entry.objective}{eps}: {entry.value:.2f} ({gap}{was}) "
        f"{seconds:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
