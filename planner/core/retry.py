"""Requests of a task after an attempt that was killed for memory or ran out of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.core.margins import PEAK_MARGIN

GROWTH = 2
"""Default factor on a failed request: of memory, and of time after a timeout."""

LEARNT_GROWTH = 1.3
"""Factor on a limit chosen by the dynamic scheduler, which also learns from the kill."""

FIRST_STEP = 1.3
"""The first request after a kill is this many times the larger of the one that failed and the largest peak seen.

Doubling at once is dear for tools of nearly constant memory: missed by a thousandth, they hold twice of what they need.
"""


@dataclass(frozen=True, slots=True)
class Retry:
    """Requests after kills: first a step above the failed request and the largest peak seen, then doubling.

    Attributes
    ----------
    largest : float
        Largest peak seen, MiB; 0 when there is none.
    """

    largest: float

    def after(self, failed: float, held: float = 0.0) -> float:
        """Return the next request after one that failed, MiB; ``held`` is what the task was seen to hold then."""
        if failed >= FIRST_STEP * self.largest:
            return max(GROWTH * failed, FIRST_STEP * held)
        return FIRST_STEP * max(failed, self.largest, held)

    def replay(self, request: float, peak: float, wall_s: float) -> tuple[float, int]:
        """Return the waste (MiB s) of a first request and its retries, and the number of failures."""
        wasted, failures = 0.0, 0
        while request < peak:
            wasted += request * wall_s
            failures += 1
            request = self.after(request)
        return wasted + (request - peak) * wall_s, failures


DOUBLE = Retry(largest=0.0)
"""Retries when no peak is known."""


def after_watched_kill(limit_mb: int, peak_mb: float) -> int:
    """Return the next request (MiB) of a task that was watched while it ran: also above the memory seen."""
    return max(math.ceil(DOUBLE.after(limit_mb)), math.ceil(PEAK_MARGIN * peak_mb))
