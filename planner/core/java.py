"""How large a Java heap may grow within a memory request."""

from __future__ import annotations

_BESIDE_MB = 120
"""What the virtual machine needs besides its heap: code, threads, the collector's own tables."""


def heap_mb(request_mb: int) -> int:
    """Return the largest heap (``-Xmx``) for a request, MiB: half of a small one."""
    return request_mb - _BESIDE_MB if request_mb > 2 * _BESIDE_MB else request_mb // 2


def heap_in_bash(variable: str) -> str:
    """Return the same as a bash arithmetic expression of a variable that holds the request, MiB."""
    return f"{variable} > {2 * _BESIDE_MB} ? {variable} - {_BESIDE_MB} : {variable} / 2"
