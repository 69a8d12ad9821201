"""Cancelling jobs of the rounds, and only those that a manifest names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from planner import slurm
from planner.core import job_ids
from planner.core.errors import InputError
from planner.project.folder import ProjectFolder
from planner.project.journal import read_journal
from planner.rounds.progress import TaskStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelling:
    """What to cancel on one cluster.

    Attributes
    ----------
    tasks : tuple of TaskStatus
        Tasks that have not ended.
    job_ids : tuple of str
        Ids for scancel: whole jobs when all their remaining tasks are cancelled, otherwise elements.
    follow_ups : tuple of str
        Jobs that would start the next round; they are cancelled first.
    cluster : str or None
    """

    tasks: tuple[TaskStatus, ...]
    job_ids: tuple[str, ...]
    follow_ups: tuple[str, ...]
    cluster: str | None


def prepare(project: ProjectFolder, flying: Sequence[TaskStatus], chosen: Sequence[TaskStatus]) -> list[Cancelling]:
    """Return what to cancel so that the chosen tasks end, one record per cluster.

    Parameters
    ----------
    flying : sequence of TaskStatus
        All tasks that have not ended.
    chosen : sequence of TaskStatus
        The tasks to cancel.

    Raises
    ------
    InputError
        When a task shares its job with one that was not chosen.
    """
    wanted = {(one.task, one.job_id) for one in chosen}
    found: dict[str | None, list[TaskStatus]] = {}
    for one in chosen:
        found.setdefault(project.plan(one.round).cluster, []).append(one)
    _refuse_shared(flying, wanted)
    left = {_job(one) for one in flying if (one.task, one.job_id) not in wanted}
    return [
        Cancelling(
            tasks=tuple(tasks),
            job_ids=tuple(dict.fromkeys(one.job_id or "" if _job(one) in left else _job(one) for one in tasks)),
            # if tasks are left, the next round is still needed
            follow_ups=() if left else _follow_ups(project, {one.round for one in tasks}),
            cluster=cluster,
        )
        for cluster, tasks in found.items()
    ]


def _refuse_shared(flying: Sequence[TaskStatus], wanted: Collection[tuple[str, str | None]]) -> None:
    jobs = {job_id for _, job_id in wanted}
    for one in flying:
        if one.job_id in jobs and (one.task, one.job_id) not in wanted:
            other = next(task for task, job_id in wanted if job_id == one.job_id)
            raise InputError(
                f"{other} is a step of job {one.job_id}, which runs {one.task}, too",
                f"end the whole job: chromplan cancel, or scancel {one.job_id}",
            )


def _job(one: TaskStatus) -> str:
    return str(job_ids.parse_job_id(one.job_id or "").job)


def _follow_ups(project: ProjectFolder, rounds: Collection[int]) -> tuple[str, ...]:
    journals = [read_journal(project.round_folder(number)) for number in sorted(rounds)]
    return tuple(one.follow_up.job_id for one in journals if one and one.follow_up and one.follow_up.job_id)


def end(what: Cancelling) -> None:
    """Cancel jobs; those that have ended meanwhile are not an error.

    Raises
    ------
    FailureError
        When Slurm does not answer, or does not permit the user to cancel the jobs.
    """
    for ids in (what.follow_ups, what.job_ids):
        for some in job_ids.in_calls(ids):
            slurm.cancel(*some, cluster=what.cluster)
