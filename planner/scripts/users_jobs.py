"""Submissions of a user's own script: one array, or one for each memory tier, or for each task."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core import job_ids
from planner.core.modes import Mode
from planner.core.user_scripts import UserScript
from planner.plan.document import Plan, PlannedTask
from planner.scripts.at_once import divide, in_lanes
from planner.scripts.job import Job


def users_jobs(plan: Plan, script: UserScript, mode: Mode) -> list[Job]:
    """Return the submissions of a user's own script: one, or one for each memory tier, or for each task.

    Each is the user's whole array, with the elements that do not belong to it marked absent. If the site does not queue
    that many jobs at once, it is an array of its own elements only.
    """
    throttle = plan.target.max_running
    if mode is Mode.JOBS:
        groups = [([task], task.task) for task in plan.tasks]
        shares: list[int | None] = [None] * len(groups)
    elif mode is Mode.TIERS:
        tiers = sorted({task.tier for task in plan.tasks}, reverse=True)
        groups = [([task for task in plan.tasks if task.tier == tier], f"tier-{tier + 1}") for tier in tiers]
        shares = divide(throttle, [len(tasks) for tasks, _ in groups])
    else:
        groups, shares = [(list(plan.tasks), "array")] if plan.tasks else [], [throttle]
    most = plan.target.site.most_queued
    # each array is queued whole until the elements that do not belong to it are cancelled, one array at a time
    is_whole = most is None or len(script.indices) + (len(plan.tasks) if len(groups) > 1 else 0) <= most
    even = mode is not Mode.ARRAY
    found = [
        _users_job(plan, script, tasks, label=label, throttle=share, even=even, is_whole=is_whole)
        for (tasks, label), share in zip(groups, shares, strict=True)
    ]
    return in_lanes(found, None if mode is Mode.ARRAY else throttle)


def keeps_memory(script: UserScript, tasks: Sequence[PlannedTask]) -> bool:
    """Whether a user's script without a memory option keeps the cluster's default, as nothing better is known yet."""
    return all(
        task.attempt == 1 and task.predicted_mb is None and task.request_mb == script.unasked_mb for task in tasks
    )


def _users_job(
    plan: Plan,
    script: UserScript,
    tasks: Sequence[PlannedTask],
    *,
    label: str,
    throttle: int | None,
    even: bool,
    is_whole: bool,
) -> Job:
    running = sorted(task.element for task in tasks)
    indices_text = script.array if is_whole else job_ids.format_ranges(running)
    return Job(
        script=label,
        name=f"{plan.name}.{plan.round_name}.{plan.token}.{label}",
        tasks=tuple(tasks),
        array=f"{indices_text}{f'%{throttle}' if throttle else ''}" if script.array else None,
        mem_mb=max(task.request_mb for task in tasks),
        cpus=max(task.cpus for task in tasks),
        time_limit_s=max(task.time_limit_s for task in tasks),
        nice=0,
        hold=bool(script.array),
        is_users=True,
        even=even or script.even or keeps_memory(script, tasks),
        absent=job_ids.format_ranges(sorted({*script.indices} - {*running})) if is_whole else "",
    )
