"""Many elements of an array: requests rounded up to few values, so that Slurm is told of a range at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from planner.schedule import tiers
from planner.site import Adjusted

STEP = 0.03
"""How much more than it needs an element may be given so that it shares an update, relative."""


def rounded(asked: Sequence[Adjusted]) -> list[Adjusted]:
    """Return requests of which few differ: memory goes up by at most `STEP`, time to the longest that shares it.

    Parameters
    ----------
    asked : sequence of Adjusted, length n

    Returns
    -------
    list of Adjusted, length n
        Each asks for at least what it did.
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
    """Return an order in which those that ask for the same follow each other, by their number, as Slurm starts them.

    Parameters
    ----------
    chosen : sequence of int, length n
        The order in which each would start by itself: what asks for the same goes where it stands on average.
    mem_mb : sequence of int, length n
        By the tasks' numbers, MiB.
    """
    ranks: dict[int, list[int]] = {}
    for rank, task in enumerate(chosen):
        ranks.setdefault(mem_mb[task], []).append(rank)
    place = {mb: fmean(found) for mb, found in ranks.items()}
    return sorted(chosen, key=lambda task: (place[mem_mb[task]], mem_mb[task], task))
