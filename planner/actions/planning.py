"""Planning a project: fetches site, history, features and models, then makes one plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import planner
from planner.actions.learning import fit_tool, learnable, learnt_prior, load_model
from planner.actions.opening import load_site, open_store

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Task
    from planner.core.regions import Region
    from planner.core.samples import Sample
    from planner.plan.document import Plan
    from planner.plan.inputs import Earlier, PlanInputs, Preceding
    from planner.project.folder import ProjectFolder
    from planner.rounds.progress import TaskStatus


def task_features(
    project: ProjectFolder, config: Config, samples: list[Sample], cut: Sequence[Region]
) -> dict[str, Mapping[str, float]]:
    """Return the features of every task of the pipeline, reading the files they name."""
    from planner.actions import formulas
    from planner.core import pipelines
    from planner.core.regions import SPLIT
    from planner.plan import features, task_list
    from planner.project import inputs
    from planner.project.regions import cut_of

    # the model predicts from what [features] names; what only the formula needs stands beside it
    specs = features.parse_specs({**config.features, **formulas.implied_features(project, config)})
    of = cut_of(config, project.folder)
    told = pipelines.region_columns(config, samples)
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
                parameters=task_list.parameters(sample, region, told),
                cpus=config.pipeline.cpus_tried[0],
                placeholders={"sample": sample.name, "chromosome": region.chromosome, "task": name},
                readers=readers,
            ),
        )
        for name, sample, region in task_list.names(config, samples, cut)
    }


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
    from planner.report.pricing import price

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
    from planner.core import pipelines
    from planner.plan import task_list
    from planner.project.regions import regions_of

    config = project.config()
    _refuse_while_running(project)
    samples = pipelines.samples(config, project.folder)
    cut = regions_of(config, project.folder)
    doubts = checking.check(config, samples, cut, path=project.config_path)
    tasks = task_list.tasks(config, samples, cut, task_features(project, config, samples, cut))
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
    from planner.core import pipelines
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
        command=pipelines.command_text(config, samples, path=project.config_path),
        columns=pipelines.columns(config, samples),
        retry_failed=asked.retry_failed,
        notes=[*notes, *elastic],
    )


def _with_last_step(
    project: ProjectFolder, main: PlanInputs, samples: list[Sample], cut: Sequence[Region], asked: _FetchOptions
) -> PlanInputs:
    """Return the inputs of the last step once its parts are done; those of the pipeline before."""
    from planner.actions import checking, last_step
    from planner.core.errors import InputError
    from planner.plan import build, task_list
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
    tasks = last_step.ready(main, then, task_list.tasks(step.config, joined, step.regions, features))
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
