"""The largest Java heap within a memory request.

Measured resident memory beyond the heap, when all of the heap was touched: with the G1 collector 61 / 122 / 276 MB at
heaps of 0.5 / 2 / 6 GB, with serial and parallel 42 / 47 / 61 (OpenJDK 17, Debian 12). A large program's code, threads
and classes come on top.
"""

from __future__ import annotations

_BESIDE_MB = 100
"""Memory of the virtual machine besides its heap, MiB: code, threads, classes."""

_COLLECTOR = 20
"""One part in this many of the request is for the collector's tables, which grow with the heap."""

_SMALL_MB = 240
"""Of a request up to this size, MiB, half is for the heap."""


def heap_mb(request_mb: int) -> int:
    """Return the largest heap (``-Xmx``, MiB) for a request (MiB)."""
    if request_mb <= _SMALL_MB:
        return request_mb // 2
    return request_mb - _BESIDE_MB - request_mb // _COLLECTOR


def request_for_mb(heap_mb: float) -> float:
    """Return the least request (MiB) within which a heap of this size (MiB) fits: the inverse of `heap_mb`."""
    if 2 * heap_mb <= _SMALL_MB:
        return 2 * heap_mb
    return max(_SMALL_MB + 1, (heap_mb + _BESIDE_MB) * _COLLECTOR / (_COLLECTOR - 1))


def heap_in_bash(variable: str) -> str:
    """Return `heap_mb` as a bash arithmetic expression of a variable that holds the request, MiB."""
    larger = f"{variable} - {_BESIDE_MB} - {variable} / {_COLLECTOR}"
    return f"{variable} > {_SMALL_MB} ? {larger} : {variable} / 2"
