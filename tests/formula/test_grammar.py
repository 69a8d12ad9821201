"""The arithmetic of formulas: what parses, what it is worth, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.grammar import Call, Name, Node, Number
from planner.formula.parser import parse

FEATURES = {"x": 2.0, "n": 5.0, "window_cm": 40.0}


def value(text: str) -> float:
    return grammar.evaluate(parse(text), FEATURES)


def trees() -> st.SearchStrategy[Node]:
    numbers = st.floats(-1e6, 1e6).map(lambda v: Number(v + 0.0))  # + 0.0: -0.0 is written 0
    leaves = numbers | st.sampled_from(["x", "n", "window_cm"]).map(Name)

    def larger(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        two = st.tuples(st.sampled_from(["add", "sub", "mul", "div", "pow", "max", "min"]), children, children)
        one = st.tuples(st.sampled_from(["exp", "log", "sqrt", "abs"]), children)
        negative = children.filter(lambda node: not isinstance(node, Number)).map(lambda node: Call("neg", (node,)))
        return two.map(lambda t: Call(t[0], (t[1], t[2]))) | one.map(lambda t: Call(t[0], (t[1],))) | negative

    return st.recursive(leaves, larger, max_leaves=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3^2", 19.0),
        ("2^3^2", 512.0),
        ("-x^2", -4.0),
        ("(-x)^2", 4.0),
        ("2^-1", 0.5),
        ("2**3", 8.0),
        ("1 - 2 - 3", -4.0),
        ("12/2/3", 2.0),
        ("3 - -4", 7.0),
        ("+x", 2.0),
        ("exp(log(n))", 5.0),
        ("max(1, n, x)", 5.0),
        ("min(n, x)", 2.0),
        ("sqrt(abs(-9))", 3.0),
        (".5e1 + 1.", 6.0),
    ],
)
def test_arithmetic_means_what_it_means_everywhere(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected)


@settings(deadline=None, max_examples=200)
@given(trees())
def test_text_parses_to_the_tree_that_wrote_it(tree: Node) -> None:
    assert parse(grammar.render(tree)) == tree


@settings(deadline=None, max_examples=200)
@given(trees())
def test_a_formula_is_worth_what_python_says_or_nothing(tree: Node) -> None:
    names = {"abs": abs, "exp": math.exp, "log": math.log, "max": max, "min": min, "sqrt": math.sqrt}
    try:
        ours = grammar.evaluate(tree, FEATURES)
    except InputError:
        return
    text = grammar.render(tree).replace("^", "**")
    try:
        theirs = eval(text, {"__builtins__": {}}, {**names, **FEATURES})
    except OverflowError:  # exp stops growing at 700 here
        assert "exp" in text
        return
    assert ours == pytest.approx(theirs, rel=1e-12) or "exp" in text


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60) | st.text("0123456789.+-*/^()e, xnlogabsmi_", max_size=60))
def test_any_text_parses_or_is_refused_with_a_hint(text: str) -> None:
    try:
        node = parse(text)
    except InputError as error:
        assert error.message
        assert error.hint
    else:
        assert grammar.size(node) <= grammar.MOST_NODES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "column 12"),
        ("exec(x)", "exec is not a function"),
        ("x.real", "'.' is not expected"),
        ("x[0]", r"'\[' is not expected"),
        ("lambda: x", "':' is not expected"),
        ("x; n", "';' is not expected"),
        ("nan", "not a number"),
        ("1 + inf", "not a number"),
        ("1e999", "too large"),
        ("", "ends too early"),
        ("x +", "ends too early"),
        ("(x", r"'\)' is missing"),
        ("x n", "'n' is not expected"),
        ("log", "has no arguments"),
        ("log(x, n)", "has 2 arguments"),
        ("max(x)", "has 1 arguments"),
        ("(" * 10**6, "more than 10000"),
        ("(" * 500 + "1" + ")" * 500, "nested more than 60"),
        ("-" * 500 + "1", "nested more than 60"),
        ("2^" * 200 + "2", "nested more than 60"),
        ("+".join("x" * 2000), "more than 300"),
        ("é", "'é' is not expected"),
        ("x\x00", "not expected"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "text", ["1/(x - 2)", "log(x - 2)", "log(0 - x)", "sqrt(0 - n)", "(0 - n)^0.5", "9^9^9^9", "1e300*1e300*x"]
)
def test_no_finite_value_is_an_error_that_names_the_operation(text: str) -> None:
    with pytest.raises(InputError, match=r"no finite value here: (div|log|sqrt|pow|mul)\("):
        value(text)


def test_exp_stops_growing_before_it_overflows() -> None:
    assert value("exp(1e6)") == value("exp(700)")


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(InputError, match="needs the feature threads"):
        value("threads + 1")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_feature_is_a_finite_number(bad: float) -> None:
    with pytest.raises(InputError, match="the feature x is"):
        grammar.evaluate(Name("x"), {"x": bad})


def test_size_counts_constants_names_operators_and_functions() -> None:
    assert grammar.size(parse("2.5*x^0.3 + exp(-1.5)")) == 8


def test_names_come_in_order_of_appearance() -> None:
    assert grammar.names(parse("n*x + n + window_cm")) == ("n", "x", "window_cm")


def test_arithmetic_without_features_is_constant() -> None:
    assert grammar.constant(parse("2*3")) == 6.0
    assert grammar.constant(parse("2*x")) is None
    assert grammar.constant(parse("1/0")) is None
