"""The status of every task, round by round: planned, in flight, or ended."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.core.records import Observation, Outcome, Quality
from planner.plan.document import Plan, PlannedTask
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import began_s
from planner.rounds import own_runs
from planner.rounds.waiting import Wait
from planner.runner import driven, runs

if TYPE_CHECKING:
    from planner.plan.inputs import Earlier

PLANNED = "planned"
IN_FLIGHT = "in flight"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskStatus:
    """One attempt of a task, or a task of a planned round that was not started.

    Attributes
    ----------
    state : str
        ``planned``, ``in flight``, Slurm's state, or the outcome.
    wait : Wait or None
        Why its job waits in the queue.
    held_mb : float or None
        Peak memory of a running job so far, MiB, as sampled by Slurm.
    recorded : bool
        Whether its end is recorded in the history.
    """

    task: str
    sample: str
    round: int
    state: str
    outcome: Outcome | None
    request_mb: int
    time_limit_s: int
    peak_mb: float | None
    quality: Quality | None
    wall_s: float | None
    job_id: str | None
    evidence: str = ""
    wait: Wait | None = None
    held_mb: float | None = None
    recorded: bool = True

    @property
    def in_flight(self) -> bool:
        """Whether it was started and has not ended."""
        return self.outcome is None and self.job_id is not None


def statuses(
    project: ProjectFolder, observations: Iterable[Observation], *, over: Collection[int] = ()
) -> list[TaskStatus]:
    """Return every attempt of every round, and the tasks that are planned but not started.

    What ran here or in an allocation is known from the rounds' own records, too.

    Parameters
    ----------
    observations : iterable of Observation
        The attempts known to have ended.
    over : collection of int
        Rounds that no allocation drives any longer.
    """
    since_s = began_s(map(project.round_folder, project.round_numbers()))
    known: dict[tuple[str, str], Observation] = {}
    for observation in sorted(observations, key=lambda o: o.submit_s):
        if observation.submit_s >= since_s:
            known[observation.task, observation.job_id] = observation
    found: list[TaskStatus] = []
    planned: dict[str, TaskStatus] = {}
    for number in project.round_numbers():
        plan = project.plan(number)
        folder = project.round_folder(number)
        listed = manifest.read(folder)
        entries = [entry for entry in listed if not entry.is_driven]
        is_over = number in over or driven.is_over(folder, listed)
        # read once: another process adds to them
        ended = runs.read(folder)
        entries += [] if is_over else driven.in_flight(listed, ended)
        new = [run for run in ended if (run.task, run.job_id) not in known]
        known |= {(one.task, one.job_id): one for one in own_runs.observed(folder, plan, new)}
        started = [
            *((entry.task, entry.job_id, entry.request_mb) for entry in entries),
            *((run.task, run.job_id, run.limit_mb) for run in ended),
        ]
        found += _of_round(plan, started, known)
        begun = {task for task, _, _ in started}
        planned |= {
            task.task: _status(plan, task, task.request_mb, None, None) for task in plan.tasks if task.task not in begun
        }
        planned = {name: one for name, one in planned.items() if name not in begun}
    return found + list(planned.values())


def _of_round(
    plan: Plan, started: Iterable[tuple[str, str, int]], known: Mapping[tuple[str, str], Observation]
) -> list[TaskStatus]:
    tasks = {task.task: task for task in plan.tasks}
    return [
        _status(plan, tasks[name], request_mb, job_id, known.get((name, job_id)))
        for name, job_id, request_mb in started
        if name in tasks
    ]


def _status(
    plan: Plan, task: PlannedTask, request_mb: int, job_id: str | None, observation: Observation | None
) -> TaskStatus:
    state = PLANNED if job_id is None else IN_FLIGHT if observation is None else observation.outcome.value
    if observation and observation.limit_mb and plan.user_script and plan.user_script.unasked_mb == request_mb:
        request_mb = observation.limit_mb  # the job requested no memory, and got all that the node had
    return TaskStatus(
        task=task.task,
        sample=task.sample,
        round=plan.round,
        state=state,
        outcome=observation.outcome if observation else None,
        request_mb=request_mb,
        time_limit_s=task.time_limit_s,
        peak_mb=observation.peak_mb if observation else None,
        quality=observation.quality if observation else None,
        wall_s=observation.wall_s if observation else None,
        job_id=job_id,
        evidence=observation.evidence if observation else "",
    )


def earlier(found: Iterable[TaskStatus]) -> dict[str, Earlier]:
    """Return what the next plan must know about each task that was started before."""
    from planner.plan.inputs import Earlier  # numpy, which status does without

    attempts: dict[str, list[TaskStatus]] = {}
    for one in found:
        if one.job_id is not None:
            attempts.setdefault(one.task, []).append(one)
    return {
        task: Earlier(
            round=history[-1].round,
            attempts=len(history),
            outcome=None if any(one.outcome is None for one in history) else history[-1].outcome,
            request_mb=history[-1].request_mb,
            time_limit_s=_time_limit_s(history[-1]),
            killed_mb=max((one.request_mb for one in killed), default=0),
            held_mb=max((one.peak_mb or 0.0 for one in killed), default=0.0),
        )
        for task, history in attempts.items()
        for killed in ([one for one in history if one.outcome is Outcome.OOM],)
    }


def _time_limit_s(last: TaskStatus) -> int:
    """Return an attempt's time limit, s: the run time of one that ran out of time, as a tier's limit may be longer."""
    ran_s = math.ceil(last.wall_s or 0) if last.outcome is Outcome.TIMEOUT else 0
    return max(last.time_limit_s, ran_s)
