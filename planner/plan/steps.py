"""Steps one after another, chromosome by chromosome: what each task waits for in the steps before."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core.records import Mode, Outcome
from planner.core.units import parse_job_id
from planner.plan.document import LeftOut, Plan, PlannedTask
from planner.plan.inputs import Preceding


def follow(plan: Plan, before: Sequence[Preceding]) -> Plan:
    """Return the plan with each task waiting for its chromosome and sample in the steps before.

    A task whose earlier step is done waits for nothing; one whose earlier step was not submitted, or ended otherwise,
    is left out with the reason. Where each task waits for one element of the same array, the tasks take over its
    indices, so that one array can follow the other (``aftercorr``); everywhere else each task is a job (``afterok``).
    """
    tasks: list[PlannedTask] = []
    left_out = list(plan.left_out)
    for task in plan.tasks:
        earlier = [one for one in before if _precedes(one, task)]
        blocked = _blocked(task, earlier)
        if blocked:
            left_out.append(LeftOut(task=task.task, reason=blocked))
            continue
        waits = sorted(one.job_id for one in earlier if _in_flight(one) and one.job_id)
        tasks.append(task.model_copy(update={"after": waits, "start_s": None}))
    mode, notes = plan.mode, list(plan.notes)
    if any(task.after for task in tasks):
        indices = _common_indices(tasks)
        if indices is not None and mode is not Mode.JOBS:
            tasks = sorted(
                (task.model_copy(update={"index": indices[task.task]}) for task in tasks), key=lambda task: task.index
            )
        elif mode is not Mode.JOBS:
            mode = Mode.JOBS
            notes.append("the steps before are in several jobs: a job per task instead of an array")
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
    return one.chromosome == task.chromosome and (one.sample == task.sample or not one.sample or not task.sample)


def _in_flight(one: Preceding) -> bool:
    return one.outcome is None and one.job_id is not None


def _blocked(task: PlannedTask, earlier: Sequence[Preceding]) -> str:
    if not earlier:
        return f"no step before has chromosome {task.chromosome}"
    for one in earlier:
        if one.outcome not in (None, Outcome.COMPLETED):
            return f"{one.project}: {one.task} ended as {one.outcome}; 'chromplan next' there first"
        if one.outcome is None and one.job_id is None:
            return f"{one.project}: {one.task} is not submitted yet"
    return ""


def _common_indices(tasks: Sequence[PlannedTask]) -> dict[str, int] | None:
    """Return task -> index of the one array whose elements all tasks wait for, or None."""
    indices: dict[str, int] = {}
    arrays: set[int] = set()
    for task in tasks:
        if len(task.after) != 1:
            return None
        job = parse_job_id(task.after[0])
        if job.index is None:
            return None
        arrays.add(job.job)
        indices[task.task] = job.index
    same = len(arrays) == 1 and len(set(indices.values())) == len(tasks)
    return indices if same else None
