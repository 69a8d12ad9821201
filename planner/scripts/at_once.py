"""Limits on how many tasks run at once (``max_running``): lanes of jobs that wait for each other, shares of ``%K``."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

from planner.plan.document import Plan
from planner.scripts.job import Job


def in_lanes(found: list[Job], lanes: int | None) -> list[Job]:
    """Let at most ``lanes`` jobs run at once: each waits for the previous job of the lane that is free first.

    Jobs keep names of their own: a common name per lane (``--dependency=singleton``) would hide which job is which
    task.
    """
    if lanes is None:
        return found
    free: list[tuple[float, int, str | None]] = [(0.0, lane, None) for lane in range(min(lanes, len(found)))]
    placed: list[Job] = []
    for job in found:
        at_s, lane, before = heapq.heappop(free)
        placed.append(replace(job, after=before))
        walls_s = [1.0 if task.wall_s is None else task.wall_s for task in job.tasks]
        took_s = max(walls_s) if job.runs_steps else sum(walls_s)
        heapq.heappush(free, (at_s + took_s, lane, job.script))
    return placed


def batch_lanes(plan: Plan) -> int | None:
    """Return how many batches of the plan may run at once; None when all may."""
    slots, most = [batch.slots for batch in plan.batches], plan.target.max_running
    return None if most is None or sum(slots) <= most else max(1, most // max(slots))


def divide(throttle: int | None, sizes: Sequence[int]) -> list[int | None]:
    """Divide ``%K`` between tier arrays in proportion to their sizes; 1 each when there are more than K arrays."""
    if throttle is None:
        return [None] * len(sizes)
    if throttle <= len(sizes):
        return [1] * len(sizes)
    total = sum(sizes)
    # one each, the rest by size; the remainder goes to the tier with most memory, which comes first
    shares = [1 + (throttle - len(sizes)) * size // total for size in sizes]
    for position in range(throttle - sum(shares)):
        shares[position % len(shares)] += 1
    return list(shares)
