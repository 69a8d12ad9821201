"""Attempts made for tests."""

from __future__ import annotations

from typing import Any

from planner.core.records import Outcome, Quality
from planner.rounds.progress import TaskStatus


def attempt(number: int, *, outcome: Outcome | None = None, **changes: Any) -> TaskStatus:
    """Return an attempt of chromosome ``number``: in flight, or ended with an outcome."""
    values: dict[str, Any] = {
        "task": f"chr{number}",
        "sample": "",
        "round": 1,
        "state": outcome.value if outcome else "PENDING",
        "outcome": outcome,
        "request_mb": 500,
        "time_limit_s": 600,
        "peak_mb": 401.6 if outcome else None,
        "quality": Quality.MEASURED if outcome else None,
        "wall_s": 12.4 if outcome else None,
        "job_id": f"7_{number}",
    }
    return TaskStatus(**values | changes)
