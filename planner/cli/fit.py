"""``chromplan fit``: the memory model of each tool, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.actions.fitting import feature_names
from planner.actions.learning import learnable, learnt_prior, poll_s, save_model, told_shape
from planner.actions.opening import open_project, open_store
from planner.cli.fit_symbolic import fit_formula, symbolic_options, wants_formula
from planner.cli.ui import completion
from planner.cli.ui.options import memory, project_option
from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.cli.ui.progress import working
from planner.core.errors import InputError
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.formula.prior import Prior
    from planner.memory.evaluate import Evaluation
    from planner.memory.model import MemoryModel
    from planner.project.folder import ProjectFolder

_COVERAGE_LEVEL = 0.95


@click.command("fit")
@click.option(
    "--tool",
    "tools",
    multiple=True,
    shell_complete=completion.tools,
    help="Only this tool; may be repeated (default: all in the history).",
)
@click.option(
    "--feature",
    "features",
    multiple=True,
    help="Predict from this feature; may be repeated (default: those of chromplan.toml, else all that every row has).",
)
@click.option(
    "--level",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    help="Level of the bound whose coverage is shown (default: memory.level of chromplan.toml, else 0.95).",
)
@click.option(
    "--mem", help="The one --mem you use for all tasks, for comparison (default: the largest limit on record)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the folds of the cross-validation.")
@symbolic_options
@json_option
@project_option
def command(
    folder: Path,
    tools: tuple[str, ...],
    features: tuple[str, ...],
    level: float | None,
    mem: str | None,
    seed: int,
    as_json: bool,
    **symbolic: Any,
) -> None:
    """Fit the memory model of each tool.

    Saves .chromplan/models/TOOL.json. The figures come from cross-validation: every attempt is predicted by a model
    that has not seen it. With --symbolic, distils a formula instead and writes it to --out.
    """
    project = open_project(folder)
    config = project.config() if project.config_path.exists() else None
    if wants_formula(symbolic):
        fit_formula(project, config, tools=tools, features=features, seed=seed, as_json=as_json, **symbolic)
        return
    with open_store(project) as store:
        found = {tool: store.observations(tool=tool) for tool in tools or store.tools()}
    if not any(found.values()):
        what = f"of {', '.join(tools)} " if tools else ""
        raise InputError(f"{project.store_path}: no observation {what}yet", "'chromplan history import' adds some")
    options = _Options(features=features, level=level, uniform_mb=memory("--mem", mem), seed=seed)
    fitted = []
    for tool, observations in found.items():
        with working(f"fitting {tool}: {count(len(observations), 'observation')}"):
            fitted.append(_fit(project, config, tool, observations, options))
    if as_json:
        echo_json([one.document() for one in fitted])
    else:
        _show(fitted)


@dataclass(frozen=True, kw_only=True)
class _Options:
    features: tuple[str, ...]
    level: float | None
    uniform_mb: int | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """One tool's model and its figures."""

    model: MemoryModel
    path: Path | None
    qualities: Mapping[str, int]
    figures: Evaluation | None
    prior: Prior | None

    def document(self) -> dict[str, object]:
        """Return what ``--json`` prints of it."""
        from dataclasses import asdict

        return {
            "tool": self.model.tool,
            "model": None if self.path is None else str(self.path),
            "features": list(self.model.feature_names),
            "observations": dict(self.qualities),
            "trained": self.model.rows,
            "skipped": dict(self.model.skipped),
            "cross_validation": None if self.figures is None else asdict(self.figures),
            "prior": None
            if self.prior is None
            else {"formula": self.prior.name, "share": round(self.prior.share, 4), "moved": round(self.prior.moved, 4)},
        }


def _fit(
    project: ProjectFolder, config: Config | None, tool: str, observations: Sequence[Observation], options: _Options
) -> _Fitted:
    from planner.core.sampling import POLL_S
    from planner.memory import evaluate, fitting
    from planner.memory.rows import training

    names = options.features or feature_names(config, tool, observations)
    every_s = poll_s(project, config) if config is not None else POLL_S
    own = config if config is not None and config.pipeline.tool == tool else None
    qualities = Counter(row.quality.value for row in observations)
    if own is not None:
        observations, notes = learnable(own, observations)
        for note in notes:
            click.echo(f"note: {note}", err=True)
    shape = told_shape(project, own, observations) if own else None
    fitted = fitting.fit(observations, tool=tool, feature_names=names, seed=options.seed, poll_s=every_s, shape=shape)
    chosen = own.memory.level if own else None
    kept, _ = training(observations, tool=tool, feature_names=names, poll_s=every_s)
    limits = [row.limit_mb for row in observations if row.limit_mb]
    figures = evaluate.cross_validate(
        kept,
        tool=tool,
        feature_names=names,
        level=options.level or chosen or _COVERAGE_LEVEL,
        chosen=chosen,
        uniform_mb=options.uniform_mb or max(limits, default=None),
        seed=options.seed,
    )
    path = save_model(project, fitted)
    prior = learnt_prior(project, own, observations) if own else None
    return _Fitted(model=fitted, path=path, qualities=qualities, figures=figures, prior=prior)


def _show(fitted: Sequence[_Fitted]) -> None:
    columns = ["tool", ">trained", ">measured", ">sampled", ">censored", ">missing", "features"]
    kinds = ("measured", "sampled", "censored", "missing")
    echo_table(
        columns,
        [
            (
                one.model.tool,
                one.model.rows,
                *(one.qualities.get(kind, 0) for kind in kinds),
                ", ".join(one.model.feature_names) or "none",
            )
            for one in fitted
        ],
        title="Observations",
    )
    judged = [(one.model.tool, one.figures) for one in fitted if one.figures is not None]
    if judged:
        _show_figures(judged)
    for one in fitted:
        _tell(one)


def _show_figures(judged: Sequence[tuple[str, Evaluation]]) -> None:
    echo_table(
        [
            "tool",
            ">error",
            ">bound",
            ">covers",
            ">bound/peak",
            ">request/peak",
            ">killed",
            ">waste GB·h",
            ">one --mem",
            ">killed",
            ">waste GB·h",
        ],
        [
            (
                tool,
                f"{one.error_percent:.1f} %",
                f"{100 * one.level:g} %",
                f"{100 * one.coverage:.1f} %",
                f"{one.bound_ratio:.2f}",
                f"{one.request_ratio:.2f}",
                f"{one.failures}/{one.rows}",
                f"{one.waste_gbh:.3g}",
                "" if one.uniform_mb is None else f"{one.uniform_mb}M",
                "" if one.uniform_failures is None else f"{one.uniform_failures}/{one.rows}",
                "" if one.uniform_waste_gbh is None else f"{one.uniform_waste_gbh:.3g}",
            )
            for tool, one in judged
        ],
        title="Cross-validation: requests of the model, and one --mem for all",
    )


def _tell(one: _Fitted) -> None:
    tool = one.model.tool
    for reason, number in sorted(one.model.skipped.items()):
        click.echo(f"{tool}: {number} not used ({reason})")
    if one.path is None:
        click.echo(f"{tool}: nothing to learn from yet, no model saved")
        if any(reason.startswith("no feature") for reason in one.model.skipped):
            click.echo(
                "hint: 'chromplan history import FILE… --feature NAME=COLUMN' adds a feature to what is recorded"
            )
    elif one.figures is None:
        click.echo(f"{tool}: {one.path} saved; too few observations to judge it")
    else:
        click.echo(f"{tool}: {one.path} saved")
    if one.prior is not None and one.prior.let_go:
        click.echo(f"{tool}: {one.prior.let_go}")
    elif one.prior is not None and one.prior.asked:
        click.echo(f"{tool}: plans weigh {one.prior.counted()}")
