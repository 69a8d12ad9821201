"""Memory x time in a unit that is easy to read."""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.units import MB_PER_GB
from planner.core.wording import number


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryTimeUnit:
    """A unit of memory x time.

    Attributes
    ----------
    name : str
    mb_s : float
        Size of the unit, MiB s.
    """

    name: str
    mb_s: float

    def number(self, mb_s: float) -> str:
        """Return an amount of MiB s in this unit: three digits, or all before the point; never an exponent."""
        amount = mb_s / self.mb_s
        return number(amount) if amount >= _LEAST or not amount else f"<{_LEAST}"

    def text(self, mb_s: float) -> str:
        """Return the number with the unit's name."""
        return f"{self.number(mb_s)} {self.name}"


_SAME = 0.005
_LEAST = 0.001
_UNITS = (
    MemoryTimeUnit(name="GB·h", mb_s=MB_PER_GB * 3600),
    MemoryTimeUnit(name="MB·h", mb_s=3600.0),
    MemoryTimeUnit(name="MB·s", mb_s=1.0),
)
# amounts below this are shown in a smaller unit
_ENOUGH = 0.1


def unit_for(largest_mb_s: float) -> MemoryTimeUnit:
    """Return a common unit for several amounts, the largest of which is ``largest_mb_s`` MiB s."""
    return next((unit for unit in _UNITS if largest_mb_s >= _ENOUGH * unit.mb_s), _UNITS[-1])


def same(share: float) -> bool:
    """Whether a saved share is too small to mention."""
    return abs(share) < _SAME


def in_words(share: float) -> str:
    """Return ``34 % saved`` or ``5 % more``."""
    return f"{100 * share:.0f} % saved" if share > 0 else f"{-100 * share:.0f} % more"
