"""Chains of steps: which tasks of earlier steps each task waits for."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core.job_ids import parse_job_id
from planner.core.modes import Mode
from planner.core.records import Outcome
from planner.plan.document import LeftOut, Plan, PlannedTask
from planner.plan.inputs import Preceding

NOT_BEFORE = "no earlier step has"
"""Start of the reason for leaving out a task that the earlier steps do not have."""


def follow(plan: Plan, before: Sequence[Preceding]) -> Plan:
    """Return the plan with each task waiting for its region and sample, or its index, in the earlier steps.

    A task whose earlier step is done waits for nothing; one whose earlier step was not submitted, or ended otherwise,
    is left out with the reason. If every task waits for the element with its own index of the same array, one array can
    follow the other (``aftercorr``); otherwise each task is a job (``afterok``).
    """
    tasks: list[PlannedTask] = []
    left_out = list(plan.left_out)
    for task in plan.tasks:
        earlier = _same_part([one for one in before if _precedes(one, task)], task)
        blocked = _blocked(task, earlier)
        if blocked:
            left_out.append(LeftOut(task=task.task, reason=blocked))
            continue
        waits = sorted(one.job_id for one in earlier if _in_flight(one) and one.job_id)
        tasks.append(task.model_copy(update={"after": waits, "start_s": None}))
    mode, notes = plan.mode, list(plan.notes)
    if any(task.after for task in tasks) and mode is not Mode.JOBS and not _side_by_side(tasks):
        mode = Mode.JOBS
        notes.append("the earlier steps are in several jobs, or under other indices: a job per task, no array")
    return plan.model_copy(
        update={
            "tasks": tasks,
            "left_out": left_out,
            "mode": mode,
            "notes": notes,
            "makespan_s": None,
            "total_request_mb": sum(task.request_mb for task in tasks),
        }
    )


def _precedes(one: Preceding, task: PlannedTask) -> bool:
    if one.element is not None:
        return one.element == task.element
    if not task.chromosome and not task.sample:
        return one.task == task.task
    return one.chromosome == task.chromosome and (one.sample == task.sample or not one.sample or not task.sample)


def _same_part(earlier: Sequence[Preceding], task: PlannedTask) -> Sequence[Preceding]:
    """Return the tasks on the same part of a chromosome; all of them if the earlier step is cut in another way."""
    return [one for one in earlier if one.region == task.region] or earlier


def _in_flight(one: Preceding) -> bool:
    return one.outcome is None and one.job_id is not None


def _blocked(task: PlannedTask, earlier: Sequence[Preceding]) -> str:
    if not earlier:
        return f"{NOT_BEFORE} {task.task}"
    for one in earlier:
        if one.outcome not in (None, Outcome.COMPLETED):
            return f"{one.project}: {one.task} ended as {one.outcome}; 'chromplan next' there first"
        if one.outcome is None and one.job_id is None:
            return f"{one.project}: {one.task} is not submitted yet"
    return ""


def _side_by_side(tasks: Sequence[PlannedTask]) -> bool:
    """Whether each task waits for one element of the same array, the one with its own index."""
    if any(len(task.after) != 1 for task in tasks):
        return False
    waited_for = [parse_job_id(task.after[0]) for task in tasks]
    same = all(job.index == task.element for job, task in zip(waited_for, tasks, strict=True))
    return same and len({job.job for job in waited_for}) == 1
