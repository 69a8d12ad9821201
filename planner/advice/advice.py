"""Advice on past jobs that were submitted together: their use, alternatives, and what to request next time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from planner.advice import foresight as foreseen
from planner.advice import next_time as suggested
from planner.advice import pool, ways
from planner.advice.arrays import PastArray
from planner.advice.foresight import Foresight
from planner.advice.next_time import NextTime
from planner.advice.pool import Expected
from planner.advice.ways import Way, WayFigures


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What an array should have asked for.

    Attributes
    ----------
    foresight : Foresight
    ways : tuple of WayFigures
        Empty where nothing could be predicted.
    pool_mb : float or None
        The most memory it had reserved at once, MiB; None when times are not on record.
    expected : mapping of Way to Expected
        How it would have been scheduled in that memory; empty where that cannot be said.
    next_time : NextTime or None
    """

    array: PastArray
    foresight: Foresight
    ways: tuple[WayFigures, ...] = ()
    pool_mb: float | None = None
    expected: Mapping[Way, Expected] = field(default_factory=dict)
    next_time: NextTime | None = None


def advise(
    array: PastArray,
    *,
    lengths_bp: Mapping[str, int],
    seed: int = 0,
    report: Callable[[float], None] = lambda _: None,
) -> Advice:
    """Say what an array should have asked for.

    Parameters
    ----------
    lengths_bp : mapping of str to int
        Length of each chromosome.
    seed : int
        The same seed gives the same figures.
    report : callable
        Called with the share done.
    """
    foresight = foreseen.foresee(array, lengths_bp=lengths_bp, seed=seed, report=report)
    figures = ways.compare(foresight.rows) if foresight.rows else []
    held_mb = pool.held_at_once_mb(array)
    return Advice(
        array=array,
        foresight=foresight,
        ways=tuple(figures),
        pool_mb=held_mb,
        expected={} if held_mb is None else pool.schedule(foresight.rows, figures, held_mb, seed=seed),
        next_time=suggested.next_time(array, foresight),
    )
