"""How far a sampled peak (MaxRSS and its like) can be trusted."""

from __future__ import annotations

POLL_S = 30.0
"""Slurm's default JobAcctGatherFrequency, s: interval of memory sampling unless a site sets another."""

POLLS_TO_TRUST = 3
"""Samples needed to trust a peak: with fewer, an attempt is recorded as a few MB, or not at all."""

NEAR_LIMIT = 0.9
"""A killed task with a sampled peak above this share of its limit ran into the limit after the last sample."""


def too_short(wall_s: float | None, poll_s: float) -> bool:
    """Whether an attempt was sampled too few times for its peak to be trusted; also if its duration is unknown."""
    return (wall_s or 0.0) < POLLS_TO_TRUST * poll_s


def near_limit(peak_mb: float | None, limit_mb: float | None) -> bool:
    """Whether a killed task that was last seen with this much memory ran into its limit; False for unknown sizes."""
    return peak_mb is not None and bool(limit_mb) and peak_mb >= NEAR_LIMIT * (limit_mb or 0.0)
