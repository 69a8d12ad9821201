"""How good formulas are on the bundled Beagle runs: errors, coverage and cost of their bounds.

    python -m benchmarks.formula [--part splits|folds|longer|starts|seconds …] [--first SEED] [--splits N] [--json]

Every way to find a formula is judged on rows it has not seen: a log-linear law, shapes made of power laws, an engine
of symbolic regression on the rows themselves (direct) and on the teacher's labels (distilled), the teacher itself, and
``chromplan``: what `chromplan fit --symbolic` chooses among them. The runs are those with Java's serial collector.

splits   random splits, 65 % to fit, 35 % to judge; the seed is the split's and the fit's
folds    five folds
longer   plain ways fitted to short chromosomes, judged on longer ones: what `chromplan` chose, and the worst of all
starts   the bundled formula as the start of plans, while history is short
seconds  CPU time of a fit, per way, on 94 and on 300 rows
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.beagle import DATA, FEATURES

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from planner.core import files
from planner.core.errors import PlannerError
from planner.core.records import Observation, Outcome, Quality
from planner.core.retry import DOUBLE
from planner.formula import file as formula_files
from planner.formula import prior
from planner.formula.conformal import calibrate
from planner.formula.discovery import engines, scoring, teacher
from planner.formula.discovery import fit as fitting
from planner.formula.discovery import search as symbolic
from planner.formula.discovery.columns import LogColumns
from planner.formula.discovery.search import SearchOptions
from planner.formula.formula import Formula
from planner.memory import fitting as memory_fitting
from planner.memory import point

PEAK = "peak_rss_mb"
LEVELS = fitting.LEVELS
CHOSEN, TEACHER = "chromplan", "teacher"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One way on rows held out: its predictions and bounds, what was measured, and the formula's size."""

    way: str
    predicted: np.ndarray
    bounds: dict[float, np.ndarray]
    measured: np.ndarray
    nodes: int
    outside: int = 0

    def figures(self) -> dict[str, float]:
        """Return errors, and per level coverage (overall and in thirds of the prediction) and over-allocation."""
        predicted, measured = self.predicted.tolist(), self.measured.tolist()
        found = dict(scoring.point_errors(predicted, measured), nodes=float(self.nodes), outside=float(self.outside))
        thirds = np.array_split(np.argsort(self.predicted, kind="stable"), 3)
        for level, bound in self.bounds.items():
            covered = self.measured <= bound
            found[f"coverage {level:.2f}"] = float(covered.mean())
            found[f"overallocation {level:.2f}"] = float(np.mean(bound / self.measured))
            for number, third in enumerate(thirds):
                found[f"third {number} {level:.2f}"] = float(covered[third].mean())
        return found


def runs(name: str = "beagle_runs") -> pd.DataFrame:
    table = pd.read_csv(DATA / f"{name}.csv")
    return table[(table["gc"] == "serial") & (table["exit_code"] == 0)]


def ways(engine: str = "operon") -> tuple[str, ...]:
    return symbolic.source_names(engine)


def usable_engines() -> Iterator[str]:
    """Yield the engines that run here; say of the others why not."""
    for name in engines.ENGINES:
        try:
            engines.engine(name)
        except PlannerError as error:
            print(f"{name}: not run ({error})")
        else:
            yield name


def judge(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    seed: int,
    names: Sequence[str],
    features: Sequence[str] = FEATURES,
    plain: bool = False,
) -> Iterator[Judged]:
    """Fit every way (without engines when ``plain``) to the training rows and yield how it does on the others."""
    table, peaks = train[list(features)].to_numpy(float), train[PEAK].to_numpy(float)
    for number, name in enumerate(names):
        # the plain ways compete with every engine, but once is enough to tell of them
        sources = [way for way in ways(name) if not (plain and way.startswith(name))]
        options = SearchOptions(engine=name, seed=seed, sources=sources)
        competition = symbolic.Competition(features, table, peaks, options)
        for standing in competition.standings:
            if number and not standing.source.startswith(name):
                continue
            found = competition.formula_of(standing)
            one = fitting.calibrated(found, features, table, peaks)
            yield _of_formula(standing.source, one, test)
            if standing is competition.winner and not number:
                yield _of_formula(CHOSEN, one, test)
    if not plain:
        yield _of_teacher(table, peaks, test, seed=seed)


def _of_formula(way: str, one: Formula, test: pd.DataFrame) -> Judged:
    columns = test[list(one.inputs)].to_numpy(float).tolist()
    rows = [dict(zip(one.inputs, row, strict=True)) for row in columns]
    bounds = {level: [one.bound(row, level) for row in rows] for level in LEVELS}
    return Judged(
        way=way,
        predicted=np.array([bound.point_mb for bound in bounds[LEVELS[0]]]),
        bounds={level: np.array([bound.upper_mb for bound in of]) for level, of in bounds.items()},
        measured=test[PEAK].to_numpy(float),
        nodes=one.nodes,
        outside=sum(bool(bound.outside) for bound in bounds[LEVELS[0]]),
    )


def _of_teacher(table: np.ndarray, peaks: np.ndarray, test: pd.DataFrame, *, seed: int) -> Judged:
    columns = LogColumns.of(FEATURES, table)
    logs = columns.logs(table)
    scale = teacher.better_scale(logs, peaks, seed, lambda _: None)
    held_out = np.empty(len(peaks))
    order = np.random.default_rng(seed).permutation(len(peaks))
    for fold in range(5):
        held = order[fold::5]
        rest = np.setdiff1d(order, held)
        held_out[held] = teacher.teach(logs[rest], peaks[rest], seed=seed, scale=scale).predict(logs[held])
    bound = calibrate(held_out.tolist(), peaks.tolist())
    told = teacher.teach(logs, peaks, seed=seed, scale=scale)
    predicted = told.predict(columns.logs(test[list(FEATURES)].to_numpy(float)))
    return Judged(
        way=TEACHER,
        predicted=predicted,
        bounds={level: np.array([bound.upper(value, level) for value in predicted]) for level in LEVELS},
        measured=test[PEAK].to_numpy(float),
        nodes=0,
    )


def splits(first: int, count: int, names: Sequence[str]) -> Iterator[Judged]:
    table = runs()
    for seed in range(first, first + count):
        order = np.random.default_rng(seed).permutation(len(table))
        kept = round(0.65 * len(table))
        yield from judge(table.iloc[order[:kept]], table.iloc[order[kept:]], seed=seed, names=names)


def folds(seed: int, names: Sequence[str]) -> Iterator[Judged]:
    """Yield every way once, its folds put together."""
    table = runs()
    order = np.random.default_rng(seed).permutation(len(table))
    parts: dict[str, list[Judged]] = {}
    for fold in range(5):
        held = order[fold::5]
        rest = np.setdiff1d(order, held)
        for one in judge(table.iloc[rest], table.iloc[held], seed=seed, names=names):
            parts.setdefault(one.way, []).append(one)
    for way, found in parts.items():
        yield Judged(
            way=way,
            predicted=np.concatenate([one.predicted for one in found]),
            bounds={level: np.concatenate([one.bounds[level] for one in found]) for level in LEVELS},
            measured=np.concatenate([one.measured for one in found]),
            nodes=round(np.mean([one.nodes for one in found])),
        )


def longer() -> Iterator[tuple[str, Judged]]:
    """Yield (what was fitted and judged, how it did); chromosome lengths are GRCh37's over 10, or over 5."""
    tenth, fifth, design = runs("beagle_chr22"), runs("beagle_chr22_fifth"), runs()
    with_length = (*FEATURES, "segment_mb")
    cases: list[tuple[str, pd.DataFrame, pd.DataFrame, tuple[str, ...]]] = [
        ("chromosomes up to 25 Mb; those up to 50 Mb", tenth, fifth, FEATURES),
        ("the design; chromosomes up to 25 Mb", design, tenth, FEATURES),
        ("the design; chromosomes up to 50 Mb", design, fifth, FEATURES),
        ("both; chromosomes up to 50 Mb", pd.concat([design, tenth]), fifth, FEATURES),
    ]
    for share in (0.5, 0.6, 0.7, 0.8):
        length, most = design["segment_mb"], design["segment_mb"].quantile(share)
        short, times = design[length <= most], length / most
        for beyond, known, features in (
            ("1.5 to 3 times as long", "length no feature", FEATURES),
            ("over twice as long", "length no feature", FEATURES),
            ("1.5 to 3 times as long", "length a feature", with_length),
        ):
            judged = design[times > 2.0 if beyond.startswith("over") else (times > 1.5) & (times <= 3.0)]
            cases.append((f"the design's shorter {share:.0%}; {beyond}, {known}", short, judged, features))
    for what, train, test, named in cases:
        for one in judge(train, test, seed=1, names=["operon"], features=named, plain=True):
            yield what, one


def seconds(names: Sequence[str]) -> dict[str, dict[int, float]]:
    """Return the CPU seconds of a fit by way and rows; beyond the runs there are, rows are drawn again with noise."""
    table = runs()
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(table), 300)
    more = table.iloc[drawn].assign(**{PEAK: table[PEAK].to_numpy()[drawn] * np.exp(0.05 * rng.standard_normal(300))})
    found: dict[str, dict[int, float]] = {}
    for rows in (table, more):
        features, peaks = rows[list(FEATURES)].to_numpy(float), rows[PEAK].to_numpy(float)
        for name in names:
            for way in (*ways(name), CHOSEN):
                start = time.process_time()
                options = SearchOptions(engine=name, seed=1, sources=None if way == CHOSEN else (way,))
                fitting.fit(FEATURES, features, peaks, options=options)
                found.setdefault(way, {})[len(rows)] = time.process_time() - start
        columns = LogColumns.of(FEATURES, features)
        start = time.process_time()
        teacher.teach(columns.logs(features), peaks, seed=1)
        found.setdefault(TEACHER, {})[len(rows)] = time.process_time() - start
    return found


def starts(seeds: Sequence[int]) -> dict[tuple[str, str], dict[str, str]]:
    """Return waste per peak and the share killed, by (chromosomes, way) and observations so far.

    The 44 first runs on 22 chromosomes come in random order, their peaks as measured or times a factor, as if another
    Java ran them; each is planned from those before. What fails is doubled and costs its request and twice the peak.
    """
    one = formula_files.loads((files.shipped("data") / "formulas" / "beagle.toml").read_text(encoding="utf-8"))
    table = runs("beagle_chr22").query("repeat == 0")
    rows = [{name: float(value) for name, value in row.items()} for row in table[list(one.inputs)].to_dict("records")]
    shape = point.from_formula(prior.shape(one))
    cells: dict[tuple[str, str], dict[str, list[tuple[float, bool]]]] = {}
    for times in (1.0, 0.6, 1.9):
        peaks = times * table[PEAK].to_numpy(float)
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(rows))[: _STARTS + 1]
            seen = [_observation(number, rows[i], peaks[i], table["wall_s"].iloc[i]) for number, i in enumerate(order)]
            for count in range(1, _STARTS + 1):
                features, peak = rows[order[count]], peaks[order[count]]
                past = seen[:count]
                known = prior.learn("beagle", one, [(row.features, row.peak_mb or 0.0) for row in past])
                alone, shaped = (
                    memory_fitting.fit(past, tool="beagle", feature_names=one.inputs, times=False, shape=given)
                    .predict(features)
                    .request_mb
                    for given in (None, shape)
                )
                asked = {
                    "history alone": alone,
                    "history, the formula's shape": shaped,
                    "formula alone, moved": known.request(features, None)[1],
                    CHOSEN: known.blend(known.request(features, None)[1], shaped),
                }
                period = next(f"{low} to {high}" for low, high in _PERIODS if low <= count <= high)
                for way, request in asked.items():
                    of = cells.setdefault((f"peaks x {times:g}", way), {})
                    of.setdefault(period, []).append(_cost(request, peak))
    return {
        key: {
            period: f"{np.mean([c for c, _ in found]):.2f} / {100 * np.mean([k for _, k in found]):.0f} %"
            for period, found in of.items()
        }
        for key, of in cells.items()
    }


_STARTS = 14
_PERIODS = ((1, 3), (4, 8), (9, _STARTS))


def _cost(request: float, peak: float) -> tuple[float, bool]:
    wasted, kills = DOUBLE.replay(request, peak, 1.0)
    return (wasted + 2.0 * peak * kills) / peak, kills > 0


def _observation(number: int, features: dict[str, float], peak: float, wall_s: float) -> Observation:
    return Observation(
        tool="beagle",
        task=str(number),
        sample="",
        chromosome="1",
        features=features,
        peak_mb=float(peak),
        limit_mb=None,
        wall_s=float(wall_s),
        outcome=Outcome.COMPLETED,
        quality=Quality.MEASURED,
        job_id=str(number),
        submit_s=number,
    )


def mean(found: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Return the mean figures by way, ways in order of appearance."""
    by_way: dict[str, list[dict[str, float]]] = {}
    for one in found:
        by_way.setdefault(one.way, []).append(one.figures())
    return {way: {key: float(np.mean([f[key] for f in of])) for key in of[0]} for way, of in by_way.items()}


def show(title: str, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    head("way", "Pearson", "R2", "MAPE %", "nodes", "coverage 80 / 90 / 95 %", "worst third", "bound / peak")
    for way, one in sorted(figures.items(), key=lambda item: (item[0] != CHOSEN, item[1]["mape"])):
        covered = " / ".join(f"{100 * one[f'coverage {level:.2f}']:.1f}" for level in LEVELS)
        worst = " / ".join(f"{100 * min(one[f'third {n} {level:.2f}'] for n in range(3)):.0f}" for level in LEVELS)
        ratio = " / ".join(f"{one[f'overallocation {level:.2f}']:.2f}" for level in LEVELS)
        nodes = f"{one['nodes']:.0f}" if one["nodes"] else ""
        print(
            f"| {way} | {one['pearson']:.3f} | {one['r2']:.3f} | {one['mape']:.1f} | {nodes} | {covered} | {worst} "
            f"| {ratio} |"
        )


def report_splits(options: argparse.Namespace) -> object:
    figures = mean(list(splits(options.first, options.splits, list(usable_engines()))))
    show(f"{options.splits} random 65/35 splits, seeds from {options.first}", figures)
    return figures


def report_folds(options: argparse.Namespace) -> object:
    figures = mean(list(folds(options.first, list(usable_engines()))))
    show("Five folds", figures)
    return figures


def report_longer(_: argparse.Namespace) -> object:
    cases: dict[str, list[Judged]] = {}
    for what, one in longer():
        cases.setdefault(what, []).append(one)
    head(
        "fitted; judged", "runs", "outside a range", "coverage 80 / 90 / 95 %", "bound / peak", "least 95 % of all ways"
    )
    for what, found in cases.items():
        of = {one.way: one.figures() for one in found}
        covers = " / ".join(f"{100 * of[CHOSEN][f'coverage {level:.2f}']:.0f}" for level in LEVELS)
        ratio = " / ".join(f"{of[CHOSEN][f'overallocation {level:.2f}']:.2f}" for level in LEVELS)
        least = 100 * min(one["coverage 0.95"] for one in of.values())
        rows, outside = len(found[0].measured), max(one.outside for one in found)
        print(f"| {what} | {rows} | {outside} | {covers} | {ratio} | {least:.0f} |")
    return {what: mean(found) for what, found in cases.items()}


def report_starts(options: argparse.Namespace) -> object:
    found = starts(range(options.first, options.first + 6))
    head("", "way", *(f"{low} to {high} seen" for low, high in _PERIODS))
    for (peaks, way), of in found.items():
        print(f"| {peaks} | {way} | " + " | ".join(of.values()) + " |")
    return {", ".join(key): of for key, of in found.items()}


def report_seconds(_: argparse.Namespace) -> object:
    found = seconds(list(usable_engines()))
    head("way", *(f"s, {rows} rows" for rows in found[TEACHER]))
    for way, one in found.items():
        print(f"| {way} | " + " | ".join(f"{value:.1f}" for value in one.values()) + " |")
    return found


def head(*columns: str) -> None:
    print("\n| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


PARTS = {
    "splits": report_splits,
    "folds": report_folds,
    "longer": report_longer,
    "starts": report_starts,
    "seconds": report_seconds,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="default: all")
    parser.add_argument("--first", type=int, default=0, help="the first split's seed (default: 0)")
    parser.add_argument("--splits", type=int, default=12, help="how many splits (default: 12)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    document = {part: report(options) for part, report in PARTS.items() if part in (options.part or PARTS)}
    if options.json:
        print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
