"""The tables and figures of arXiv 2511.15977 beside ours, on one page: ``python -m benchmarks.paper [--quick]``.

Writes ``paper.html`` (``--out``): static orders (Table 1, Figure 2), packers, first tasks and predictions over task
sizes (Figure 3), the ablation with intervals, real Beagle in one budget (Figure 5), requests against published
methods, the formula. What is quick is measured anew, on traces only where ``--traces DIR`` has them; what needs days or
other programs comes from ``benchmarks/records``, and the page says so.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import beagle_budget, dynamic_schedule, memory_requests, recorded, static_order
from benchmarks.dynamic_schedule import Setting
from benchmarks.html_page import Row, bars, page, plot, table
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.paper import Init, Packer, PaperOptions
from planner.schedule.order.problem import Model, Objective, Problem
from planner.schedule.order.search import HillClimb, search

# The paper's ablation at 40 %: makespan over its optimum of 452.40, and overcommits per run.
PUBLISHED_ABLATION = {
    "knapsack": (1.554, 2.83),
    "+ bias": (1.598, 1.65),
    "+ smallest first": (1.484, 2.03),
    "+ prior": (1.387, 0.95),
}
WINDOW = 5  # tasks that the sliding mean of Figure 2 goes over


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is run: seeds of the searches and of the simulations, orders tried, moves of the search in hindsight.

    Methods that fit models of scikit-learn anew task after task are slow.
    """

    searches: int
    evaluations: int
    runs: int
    moves: int
    sizes: tuple[float, ...]
    jobs: int
    slow_methods: bool = True


WHOLE = Effort(
    searches=7,
    evaluations=600_000,
    runs=200,
    moves=250,
    sizes=tuple(k / 10 for k in range(1, 10)),
    jobs=os.cpu_count() or 1,
)
QUICK = replace(
    WHOLE, searches=2, evaluations=150_000, runs=20, moves=60, sizes=(0.2, 0.4, 0.6, 0.8), slow_methods=False
)


# --- static orders ------------------------------------------------------------------------------------------------


def static_table(effort: Effort) -> str:
    """Return Table 1: published peaks, those of the orders that ship, and those of fresh searches over seeds."""
    rows: list[Row] = []
    for slots, (natural, published) in static_order.PUBLISHED.items():
        alone = static_order.problem(slots=slots, objective=Objective.PEAK)
        batches = replace(alone, model=Model.LOCKSTEP)
        rows.append(
            (
                slots,
                f"{natural:.2f}",
                f"{alone.run(range(alone.size)).peak:.2f}",
                f"{published:.2f}",
                f"{static_order.tabled(batches).peak:.2f}",
                spread(batches, effort),
                f"{static_order.tabled(alone).peak:.2f}",
                spread(alone, effort),
            )
        )
    heads = ("K", "natural: paper", "ours", "searched: paper", "lockstep: ships", "fresh", "list: ships", "fresh")
    said = (
        f"Fresh: hill climbing, seeds 0 to {effort.searches - 1}, {effort.evaluations} orders each: best, median, "
        "worst. "
        "Peaks are sums of chromosome lengths, Mb. The paper's 297.38 at K = 2 is no peak of list scheduling: "
        "chromosome 2 is longer than all that are small enough to run beside it, together, and exact search proves "
        "321.28 lowest. With a barrier after each pair of tasks 297.38 is reached, and proved."
    )
    return table(heads, rows) + f"<p>{said}</p>\n"


def spread(problem: Problem, effort: Effort) -> str:
    """Return best, median and worst peak of searches by the paper's method, its seeds 0, 1 …."""
    peaks = [
        search(problem, seed=seed, climb=HillClimb(), evaluations=effort.evaluations).peak
        for seed in range(effort.searches)
    ]
    return f"{min(peaks):.2f}, {statistics.median(peaks):.2f}, {max(peaks):.2f}"


def order_figure(effort: Effort) -> str:
    """Return Figure 2: chromosome by place in the order, and its sliding mean, of what ships and of a fresh search."""
    batches = static_order.problem(slots=3, objective=Objective.PEAK, model=Model.LOCKSTEP)
    orders = {
        "ships": [int(name) for name in static_order.tabled(batches).order],
        "searched now": [task + 1 for task in search(batches, climb=HillClimb(), evaluations=effort.evaluations).order],
    }
    lines: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    rows: list[Row] = []
    for name, order in orders.items():
        means = sliding_mean(order)
        lines[name] = (range(1, len(order) + 1), order)
        lines[f"{name}, mean of {WINDOW}"] = (range(WINDOW // 2 + 1, WINDOW // 2 + 1 + len(means)), means)
        rows.append((name, f"{statistics.fmean(means):.1f}", f"{min(means):.1f}", f"{max(means):.1f}"))
    drawn = plot("Figure 2: a low order mixes large and small (K = 3, lockstep)", "place", "chromosome", lines)
    return drawn + table((f"sliding mean of {WINDOW}", "mean", "least", "most"), rows) + "<p>The paper: about 11.</p>\n"


def sliding_mean(values: Sequence[float]) -> list[float]:
    """Return the means of `WINDOW` values in a row."""
    return [statistics.fmean(values[at : at + WINDOW]) for at in range(len(values) - WINDOW + 1)]


# --- the dynamic scheduler ----------------------------------------------------------------------------------------


def paper_setting(effort: Effort, size: float, *, prior: bool = True, **options: Any) -> Setting:
    """Return the paper's scheduler at a task size; ``options`` of `PaperOptions`."""
    chosen = DynamicOptions(policy=Policy.PAPER, paper=PaperOptions(**options))
    return Setting(task_size=size, options=chosen, prior=prior, moves=effort.moves)


def simulated(settings: Sequence[Setting], effort: Effort, known: dict[str, float]) -> list[dict[str, object]]:
    """Run settings on the seeds of the tables."""
    seeds = range(1000, 1000 + effort.runs)
    results = dynamic_schedule.run_all(settings, seeds, effort.jobs, known)
    return [dynamic_schedule.summary(one, rows) for one, rows in zip(settings, results, strict=True)]


def sizes_figure(effort: Effort, known: dict[str, float]) -> str:
    """Return Figure 3: packers, first tasks and predictions over task sizes, one plot each."""
    paper = partial(paper_setting, effort)
    own = partial(Setting, moves=effort.moves)
    families: dict[str, dict[str, Callable[[float], Setting]]] = {
        "packers": {str(packer): partial(paper, packer=packer) for packer in Packer},
        "first tasks, nothing predicted": {str(init): partial(paper, prior=False, init=init) for init in Init},
        "predictions": {
            "paper, none": partial(paper, prior=False),
            "paper, predicted": paper,
            "chromplan, none": lambda size: own(task_size=size),
            "chromplan, predicted": lambda size: own(task_size=size, prior=True),
        },
    }
    parts = []
    for family, makers in families.items():
        lines: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
        rows: list[Row] = []
        for name, make in makers.items():
            found = simulated([make(size) for size in effort.sizes], effort, known)
            lines[name] = ([100 * size for size in effort.sizes], [float(str(one["ratio"])) for one in found])
            rows.append((name, *(cell(one) for one in found)))
        parts.append(plot(f"Figure 3: {family}", "memory of the largest task, % of the node", "makespan / best", lines))
        parts.append(table((family, *(f"{size:.0%}" for size in effort.sizes)), rows))
    return "".join(parts) + f"<p>Makespan over the best found in hindsight (kills per run), {effort.runs} seeds.</p>\n"


def beagle_figure(effort: Effort) -> str:
    """Return Figure 5: real Beagle runs of 22 chromosomes in one memory budget, replayed by several policies."""
    found = beagle_budget.rows()
    times = {
        f"lengths over {divisor}": [float(str(row[f"{size}_makespan_s"])) for row in found.values()]
        for size, divisor in zip(beagle_budget.SIZES, (10, 5), strict=True)
    }
    curve = beagle_budget.curve(seeds=beagle_budget.SEEDS[: effort.runs])
    parts = [
        measured_table(beagle_budget.RECORD, found),
        bars("Figure 5: makespan of real Beagle", "s", list(found), times),
        measured_table(beagle_budget.CURVE, curve),
    ]
    said = (
        "Peaks and durations of real runs, measured one after the other and replayed: genomes with lengths over 10 (a "
        "tenth) and over 5 (a fifth). Where no cores are named each task has one of its own, and all at once loses "
        "little by its kills; where tasks share cores, as on any real machine, chromplan ends long before."
    )
    return "".join(parts) + f"<p>{said}</p>\n"


def measured_table(name: str, rows: Mapping[str, object]) -> str:
    """Return the table of a record with figures measured now."""
    record = recorded.load(name)
    return recorded_table({**record, "rows": rows}, next(iter(record["views"])))


def cell(one: Mapping[str, object]) -> str:
    """Return ratio and kills of one summary, each with half of its 95 % interval."""
    return f"{one['ratio']:.3f} ±{one['ratio_ci95']:.3f} ({one['overcommits']:.2f} ±{one['overcommits_ci95']:.2f})"


def ablation(effort: Effort, known: dict[str, float]) -> str:
    """Return the ablation at 40 % beside the published one, with 95 % intervals, and chromplan below."""
    paper = partial(paper_setting, effort, 0.4)
    settings = {
        "knapsack": paper(prior=False, init=Init.LARGEST, bias=None),
        "+ bias": paper(prior=False, init=Init.LARGEST),
        "+ smallest first": paper(prior=False),
        "+ prior": paper(),
        "chromplan, nothing predicted": Setting(moves=effort.moves),
        "chromplan, predicted": Setting(prior=True, moves=effort.moves),
    }
    rows: list[Row] = []
    for label, found in zip(settings, simulated(list(settings.values()), effort, known), strict=True):
        published = PUBLISHED_ABLATION.get(label)
        rows.append((label, f"{published[0]:.3f} ({published[1]:.2f})" if published else "", cell(found)))
    rows.append(("optimum", "1 (452.40)", "1 (searched in hindsight)"))
    return table(("tasks of 40 %", "paper: ratio (kills)", "here"), rows)


# --- from records -------------------------------------------------------------------------------------------------


def from_record(name: str, said: str) -> str:
    """Return a recorded table as its own page shows it, with where it comes from."""
    record = recorded.load(name)
    source = f"Not measured now: {record['command']}, {record['measured']}."
    shown = recorded_table(record, next(iter(record["views"])))
    return f"{shown}<p>{html.escape(said)} {html.escape(source)}</p>\n"


def recorded_table(record: dict[str, Any], page_of: str) -> str:
    """Return the table that a page shows of a record."""
    lines = recorded.table(record, page_of).splitlines()
    rows = [[one.strip().replace("**", "").replace("`", "") for one in line.strip("|").split("|")] for line in lines]
    return table(rows[0], rows[2:])


def requests(folder: Path | None, effort: Effort) -> str:
    """Return what each way to ask for memory wastes and kills: on the bundled runs, and on traces in a folder."""
    methods = [name for name in memory_requests.METHODS if effort.slow_methods or name not in ("sizey", "svr")]
    rows: list[Row] = []
    for trace, tasks in memory_requests.read_all(folder, []).items():
        found = [memory_requests.run(trace, tasks, method, "shuffled", 1996) for method in methods]
        rows.append((trace, *(f"{one.waste_gbh:.3g} / {one.failures}" for one in found)))
    said = "" if folder else "Other people's traces do not come with chromplan; --traces DIR measures on them, too. "
    measured = table(("measured now: GBh wasted / attempts killed", *methods), rows)
    return measured + from_record("memory_requests", f"{said}The table above: GBh wasted / attempts killed.")


def percentile(effort: Effort, known: dict[str, float]) -> str:
    """Return what a fixed percentile of the residuals costs in kills, which the paper says the 80th ends."""
    levels = (0.5, 0.8, 0.95)
    found = simulated([paper_setting(effort, 0.4, bias=(level, level)) for level in levels], effort, known)
    rows = [(f"{level:.0%}", cell(each)) for level, each in zip(levels, found, strict=True)]
    kills = float(str(found[1]["overcommits"]))
    said = "contradicts" if kills else "agrees with"
    return table(("percentile, tasks of 40 %", "ratio (kills)"), rows) + (
        f"<p>The paper: at the 80th percentile nothing runs out of memory. Here {kills:.2f} tasks per run are killed, "
        f"which {said} it.</p>\n"
    )


def sections(effort: Effort, traces: Path | None = None) -> dict[str, str]:
    """Return the parts of the page by their headings; ``traces`` is a folder with other people's."""
    known: dict[str, float] = {}
    makers: dict[str, Callable[[], str]] = {
        "Table 1: static orders": lambda: static_table(effort),
        "Figure 2: the order": lambda: order_figure(effort),
        "Figure 3: over task sizes": lambda: sizes_figure(effort, known),
        "The ablation": lambda: ablation(effort, known),
        "Figure 5: real Beagle": lambda: beagle_figure(effort),
        "The 80th percentile": lambda: percentile(effort, known),
        "Requests: Sizey and others": lambda: requests(traces, effort),
        "The formula": lambda: from_record("formula", "PySR was not run: it needs Julia."),
    }
    found = {}
    for name, make in makers.items():
        started = time.perf_counter()
        found[name] = make()
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few seeds: minutes instead of half an hour")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder with public traces (memory_requests)")
    parser.add_argument("--out", type=Path, default=Path("paper.html"))
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else WHOLE
    said = f"Made by python -m benchmarks.paper{' --quick' if arguments.quick else ''}: {json.dumps(asdict(effort))}."
    arguments.out.write_text(page(sections(effort, arguments.traces), said), encoding="utf-8")
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
