"""The units that plots are drawn in."""

from __future__ import annotations

from planner.core.units import MB_PER_GB


def memory_unit(most_mb: float) -> tuple[str, float]:
    """Return the unit for plotting memory, and its size in MiB."""
    return ("GB", MB_PER_GB) if most_mb >= 2 * MB_PER_GB else ("MB", 1.0)


def time_unit(longest_s: float) -> tuple[str, float]:
    """Return the unit for plotting times, and its size in seconds."""
    if longest_s > 2 * 3600:
        return "hours", 3600.0
    return ("minutes", 60.0) if longest_s > 120 else ("seconds", 1.0)
