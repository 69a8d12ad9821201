"""What a task asks for after an attempt that was killed for memory or ran out of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.core.margins import PEAK_MARGIN

GROWTH = 2
"""A request that failed is multiplied with this where nothing better is known: memory, and time after a timeout."""

LEARNT_GROWTH = 1.3
"""The same for a limit that the dynamic scheduler chose, and corrects by what the kill taught it."""

FIRST_STEP = 1.3
"""The first request after a kill is this many times the larger of the one that failed and the largest peak seen.

Doubling at once is dear for tools of nearly constant memory: missed by a thousandth, they hold twice of what they need.
"""


@dataclass(frozen=True, slots=True)
class Retry:
    """What is asked for after a kill: a step above what failed and the largest peak seen, from there on double.

    Attributes
    ----------
    largest : float
        Largest peak seen, MiB; 0 where none was.
    """

    largest: float

    def after(self, failed: float) -> float:
        """Return the next request after one that failed, MiB."""
        if failed >= FIRST_STEP * self.largest:
            return GROWTH * failed
        return FIRST_STEP * max(failed, self.largest)

    def replay(self, request: float, peak: float, wall_s: float) -> tuple[float, int]:
        """Return what a first request would have wasted (MiB s) and how often it would have failed."""
        wasted, failures = 0.0, 0
        while request < peak:
            wasted += request * wall_s
            failures += 1
            request = self.after(request)
        return wasted + (request - peak) * wall_s, failures


DOUBLE = Retry(largest=0.0)
"""Where nothing is known."""


def after_watched_kill(limit_mb: int, peak_mb: float) -> int:
    """Return the next request (MiB) of a task that was watched while it ran: more than it was seen to use, too."""
    return max(math.ceil(DOUBLE.after(limit_mb)), math.ceil(PEAK_MARGIN * peak_mb))
