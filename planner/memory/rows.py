"""Which observations train a model, and in which order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from planner.core import levels
from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import POLL_S, too_short


def trains(observation: Observation, *, poll_s: float = POLL_S) -> str:
    """Return why an observation does not train the model, or "" when it does.

    Only a completed attempt shows its peak. An attempt killed for memory shows a lower bound, which is the floor of
    that task's retry and not a target to fit. A sampled peak (MaxRSS) is trusted when the attempt lasted at least three
    polling intervals: shorter ones are recorded as a few MB or not at all.
    """
    if observation.outcome is Outcome.OOM or observation.quality is Quality.CENSORED:
        return "killed for memory: a lower bound only"
    if observation.outcome is not Outcome.COMPLETED:
        return f"{observation.outcome.value}: the peak may not have been reached"
    if observation.quality is Quality.MISSING or not observation.peak_mb or not math.isfinite(observation.peak_mb):
        return "no peak recorded"
    if observation.peak_mb < 0:
        return "no peak recorded"
    if observation.quality is Quality.SAMPLED and too_short(observation.wall_s, poll_s):
        return "too short to be sampled"
    return ""


def training(
    observations: Iterable[Observation], *, tool: str, feature_names: Sequence[str], poll_s: float = POLL_S
) -> tuple[list[Observation], dict[str, int]]:
    """Return a tool's observations that train its model, oldest first, and how many do not, by reason."""
    skipped: Counter[str] = Counter()
    kept: list[Observation] = []
    for observation in observations:
        if observation.tool != tool:
            continue
        reason = trains(observation, poll_s=poll_s) or _lacking(observation, feature_names)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(observation)
    return sorted(kept, key=_order), dict(skipped)


def _lacking(observation: Observation, names: Sequence[str]) -> str:
    for name in names:
        value = levels.value(observation.features, name)
        if value is None or (not isinstance(value, str) and not math.isfinite(value)):
            return f"no feature {name}"
    return ""


def _order(row: Observation) -> tuple[float, float, str, float, float, tuple[tuple[str, float], ...]]:
    """Sort by when an attempt ended, ties by content, so that the order of the rows given does not matter."""
    end = row.end_s if row.end_s is not None else row.submit_s
    features = tuple(sorted((name, float(value)) for name, value in row.features.items()))
    return (end, row.submit_s, row.job_id, row.peak_mb or 0.0, row.wall_s or 0.0, features)
