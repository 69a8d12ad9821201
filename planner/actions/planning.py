"""Planning a project: fetches site, history, features and models, then makes one plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import planner
from planner.core.errors import InputError, near

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation, Task
    from planner.core.regions import Region
    from planner.core.samples import Sample
    from planner.formula.prior import Prior
    from planner.history.store import Store
    from planner.memory.model import MemoryModel
    from planner.memory.point import PointModel
    from planner.plan.document import Plan
    from planner.plan.inputs import Earlier, PlanInputs, Preceding
    from planner.project.folder import ProjectFolder
    from planner.rounds.progress import TaskStatus
    from planner.site import Site


def open_project(folder: Path) -> ProjectFolder:
    """Return the project in ``folder``."""
    from planner.project.folder import ProjectFolder

    if not folder.is_dir():
        from planner.wrap import data_folder

        run = data_folder.find(str(folder))
        if run is not None:
            return run.project
        meant = near(str(folder), [one.name for one in data_folder.runs()])
        wanted = "give the folder that holds chromplan.toml, or a run that 'chromplan runs' lists"
        raise InputError(f"{folder}: no such folder", f"{meant} {wanted}".strip())
    return ProjectFolder(folder)


def nothing_planned(project: ProjectFolder) -> str:
    """Return what to do where no round is planned: in a project, beside runs of 'chromplan sbatch', or elsewhere."""
    if project.config_path.exists():
        return "no round is planned yet: run 'chromplan plan'"
    from planner.wrap import data_folder

    submitted = [run for run in data_folder.runs() if run.submitted]
    if submitted:
        return f"no project is here; 'chromplan sbatch' made runs, the last one is -C {submitted[-1].number}"
    return "no project is here: 'chromplan init' writes its chromplan.toml, 'chromplan sbatch SCRIPT' needs none"


def load_site(project: ProjectFolder, config: Config) -> Site:
    """Return the site of a pipeline."""
    from planner import site as sites

    return sites.load_for(project.folder, config.submit.site)


def open_store(project: ProjectFolder) -> Store:
    """Return the project's history."""
    from planner.history.store import Store

    return Store.open(project.store_path)


def recorded(project: ProjectFolder, *, tool: str | None = None, task: str | None = None) -> list[Observation]:
    """Return what the project's history holds; nothing where there is none yet."""
    if not project.store_path.exists():
        return []
    with open_store(project) as store:
        return store.observations(tool=tool, task=task)


def task_features(
    project: ProjectFolder, config: Config, samples: list[Sample], cut: Sequence[Region]
) -> dict[str, Mapping[str, float]]:
    """Return the features of every task of the pipeline, reading the files they name."""
    from planner.actions import formulas
    from planner.core import config as configuration
    from planner.core.regions import SPLIT
    from planner.plan import build, features
    from planner.project import inputs
    from planner.project.regions import cut_of

    # the model predicts from what [features] names; what only the formula needs stands beside it
    specs = features.parse_specs({**config.features, **formulas.implied_features(project, config)})
    of = cut_of(config, project.folder)
    told = configuration.region_columns(config, samples)
    # the overlaps of a split come on top of what whole chromosomes took
    cuts_whole = config.pipeline.regions == SPLIT and config.pipeline.overlap is not None
    base = Path(config.wrap.folder) if config.wrap else project.folder
    readers = features.Readers(
        size=lambda path: inputs.size(str(base / path)),
        records=lambda path, chromosome, span: inputs.records(str(base / path), chromosome, span),
        samples=lambda path: inputs.samples(str(base / path)),
        map_length_cm=of.genetic_map.length_cm if of.genetic_map else None,
    )
    return {
        name: features.resolve(
            specs,
            features.TaskFacts(
                task=name,
                chromosome=region.chromosome,
                lengths=of.genome.lengths_bp,
                span=region.padded if cuts_whole else region.span,
                parameters=build.parameters(sample, region, told),
                cpus=config.pipeline.cpus_tried[0],
                placeholders={"sample": sample.name, "chromosome": region.chromosome, "task": name},
                readers=readers,
            ),
        )
        for name, sample, region in build.names(config, samples, cut)
    }


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


def make_plan(
    project: ProjectFolder,
    *,
    refit: bool = False,
    retry_failed: bool = False,
    again: bool = False,
    mode: str | None = None,
    submit: Mapping[str, str | None] | None = None,
) -> Plan:
    """Plan what is left of the pipeline; nothing is written but a model that was fitted.

    Parameters
    ----------
    submit : mapping, optional
        ``packer`` and ``order`` instead of those of ``[submit]``; None leaves one as it is.
    """
    return plan_from(fetch(project, refit=refit, retry_failed=retry_failed, again=again), mode, submit)


def plan_from(inputs: PlanInputs, mode: str | None = None, submit: Mapping[str, str | None] | None = None) -> Plan:
    """Return the plan of what was fetched, with what it is expected to cost."""
    from planner.plan import build
    from planner.report.savings import price

    found = build.plan(inputs, mode, submit)
    return found.model_copy(update={"price": price(found)}) if found.tasks else found


def fetch(
    project: ProjectFolder,
    *,
    refit: bool = False,
    retry_failed: bool = False,
    again: bool = False,
    last_step: bool = True,
) -> PlanInputs:
    """Return everything that a plan of what is left is made from.

    Parameters
    ----------
    refit : bool
        Fit the model anew even where one is saved.
    retry_failed : bool
        Run failed and cancelled tasks again.
    again : bool
        Plan every task, whatever became of it before.
    last_step : bool
        Go on with ``[then]`` where its parts are done.

    Raises
    ------
    InputError
        For anything in the project, its site or its history that cannot be used.
    FailureError
        While a round is run on this machine.
    """
    from planner.actions import checking
    from planner.core import config as configuration
    from planner.plan import build
    from planner.project.regions import regions_of

    config = project.config()
    _refuse_while_running(project)
    samples = configuration.samples(config, project.folder)
    cut = regions_of(config, project.folder)
    doubts = checking.check(config, samples, cut, path=project.config_path)
    tasks = build.tasks(config, samples, cut, task_features(project, config, samples, cut))
    asked = _FetchOptions(refit=refit, retry_failed=retry_failed, again=again)
    main = _inputs_of(project, config, samples, tasks, asked)
    main = replace(main, notes=[*doubts, *main.notes])
    return _with_last_step(project, main, samples, cut, asked) if last_step and config.then else main


@dataclass(frozen=True, kw_only=True, slots=True)
class _FetchOptions:
    refit: bool
    retry_failed: bool
    again: bool


def _inputs_of(
    project: ProjectFolder, config: Config, samples: list[Sample], tasks: Sequence[Task], asked: _FetchOptions
) -> PlanInputs:
    """Return the inputs of a plan of these tasks."""
    from planner.core import config as configuration
    from planner.plan import requests
    from planner.plan.inputs import PlanInputs
    from planner.rounds import progress

    site, account = load_site(project, config).for_account(config.submit.account, os.environ)
    with open_store(project) as store:
        found = progress.statuses(project, store.observations())
        observations = store.observations(tool=config.pipeline.tool)
        learnt, elastic = learnable(config, observations)
        prior = learnt_prior(project, config, learnt)
        model, notes = (fit_tool(project, store, config), []) if asked.refit else load_model(project, store, config)
    return PlanInputs(
        config=config,
        tasks=tasks,
        site=site,
        account=account,
        model=model,
        prior=prior,
        earlier=_earlier(config, [] if asked.again else found),
        known_mb=requests.known_needs(observations) if config.wrap and not config.features else {},
        preceding=_preceding(project, config),
        number=project.next_number(),
        token=os.urandom(3).hex(),
        chromplan=planner.__version__,
        command=configuration.command_text(config, samples, path=project.config_path),
        columns=configuration.columns(config, samples),
        retry_failed=asked.retry_failed,
        notes=[*notes, *elastic],
    )


def _with_last_step(
    project: ProjectFolder, main: PlanInputs, samples: list[Sample], cut: Sequence[Region], asked: _FetchOptions
) -> PlanInputs:
    """Return the inputs of the last step once its parts are done; those of the pipeline before."""
    from planner.actions import checking, last_step
    from planner.core.errors import InputError
    from planner.plan import build
    from planner.project.regions import cut_of

    then = main.config.then
    if then is None:
        return main
    if main.config.wrap:
        raise InputError(f"{project.config_path}: then: a wrapped script has no last step", "remove [then]")
    step = last_step.of(main.config, then, samples, cut, cut_of(main.config, project.folder).whole())
    joined = list(step.samples)
    try:
        doubts = checking.check(step.config, joined, step.regions, path=project.config_path)
    except InputError as error:
        raise InputError(error.message.replace("pipeline.command", "then.command"), error.hint) from None
    if build.due(main)[0]:
        return main
    features = task_features(project, step.config, joined, step.regions)
    tasks = last_step.ready(main, then, build.tasks(step.config, joined, step.regions, features))
    if not tasks:
        return main
    found = _inputs_of(project, step.config, joined, tasks, asked)
    waiting = len(step.regions) * len(joined) - len(tasks)
    notes = [f"{then.tool}: {waiting} more wait for regions that are not done"] if waiting else []
    return replace(found, earlier=last_step.still_true(main, tasks, then), notes=[*doubts, *notes, *found.notes])


def _earlier(config: Config, found: list[TaskStatus]) -> dict[str, Earlier]:
    from planner.rounds import progress

    earlier = progress.earlier(found)
    if config.wrap is None or not config.wrap.after:
        return earlier
    from planner.wrap import chain

    return chain.unblocked(earlier, found)


def _preceding(project: ProjectFolder, config: Config) -> list[Preceding] | None:
    """Return how the tasks of the steps before stand: at most one sacct call for each step."""
    if config.wrap is None or not config.wrap.after:
        return None
    from planner.wrap import chain

    return chain.look({project.folder / one: one in config.wrap.by_index for one in config.wrap.after})


def _refuse_while_running(project: ProjectFolder) -> None:
    """Raise while a round is run on this machine: what runs would be planned anew."""
    from planner.runner import local

    if any(local.was_cut_short(project.round_folder(number)) for number in project.round_numbers()):
        with project.lock():
            pass


def genome_lengths(project: ProjectFolder, genome: str | None) -> dict[str, int]:
    """Return the chromosome lengths of a genome: the one named, the project's, or GRCh38."""
    from planner.core import genomes
    from planner.core.human import DEFAULT
    from planner.project.regions import genome_of

    if genome is None and project.config_path.exists():
        return dict(genome_of(project.config(), project.folder).lengths_bp)
    return dict(genomes.find(genome or DEFAULT).lengths_bp)
