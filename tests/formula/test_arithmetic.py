"""The parts of the search: the teacher, power laws, tidying, refitting and pruning of formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.formula import grammar
from planner.formula.discovery import powers, teacher
from planner.formula.discovery.columns import LogColumns, rounded
from planner.formula.discovery.least_squares import Array, Problems, levenberg
from planner.formula.discovery.numeric import Program, elasticities, log_error, refit
from planner.formula.discovery.prune import prune
from planner.formula.discovery.tidy import tidy
from planner.formula.grammar import Call, Name, Node, Number
from planner.formula.parser import parse

NAMES = ("x", "y")


def rows(count: int = 60, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(1.0, 50.0, (count, 2))


def logs(table: Array) -> Array:
    return LogColumns.of(NAMES, table).logs(table)


# the teacher


def test_the_teacher_follows_what_no_power_law_does() -> None:
    table, other = rows(200), rows(100, seed=1)

    def peaks(t: Array) -> Array:
        return np.where(t[:, 0] > 25.0, 400.0, 100.0)

    columns = LogColumns.of(NAMES, table)
    told = teacher.teach(columns.logs(table), peaks(table), seed=0, scale="log").predict(columns.logs(other))
    assert np.mean(np.abs(told / peaks(other) - 1.0)) < 0.1


def test_the_same_seed_teaches_the_same() -> None:
    table = rows(40)
    first, again = (
        teacher.teach(logs(table), table[:, 0] * 10, seed=5, scale="raw").predict(logs(table)) for _ in range(2)
    )
    assert first.tolist() == again.tolist()


def test_peaks_over_decades_are_taught_as_logs() -> None:
    table = rows(60)
    said: list[str] = []
    assert teacher.better_scale(logs(table), np.exp(0.2 * table[:, 0]), 0, said.append) == "log"
    assert said


def test_synthetic_rows_lie_within_the_ranges_and_near_real_rows() -> None:
    table = rows(50)
    table[:, 1] = table[:, 0] * np.random.default_rng(2).uniform(0.9, 1.1, 50)  # a diagonal: a box would leave it
    real = logs(table)
    drawn = teacher.synthesise(real, 300, np.random.default_rng(1))
    assert drawn.shape == (300, 2)
    assert np.all((drawn >= real.min(axis=0)) & (drawn <= real.max(axis=0)))
    assert np.abs(drawn[:, 0] - drawn[:, 1]).max() < 1.0


# power laws


@pytest.mark.parametrize(
    ("shape", "truth"),
    [
        ("power", "3*x^0.5*y^0.25"),
        ("sum", "80*x^0.2 + 2*x*y"),
        ("product", "60*x^0.3*(1 + 0.01*x*y)"),
        ("stretched", "60*x^0.3*exp(0.02*y)"),
    ],
)
def test_every_shape_finds_itself(shape: str, truth: str) -> None:
    table = rows()
    peaks = Program(parse(truth), NAMES).values(table)
    columns = LogColumns.of(NAMES, table)
    (best,) = powers.search([powers.TrainingRows.of(NAMES, table, peaks)], shape=shape, most_nodes=30)
    errors = [np.abs(Program(powers.arithmetic(columns, one), NAMES).values(table) / peaks - 1.0).max() for one in best]
    assert min(errors) < 0.06


@pytest.mark.parametrize("shape", powers.SHAPES)
def test_the_nodes_of_a_form_are_those_of_its_arithmetic(shape: str) -> None:
    table = rows(30)
    table[:, 1] -= 1.0 + table[:, 1].min()  # a feature that needs a shift
    columns = LogColumns.of(NAMES, table)
    (found,) = powers.search([powers.TrainingRows.of(NAMES, table, table[:, 0] * 30.0)], shape=shape, most_nodes=30)
    assert found
    for one in found:
        assert grammar.size(powers.arithmetic(columns, one)) == powers.nodes(columns, one.form) <= 30


# tidying

LEAVES = st.one_of(
    st.sampled_from([Name("x"), Name("y")]), st.floats(-3.0, 3.0).map(lambda value: Number(round(value, 2)))
)


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul"]), pair).map(lambda made: Call(made[0], made[1])),
        inner.map(lambda node: Call("exp", (Call("mul", (Number(0.1), node)),))),
        inner.map(lambda node: Call("neg", (node,))),
    )


@settings(deadline=None, max_examples=150)
@given(st.recursive(LEAVES, _grown, max_leaves=8))
def test_a_tidied_formula_has_the_same_values_and_is_never_longer(node: Node) -> None:
    short = tidy(node)
    table = rows(5) / 50.0
    before, after = Program(node, NAMES).values(table), Program(short, NAMES).values(table)
    assert after == pytest.approx(before, rel=1e-6, abs=1e-6)
    assert grammar.size(short) <= grammar.size(node)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("x + x", "2*x"),
        ("exp(0.5*log(x) + 1)", "2.718281828459045*x^0.5"),
        ("exp(log(x))", "x"),
        ("2*(3*x)", "6*x"),
        ("x - x + y", "y"),
        ("exp(2) * 0 + y", "y"),
        ("1 - 3", "-2"),
    ],
)
def test_constants_are_merged_and_like_terms_collected(long: str, short: str) -> None:
    assert grammar.render(tidy(parse(long))) == short


# refitting and pruning


def test_constants_are_refitted_to_the_rows() -> None:
    table = rows()
    peaks = Program(parse("40 + 2*x^1.5"), NAMES).values(table)
    found = refit(parse("10 + 1*x^1.0"), NAMES, table, peaks, steps=100)
    assert log_error(found, NAMES, table, peaks) < 1e-6


def test_a_refit_never_makes_it_worse() -> None:
    table = rows(20)
    peaks = 100.0 + table[:, 0]
    for text in ("x/y", "log(x - 20)", "100 + x", "x^-3", "3"):
        node = parse(text)
        after = refit(node, NAMES, table, peaks)
        assert log_error(after, NAMES, table, peaks) <= log_error(node, NAMES, table, peaks)


def test_the_derivatives_in_the_constants_are_right() -> None:
    text = "abs(-2.5*x)^0.7 + max(3*y, 2*x)/1.5 - sqrt(4*x)*exp(0.01*y) + log(2*x) + min(1.5*x, 9) - 0.3"
    program = Program(parse(text), NAMES)
    table, at = rows(8), program.constants
    values, slopes = program.jacobian(table, at)
    assert values == pytest.approx(program.values(table))
    for j in range(len(at)):
        step = np.zeros_like(at)
        step[j] = 1e-6
        numeric = (program.values(table, at + step) - program.values(table, at - step)) / 2e-6
        assert slopes[:, j] == pytest.approx(numeric, rel=1e-4, abs=1e-5)


def test_the_elasticity_is_the_power_with_which_a_formula_grows() -> None:
    columns = {"x": rows()[:, 0], "y": rows()[:, 1], "z": np.arange(60.0)}
    found = elasticities(parse("3*x^0.5/y"), columns)
    assert [found[name] for name in columns] == pytest.approx([0.5, -1.0, 0.0])


def test_levenberg_finds_the_least_squares_of_each_problem() -> None:
    table, truth = rows(), np.array([[2.0, -3.0], [0.5, 4.0], [0.0, 0.0]])

    def state(at: Array, which: Problems) -> tuple[Array, Array]:
        return (at - truth[which]) @ table.T, np.broadcast_to(table, (len(at), *table.shape))

    found, cost = levenberg(state, np.zeros((3, 2)), steps=50)
    assert found == pytest.approx(truth, rel=1e-4)
    assert np.all(cost < 1e-3)


@pytest.mark.parametrize("shape", powers.SHAPES)
def test_samples_searched_together_are_fitted_as_each_alone(shape: str) -> None:
    table = rows()
    peaks = Program(parse("80*x^0.2 + 2*x*y"), NAMES).values(table) * np.random.default_rng(4).lognormal(0, 0.1, 60)
    samples = [powers.TrainingRows.of(NAMES, table[some], peaks[some]) for some in (slice(60), slice(7), slice(20, 55))]
    together = powers.search(samples, shape=shape, most_nodes=30)
    for sample, found in zip(samples, together, strict=True):
        (alone,) = powers.search([sample], shape=shape, most_nodes=30)
        assert [one.form for one in found] == [one.form for one in alone]
        for one, other in zip(found, alone, strict=True):
            assert one.base == pytest.approx(other.base, rel=1e-6, abs=1e-6)
            assert one.gate == pytest.approx(other.gate, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("shape", powers.SHAPES)
def test_a_fit_is_written_with_the_number_of_nodes_that_is_counted(shape: str) -> None:
    table = rows()
    training = powers.TrainingRows.of(NAMES, table, 100.0 + table[:, 0] * table[:, 1])
    (fits,) = powers.search([training], shape=shape, most_nodes=30)
    assert fits
    for fit in fits:
        assert grammar.size(powers.arithmetic(training.columns, fit)) == powers.nodes(training.columns, fit.form)


def test_memory_that_levels_off_is_found_to_the_percent() -> None:
    table = rows()
    peaks = Program(parse("50*x^0.3*(1 + 8*0.05*y/(1 + 0.05*y))"), NAMES).values(table)
    training = powers.TrainingRows.of(NAMES, table, peaks)
    (fits,) = powers.search([training], shape="saturating", most_nodes=30)
    best = min(fits, key=lambda fit: fit.penalised)
    found = Program(powers.arithmetic(training.columns, best), NAMES).values(table)
    assert found == pytest.approx(peaks, rel=0.02)


def test_a_formula_is_cut_to_the_limit_where_the_rows_miss_it_least() -> None:
    table = rows()
    peaks = 50.0 + 3.0 * table[:, 0]
    long = parse("50 + 3*x + 0.0001*y*x + 0.0002*y^0.3 + 0.0001*exp(0.01*y)")
    short = prune(long, NAMES, table, peaks, most_nodes=5)
    assert grammar.size(short) <= 5
    assert log_error(short, NAMES, table, peaks) < 1e-4
    assert prune(short, NAMES, table, peaks, most_nodes=5) == short


# columns


def test_a_feature_that_may_be_zero_or_below_is_shifted_to_one() -> None:
    table = np.array([[0.0, 5.0], [3.0, 6.0], [-2.0, 7.0]])
    columns = LogColumns.of(NAMES, table)
    assert columns.shifts.tolist() == [3.0, 0.0]
    assert grammar.render(columns.feature(0)) == "x + 3"
    assert columns.logs(table).mean(axis=0) == pytest.approx([0.0, 0.0])


def test_columns_that_do_not_vary_are_not_used() -> None:
    assert LogColumns.of(NAMES, np.array([[1.0, 5.0], [1.0, 6.0]])).usable == (1,)


def test_constants_are_written_with_six_digits() -> None:
    assert rounded(123456.789) == 123457.0
    assert rounded(0.000123456789) == 0.000123457
