"""Margins over what was measured, where no model says how far the next run may differ."""

from __future__ import annotations

PEAK_MARGIN = 1.1
"""A request is this many times the largest peak seen: the same work again differs by some per cent."""

TIME_MARGIN = 1.25
"""A time limit is this many times the longest run time expected."""
