"""Contents of ``chromplan report``: a project's recorded rounds, or its history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from planner.actions.fitting import feature_names
from planner.actions.opening import open_project, recorded
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.advice.arrays import PastArray
    from planner.core.records import Observation
    from planner.history.sacct.attempts import JobAttempt
    from planner.plan.document import Plan
    from planner.project.folder import ProjectFolder
    from planner.report.page import Page
    from planner.report.run import Ordered, ProjectStory, RoundRow
    from planner.rounds.progress import TaskStatus

FILE = "report.html"


def make(folder: Path, *, former_mb: int | None = None, tool: str | None = None, whole: bool = False) -> Page:
    """Return the page about a project.

    Parameters
    ----------
    former_mb : int, optional
        The one ``--mem`` that was asked for before, MiB.
    tool : str, optional
        Whose history, where it has several.
    whole : bool
        All of the tool's history, not only the project's own rounds.

    Raises
    ------
    InputError
        When nothing has run yet.
    """
    from planner.report import run

    project = open_project(folder)
    history = _recorded(project)
    numbers = project.round_numbers()
    statuses = _statuses(project, history) if numbers and not whole else []
    if any(one.outcome is not None for one in statuses):
        return run.page(_of_rounds(project, history, statuses, former_mb))
    return run.page(_of_history(project, history, tool, former_mb))


def _recorded(project: ProjectFolder) -> list[Observation]:
    """Return what the history holds, and what ran on this machine and is not in it yet."""
    from planner.rounds import own_runs

    found = recorded(project)
    known = {(one.task, one.job_id) for one in found}
    return [*found, *own_runs.of_project(project, known=known)]


def _statuses(project: ProjectFolder, history: Sequence[Observation]) -> list[TaskStatus]:
    from planner.rounds.statuses import task_statuses

    return task_statuses(project, history, offline=True)


def _of_history(
    project: ProjectFolder, history: Sequence[Observation], tool: str | None, former_mb: int | None
) -> ProjectStory:
    from planner.report.run import ProjectStory

    tools = sorted({one.tool for one in history})
    if not tools:
        raise InputError(
            f"{project.folder}: nothing has run yet, and nothing is recorded",
            "'chromplan history import FILE' reads what earlier jobs used; 'chromplan advise' needs no project at all",
        )
    if tool is None and len(tools) > 1:
        raise InputError(f"the history has jobs of {', '.join(tools)}", "choose one: --tool NAME")
    if tool is not None and tool not in tools:
        raise InputError(f"no attempt of {tool} is recorded", f"recorded tools: {', '.join(tools)}")
    mine = [one for one in history if one.tool == (tool or tools[0])]
    names = feature_names(None, tool or tools[0], mine)
    return ProjectStory(
        title=f"History of {tool or tools[0]}",
        array=_array("history", tool or tools[0], mine, names, apart=True),
        former_mb=former_mb,
    )


def _of_rounds(
    project: ProjectFolder, history: Sequence[Observation], statuses: Sequence[TaskStatus], former_mb: int | None
) -> ProjectStory:
    from planner.report.pricing import spent_sentence
    from planner.report.run import ProjectStory
    from planner.rounds.next_step import next_step
    from planner.rounds.tally import tally

    plans = [project.plan(number) for number in project.round_numbers()]
    started = {(one.task, one.job_id) for one in statuses if one.outcome is not None}
    mine = [one for one in history if (one.task, one.job_id) in started]
    config = project.config()
    names = feature_names(config, config.pipeline.tool, mine)
    partition = plans[-1].target.partition
    return ProjectStory(
        title=f"Report of {plans[-1].name}",
        said="; ".join(filter(None, (tally(statuses).sentence(), spent_sentence(plans, mine)))),
        array=_array("project", plans[-1].name, mine, names, apart=False),
        former_mb=former_mb,
        rounds=[_round(plan, statuses, mine) for plan in plans],
        plans=plans,
        ordered=_ordered(plans, mine),
        capacity_mb=None if partition.nodes is None else float(partition.nodes * partition.cap_mb),
        next_step=next_step(project, list(statuses)),
    )


def _array(kind: str, name: str, found: Iterable[Observation], names: Sequence[str], *, apart: bool) -> PastArray:
    """Return observations as attempts; each a task of its own where they are ``apart``."""
    from planner.advice.arrays import PastArray, PastElement
    from planner.core import human

    groups: dict[str, list[Observation]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (one.sample, human.rank(one.chromosome), one.task, one.submit_s)):
        groups[f"{one.task} {one.job_id}" if apart else one.task].append(one)
    elements = tuple(
        PastElement(
            label=label if not apart else f"{group[-1].task}#{number}",
            chromosome=group[-1].chromosome,
            attempts=tuple(_attempt(one) for one in group),
            features={feature: group[-1].features[feature] for feature in names if feature in group[-1].features},
        )
        for number, (label, group) in enumerate(groups.items(), start=1)
    )
    return PastArray(kind=kind, job_id="", name=name, elements=elements)


def _attempt(one: Observation) -> JobAttempt:
    from planner.history.sacct.attempts import JobAttempt

    return JobAttempt(
        job_id=one.job_id,
        name=one.task,
        state=one.outcome.value,
        outcome=one.outcome,
        quality=one.quality,
        evidence=one.evidence,
        peak_mb=one.peak_mb,
        limit_mb=one.limit_mb,
        wall_s=one.wall_s,
        cpus=one.cpus,
        time_limit_s=None,
        submit_s=one.submit_s,
        start_s=one.start_s,
        end_s=one.end_s,
        nodes=(),
        work_dir="",
    )


def _round(plan: Plan, statuses: Sequence[TaskStatus], found: Sequence[Observation]) -> RoundRow:
    from planner.report.run import RoundRow

    mine = [one for one in statuses if one.round == plan.round]
    ids = {(one.task, one.job_id) for one in mine}
    waits = [
        float(one.start_s - one.submit_s)
        for one in found
        if (one.task, one.job_id) in ids and one.start_s and one.submit_s and one.start_s >= one.submit_s
    ]
    ends: Mapping[str, int] = _counted(one.state for one in mine)
    return RoundRow(round=plan.round, mode=plan.mode.value, tasks=len(plan.tasks), ends=ends, waits_s=tuple(waits))


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def _ordered(plans: Sequence[Plan], found: Sequence[Observation]) -> Ordered | None:
    """Return when the largest round ends in the plan's order, and in that of samples and chromosomes."""
    from planner.core import human
    from planner.core.modes import Mode
    from planner.core.records import Outcome
    from planner.plan.placing import expect_again
    from planner.report.run import Ordered

    plan = max(plans, key=lambda one: len(one.tasks))
    walls = {one.task: one.wall_s for one in found if one.outcome is Outcome.COMPLETED and one.wall_s}
    tasks = [task for task in plan.tasks if task.task in walls]
    if plan.mode not in (Mode.ARRAY, Mode.TIERS, Mode.JOBS) or len(tasks) < 2 or len(tasks) < len(plan.tasks):
        return None
    planned = sorted(range(len(tasks)), key=lambda place: tasks[place].index)
    natural = sorted(range(len(tasks)), key=lambda place: (tasks[place].sample, human.rank(tasks[place].chromosome)))
    wall_s = [walls[task.task] or 0.0 for task in tasks]

    def ends_s(order: Sequence[int]) -> float:
        chosen = [tasks[place] for place in order]
        mem_mb = [task.request_mb for task in chosen]
        return expect_again(chosen, mem_mb, [wall_s[place] for place in order], plan.target).makespan

    return Ordered(round=plan.round, planned_s=ends_s(planned), natural_s=ends_s(natural))
