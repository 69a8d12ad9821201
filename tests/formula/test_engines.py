"""The engines of symbolic regression: what they are given, what is made of what they return, and PySR without Julia."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from planner.core.errors import FailureError, InputError
from planner.formula import grammar
from planner.formula.discovery import engines
from planner.formula.discovery.columns import LogColumns
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.numeric import Program

NAMES = ("length", "samples")


def rows(count: int = 60) -> Array:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(40, 250, count), rng.uniform(10, 2000, count)])


def told(*texts: str) -> engines.Engine:
    """Return an engine that returns these equations."""

    def search(logs: Array, target: Array, *, seed: int) -> list[str]:
        return list(texts)

    return search


def front(search: engines.Engine, table: Array, peaks: Array, *, seed: int = 0) -> list[grammar.Node]:
    columns = LogColumns.of(NAMES, table)
    return engines.front(search, columns, columns.logs(table), peaks, seed=seed)


def test_operon_finds_a_power_law_and_the_same_seed_gives_the_same_front() -> None:
    table = rows()
    peaks = 20.0 * table[:, 0] ** 0.7 * table[:, 1] ** 0.2
    first, again = (front(engines.engine("operon"), table, peaks, seed=4) for _ in range(2))
    assert first == again
    errors = [np.abs(Program(node, NAMES).values(table) / peaks - 1.0).max() for node in first]
    assert min(errors) < 0.01


def test_an_engine_sees_logs_of_the_features_that_vary_and_of_the_peaks() -> None:
    table = np.column_stack([rows()[:, 0], np.full(60, 5.0)])
    seen: list[tuple[Array, Array, int]] = []

    def search(logs: Array, target: Array, *, seed: int) -> list[str]:
        seen.append((logs, target, seed))
        return ["X0"]

    (node,) = front(search, table, table[:, 0], seed=9)
    logs, target, seed = seen[0]
    assert logs[:, 0] == pytest.approx(np.log(table[:, 0]))
    assert logs.shape == (60, 1)
    assert target == pytest.approx(np.log(table[:, 0]))
    assert seed == 9
    assert grammar.render(node) == "length"


# as PySR prints them: parentheses everywhere, signs inside, exponents, and numbers of any length
@pytest.mark.parametrize(
    ("equation", "meaning"),
    [
        ("(X0 * 0.7) + 3.0", lambda a, b: np.exp(3.0) * a**0.7),
        (
            "((X1 * -0.25) - -1.5) + (X0 * 0.6931471805599453)",
            lambda a, b: np.exp(1.5) * a**0.6931471805599453 * b**-0.25,
        ),
        ("exp((X0 * 0.2) - 1.0e-1) + 2.0", lambda a, b: np.exp(2.0 + np.exp(-0.1) * a**0.2)),
        ("4.2 + (X0 * X1) * 0.01", lambda a, b: np.exp(4.2 + 0.01 * np.log(a) * np.log(b))),
        ("X1", lambda a, b: b),
    ],
)
def test_an_equation_of_an_engine_becomes_arithmetic_in_the_features(equation: str, meaning: object) -> None:
    table = rows()
    (node,) = front(told(equation), table, table[:, 0])
    expected = meaning(table[:, 0], table[:, 1])  # type: ignore[operator]
    assert Program(node, NAMES).values(table) == pytest.approx(expected, rel=1e-6)


def test_constants_duplicates_and_what_is_not_in_the_grammar_are_left_out() -> None:
    table = rows()
    found = front(
        told("3.5", "X0 + 1.0", "1.0 + X0", "erf(X0)", "X0 / ", "(" * 100 + "X0" + ")" * 100), table, table[:, 0]
    )
    assert len(found) == 1


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no engine is called magic") as caught:
        engines.engine("magic")
    assert caught.value.hint == "engines: operon, pysr"


def test_pysr_that_is_not_installed_is_refused_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysr", None)
    with pytest.raises(InputError, match="pysr is not installed") as caught:
        engines.engine("pysr")
    assert "pip install 'chromplan[pysr]'" in caught.value.hint


class StandIn:
    """What chromplan uses of PySR 2's regressor, without Julia: parameters, ``fit``, and the table ``equations_``."""

    made: StandIn
    fails: Exception | None = None

    def __init__(
        self,
        *,
        binary_operators: list[str],
        unary_operators: list[str],
        maxsize: int,
        niterations: int,
        timeout_in_seconds: float,
        populations: int,
        nested_constraints: dict[str, dict[str, int]],
        parallelism: str,
        deterministic: bool,
        precision: int,
        progress: bool,
        verbosity: int,
        temp_equation_file: bool,
        delete_tempfiles: bool,
        random_state: int,
    ) -> None:
        assert not deterministic or parallelism == "serial"
        assert not delete_tempfiles or temp_equation_file
        self.seed, self.timeout_s, self.operators = (
            random_state,
            timeout_in_seconds,
            (binary_operators, unary_operators),
        )
        StandIn.made = self

    def fit(self, X: Array, y: Array, *, variable_names: list[str]) -> StandIn:  # noqa: N803 - PySR's own names
        if StandIn.fails is not None:
            raise StandIn.fails
        assert X.flags.writeable
        assert X.shape == (len(y), len(variable_names))
        equations = ["3.5", "(X0 * 0.7) + 3.0", "exp((X0 * 0.2) - 1.0e-1) + (X1 * -0.25)", "square(X0)"]
        self.equations_ = pd.DataFrame(
            {
                "complexity": [1, 5, 11, 2],
                "loss": [0.5, 0.1, 0.01, 0.4],
                "equation": equations,
                "score": [0.0, 0.4, 0.3, 0.1],
                "sympy_format": equations,
            }
        )
        return self


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    module = ModuleType("pysr")
    module.PySRRegressor = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pysr", module)
    monkeypatch.setattr(StandIn, "fails", None)
    return StandIn


def test_the_table_of_a_pysr_run_becomes_formulas_and_what_has_no_meaning_here_is_left_out(
    stand_in: type[StandIn],
) -> None:
    table = rows()
    found = front(engines.engine("pysr"), table, table[:, 0], seed=7)
    assert stand_in.made.seed == 7
    assert stand_in.made.timeout_s > 0
    assert stand_in.made.operators == (["+", "-", "*"], ["exp"])
    a, b = table.T
    expected = [np.exp(3.0) * a**0.7, np.exp(np.exp(-0.1) * a**0.2) * b**-0.25]
    assert len(found) == len(expected)
    for node, values in zip(found, expected, strict=True):
        assert Program(node, NAMES).values(table) == pytest.approx(values, rel=1e-6)


def test_a_pysr_run_that_fails_is_an_error_with_what_it_said_and_what_to_do(
    stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in, "fails", RuntimeError("JuliaError:\n  out of memory\n" + "stack " * 100))
    with pytest.raises(FailureError, match="PySR failed: RuntimeError: JuliaError: out of memory stack") as caught:
        front(engines.engine("pysr"), rows(), rows()[:, 0])
    assert len(str(caught.value)) < 300
    assert caught.value.hint == "use --engine operon"


def source_of_pysr() -> Path:
    """Return PySR's main file, found without importing it: its import fetches Julia."""
    found = importlib.util.find_spec("pysr")
    if found is None or found.origin is None:
        pytest.skip("pysr is not installed")
    return Path(found.origin).parent / "sr.py"


def parameters(tree: ast.Module, method: str) -> set[str]:
    regressor = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "PySRRegressor")
    function = next(node for node in regressor.body if isinstance(node, ast.FunctionDef) and node.name == method)
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def test_what_pysr_is_given_are_parameters_it_has() -> None:
    tree = ast.parse(source_of_pysr().read_text(encoding="utf-8"))
    assert set(engines.PYSR_SETTINGS) | {"random_state"} <= parameters(tree, "__init__")
    assert {"X", "y", "variable_names"} <= parameters(tree, "fit")
    assert "equations_" in inspect.getsource(engines.pysr)


def test_the_table_of_pysr_has_the_column_that_is_read() -> None:
    text = source_of_pysr().read_text(encoding="utf-8")
    assert "self.equations_ = self.get_hof()" in text
    assert '"equation"' in text


OFFLINE = {**os.environ, "PYTHON_JULIAPKG_OFFLINE": "yes"}


def run(code: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", code]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=OFFLINE, timeout=300)


@pytest.fixture(scope="module")
def julia() -> bool:
    """Whether ``import pysr`` works without fetching anything."""
    source_of_pysr()
    return run("import pysr").returncode == 0


def test_pysr_without_julia_says_how_to_get_it(julia: bool) -> None:
    if julia:
        pytest.skip("PySR has its Julia here")
    done = run("from planner.formula.discovery import engines; engines.engine('pysr')")
    assert "FailureError: PySR cannot get Julia" in done.stderr


SEARCH = """
import numpy as np
from planner.formula import grammar
from planner.formula.discovery import engines
from planner.formula.discovery.columns import LogColumns
table = np.random.default_rng(0).uniform(10, 200, (60, 2))
columns = LogColumns.of(("a", "b"), table)
peaks = 20 * table[:, 0] ** 0.7 * table[:, 1] ** 0.2
found = engines.front(engines.engine("pysr"), columns, columns.logs(table), peaks, seed=0)
print(*map(grammar.render, found), sep="\\n")
"""


@pytest.mark.slow
def test_pysr_finds_a_power_law(julia: bool) -> None:
    if not julia:
        pytest.skip("PySR has no Julia here: what it finds is not tested")
    done = run(SEARCH)
    assert done.returncode == 0, done.stderr
    assert any("a^0.7" in line and "b^0.2" in line for line in done.stdout.splitlines())
