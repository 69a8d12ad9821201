"""Advice as plain data: what ``--json``, ``--csv`` and the HTML page are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planner.advice import use
from planner.advice.arrays import PastArray, PastElement
from planner.advice.use import Share
from planner.core.units import GB_H

if TYPE_CHECKING:
    from planner.advice.advice import Advice
    from planner.advice.foresight import Foretold

_CORE_H = 1 / 3600


def document(advice: Advice) -> dict[str, Any]:
    """Return all that is said of an array; memory in MiB and GB h (GiB h), times in s."""
    foretold = {row.element.label: row for row in advice.foresight.rows}
    return {
        **summary(advice.array),
        "peaks_follow_chromosome_length": advice.foresight.follows_length,
        "elements": [element(one, foretold.get(one.label)) for one in advice.array.elements],
        "compared": len(advice.foresight.rows),
        "not_compared": advice.foresight.why_not or None,
        "held_at_once_mb": advice.pool_mb,
        "ways": [
            {
                "way": one.way.value,
                "request_mb": [min(one.requests_mb), max(one.requests_mb)],
                "coverage": one.coverage,
                "killed": one.killed,
                "reserved_gb_h": one.reserved_mb_s * GB_H,
                "wasted_gb_h": one.wasted_mb_s * GB_H,
                "makespan_s": advice.expected[one.way].makespan_s if one.way in advice.expected else None,
                "held_at_once_mb": advice.expected[one.way].held_mb if one.way in advice.expected else None,
            }
            for one in advice.ways
        ],
        "next_time": _next_time(advice),
    }


def _next_time(advice: Advice) -> dict[str, Any] | None:
    found = advice.next_time
    if found is None:
        return None
    return {
        "directives": list(found.directives),
        "own_request_mb": None if found.own_mb is None else list(found.own_mb),
        "chromplan_sbatch": found.sbatch or None,
        "folder": found.folder or None,
        "why": found.why or None,
    }


def summary(array: PastArray) -> dict[str, Any]:
    """Return what an array had and used, without any prediction."""
    limits = [one.attempts[0].limit_mb for one in array.elements if one.attempts[0].limit_mb]
    billed_s = use.billed_unit_s(array.attempts)
    return {
        "kind": array.kind,
        "job_id": array.job_id,
        "name": array.name,
        "outcomes": dict(outcomes(array)),
        "killed_attempts": sum(len(one.killed) for one in array.elements),
        "asked_mb": [min(limits), max(limits)] if limits else None,
        "memory_gb_h": _amounts(use.memory(array.attempts), GB_H),
        "core_h": _amounts(use.cores(array.attempts), _CORE_H),
        "billed_unit_h": None if billed_s is None else billed_s * _CORE_H,
    }


def outcomes(array: PastArray) -> Counter[str]:
    """Return how the last attempts of the elements ended; ``not ended`` for those that have not."""
    return Counter(outcome(one) for one in array.elements)


def outcome(element: PastElement) -> str:
    """Return how the last attempt of an element ended."""
    return element.last.outcome.value if element.last.outcome else "not ended"


def _amounts(share: Share, unit: float) -> Mapping[str, float]:
    return {
        name: getattr(share, name) * unit
        for name in ("reserved", "used", "idle", "killed", "otherwise", "unknown", "wasted")
    }


def element(one: PastElement, row: Foretold | None) -> dict[str, Any]:
    """Return what one element had, used, and would have asked for."""
    return {
        "element": one.label,
        "job_id": one.last.job_id,
        "name": one.last.name,
        "chromosome": one.chromosome or None,
        "attempts": len(one.attempts),
        "outcome": outcome(one),
        "asked_mb": one.limit_mb,
        "peak_mb": one.peak_mb,
        "quality": one.quality.value,
        "wall_s": one.last.wall_s,
        "cpus": one.last.cpus,
        "billing_units": one.last.billing,
        "wasted_gb_h": use.memory(one.attempts).wasted * GB_H,
        "predicted_from_others_mb": None if row is None else row.prediction.point_mb,
        "own_request_mb": None if row is None else row.prediction.request_mb,
        "peak_assumed_mb": row.peak_mb if row is not None and row.assumed else None,
        "evidence": one.last.evidence,
    }
