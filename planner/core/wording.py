"""Numbers in sentences: ``1 task``, ``2 tasks``; ``0.227``, ``1,234``."""

from __future__ import annotations

_MANY = 100


def count(number: int, thing: str) -> str:
    """Return ``1 task`` or ``2 tasks``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def number(amount: float) -> str:
    """Return a positive number in three digits, or with all digits before the point."""
    return f"{amount:,.0f}" if amount >= _MANY else f"{amount:.3g}"
