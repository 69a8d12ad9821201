"""What a task asks for after an attempt that was killed for memory or ran out of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

GROWTH = 2
"""A request that failed is multiplied with this where nothing better is known: memory, and time after a timeout."""

LEARNT_GROWTH = 1.3
"""The same for a limit that the dynamic scheduler chose, and corrects by what the kill taught it."""

CLEARLY_MORE = 1.05
"""The largest peak seen is worth a try when it is at least this many times the request that failed."""

_OVER_PEAK = 1.1


@dataclass(frozen=True, slots=True)
class Retry:
    """What is asked for after a kill: the largest peak seen when that is clearly more, else double.

    Attributes
    ----------
    largest : float
        Largest peak seen, MiB.
    always_double : bool
        Peaks grow with size and this task is larger than the one with the largest peak.
    """

    largest: float
    always_double: bool

    def after(self, failed: float) -> float:
        """Return the next request after one that failed, MiB."""
        return GROWTH * failed if self.always_double or self.largest < CLEARLY_MORE * failed else self.largest

    def replay(self, request: float, peak: float, wall_s: float) -> tuple[float, int]:
        """Return what a first request would have wasted (MiB s) and how often it would have failed."""
        wasted, failures = 0.0, 0
        while request < peak:
            wasted += request * wall_s
            failures += 1
            request = self.after(request)
        return wasted + (request - peak) * wall_s, failures


DOUBLE = Retry(largest=0.0, always_double=True)
"""Where nothing is known."""


def after_watched_kill(limit_mb: int, peak_mb: float) -> int:
    """Return the next request (MiB) of a task that was watched while it ran: more than it was seen to use, too."""
    return max(math.ceil(DOUBLE.after(limit_mb)), math.ceil(_OVER_PEAK * peak_mb))
