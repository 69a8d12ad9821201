"""The dynamic scheduler against the paper's: ``python -m benchmarks.dynamic_schedule`` prints the whole table.

One policy: ``--preset P|G --task-size 0.4 --policy chromplan|paper [--prior [--tested]] [--live] [--mode A|B]
[--alpha X] --runs 200 --first-seed 1000 [--json]``. Ratios are makespan over the best schedule found with everything
known in advance (`reference/hindsight.py`); ± is half of the 95 % confidence interval of the mean. dynamic_schedule.md
says more. ``--times`` times single decisions and knapsacks instead.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import recorded
from benchmarks.reference import hindsight
from benchmarks.reference.cases import CAPACITY, NODES, TASK_SIZES, Preset, benchmark_case, without_predictions
from planner.schedule import knapsack
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.belief import Assumptions
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.paper import Init, Packer, PaperOptions
from planner.schedule.dynamic.simulator import Case, simulate
from planner.schedule.dynamic.state import Done, Node, Sharing, State, Waiting, Work

SEEDS_AT_ONCE = 25
SHARING = {"A": Sharing.POOL, "B": Sharing.LIMITS}
Run = tuple[int, float, float, int, float]
"""Seed, ratio, best makespan, overcommits and milliseconds."""
LINE_KNOWN = DynamicOptions(
    assume=Assumptions(scale_sd=1e-6, line_sd=1e-6, spread=0.08, dof=1e6), opening=1.0, scout=0.0
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table at one task size."""

    label: str = ""
    preset: Preset = Preset.P
    task_size: float = 0.4
    options: DynamicOptions = field(default_factory=DynamicOptions)
    prior: bool = False
    tested: bool = False  # predictions rest on peaks measured before
    live: bool = False
    mode: str = "A"
    moves: int = hindsight.MOVES
    line_known: bool = False  # predictions are the true line, and taken to be


def measure(setting: Setting, seeds: Sequence[int], known: dict[str, float]) -> list[Run]:
    """Run a setting once on each seed."""
    cases = [benchmark_case(setting.preset, setting.task_size, seed) for seed in seeds]
    missing = [seed for seed in seeds if key(setting, seed) not in known]
    open_cases = [case for case, seed in zip(cases, seeds, strict=True) if seed in set(missing)]
    found = hindsight.makespans(open_cases, moves=setting.moves)
    best = {seed: known.get(key(setting, seed), math.nan) for seed in seeds} | dict(zip(missing, found, strict=True))
    rows = []
    for seed, case in zip(seeds, cases, strict=True):
        if setting.line_known:
            case = with_true_line(case, setting.task_size)
        elif not setting.prior:
            case = without_predictions(case)
        if setting.tested:
            case = replace(case, works=tuple(replace(work, tested=True) for work in case.works))
        started = time.perf_counter()
        decide = partial(dynamic.decide, options=setting.options)
        run = simulate(case, decide, live=setting.live, sharing=SHARING[setting.mode], nodes=NODES)
        spent_ms = 1000 * (time.perf_counter() - started)
        rows.append((seed, run.makespan_s / best[seed], best[seed], run.overcommits, spent_ms))
    return rows


def key(setting: Setting, seed: int) -> str:
    return f"{setting.preset} {setting.task_size:g} {seed} {setting.moves}"


def with_true_line(case: Case, task_size: float) -> Case:
    works = [
        replace(work, predicted_mb=task_size * CAPACITY * (0.1 + 0.9 * work.size / case.works[0].size))
        for work in case.works
    ]
    return replace(case, works=tuple(works))


def run_all(settings: Sequence[Setting], seeds: Sequence[int], jobs: int, known: dict[str, float]) -> list[list[Run]]:
    """Run every setting on every seed, in parallel over seeds; a bar on stderr shows how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    pieces = [seeds[k : k + SEEDS_AT_ONCE] for k in range(0, len(seeds), SEEDS_AT_ONCE)]
    results: list[list[Run]] = [[] for _ in settings]
    with Progress(console=Console(stderr=True), transient=True) as progress, ProcessPoolExecutor(jobs) as pool:
        bar = progress.add_task("simulating", total=len(settings) * len(seeds))
        by_instance: dict[tuple[str, float], list[int]] = {}
        for index, setting in enumerate(settings):
            by_instance.setdefault((setting.preset, setting.task_size), []).append(index)
        for indices in by_instance.values():
            # the first setting of an instance searches its best schedules, the others reuse them
            for wave in (indices[:1], indices[1:]):
                waiting = [(k, pool.submit(measure, settings[k], piece, known)) for k in wave for piece in pieces]
                for k, future in waiting:
                    rows = future.result()
                    results[k] += rows
                    known.update({key(settings[k], row[0]): row[2] for row in rows})
                    progress.advance(bar, len(rows))
    return results


def summary(setting: Setting, rows: Sequence[Run]) -> dict[str, object]:
    """Return what --json prints for one setting."""
    ratio, ratio_ci = mean_and_ci([row[1] for row in rows])
    over, over_ci = mean_and_ci([row[3] for row in rows])
    options = asdict(setting.options)
    policy = options.pop("policy")
    shown = options["paper"] if policy == "paper" else {name: options[name] for name in options if name != "paper"}
    return {
        "preset": setting.preset,
        "task_size": setting.task_size,
        "policy": policy,
        "options": {
            "prior": setting.prior,
            "tested": setting.tested,
            "live": setting.live,
            "mode": setting.mode,
            **shown,
        },
        "ratio": round(ratio, 4),
        "ratio_ci95": round(ratio_ci, 4),
        "overcommits": round(over, 4),
        "overcommits_ci95": round(over_ci, 4),
        "ms_per_run": round(statistics.fmean(row[4] for row in rows), 3),
    }


def mean_and_ci(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], 0.0
    return statistics.fmean(values), 1.96 * statistics.stdev(values) / math.sqrt(len(values))


def whole_table() -> Iterator[Setting]:
    """Yield the ablation of the paper at 40 %, then every task size."""
    paper = {
        "paper: knapsack": PaperOptions(init=Init.LARGEST, bias=None),
        "paper: + bias": PaperOptions(init=Init.LARGEST),
        "paper: + smallest first": PaperOptions(),
    }
    for preset in Preset:
        for label, options in paper.items():
            yield Setting(label=label, preset=preset, options=DynamicOptions(policy=Policy.PAPER, paper=options))
        for size in TASK_SIZES:
            at = partial(Setting, preset=preset, task_size=size)
            yield at(label="paper: + prior", options=DynamicOptions(policy=Policy.PAPER), prior=True)
            yield at(label="chromplan")
            yield at(label="chromplan, prior", prior=True)
            yield at(label="chromplan, prior tested", prior=True, tested=True)
            yield at(label="chromplan, prior tested, live", prior=True, tested=True, live=True)
            yield at(label="the same, true line known", options=LINE_KNOWN, prior=True, tested=True, line_known=True)
            yield at(label="the same, live", options=LINE_KNOWN, prior=True, tested=True, line_known=True, live=True)
            yield at(label="chromplan, prior tested, own limits", prior=True, tested=True, mode="B")
            yield at(
                label="paper: + prior, own limits", options=DynamicOptions(policy=Policy.PAPER), prior=True, mode="B"
            )


def cells(
    summaries: Sequence[dict[str, Any]], settings: Sequence[Setting], preset: Preset
) -> dict[str, dict[float, str]]:
    """Return the table of a preset: ratio and kills by label and task size."""
    found: dict[str, dict[float, str]] = {}
    for setting, row in zip(settings, summaries, strict=True):
        if setting.preset == preset:
            over = f"({row['overcommits']:.2f} ±{row['overcommits_ci95']:.2f})"
            found.setdefault(setting.label, {})[setting.task_size] = (
                f"{row['ratio']:.3f} ±{row['ratio_ci95']:.3f} {over}"
            )
    return found


def print_table(summaries: Sequence[dict[str, Any]], settings: Sequence[Setting]) -> None:
    from planner.cli.ui.output import echo_table

    for preset in dict.fromkeys(setting.preset for setting in settings):
        shown = cells(summaries, settings, preset)
        sizes = sorted({size for row in shown.values() for size in row})
        columns = ["policy", *(f">{size:.0%}" for size in sizes)]
        rows = [[label, *(row.get(size, "") for size in sizes)] for label, row in shown.items()]
        echo_table(columns, rows, title=f"preset {preset}: ratio (overcommits per run) by task size")


def record(summaries: Sequence[dict[str, Any]], settings: Sequence[Setting]) -> None:
    """Make these the figures of the records ``dynamic_P`` and ``dynamic_G``."""
    for preset in dict.fromkeys(setting.preset for setting in settings):
        rows = {
            label: {f"at_{size:.0%}".rstrip("%"): row.get(size, "") for size in TASK_SIZES}
            for label, row in cells(summaries, settings, preset).items()
        }
        command = f"python -m benchmarks.dynamic_schedule --preset {preset} --record"
        recorded.save(f"dynamic_{preset}", rows, measured=f"{datetime.date.today()}", command=command)


def time_decisions() -> None:
    """Print the median time of a decision, by tasks that wait and nodes."""
    for waiting, done, nodes, mem_mb in (
        (22, 0, 1, 100.0),
        (17, 5, 1, 100.0),
        (1000, 200, 1, 4000.0),
        (1000, 200, 10, 800.0),
    ):
        sizes = [0.25 + 0.75 * (k * 0.618 % 1) for k in range(waiting + done)]
        works = [Work(name=str(k), size=x, position=k, predicted_mb=40 * (0.1 + 0.9 * x)) for k, x in enumerate(sizes)]
        state = State(
            now_s=0.0,
            nodes=tuple(Node(name=f"n{k}", mem_mb=mem_mb) for k in range(nodes)),
            waiting=tuple(Waiting(work=work) for work in works[done:]),
            done=tuple(Done(work=work, peak_mb=1.05 * (work.predicted_mb or 0), wall_s=1.0) for work in works[:done]),
        )
        for policy in Policy:
            spent: list[float] = []
            for _ in range(50):
                started = time.perf_counter()
                starts = dynamic.decide(state, DynamicOptions(policy=policy))
                spent.append(1000 * (time.perf_counter() - started))
            median = statistics.median(spent)
            print(f"{policy}: {waiting} wait, {done} done, {nodes} nodes: {len(starts)} start, {median:.2f} ms")


def time_knapsacks() -> None:
    """Print the median time to fill a node, and what the greedy filling reaches of the best."""
    rng = np.random.default_rng(0)
    for tasks, capacity_mb, step_mb in ((22, 64_000, 64), (22, 64_000, 1), (500, 512_000, 64), (5000, 512_000, 64)):
        mem = rng.uniform(0.02, 0.3, tasks) * 64_000
        values = mem * rng.uniform(0.25, 1.0, tasks)
        needs_mb, worths = mem.tolist(), values.tolist()
        packers: dict[str, Callable[[], list[int]]] = {
            "fill": partial(knapsack.fill, needs_mb, capacity_mb, step_mb=step_mb),
            "most valuable": partial(knapsack.most_valuable, needs_mb, worths, capacity_mb, step_mb=step_mb),
            "greedy": partial(knapsack.greedy, needs_mb, worths, capacity_mb),
        }
        for name, pack in packers.items():
            spent: list[float] = []
            for _ in range(7):
                started = time.perf_counter()
                chosen = pack()
                spent.append(1000 * (time.perf_counter() - started))
            worth = f"{mem[chosen].sum() / capacity_mb:.4f} full, value {values[chosen].sum():.0f}"
            print(f"{name}: {tasks} tasks, steps of {step_mb} MB: {statistics.median(spent):.2f} ms, {worth}")


def settings_of(arguments: argparse.Namespace) -> list[Setting]:
    if arguments.policy is None:
        return [
            setting
            for setting in whole_table()
            if (not arguments.preset or setting.preset in arguments.preset)
            and (not arguments.task_size or setting.task_size in arguments.task_size)
        ]
    paper = PaperOptions(
        packer=Packer(arguments.packer),
        init=Init(arguments.init),
        degree=arguments.degree,
        bias=None if arguments.no_bias else tuple(arguments.bias),
        sequential=arguments.sequential,
        growth=arguments.growth,
    )
    options = DynamicOptions(policy=Policy(arguments.policy), paper=paper)
    if arguments.alpha is not None:
        options = replace(
            options, alpha=arguments.alpha, alpha_unpredicted=arguments.alpha, alpha_limits=arguments.alpha
        )
    return [
        Setting(
            label=arguments.policy,
            preset=Preset(preset),
            task_size=size,
            options=options,
            prior=arguments.prior,
            tested=arguments.tested,
            live=arguments.live,
            mode=arguments.mode,
            moves=arguments.moves,
        )
        for preset in arguments.preset or ["P"]
        for size in arguments.task_size or TASK_SIZES
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    paper = PaperOptions()
    parser.add_argument("--preset", action="append", choices=[*Preset], help="sizes: evenly spaced (P), GRCh37 (G)")
    parser.add_argument("--task-size", type=float, action="append", help="of the largest task, as a share of the node")
    parser.add_argument("--policy", choices=[*Policy], help="without it, the whole table is printed")
    parser.add_argument("--prior", action="store_true", help="peaks are predicted before the run")
    parser.add_argument("--tested", action="store_true", help="the predictions rest on peaks measured before")
    parser.add_argument("--live", action="store_true", help="peaks are known when they are reached")
    parser.add_argument("--mode", choices=[*SHARING], default="A", help="A: one pool of memory; B: a limit per task")
    parser.add_argument("--alpha", type=float, help="chromplan: accepted chance of exceeding the memory")
    parser.add_argument("--packer", choices=[*Packer], default=paper.packer, help="paper: how batches are packed")
    parser.add_argument("--init", choices=[*Init], default=paper.init, help="paper: which tasks run first")
    parser.add_argument("--degree", type=int, default=paper.degree, help="paper: of the polynomial")
    parser.add_argument("--bias", type=float, nargs=2, default=paper.bias, help="paper: percentiles at start and end")
    parser.add_argument("--no-bias", action="store_true", help="paper: without the bias")
    parser.add_argument("--sequential", type=int, default=paper.sequential, help="paper: tasks run one by one at first")
    parser.add_argument("--growth", type=float, default=paper.growth, help="paper: factor per kill")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=1000, help="tune on seeds from 50000 only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--hindsight", type=Path, help="JSON file that keeps the best schedules found")
    parser.add_argument("--moves", type=int, default=hindsight.MOVES, help="per chain of the search in hindsight")
    parser.add_argument("--times", action="store_true", help="time single decisions and knapsacks instead")
    parser.add_argument("--record", action="store_true", help="the whole table becomes that of benchmarks/records")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    if arguments.times:
        time_decisions()
        time_knapsacks()
        return
    settings = settings_of(arguments)
    seeds = list(range(arguments.first_seed, arguments.first_seed + arguments.runs))
    kept: Path | None = arguments.hindsight
    known: dict[str, float] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    results = run_all(settings, seeds, arguments.jobs, known)
    if kept:
        kept.write_text(json.dumps(known, indent=0))
    summaries = [summary(setting, rows) for setting, rows in zip(settings, results, strict=True)]
    if arguments.record:
        record(summaries, settings)
    if arguments.json:
        json.dump(summaries, sys.stdout, indent=2)
        print()
    else:
        print_table(summaries, settings)


if __name__ == "__main__":
    main()
