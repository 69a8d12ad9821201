"""How large a Java heap may grow within a memory request.

Resident memory above the heap when all of it was touched: with the G1 collector 61 / 122 / 276 MB at heaps of
0.5 / 2 / 6 GB, with serial and parallel 42 / 47 / 61 (OpenJDK 17, Debian 12). A large program's code, threads and
classes come on top.
"""

from __future__ import annotations

_BESIDE_MB = 100
"""What the virtual machine needs besides its heap: code, threads, classes."""

_COLLECTOR = 20
"""One part in so many of the request is for the collector's own tables, which grow with the heap."""

_SMALL_MB = 240
"""Of a request up to this, half is for the heap."""


def heap_mb(request_mb: int) -> int:
    """Return the largest heap (``-Xmx``) for a request, MiB: half of a small one."""
    if request_mb <= _SMALL_MB:
        return request_mb // 2
    return request_mb - _BESIDE_MB - request_mb // _COLLECTOR


def heap_in_bash(variable: str) -> str:
    """Return the same as a bash arithmetic expression of a variable that holds the request, MiB."""
    larger = f"{variable} - {_BESIDE_MB} - {variable} / {_COLLECTOR}"
    return f"{variable} > {_SMALL_MB} ? {larger} : {variable} / 2"
