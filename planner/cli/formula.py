"""``chromplan formula``: show, check and export memory formulas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions import formulas
from planner.actions.learning import poll_s
from planner.actions.opening import open_project, open_store
from planner.cli.ui import completion
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.core.errors import InputError
from planner.formula import exports

if TYPE_CHECKING:
    from planner.formula.formula import Formula

_SHOWN_LEVELS = (0.8, 0.9, 0.95, 0.99)


@click.group("formula")
def command() -> None:
    """Show, check and export memory formulas.

    FORMULA is a formula file, or the name of a bundled formula. 'chromplan fit --symbolic' makes one.
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the bundled formulas."""
    found = {name: formulas.load(str(path)) for name, path in formulas.bundled().items()}
    if as_json:
        echo_json([{"name": name, **_document(one)} for name, one in found.items()])
        return
    echo_table(
        ["name", ">rows", "made", ">error", "formula"],
        [(name, one.rows, one.date, _known_error(one), one.text) for name, one in found.items()],
    )


def _known_error(one: Formula) -> str:
    return f"{one.errors['mape']:.1f} %" if one.calibration and "mape" in one.errors else "not calibrated"


@command.command("show")
@click.argument("name", metavar="FORMULA", shell_complete=completion.formulas)
@click.option("--raw", is_flag=True, help="Print the file itself.")
@json_option
def show(name: str, raw: bool, as_json: bool) -> None:
    """Explain a formula: its arithmetic, ranges, bounds and origin."""
    from planner.formula import file as formula_files

    one = formulas.load(name)
    if raw:
        click.echo(formula_files.dumps(one), nl=False)
    elif as_json:
        echo_json(_document(one))
    else:
        _explain(one)


def _explain(one: Formula) -> None:
    tool = f" of {one.tool}" if one.tool else ""
    click.echo(f"Expected peak{tool}, MiB ({one.nodes} nodes, {one.engine}, {one.rows} rows, {one.date or 'no date'}):")
    click.echo(f"  {one.text}")
    if one.errors:
        click.echo(f"On rows held out: {', '.join(f'{key} {value:g}' for key, value in one.errors.items())}")
    click.echo()
    echo_table(
        ["feature", ">from", ">to", "unit"],
        [
            *((name, f"{known.low:g}", f"{known.high:g}", known.unit) for name, known in one.features.items()),
            *((ratio.text, "", f"{ratio.high:g}", "") for ratio in one.ratios),
        ],
        title="Ranges of the rows",
    )
    if one.calibration is None:
        click.echo("No calibration: this formula gives no bound.")
        return
    knots = one.calibration.knots_mb
    echo_table(
        ["bound", *(f">at {knot:g} MB" for knot in knots), "rests on"],
        [
            (f"{level:.0%}", *(f"x {f:.3f}" for f in one.calibration.factors_at(level)), one.calibration.note(level))
            for level in _SHOWN_LEVELS
        ],
        title="Bound = prediction x factor",
    )


def _document(one: Formula) -> dict[str, object]:
    calibration = one.calibration
    return {
        "tool": one.tool,
        "formula": one.text,
        "nodes": one.nodes,
        "engine": one.engine,
        "date": one.date,
        "rows": one.rows,
        "errors": dict(one.errors),
        "floor_mb": one.floor_mb,
        "largest_mb": one.largest_mb,
        "features": {n: {"low": f.low, "high": f.high, "unit": f.unit} for n, f in one.features.items()},
        "ratios": {ratio.text: {"high": ratio.high} for ratio in one.ratios},
        "factors": None
        if calibration is None
        else {
            "knots_mb": list(calibration.knots_mb),
            **{f"{level:.2f}": list(calibration.factors_at(level)) for level in _SHOWN_LEVELS},
        },
    }


@command.command("export")
@click.argument("name", metavar="FORMULA", shell_complete=completion.formulas)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(exports.TARGETS),
    help="The language.",
)
@click.option(
    "--level",
    default="0.95",
    show_default=True,
    help="The chance that the request is enough; 'cheapest' for the level expected to waste least, kills included.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write (default: the terminal)."
)
def export(name: str, target: str, level: str, out: Path | None) -> None:
    """Write a formula's request in another language; the results agree to the MiB."""
    from planner.core import files

    one = formulas.load(name)
    wanted = _level(level, one)
    text = exports.export(one, target, wanted)
    if out is None:
        click.echo(text, nl=False)
    else:
        files.write_text(out, text)
        click.echo(f"{out}: {target}, {wanted:.0%} bound")


def _level(text: str, one: Formula) -> float:
    if text == "cheapest" and one.calibration is not None:
        return one.calibration.cheapest_level()
    try:
        value = 0.95 if text == "cheapest" else float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 1.0:
        raise InputError(f"--level {text}: not a level", "write 0.95 for 95 %, or cheapest")
    return value


@command.command("check")
@click.argument("name", metavar="FORMULA", shell_complete=completion.formulas)
@click.option("--table", type=click.Path(path_type=Path), help="A CSV or TSV file with one run per row.")
@click.option("--target", default="peak_rss_mb", show_default=True, help="The table's column with the peak, MiB.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows of the table with this value; may be repeated."
)
@click.option("--history", is_flag=True, help="Check against the project's history of the formula's tool.")
@json_option
@project_option
def check(
    folder: Path, name: str, table: Path | None, target: str, where: tuple[str, ...], history: bool, as_json: bool
) -> None:
    """Compare a formula with runs: errors of the prediction, coverage and cost of the bounds."""
    from planner.formula.discovery import fit as fitting

    one = formulas.load(name)
    if (table is None) != history:
        raise InputError("no runs are named to compare the formula with", "give either --table FILE or --history")
    if table is not None:
        rows = formulas.table_rows(table, target=target, features=one.inputs, tool=one.tool, where=where)
    else:
        rows = _history(folder, one)
    observed = rows.observations
    figures = fitting.check(one, [row.features for row in observed], [row.peak_mb or 0.0 for row in observed])
    if as_json:
        echo_json(figures)
        return
    _show_figures(figures)
    for reason, count in rows.skipped.items():
        click.echo(f"{count} not used ({reason})")


def _history(folder: Path, one: Formula) -> formulas.Rows:
    project = open_project(folder)
    every_s = poll_s(project, project.config()) if project.config_path.exists() else None
    with open_store(project) as store:
        return formulas.usable(store.observations(tool=one.tool), features=one.inputs, tool=one.tool, poll_s=every_s)


def _show_figures(figures: dict[str, object]) -> None:
    coverage, ratio = figures["coverage"], figures["overallocation"]
    assert isinstance(coverage, dict)  # noqa: S101 - what fitting.check returns
    assert isinstance(ratio, dict)  # noqa: S101
    click.echo(
        f"{figures['rows']} rows, {figures['outside_range']} outside the formula's ranges: "
        f"Pearson {figures['pearson']:.3f}, R2 {figures['r2']:.3f}, mean error {figures['mape']:.1f} %"
    )
    echo_table(
        ["bound", ">covers", ">bound/peak"],
        [
            (f"{float(level):.0%}", f"{100 * covered:.1f} %", f"{ratio[level]:.2f}")
            for level, covered in coverage.items()
        ],
    )
