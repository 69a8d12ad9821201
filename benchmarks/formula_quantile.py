"""A formula of the 95 % bound itself (symbolic quantile regression) against one of the peak with a calibrated bound.

    python -m benchmarks.formula_quantile [--first SEED] [--splits N] [--json]

Data: the Beagle runs with the serial collector, small ones and those of real size; 65 % to fit, 35 % to judge.

point + calibration  the best of the sums and products of power laws for the peak; its bound as ``fit`` calibrates it
quantile             the same shapes, each fitted to the 95 % quantile (pinball loss on log peaks); the one with the
                     least loss on five folds is the bound
quantile, moved      the same, times the factor that covers 95 % of the rows on those folds
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from benchmarks.beagle import DATA, FEATURES
from planner.formula import grammar
from planner.formula.discovery import fit as fitting
from planner.formula.discovery import powers
from planner.formula.discovery.numeric import Program
from planner.formula.discovery.search import Competition, SearchOptions
from planner.formula.grammar import Node

PEAK = "peak_rss_mb"
NAMES = (*FEATURES, "segment_mb")
LEVEL, FOLDS, MOST_NODES = 0.95, 5, 30
SHAPES = {"sum of power laws": "sum", "product of power laws": "product"}
_ROUND = 0.02  # log residual within which the pinball loss is rounded off, for the gradient
_STEPS = 150


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Coverage and cost of one way's 95 % bounds on the rows held out of a split."""

    way: str
    seed: int
    coverage: float
    overallocation: float
    loss: float


def runs() -> tuple[np.ndarray, np.ndarray]:
    table = pd.concat([pd.read_csv(DATA / f"{name}.csv") for name in ("beagle_runs", "beagle_panels")])
    table = table[(table["gc"] == "serial") & (table["exit_code"] == 0)]
    return table[list(NAMES)].to_numpy(float), table[PEAK].to_numpy(float)


def pinball(bound: np.ndarray, peaks: np.ndarray) -> float:
    """Return the mean pinball loss of log bounds: what the 95 % quantile makes least."""
    short = np.log(peaks / bound)
    return float(np.mean(np.maximum(LEVEL * short, (LEVEL - 1.0) * short)))


def quantile_of(node: Node, table: np.ndarray, peaks: np.ndarray) -> Node:
    """Return the formula with the constants of the 95 % quantile; exponents and factors all move."""
    program = Program(node, NAMES)
    target = np.log(peaks)

    def loss(constants: np.ndarray) -> tuple[float, np.ndarray]:
        values, slopes = program.jacobian(table, constants)
        if not np.all(np.isfinite(values) & (values > 0.0)):
            return 1e6, np.zeros(len(constants))
        short = (target - np.log(values)) / _ROUND
        over = 1.0 / (1.0 + np.exp(np.clip(short, -500, 500)))
        total = LEVEL * short + np.logaddexp(0.0, -short)
        slope = -(LEVEL - over)[:, None] * slopes / values[:, None]
        return float(_ROUND * total.mean()), np.nan_to_num(slope.mean(axis=0))

    scale = np.maximum(np.abs(program.constants), 1e-12)

    def scaled(factors: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = loss(factors * scale)
        return value, slope * scale

    found = minimize(scaled, program.constants / scale, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return program.with_constants(found.x * scale)


def candidates(table: np.ndarray, peaks: np.ndarray) -> list[tuple[str, int, Node]]:
    """Return shape, number of nodes, and formula of the bound, for each number of features."""
    rows = powers.TrainingRows.of(NAMES, table, peaks)
    found = []
    for shape in SHAPES.values():
        (fits,) = powers.search([rows], shape=shape, most_nodes=MOST_NODES)
        for fit in fits:
            node = powers.arithmetic(rows.columns, fit)
            found.append((shape, grammar.size(node), quantile_of(node, table, peaks)))
    return found


def quantile_bound(table: np.ndarray, peaks: np.ndarray, seed: int) -> tuple[Node, float]:
    """Return the formula of the bound that does best on folds, and the factor that covers 95 % of their rows."""
    order = np.random.default_rng(seed).permutation(len(peaks))
    told: dict[tuple[str, int], np.ndarray] = {}
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(order, held)
        for shape, nodes, node in candidates(table[rest], peaks[rest]):
            values = told.setdefault((shape, nodes), np.full(len(peaks), np.nan))
            values[held] = np.clip(Program(node, NAMES).values(table[held]), peaks.min() / 2, 10 * peaks.max())
    whole = {key: values for key, values in told.items() if np.all(np.isfinite(values))}
    best = min(whole, key=lambda key: pinball(whole[key], peaks))
    short = np.sort(peaks / whole[best])
    factor = float(short[min(math.ceil((len(peaks) + 1) * LEVEL), len(peaks)) - 1])
    return next(node for shape, nodes, node in candidates(table, peaks) if (shape, nodes) == best), factor


def split(seed: int) -> list[Judged]:
    table, peaks = runs()
    order = np.random.default_rng(seed).permutation(len(peaks))
    train, test = np.split(order, [round(0.65 * len(peaks))])
    options = SearchOptions(seed=seed, sources=tuple(SHAPES), most_nodes=MOST_NODES)
    competition = Competition(NAMES, table[train], peaks[train], options)
    found = competition.formula_of(competition.winner)
    one = fitting.calibrated(found, NAMES, table[train], peaks[train], seed=seed)
    point = [one.upper(dict(zip(NAMES, row, strict=True)), LEVEL) for row in table[test].tolist()]
    node, factor = quantile_bound(table[train], peaks[train], seed)
    direct = np.clip(Program(node, NAMES).values(table[test]), peaks[train].min(), 10 * peaks[train].max())
    ways = {"point + calibration": np.array(point), "quantile": direct, "quantile, moved": factor * direct}
    return [
        Judged(
            way=way,
            seed=seed,
            coverage=float(np.mean(peaks[test] <= bound)),
            overallocation=float(np.mean(bound / peaks[test])),
            loss=pinball(bound, peaks[test]),
        )
        for way, bound in ways.items()
    ]


def summary(judged: Sequence[Judged]) -> str:
    lines = ["| way | coverage % | bound / peak | loss |", "|---|---|---|---|"]
    for way in dict.fromkeys(one.way for one in judged):
        mine = [one for one in judged if one.way == way]
        coverage, cost, loss = (
            float(np.mean([getattr(one, name) for one in mine])) for name in ("coverage", "overallocation", "loss")
        )
        lines.append(f"| {way} | {100 * coverage:.1f} | {cost:.2f} | {loss:.4f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--splits", type=int, default=12, metavar="N")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    judged = [one for seed in range(arguments.first, arguments.first + arguments.splits) for one in split(seed)]
    print(json.dumps([asdict(one) for one in judged]) if arguments.json else summary(judged))


if __name__ == "__main__":
    main()
