"""Requests of large arrays rounded up to few values, so that one update covers a range of elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from planner.schedule import tiers
from planner.site import Adjusted

STEP = 0.03
"""Largest relative increase of an element's request so that it can share an update."""


def rounded(asked: Sequence[Adjusted]) -> list[Adjusted]:
    """Return requests rounded up to few values: memory by at most `STEP`, time to the longest in the group.

    Parameters
    ----------
    asked : sequence of Adjusted, length n

    Returns
    -------
    list of Adjusted, length n
        Each request is at least the original one.
    """
    tier = tiers.narrow([one.mem_mb for one in asked], step=STEP)
    mem_mb: dict[int, int] = {}
    wall_s: dict[int, float] = {}
    for one, at in zip(asked, tier, strict=True):
        mem_mb[at] = max(mem_mb.get(at, 0), one.mem_mb)
        wall_s[at] = max(wall_s.get(at, 0.0), one.wall_s)
    return [_raised(one, mem_mb[at], wall_s[at]) for one, at in zip(asked, tier, strict=True)]


def _raised(one: Adjusted, mem_mb: int, wall_s: float) -> Adjusted:
    why = (f"{mem_mb - one.mem_mb} MB more to share an update",) if mem_mb > one.mem_mb else ()
    return replace(one, mem_mb=mem_mb, wall_s=wall_s, reasons=(*one.reasons, *why))


def in_turn(chosen: Sequence[int], mem_mb: Sequence[int]) -> list[int]:
    """Return an order in which tasks with the same request follow each other by number, as Slurm starts them.

    Parameters
    ----------
    chosen : sequence of int, length n
        The order in which each would start on its own; tasks with the same request go to their average position.
    mem_mb : sequence of int, length n
        Requests by task number, MiB.
    """
    ranks: dict[int, list[int]] = {}
    for rank, task in enumerate(chosen):
        ranks.setdefault(mem_mb[task], []).append(rank)
    place = {mb: fmean(found) for mb, found in ranks.items()}
    return sorted(chosen, key=lambda task: (place[mem_mb[task]], mem_mb[task], task))
