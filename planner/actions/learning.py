"""What a project's plans learn from its history: the model of its tool, and the formula that plans start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from planner.actions.opening import load_site, open_store
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.formula.prior import Prior
    from planner.history.store import Store
    from planner.memory.model import MemoryModel
    from planner.memory.point import PointModel
    from planner.project.folder import ProjectFolder


def learnt_prior(project: ProjectFolder, config: Config, observations: Sequence[Observation]) -> Prior | None:
    """Return the formula that the pipeline's plans start from, moved by what was observed; None without one."""
    from planner.actions import formulas
    from planner.formula import prior
    from planner.project.regions import genome_of

    found = formulas.of_pipeline(project, config)
    if found is None:
        return None
    name, formula = found
    tool = config.pipeline.tool
    every_s = poll_s(project, config)
    lengths = genome_of(config, project.folder).lengths_bp
    measured = [_completed(one, prior.implied(formula), lengths) for one in observations]
    rows = formulas.usable(measured, features=formula.inputs, tool=tool, poll_s=every_s)
    return prior.learn(name, formula, [(row.features, row.peak_mb or 0.0) for row in rows.observations])


def _completed(one: Observation, implied: Mapping[str, str], lengths: Mapping[str, int]) -> Observation:
    """Return an observation with the features that a formula takes by itself added, where it lacks them."""
    from planner.history.labels import length_bp

    length_mb = length_bp(one, lengths) / 1e6
    if not length_mb:
        return one
    taken = {name: length_mb if source == "length" else float(source) for name, source in implied.items()}
    return replace(one, features={**taken, **one.features})


def told_shape(project: ProjectFolder, config: Config, observations: Sequence[Observation]) -> PointModel | None:
    """Return how tasks compare by the history of memory.like, else by the pipeline's formula.

    None without both, and where the observations contradict the formula.
    """
    if config.memory.like is not None:
        return _shape_of(config.memory.like, project, config)
    found = learnt_prior(project, config, observations)
    if found is None or found.let_go:
        return None
    from planner.formula import prior
    from planner.memory import point

    return point.from_formula(prior.shape(found.formula))


def _shape_of(tool: str, project: ProjectFolder, config: Config) -> PointModel:
    from planner.memory import fitting

    with open_store(project) as store:
        rows = store.observations(tool=tool)
    other = fitting.fit(
        rows, tool=tool, feature_names=tuple(config.features), poll_s=poll_s(project, config), times=False
    )
    if other.memory is None:
        why = "; ".join(f"{count} not used ({reason})" for reason, count in other.skipped.items()) or "none is recorded"
        raise InputError(
            f"memory.like: no usable observation of {tool}: {why}", "'chromplan history show --summary' lists the tools"
        )
    return other.memory.shape()


def learnable(config: Config, observations: Sequence[Observation]) -> tuple[Sequence[Observation], list[str]]:
    """Return the attempts of the pipeline's tool as models learn from them, with what a person should know of that.

    Where the command's Java heap follows the request, a peak may say what was granted only: then it is what was enough.
    """
    from planner.core.command import heap_follows_request
    from planner.memory import elastic
    from planner.plan.features import parse_specs

    by_cpus = [spec.name for spec in parse_specs(config.features) if spec.kind == "cpus"]
    if by_cpus and len(config.pipeline.cpus_tried) > 1:
        # runs from before CPUs were chosen have them in their record alone
        observations = [
            replace(one, features={**dict.fromkeys(by_cpus, float(one.cpus)), **one.features}) for one in observations
        ]
    if not heap_follows_request(config.pipeline.command):
        return observations, []
    learnt, elastically = elastic.as_needed(observations)
    tool = config.pipeline.tool
    note = f"peaks of {tool} follow the Java heap that they were given: they only show what was enough"
    return learnt, [note] if elastically else []


def fit_tool(project: ProjectFolder, store: Store, config: Config) -> MemoryModel:
    """Fit the pipeline's tool from the history, and save the model unless it has learnt nothing."""
    from planner.memory import fitting

    tool = config.pipeline.tool
    observations, _ = learnable(config, store.observations(tool=tool))
    fitted = fitting.fit(
        observations,
        tool=tool,
        feature_names=tuple(config.features),
        poll_s=poll_s(project, config),
        shape=told_shape(project, config, observations),
    )
    save_model(project, fitted)
    return fitted


def poll_s(project: ProjectFolder, config: Config) -> float:
    """Return how often the peaks of the history were read at least, s.

    An earlier, unplanned job's as often as the site does by itself; those of a wrapped script by its runs, and what
    accounting knew of it before was judged by the site's own readings as it was taken in.
    """
    from planner.scripts.options import USERS_POLL_S

    return USERS_POLL_S if config.wrap else load_site(project, config).poll_s


def save_model(project: ProjectFolder, fitted: MemoryModel) -> Path | None:
    """Save a model; return where, or None when it has learnt nothing."""
    from planner.core import files
    from planner.memory import saved

    if not fitted.fitted:
        return None
    path = project.model_path(fitted.tool)
    files.write_text(path, saved.dumps(fitted))
    return path


def load_model(project: ProjectFolder, store: Store, config: Config) -> tuple[MemoryModel, list[str]]:
    """Return the saved model of the pipeline's tool, or one fitted anew, with what a person should know of that.

    Raises
    ------
    InputError
        When what is saved cannot be read, as it is damaged or of another version, and no history makes up for it.
    """
    from planner.memory import saved

    path = project.model_path(config.pipeline.tool)
    if not path.exists():
        return fit_tool(project, store, config), []
    try:
        model = saved.loads(path.read_text(encoding="utf-8", errors="replace"))
    except InputError as error:
        fitted = fit_tool(project, store, config)
        if not fitted.fitted:
            raise InputError(
                f"{path}: {error.message}, and no history to fit another from",
                "'chromplan history import' adds one; without it, remove that file: the next round is a pilot",
            ) from None
        return fitted, [f"{path.name}: {error.message}; fitted anew from {fitted.rows} observations"]
    if set(model.feature_names) <= set(config.features):
        return model, []
    return fit_tool(project, store, config), []
