"""Counted nouns: ``1 task``, ``2 tasks``."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """Return ``1 task`` or ``2 tasks``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
