"""Formulas for the commands: found by file or bundled name, and fitted to rows of a table or of the history."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.formula.discovery.fit import FittedFormula
    from planner.formula.formula import Formula
    from planner.project.folder import ProjectFolder

_UNITS = {"_mb": "MB", "_cm": "cM", "_bp": "bp", "_s": "s", "_gz_mb": "MB"}


def bundled() -> dict[str, Path]:
    """Return the formulas that ship with chromplan, by name."""
    from planner.core import files

    return {path.stem: path for path in sorted((files.shipped("data") / "formulas").glob("*.toml"))}


def load(name: str | os.PathLike[str]) -> Formula:
    """Return the formula in a file, or the bundled one of that name.

    Raises
    ------
    InputError
        When there is neither, or the file is not a formula.
    """
    from planner.formula import file as formula_files
    from planner.history.reading import load_text

    path = Path(name)
    known = bundled()
    if not path.is_file() and str(name) in known:
        path = known[str(name)]
    elif not path.exists():
        raise InputError(f"{name}: no such formula", f"give a file, or a bundled one: {', '.join(known) or 'none'}")
    return formula_files.loads(load_text(path), name=str(path))


def of_pipeline(project: ProjectFolder, config: Config) -> tuple[str, Formula] | None:
    """Return the formula that plans start from: memory.formula when it names one, else the tool's bundled one.

    None where memory.formula is arithmetic, or the bundled formula needs features that the pipeline does not have.

    Raises
    ------
    InputError
        For a formula that is asked for and cannot be used.
    """
    from planner.formula import prior

    named = config.memory.formula
    if named is None:
        path = bundled().get(config.pipeline.tool)
        one = None if path is None else load(str(path))
        found = None if one is None else prior.usable(one, _features(one, config, project))
        return None if found is None else (config.pipeline.tool, found)
    if named not in bundled() and not named.endswith(".toml"):
        return None
    one = load(named if named in bundled() else str(project.folder / Path(named).expanduser()))
    given = _features(one, config, project)
    found = prior.usable(one, given)
    if found is None:
        lacking = [name for name in one.names if name not in given]
        what = f"needs the feature {lacking[0]}" if lacking else "has no calibration table, so no bound"
        raise InputError(f"memory.formula: {named} {what}", "name it in [features]" if lacking else "fit it from rows")
    return named if named in bundled() else Path(named).stem, found


def _features(formula: Formula, config: Config, project: ProjectFolder) -> dict[str, str | float]:
    """Return the pipeline's features and, where all regions have a length, what the formula takes by itself."""
    from planner.formula import prior
    from planner.project.regions import regions_of

    named = isinstance(config.pipeline.regions, list)
    known = not named or all(region.length_bp for region in regions_of(config, project.folder))
    return {**(prior.implied(formula) if known else {}), **config.features}


def implied_features(project: ProjectFolder, config: Config) -> dict[str, str | float]:
    """Return the specifications of features that the pipeline's formula needs and [features] does not name."""
    found = of_pipeline(project, config)
    if found is None:
        return {}
    given = _features(found[1], config, project)
    return {name: spec for name, spec in given.items() if name not in config.features and name in found[1].inputs}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What can be learnt from, and what could not."""

    observations: list[Observation]
    skipped: dict[str, int]


def table_rows(path: Path, *, target: str, features: Sequence[str], tool: str, where: Sequence[str] = ()) -> Rows:
    """Return the usable rows of a table of runs (CSV or TSV, one run per row).

    Parameters
    ----------
    where : sequence of str
        Conditions ``COLUMN=VALUE`` that a row must meet, all of them.

    Raises
    ------
    InputError
        When a column is missing or the file cannot be read.
    """
    from planner.history.readers.tables import read_table
    from planner.history.reading import Columns, load_text

    tool = tool or path.stem
    columns = Columns(peak=target, features={name: name for name in features})
    text = load_text(path)
    if where:
        text = _filtered(text, where, source=str(path))
    read = read_table(text, columns=columns, tool=tool, source=str(path))
    rows = usable(read.observations, features=features, tool=tool)
    for skipped in read.skipped:
        rows.skipped[skipped.reason] = rows.skipped.get(skipped.reason, 0) + 1
    return rows


def _filtered(text: str, where: Sequence[str], *, source: str) -> str:
    """Return the table with the rows that meet the conditions."""
    import csv
    import io

    from planner.history.delimited import check_columns, split_rows

    wanted = [condition.partition("=")[::2] for condition in where]
    if bad := [condition for condition in where if "=" not in condition]:
        raise InputError(f"--where {bad[0]}: not a condition", "write --where COLUMN=VALUE")
    table = split_rows(text, source=source)
    check_columns(table.columns, {column: "where" for column, _ in wanted}, source=source)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    for _, row in table.rows:
        if all(row[column] == value for column, value in wanted):
            writer.writerow([row[column] for column in table.columns])
    return out.getvalue()


def usable(
    observations: Sequence[Observation], *, features: Sequence[str], tool: str, poll_s: float | None = None
) -> Rows:
    """Return the observations whose peak can be learnt, and why others cannot."""
    from planner.core.sampling import POLL_S
    from planner.memory.rows import training

    every_s = POLL_S if poll_s is None else poll_s
    kept, skipped = training(observations, tool=tool, feature_names=tuple(features), poll_s=every_s)
    return Rows(observations=kept, skipped=skipped)


@dataclass(frozen=True, kw_only=True)
class FormulaSearch:
    """Which formula is looked for, and how.

    Attributes
    ----------
    features : sequence of str
        What it may predict from.
    target : str
        Name of what is predicted.
    engine : str
        ``operon`` or ``pysr``.
    most_nodes : int
        The longest formula.
    law : str
        Arithmetic whose constants are to be fitted; empty where the whole formula is looked for.
    """

    features: Sequence[str]
    tool: str
    target: str
    engine: str
    seed: int
    most_nodes: int
    law: str = ""


def fit(rows: Rows, wanted: FormulaSearch, *, progress: Callable[[str], None]) -> FittedFormula:
    """Fit a formula to rows; ``progress`` hears what is being done."""
    import datetime

    import numpy as np

    from planner.formula.discovery import fit as fitting
    from planner.formula.discovery.laws import fit_law
    from planner.formula.discovery.search import SearchOptions

    features = wanted.features
    if worded := [name for name in features if any(name not in row.features for row in rows.observations)]:
        raise InputError(
            f"feature {worded[0]} is text, and formulas are arithmetic",
            f"leave it out, or fit a formula for each of its values: --table FILE --where {worded[0]}=VALUE",
        )
    table = np.array([[row.features[name] for name in features] for row in rows.observations], dtype=float)
    table = table.reshape(len(rows.observations), len(features))
    peaks = np.array([row.peak_mb for row in rows.observations], dtype=float)
    origin = fitting.Origin(
        tool=wanted.tool,
        target=wanted.target,
        units={name: next((u for end, u in _UNITS.items() if name.endswith(end)), "") for name in features},
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    )
    if wanted.law:
        return fit_law(wanted.law, features, table, peaks, origin=origin, seed=wanted.seed)
    return fitting.fit(
        features,
        table,
        peaks,
        origin=origin,
        options=SearchOptions(engine=wanted.engine, seed=wanted.seed, most_nodes=wanted.most_nodes, progress=progress),
    )


def document(fitted: FittedFormula, *, path: Path, skipped: dict[str, int]) -> dict[str, object]:
    """Return what ``fit --symbolic --json`` prints."""
    formula, found = fitted.formula, fitted.discovery
    calibration = formula.calibration
    return {
        "file": str(path),
        "formula": formula.text,
        "source": found.source,
        "nodes": formula.nodes,
        "rows": formula.rows,
        "skipped": skipped,
        "seed": formula.seed,
        "cross_validation": dict(formula.errors),
        "too_few_rows_for": [] if calibration is None else list(calibration.too_few_rows),
        "sources": [
            {
                "source": one.source,
                "log_error": round(one.error, 4),
                "mape": round(one.mape, 2),
                "nodes_allowed": one.limit,
            }
            for one in found.standings
        ],
        "front": [{"nodes": nodes, "formula": text} for nodes, text in front(fitted)],
    }


def front(fitted: FittedFormula) -> list[tuple[int, str]]:
    """Return the winner's front of accuracy against complexity: nodes and text, simplest first."""
    from planner.formula import grammar

    return [(grammar.size(node), grammar.render(node)) for node in fitted.discovery.front]
