"""The engines of symbolic regression, behind one interface: rows in, the accuracy/complexity front out as arithmetic.

An engine searches for log peak as a function of log features: memory spans decades, and errors count in
percent. The operations are ``+ - *`` and ``exp``, which have a value everywhere, so that no formula has a pole
between the rows or outside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from planner.core.errors import FailureError, InputError
from planner.formula import grammar
from planner.formula.discovery.columns import LogColumns
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.tidy import tidy
from planner.formula.grammar import Call, Node
from planner.formula.parser import parse

OPERON_EVALUATIONS = 120_000

_LONGEST_TREE = 24  # an engine's own count: a weighted feature is one node there and up to four in the formula


class Engine(Protocol):
    """A search for log peak as arithmetic in log features."""

    def __call__(self, logs: Array, target: Array, *, seed: int) -> list[str]:
        """Return the front as text in the variables ``X0``, ``X1`` …, best first or last.

        Parameters
        ----------
        logs : array of shape (rows, features)
        target : array of shape (rows,)
            Log peaks.
        seed : int
        """


def operon() -> Engine:
    """Return genetic programming with Operon (C++, through pyoperon; Burlacu et al., GECCO 2020).

    The work is bounded by evaluations and never by time: the same seed then gives the same front.
    """
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError as error:  # pragma: no cover - a dependency of chromplan itself
        raise FailureError(f"pyoperon cannot be imported: {error}", "pip install pyoperon") from None

    def search(logs: Array, target: Array, *, seed: int) -> list[str]:
        run = SymbolicRegressor(
            allowed_symbols="add,sub,mul,exp,constant,variable",
            objectives=["r2", "length"],
            optimizer_iterations=5,
            max_length=_LONGEST_TREE,
            population_size=500,
            max_evaluations=OPERON_EVALUATIONS,
            generations=10_000,
            tournament_size=3,
            n_threads=1,
            random_state=seed,
        )
        run.fit(np.array(logs, order="C"), np.array(target))  # fresh arrays: read-only ones crash after the search
        found = sorted(run.pareto_front_, key=lambda model: (model["length"], model["mean_squared_error"]))
        return [run.get_model_string(model["tree"], 8, _variables(logs)) for model in found]

    return search


def pysr() -> Engine:
    """Return evolutionary search with PySR 2 (Julia; Cranmer 2023), imported only here: its import installs Julia."""
    try:
        from pysr import PySRRegressor
    except ImportError:
        raise InputError(
            "the engine pysr is not installed",
            "pip install 'chromplan[pysr]' where there is network, or use --engine operon",
        ) from None
    except Exception as error:  # noqa: BLE001 - Julia is fetched by the import, and fails in many ways
        raise FailureError(
            f"PySR cannot get Julia: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            "run 'python -c \"import pysr\"' once where there is network (a login node), or use --engine operon",
        ) from None

    def search(logs: Array, target: Array, *, seed: int) -> list[str]:
        run = PySRRegressor(**PYSR_SETTINGS, random_state=seed)
        try:
            run.fit(np.array(logs), np.array(target), variable_names=_variables(logs))
            return [str(equation) for equation in run.equations_["equation"]]
        except Exception as error:  # noqa: BLE001 - what Julia raises has no common class in Python
            raise FailureError(
                f"PySR failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}", "use --engine operon"
            ) from None

    return search


def _variables(logs: Array) -> list[str]:
    return [f"X{i}" for i in range(logs.shape[1])]


PYSR_SETTINGS: Mapping[str, object] = {
    "binary_operators": ["+", "-", "*"],
    "unary_operators": ["exp"],
    "maxsize": 30,
    "niterations": 40,
    "timeout_in_seconds": 3600.0,  # it then returns what it has found
    "populations": 15,
    "nested_constraints": {"exp": {"exp": 1}},
    "parallelism": "serial",  # deterministic needs it
    "deterministic": True,
    "precision": 64,
    "progress": False,
    "verbosity": 0,
    "temp_equation_file": True,
    "delete_tempfiles": True,
}

ENGINES: Mapping[str, Callable[[], Engine]] = {"operon": operon, "pysr": pysr}


def engine(name: str) -> Engine:
    """Return an engine with its package imported, so that a missing package shows before anything is computed.

    Raises
    ------
    InputError
        For an unknown name, or a package that is not installed.
    FailureError
        For a package that cannot be imported.
    """
    if name not in ENGINES:
        raise InputError(f"no engine is called {name}", f"engines: {', '.join(ENGINES)}")
    return ENGINES[name]()


def front(search: Engine, columns: LogColumns, logs: Array, peaks: Array, *, seed: int) -> list[Node]:
    """Run an engine and return its front as formulas for the peak in the features themselves.

    Parameters
    ----------
    search : Engine
    columns : LogColumns
        How ``logs`` came from the features.
    logs : array of shape (rows, features)
        Centred logs.
    peaks : array of shape (rows,)
        MiB, > 0.
    seed : int

    Returns
    -------
    list of Node
        Formulas that use a feature, without repetition; what is beyond the grammar's bounds is left out.
    """
    usable = list(columns.usable)
    texts = search(logs[:, usable] + columns.centres[usable], np.log(peaks), seed=seed)
    formulas: dict[Node, None] = {}
    for text in texts:
        node = _formula(text, [columns.feature(j) for j in usable])
        if node is not None:
            formulas[node] = None
    return list(formulas)


def _formula(text: str, features: list[Node]) -> Node | None:
    try:
        node = tidy(Call("exp", (_renamed(parse(text), lambda i: Call("log", (features[i],))),)))
    except InputError:
        return None
    return node if grammar.names(node) and grammar.size(node) <= grammar.MOST_NODES else None


def _renamed(node: Node, feature: Callable[[int], Node]) -> Node:
    if isinstance(node, grammar.Name):
        return feature(int(node.name[1:]))
    if isinstance(node, Call):
        return Call(node.operation, tuple(_renamed(argument, feature) for argument in node.arguments))
    return node
