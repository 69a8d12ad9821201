"""Margins over measured values, used when no model says how far the next run may differ."""

from __future__ import annotations

PEAK_MARGIN = 1.1
"""Request as a multiple of the largest peak seen: repeated runs differ by some per cent."""

TIME_MARGIN = 1.25
"""Time limit as a multiple of the longest expected run time."""
