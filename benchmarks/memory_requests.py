"""Replay traces against ways to choose ``--mem``: what is wasted, and how often a task is killed.

    python -m benchmarks.memory_requests --traces DIR [--trace NAME …] [--method NAME …] [--seed N …]
                                         [--order shuffled|submit] [--json]

DIR holds Nextflow traces as ``trace_NAME.csv`` or ``NAME.csv`` (columns process, rchar, rss, realtime and, where there
are, peak_rss, memory, submit; bytes and ms, ``-`` = missing), tables of a Galaxy server's jobs (`traces.read_galaxy`)
and instances of WfCommons as ``.json``; the real Beagle runs in ``examples/data`` come on top.
The protocol is the Sizey study's: per process, rows with rss, rchar and realtime; processes with at least 34 rows and
no zero realtime; 30 % history, the rest online in shuffled order, or all of it online in the order of submission, where
the first task gets the workflow's preset. The size of a task is ``rchar`` (for the Beagle runs the reference
genotypes), its peak ``rss``.

Waste of an attempt that is enough is (request - peak) x time, of one that is not, request x time. GB are 1e9 bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.beagle import DATA
from benchmarks.reference import baselines, baselines_learned
from benchmarks.traces import MIB, Row, read_any, read_beagle

GB_H = MIB * 1e-9 / 3600  # one MiB s in GB h
LEAST_ROWS = 34
NODE_MB = 128e9 / MIB

SIZEY_MODELS = 4
Errors = tuple[list[float], ...]
"""Relative errors of Sizey's models, of all tools of a trace."""

METHODS: dict[str, Callable[[int, int, Errors], baselines.Policy]] = {
    "chromplan": lambda tasks, history, errors: baselines.Chromplan(),
    "preset": lambda tasks, history, errors: baselines.Preset(),
    "largest": lambda tasks, history, errors: baselines.Largest(),
    "witt-percentile": lambda tasks, history, errors: baselines.WittPercentile(),
    "witt-linear": lambda tasks, history, errors: baselines.WittLinear(),
    "tovar": lambda tasks, history, errors: baselines.Tovar(),
    "paper": lambda tasks, history, errors: baselines.Paper(tasks=tasks),
    "sizey": lambda tasks, history, errors: baselines_learned.Sizey(errors, history=history),
    "svr": lambda tasks, history, errors: baselines_learned.SupportVector(),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one method did on one trace."""

    trace: str
    method: str
    seed: int
    waste_gbh: float
    failures: int
    usage_gbh: float
    tasks: int
    ms_per_prediction: float


def processes(rows: list[Row]) -> Iterator[list[Row]]:
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.process, []).append(row)
    for group in by_name.values():
        if len(group) >= LEAST_ROWS and all(row.wall_s > 0 for row in group):
            yield group


def ordered(group: list[Row], order: str, seed: int) -> tuple[list[Row], list[Row]]:
    """Return history and online rows; the shuffle is that of scikit-learn's train_test_split(test_size=0.7)."""
    if order == "submit":
        # tasks of unknown submission come last, as they stand in the file
        return [], sorted(group, key=lambda row: math.inf if math.isnan(row.submit) else row.submit)
    held_out = math.ceil(0.7 * len(group))
    shuffled = np.random.RandomState(seed).permutation(len(group))
    return [group[i] for i in shuffled[held_out:]], [group[i] for i in shuffled[:held_out]]


def replay(
    policy: baselines.Policy, history: list[Row], online: list[Row], *, preset: bool
) -> tuple[float, int, float]:
    """Return GB h wasted, failures and CPU seconds spent deciding and learning."""
    for row in history:
        policy.request(row.size, _preset(row))
        policy.learn(row.size, row.peak_mb, row.wall_s)
    wasted, failures, spent = 0.0, 0, 0.0
    for row in online:
        # the study holds presets against peak_rss, everything else against rss
        peak_mb = row.preset_peak_mb if preset and row.preset_peak_mb > 0 else row.peak_mb
        started = time.process_time()
        request = policy.request(row.size, _preset(row))
        failed = 0
        while request < peak_mb:
            failed += 1
            wasted += request * row.wall_s
            request = policy.retry(request, failed)
        policy.learn(row.size, row.peak_mb, row.wall_s)
        spent += time.process_time() - started
        wasted += (request - peak_mb) * row.wall_s
        failures += failed
    return wasted * GB_H, failures, spent


def _preset(row: Row) -> float:
    return row.preset_mb if row.preset_mb > 0 else NODE_MB


def run(trace: str, rows: list[Row], method: str, order: str, seed: int) -> Result:
    waste_gbh, failures, usage_gbh, tasks, spent = 0.0, 0, 0.0, 0, 0.0
    errors: Errors = tuple([] for _ in range(SIZEY_MODELS))
    for group in processes(rows):
        history, online = ordered(group, order, seed)
        policy = METHODS[method](len(group), len(history), errors)
        wasted, failed, seconds = replay(policy, history, online, preset=method == "preset")
        waste_gbh, failures, spent = waste_gbh + wasted, failures + failed, spent + seconds
        usage_gbh += sum(row.peak_mb * row.wall_s for row in online) * GB_H
        tasks += len(online)
    return Result(
        trace=trace,
        method=method,
        seed=seed,
        waste_gbh=round(waste_gbh, 3),
        failures=failures,
        usage_gbh=round(usage_gbh, 3),
        tasks=tasks,
        ms_per_prediction=round(1000 * spent / max(1, tasks), 3),
    )


def trace_files(folder: Path, wanted: list[str]) -> dict[str, Path]:
    """Return the wanted traces of a folder by name; of all its tables those called ``trace_…`` when there are any."""
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not a folder")
    tables = sorted([*folder.glob("*.csv"), *folder.glob("*.json")])
    if not wanted:
        tables = [path for path in tables if path.stem.startswith("trace_")] or tables
    named = {path.stem.removeprefix("trace_"): path for path in tables}
    return {name: path for name, path in named.items() if not wanted or name in wanted}


def read_all(folder: Path | None, wanted: list[str]) -> dict[str, list[Row]]:
    files = trace_files(folder, wanted) if folder else {}
    bundled = {name: DATA / f"{name}.csv" for name in ("beagle_runs", "beagle_chr22") if not wanted or name in wanted}
    missing = set(wanted) - set(files) - set(bundled)
    if missing:
        raise SystemExit(f"no trace {', '.join(sorted(missing))} in {folder}")
    read = {name: read_any(path) for name, path in files.items()}
    return read | {name: read_beagle(path) for name, path in bundled.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder with trace_NAME.csv")
    parser.add_argument("--trace", nargs="+", action="extend", default=[], metavar="NAME")
    parser.add_argument("--method", nargs="+", action="extend", default=[], choices=METHODS, metavar="NAME")
    parser.add_argument("--seed", nargs="+", action="extend", type=int, default=[], metavar="N", help="default: 1996")
    parser.add_argument("--order", choices=("shuffled", "submit"), default="shuffled")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = [
        run(trace, rows, method, arguments.order, seed)
        for trace, rows in read_all(arguments.traces, arguments.trace).items()
        for method in arguments.method or METHODS
        for seed in arguments.seed or [1996]
    ]
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    heads = ("trace", "method", "seed", "waste GBh", "killed", "usage GBh", "tasks", "ms")
    print("{:14} {:16} {:>5} {:>10} {:>7} {:>10} {:>6} {:>7}".format(*heads))
    for one in results:
        print(
            f"{one.trace:14} {one.method:16} {one.seed:5} {one.waste_gbh:10.2f} {one.failures:7} {one.usage_gbh:10.1f} "
            f"{one.tasks:6} {one.ms_per_prediction:7.2f}"
        )


if __name__ == "__main__":
    main()
