"""``chromplan fit --symbolic``: a formula from a table of runs or from the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.actions import formulas
from planner.actions.learning import poll_s
from planner.actions.opening import open_store
from planner.cli.ui.output import echo_json, echo_table
from planner.cli.ui.progress import working
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.formula.discovery.fit import FittedFormula
    from planner.project.folder import ProjectFolder

F = TypeVar("F", bound=Callable[..., Any])


def symbolic_options(function: F) -> F:
    """Add the options of ``--symbolic`` to ``fit``."""
    options = [
        click.option("--symbolic", is_flag=True, help="Distil a formula instead of a model."),
        click.option(
            "--table",
            type=click.Path(path_type=Path),
            help="symbolic: a CSV or TSV file of runs, instead of the history.",
        ),
        click.option("--target", help="symbolic: the table's column with the peak, MiB (default: peak_rss_mb)."),
        click.option(
            "--where",
            multiple=True,
            metavar="COLUMN=VALUE",
            help="symbolic: only rows with this value; may be repeated.",
        ),
        click.option("--features", "columns", help="symbolic: the features, separated by commas."),
        click.option("--engine", help="symbolic: operon or pysr (default: operon)."),
        click.option(
            "--most-nodes",
            type=click.IntRange(3, 300),
            help="symbolic: most numbers, features and operations in the formula (default: 30).",
        ),
        click.option(
            "--law",
            metavar="ARITHMETIC",
            help="symbolic: your own arithmetic, in which only the constants are fitted; whole numbers stay.",
        ),
        click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="symbolic: the file to write."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def wants_formula(options: Mapping[str, Any]) -> bool:
    """Whether a formula is asked for; InputError for its options without ``--symbolic``."""
    if options["symbolic"]:
        return True
    for name in ("table", "target", "where", "columns", "engine", "most_nodes", "law", "out"):
        if options[name] not in (None, ()):
            option = {"columns": "features"}.get(name, name.replace("_", "-"))
            raise InputError(f"--{option} goes with --symbolic", "add --symbolic to distil a formula")
    return False


def fit_formula(
    project: ProjectFolder,
    config: Config | None,
    *,
    tools: tuple[str, ...],
    features: tuple[str, ...],
    seed: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit a formula, write its file, and say what it is worth."""
    from planner.core import files
    from planner.formula import file as formula_files

    tool = _tool(config, tools, table=options["table"])
    target = options["target"] or "peak_rss_mb"
    names = _features(config, features, options["columns"])
    every_s = None if config is None else poll_s(project, config)
    table, where = options["table"], options["where"]
    rows = _rows(project, tool=tool, target=target, features=names, table=table, where=where, poll_s=every_s)
    wanted = formulas.FormulaSearch(
        features=names,
        tool=tool,
        target=target,
        engine=options["engine"] or "operon",
        seed=seed,
        most_nodes=options["most_nodes"] or 30,
        law=options["law"] or "",
    )
    with working("searching for a formula") as telling:
        fitted = formulas.fit(rows, wanted, progress=telling.step)
    path = options["out"] or project.folder / f"{tool}.formula.toml"
    files.write_text(path, formula_files.dumps(fitted.formula))
    if as_json:
        echo_json(formulas.document(fitted, path=path, skipped=rows.skipped))
    else:
        _show(fitted, path, rows.skipped)


def _tool(config: Config | None, tools: tuple[str, ...], *, table: Path | None) -> str:
    if len(tools) > 1:
        raise InputError("a formula belongs to one tool", "give --tool once")
    if tools:
        return tools[0]
    if table is None and config is None:
        raise InputError("for which tool is the formula?", "give --tool, or --table with a table of runs")
    if table is not None:
        return table.stem
    assert config is not None  # noqa: S101 - said above
    return config.pipeline.tool


def _features(config: Config | None, features: tuple[str, ...], columns: str | None) -> tuple[str, ...]:
    named = (*features, *(name.strip() for name in (columns or "").split(",") if name.strip()))
    if not named and config is not None:
        named = tuple(config.features)
    if not named:
        raise InputError("no features are named to predict from", "give --features a,b,c")
    return named


def _rows(
    project: ProjectFolder,
    *,
    tool: str,
    target: str,
    features: tuple[str, ...],
    table: Path | None,
    where: tuple[str, ...],
    poll_s: float | None,
) -> formulas.Rows:
    if table is not None:
        return formulas.table_rows(table, target=target, features=features, tool=tool, where=where)
    if where:
        raise InputError("--where goes with --table", "the history already has the outcome of every attempt")
    with open_store(project) as store:
        return formulas.usable(store.observations(tool=tool), features=features, tool=tool, poll_s=poll_s)


def _show(fitted: FittedFormula, path: Path, skipped: Mapping[str, int]) -> None:
    formula = fitted.formula
    click.echo(f"{path}: {formula.nodes} nodes, {formula.engine}, {formula.rows} rows")
    click.echo(f"  {formula.text}")
    errors = formula.errors
    click.echo(
        f"On rows held out: Pearson {errors['pearson']:.3f}, R2 {errors['r2']:.3f}, mean error {errors['mape']:.1f} %"
    )
    click.echo()
    echo_table(
        ["source", ">log error", ">mean error", ">nodes allowed"],
        [(one.source, f"{one.error:.3f}", f"{one.mape:.1f} %", one.limit) for one in fitted.discovery.standings],
        title="What competed, on rows held out",
    )
    for reason, count in skipped.items():
        click.echo(f"{count} rows not used ({reason})")
