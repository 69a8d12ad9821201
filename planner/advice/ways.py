"""Other ways to request memory for the same elements, and their cost; no element is predicted from itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from planner.advice.arrays import PastElement
from planner.advice.foresight import Foretold
from planner.core.margins import PEAK_MARGIN
from planner.core.retry import DOUBLE, FIRST_STEP, Retry
from planner.schedule import tiers


class Way(StrEnum):
    """A way to ask for memory."""

    ASKED = "as asked"
    ONE = "one --mem"
    TIERS = "tiers"
    OWN = "each its own"
    KNOWN = "peaks known"  # a bound, which nobody can reach: the peaks are known beforehand


@dataclass(frozen=True, kw_only=True)
class WayFigures:
    """What a way comes to.

    Attributes
    ----------
    requests_mb : tuple of int
        First request of each element.
    coverage : float
        Share of the elements whose peak stays within it.
    killed : int
        Attempts killed for memory.
    reserved_mb_s, wasted_mb_s : float
        Memory x time, kills included, MiB s.
    """

    way: Way
    requests_mb: tuple[int, ...]
    coverage: float
    killed: int
    reserved_mb_s: float
    wasted_mb_s: float


def compare(rows: Sequence[Foretold]) -> list[WayFigures]:
    """Return the figures of every way; without `Way.ASKED` where a request is not on record."""
    found = [(way, asked(rows)) for way, asked in _WAYS.items()]
    return [_figures(way, rows, requests) for way, requests in found if requests]


def one_mem_mb(elements: Sequence[PastElement]) -> int | None:
    """Return one ``--mem`` that would have held all of them, MiB; None when no peak is known."""
    bounds = [bound for element in elements if (bound := _bound_mb(element))]
    return math.ceil(max(bounds)) if bounds else None


def _bound_mb(element: PastElement) -> float | None:
    """Return what one ``--mem`` must hold for an element: its peak with the margin; after a kill a step more."""
    if element.peak_mb is None:
        return None
    unknown = element.measured is None and bool(element.killed)
    return (FIRST_STEP if unknown else PEAK_MARGIN) * element.peak_mb


def _as_asked(rows: Sequence[Foretold]) -> list[int]:
    limits = [row.element.attempts[0].limit_mb for row in rows]
    # what was not killed had enough, whatever its limit: not every site holds to it
    return [
        limit if row.element.killed else max(limit, math.ceil(row.peak_mb))
        for row, limit in zip(rows, limits, strict=True)
        if limit is not None
    ] * (None not in limits)


def _one(rows: Sequence[Foretold]) -> list[int]:
    bounds = [_bound_mb(row.element) or 0.0 for row in rows]
    largest, second = sorted(range(len(rows)), key=lambda place: -bounds[place])[:2]
    return [math.ceil(bounds[second if place == largest else largest]) for place in range(len(rows))]


def _own(rows: Sequence[Foretold]) -> list[int]:
    return [row.prediction.request_mb for row in rows]


def _tiers(rows: Sequence[Foretold]) -> list[int]:
    own = _own(rows)
    of = tiers.partition(own, [row.wall_s for row in rows], most=tiers.MOST_TIERS)
    most = {tier: max(mb for mb, other in zip(own, of, strict=True) if other == tier) for tier in set(of)}
    return [most[tier] for tier in of]


def _known(rows: Sequence[Foretold]) -> list[int]:
    return [math.ceil(row.peak_mb) for row in rows]


_WAYS: dict[Way, Callable[[Sequence[Foretold]], list[int]]] = {
    Way.ASKED: _as_asked,
    Way.ONE: _one,
    Way.TIERS: _tiers,
    Way.OWN: _own,
    Way.KNOWN: _known,
}


def retry(way: Way, row: Foretold) -> Retry:
    """Return what is asked for after a kill: doubled, or by what was learnt."""
    return row.retry if way in (Way.TIERS, Way.OWN) else DOUBLE


def _figures(way: Way, rows: Sequence[Foretold], requests: Sequence[int]) -> WayFigures:
    wasted, killed = 0.0, 0
    for row, request in zip(rows, requests, strict=True):
        idle, failures = retry(way, row).replay(float(request), row.peak_mb, row.wall_s)
        wasted, killed = wasted + idle, killed + failures
    used = sum(row.peak_mb * row.wall_s for row in rows)
    return WayFigures(
        way=way,
        requests_mb=tuple(requests),
        coverage=sum(request >= row.peak_mb for row, request in zip(rows, requests, strict=True)) / len(rows),
        killed=killed,
        reserved_mb_s=used + wasted,
        wasted_mb_s=wasted,
    )
