"""From rows to a formula: who competes, who wins, and that the same seed gives the same."""

from __future__ import annotations

import numpy as np
import pytest

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.discovery import engines
from planner.formula.discovery import fit as fitting
from planner.formula.discovery import search as symbolic
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.numeric import Program
from planner.formula.discovery.search import SearchOptions

NAMES = ("length", "samples", "threads")
PLAIN = symbolic.source_names("operon")[:5]


def rows(count: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(40, 250, count), rng.uniform(10, 2000, count), rng.integers(1, 9, count)])


def noisy(peaks: Array, sd: float, seed: int = 1) -> Array:
    return peaks * np.exp(sd * np.random.default_rng(seed).standard_normal(len(peaks)))


def power_law(table: Array) -> Array:
    return 20.0 * table[:, 0] ** 0.7 * table[:, 1] ** 0.2


def with_threads(table: Array) -> Array:
    """Return what an overhead and a buffer per thread take: a sum that no single power law follows."""
    return 60.0 + 0.004 * table[:, 0] * table[:, 1] * table[:, 2]


def filling(table: Array) -> Array:
    """Return what a buffer takes that fills up with the samples and then levels off."""
    return 300.0 + 2000.0 * (1.0 - np.exp(-table[:, 1] / 300.0))


def compete(table: Array, peaks: Array, **options: object) -> symbolic.Competition:
    return symbolic.Competition(NAMES, table, peaks, SearchOptions(**({"sources": PLAIN} | options)))  # type: ignore[arg-type]


def error(node: grammar.Node, truth: object, table: Array) -> float:
    told = [grammar.evaluate(node, dict(zip(NAMES, row, strict=True))) for row in table.tolist()]
    return float(np.mean(np.abs(np.array(told) / truth(table) - 1.0)))  # type: ignore[operator]


def test_a_power_law_is_told_by_the_log_linear_formula() -> None:
    table = rows(60)
    found = compete(table, noisy(power_law(table), 0.05))
    root = found.formula_of(found.winner).root
    assert found.winner.source == symbolic.LOG_LINEAR
    assert error(root, power_law, rows(200, seed=9)) < 0.05


def test_overhead_and_buffer_are_told_by_a_sum() -> None:
    table = rows(60)
    found = compete(table, noisy(with_threads(table), 0.05))
    plain = next(s for s in found.standings if s.source == symbolic.LOG_LINEAR)
    assert found.winner.source in ("sum of power laws", "product of power laws")  # the same, written differently
    assert found.winner.error < 0.7 * plain.error
    assert error(found.formula_of(found.winner).root, with_threads, rows(200, seed=9)) < 0.08


def test_memory_that_levels_off_is_told_from_forty_rows_without_an_engine() -> None:
    table = rows(40)
    found = symbolic.Competition(NAMES, table, noisy(filling(table), 0.05))
    growing = min(s.error for s in found.standings if s.source in PLAIN[:4])
    assert found.winner.source == "saturating power law"
    assert found.winner.error < 0.8 * growing
    told = found.formula_of(found.winner).root
    assert error(told, filling, rows(200, seed=9)) < 0.06
    most = grammar.evaluate(told, {"length": 100.0, "samples": 20_000.0, "threads": 4.0})
    assert most == pytest.approx(2300.0, rel=0.2)


@pytest.mark.parametrize(
    ("errors", "winner"),
    [
        ({"operon direct": 0.100, "stretched power law": 0.104, "log-linear": 0.120}, "stretched power law"),
        ({"operon direct": 0.100, "stretched power law": 0.106, "log-linear": 0.120}, "operon direct"),
        ({"operon direct": 0.100, "operon distilled": 0.101, "sum of power laws": 0.102}, "sum of power laws"),
        ({"stretched power law": 0.100, "sum of power laws": 0.101, "operon direct": 0.102}, "stretched power law"),
        ({"stretched power law": 0.100, "log-linear": 0.101, "operon direct": 0.102}, "log-linear"),
        ({"saturating power law": 0.100, "sum of power laws": 0.104, "operon direct": 0.101}, "sum of power laws"),
        ({"saturating power law": 0.100, "sum of power laws": 0.106, "operon direct": 0.101}, "saturating power law"),
        ({"operon direct": 0.100, "saturating power law": 0.104, "log-linear": 0.120}, "saturating power law"),
        ({"operon direct": 0.100, "saturating power law": 0.106, "log-linear": 0.120}, "operon direct"),
        ({"operon direct": 0.100}, "operon direct"),
    ],
)
def test_a_plainer_way_wins_when_it_is_about_as_good(errors: dict[str, float], winner: str) -> None:
    table = rows(10)
    found = compete(table, power_law(table), sources=[symbolic.LOG_LINEAR])
    found.standings = tuple(
        symbolic.Standing(source=source, limit=30, error=error, mape=100.0 * error, predicted=np.ones(10))
        for source, error in errors.items()
    )
    assert found.winner.source == winner


def test_the_standings_are_in_order_and_their_predictions_are_out_of_fold() -> None:
    table = rows(30)
    found = compete(table, noisy(power_law(table), 0.3))
    errors = [standing.error for standing in found.standings]
    assert errors == sorted(errors)
    assert {standing.source for standing in found.standings} == set(PLAIN)
    for standing in found.standings:
        # what has seen a row with 30 % noise would be nearer to it
        assert np.std(np.log(standing.predicted / power_law(table))) < 0.3
        assert standing.error > 0.2


@pytest.mark.parametrize("most", [8, 14, 30])
def test_no_formula_of_the_front_is_longer_than_allowed(most: int) -> None:
    table = rows(40)
    found = compete(table, noisy(with_threads(table), 0.1), most_nodes=most)
    told = found.formula_of(found.winner)
    sizes = [grammar.size(node) for node in told.front]
    assert sizes == sorted(sizes)
    assert max(sizes) <= most
    assert grammar.size(told.root) <= most


def test_what_calibrates_a_formula_is_nearer_to_it_than_what_judged_it_yet_has_not_seen_the_row() -> None:
    table = rows(40)
    truth = power_law(table)
    peaks = noisy(truth, 0.3)
    found = compete(table, peaks, sources=[symbolic.LOG_LINEAR], folds=2)
    told = found.formula_of(found.winner)
    made = Program(told.root, NAMES).values(table)
    apart = [np.std(np.log(predicted / made)) for predicted in (found.winner.predicted, told.predicted)]
    assert apart[1] < 0.5 * apart[0]
    # a formula that has seen a row is drawn towards it
    assert np.std(np.log(peaks / told.predicted)) > np.std(np.log(peaks / made))


def test_a_row_that_is_far_off_bends_the_formula_little() -> None:
    table = rows(60)
    peaks = noisy(power_law(table), 0.05)
    peaks[7] *= 20.0
    found = compete(table, peaks, sources=[symbolic.LOG_LINEAR])
    assert error(found.formula_of(found.winner).root, power_law, rows(200, seed=9)) < 0.08


def test_few_rows_get_no_engine() -> None:
    table = rows(40)
    found = symbolic.Competition(NAMES, table, noisy(power_law(table), 0.1))
    assert {standing.source for standing in found.standings} == set(PLAIN)


def test_from_very_few_rows_nothing_levels_off() -> None:
    table = rows(12)
    found = symbolic.Competition(NAMES, table, noisy(power_law(table), 0.1))
    assert {standing.source for standing in found.standings} == set(PLAIN[:4])


def test_enough_rows_let_the_engine_compete_directly_and_distilled_and_the_same_seed_gives_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "OPERON_EVALUATIONS", 5_000)
    table = rows(60)
    peaks = noisy(with_threads(table), 0.05)
    said: list[str] = []
    sources = symbolic.source_names("operon")[-2:]
    first, again = (
        symbolic.Competition(NAMES, table, peaks, SearchOptions(seed=3, folds=2, sources=sources, progress=said.append))
        for _ in range(2)
    )
    assert {standing.source for standing in first.standings} == {"operon direct", "operon distilled"}
    told = first.formula_of(first.winner)
    assert told.root == again.formula_of(again.winner).root
    assert told.teacher_scale in ("log", "raw")
    assert any("teacher" in line for line in said)
    assert "operon direct: 2 folds" in said


def test_a_feature_that_may_be_zero_is_taken() -> None:
    table = rows(40)
    table[:, 2] -= 1.0
    found = compete(table, noisy(100.0 + 40.0 * table[:, 2], 0.03))
    told = found.formula_of(found.winner)
    assert "threads" in grammar.names(told.root)
    assert grammar.evaluate(told.root, {"length": 100.0, "samples": 100.0, "threads": 0.0}) == pytest.approx(
        100, rel=0.2
    )


def test_too_few_rows_and_rows_that_do_not_vary_are_refused() -> None:
    table = rows(5)
    with pytest.raises(InputError, match="5 rows are too few"):
        compete(table, power_law(table))
    with pytest.raises(InputError, match="no feature varies"):
        compete(np.ones((10, 3)), np.linspace(50.0, 60.0, 10))


def test_constants_have_six_digits() -> None:
    table = rows(30)
    found = compete(table, noisy(power_law(table), 0.1))
    constants = [n.value for n in grammar.walk(found.formula_of(found.winner).root) if isinstance(n, grammar.Number)]
    assert constants
    assert all(float(f"{value:.6g}") == value for value in constants)


def test_a_fit_knows_its_rows_ranges_and_errors() -> None:
    table = rows(50)
    peaks = noisy(power_law(table), 0.1)
    fitted = fitting.fit(
        NAMES,
        table,
        peaks,
        origin=fitting.Origin(tool="impute", units={"length": "Mb"}),
        options=SearchOptions(seed=2, sources=PLAIN),
    )
    one = fitted.formula
    assert (one.tool, one.rows, one.seed, one.floor_mb) == ("impute", 50, 2, peaks.min())
    assert one.engine == fitted.discovery.source
    assert one.features["length"].unit == "Mb"
    assert one.features["samples"].high == table[:, 1].max()
    assert 4.0 < one.errors["mape"] < 13.0
    assert one.calibration is not None
    assert one.calibration.rows == 50


def test_bounds_cover_rows_not_seen_as_often_as_promised() -> None:
    coverage, ratio = [], []
    for seed in range(8):
        table, other = rows(60, seed), rows(100, seed + 50)
        peaks = noisy(power_law(other), 0.1, seed + 100)
        fitted = fitting.fit(
            NAMES,
            table,
            noisy(power_law(table), 0.1, seed),
            options=SearchOptions(sources=[symbolic.LOG_LINEAR]),
        )
        found = fitting.check(
            fitted.formula, [dict(zip(NAMES, row, strict=True)) for row in other.tolist()], peaks.tolist()
        )
        assert found["rows"] == 100
        assert found["pearson"] > 0.9  # type: ignore[operator]
        coverage.append(found["coverage"])
        ratio.append(found["overallocation"])
    for level in ("0.80", "0.90", "0.95"):
        assert np.mean([one[level] for one in coverage]) == pytest.approx(float(level), abs=0.04)  # type: ignore[index]
    assert all(one["0.80"] < one["0.90"] < one["0.95"] < 1.5 for one in ratio)  # type: ignore[index]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("length", "length", "threads"), "given twice"),
        (("1kg", "samples", "threads"), "'1kg' cannot be a feature"),
        (("length", "exp", "threads"), "'exp' cannot be a feature"),
        ((), "no feature is given"),
    ],
)
def test_names_that_a_formula_cannot_have_are_refused(names: tuple[str, ...], message: str) -> None:
    table = rows(10)[:, : len(names)]
    with pytest.raises(InputError, match=message):
        fitting.fit(names, table, np.ones(10))
