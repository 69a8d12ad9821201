"""Assigning rows of a job to its attempts: repeated rows of one attempt, and the attempt of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from planner.history.sacct.rows import Row


def distinct(jobs: Sequence[Row]) -> list[Row]:
    """Return one row per attempt, in order of time; for an attempt that was printed twice, the later state."""
    kept: list[Row] = []
    for row in jobs:
        place = next((n for n, other in enumerate(kept) if _same_attempt(row, other)), None)
        if place is None:
            kept.append(row)
        elif row.ended >= kept[place].ended:
            kept[place] = row
    return sorted(kept, key=lambda row: row.attempt_s) if len(kept) > 1 else kept


def _same_attempt(one: Row, other: Row) -> bool:
    if one.submit_s is not None and other.submit_s is not None:
        return one.submit_s == other.submit_s
    if one.ended and other.ended:
        return one == other  # an ended attempt no longer changes
    return one.start_s == other.start_s or one.start_s is None or other.start_s is None


def share(jobs: Sequence[Row], steps: Sequence[Row]) -> tuple[list[list[Row]], list[Row]]:
    """Assign each step to the attempt during which it started.

    Parameters
    ----------
    jobs : sequence of Row
        From `distinct`.
    steps : sequence of Row
        Steps of all attempts. For a step that was printed twice, the later state counts.

    Returns
    -------
    (list of list of Row, list of Row)
        The steps of each attempt, and the steps that started before all attempts.

    Raises
    ------
    ValueError
        When two attempts have the same time, or a step may belong to either.
    """
    if len({job.attempt_s for job in jobs}) < len(jobs):
        raise ValueError("its attempts cannot be told apart: print the column Submit, too")
    owned: list[dict[tuple[str | None, int | None], Row]] = [{} for _ in jobs]
    strays: list[Row] = []
    for step in steps:
        owner = _owner(jobs, step)
        if owner is None:
            strays.append(step)
            continue
        key = step.id.step, step.start_s
        before = owned[owner].get(key)
        if before is None or step.ended >= before.ended:
            owned[owner][key] = step
    return [list(mine.values()) for mine in owned], strays


def _owner(jobs: Sequence[Row], step: Row) -> int | None:
    if len(jobs) == 1:
        early = step.start_s is not None and step.start_s < (_begin(jobs[0]) or 0)
        return None if early else 0
    ran = [place for place, job in enumerate(jobs) if job.start_s is not None or job.elapsed_s]
    if step.start_s is None:
        if len(ran) == 1:
            return ran[0]
        raise ValueError("nothing tells to which of its attempts its steps belong: print the columns Submit and Start")
    open_then = [place for place in ran if _begin(jobs[place]) <= step.start_s <= _end(jobs[place])]
    before = [place for place, job in enumerate(jobs) if (job.submit_s or _begin(job)) <= step.start_s]
    candidates = open_then or before[-1:]
    if len(candidates) > 1 and _end(jobs[candidates[-2]]) > _begin(jobs[candidates[-1]]):
        raise ValueError("two of its attempts ran at the same time, as on two clusters: print the column Cluster, too")
    return candidates[-1] if candidates else None


def _begin(job: Row) -> float:
    return job.start_s if job.start_s is not None else job.submit_s or 0


def _end(job: Row) -> float:
    return math.inf if job.end_s is None else job.end_s
