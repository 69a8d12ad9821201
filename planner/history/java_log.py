"""What the log of a Java program says of its heap: its garbage collections, and summaries of the heap.

Read are the lines of ``-Xlog:gc`` (JDK 9 and later: serial, parallel, G1, ZGC, Shenandoah), of ``-verbose:gc`` and
``-XX:+PrintGCDetails`` (JDK 8), the heap's summaries (``Heap``, ``Heap after GC``), and the line
``Runtime.totalMemory()`` with which GATK and Picard end. Sources: JEP 158 and 271; printed by JDK 8, 17 and 25.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.core.units import BYTES_PER_MB, MB_PER_UNIT

MOST_BYTES = 1 << 24
"""Of a log, the last so many bytes are read: some hundred thousand collections."""

_FEWEST = 8
"""Collections: what a program takes after the last one is not seen, and with few of them that may be most of it."""

_SIZE = r"(\d+(?:[.,]\d+)?)([BKMGT])"
# 24M->4M(256M), 33280K->1360K(125952K)
_CHANGE = re.compile(rf"(?<![\w:.]){_SIZE}->{_SIZE}\({_SIZE}\)")
# ZGC: 104M(10%)->52M(5%)
_CHANGE_OF_SHARE = re.compile(rf"(?<![\w:.]){_SIZE}\(\d+%\)->{_SIZE}\(\d+%\)")
# G1 with details, JDK 8: Heap: 14.0M(256.0M)->2560.0K(256.0M)
_CHANGE_OF_HEAP = re.compile(rf"\bHeap: {_SIZE}\({_SIZE}\)->{_SIZE}\({_SIZE}\)")
_COLLECTION = re.compile(r"\bGC\(\d+\) |\[(?:Full )?GC\b")
_PART = re.compile(r"\[[^\[\]]*\]")  # of a collection: [PSYoungGen: 33280K->1360K(38400K)]
_SUMMARY = re.compile(rf"\btotal {_SIZE}, used {_SIZE}")
_OF_Z = re.compile(rf"\bZHeap\s+used {_SIZE}, capacity {_SIZE}")
_BEGINS = re.compile(r"\bHeap(?: (after|before) GC\b.*)?\s*$")
_AT_END = re.compile(r"\bRuntime\.totalMemory\(\)=(\d+)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class JavaHeap:
    """A Java program's heap, as its log tells.

    Attributes
    ----------
    collections : int
        Garbage collections in the log.
    kept_mb : float or None
        Most that was in use right after a collection, MiB: hardly less is enough.
    total_mb : float or None
        Largest heap that was committed, MiB.
    """

    collections: int
    kept_mb: float | None
    total_mb: float | None


def kept_mb(log: str) -> float | None:
    """Return the most that was in use after a collection, MiB; None if there were too few collections to tell."""
    found = heap_of(log.splitlines())
    return None if found is None or found.collections < _FEWEST else found.kept_mb


def heap_of(lines: Iterable[str]) -> JavaHeap | None:
    """Return what the lines of a log say of a Java heap; None if nothing."""
    collections = 0
    kept: list[float] = []
    totals: list[float] = []
    for after, total, counts in _found(lines):
        collections += counts
        kept += [after] if after is not None else []
        totals += [total] if total is not None else []
    if not kept and not totals:
        return None
    return JavaHeap(collections=collections, kept_mb=max(kept, default=None), total_mb=max(totals, default=None))


def _found(lines: Iterable[str]) -> Iterator[tuple[float | None, float | None, bool]]:
    """Yield what is kept after a collection, the heap's total, and whether it is a collection's own line."""
    after_collection = False
    used = total = 0.0
    for line in lines:
        if begins := _BEGINS.search(line):
            after_collection, used, total = begins[1] == "after", 0.0, 0.0
        elif summary := _SUMMARY.search(line):
            # one line for each generation
            total, used = total + _mb(summary[1], summary[2]), used + _mb(summary[3], summary[4])
            yield (used if after_collection else None), total, False
        elif of_z := _OF_Z.search(line):
            yield None, _mb(of_z[3], of_z[4]), False
        elif at_end := _AT_END.search(line):
            yield None, int(at_end[1]) / BYTES_PER_MB, False
        elif of_heap := _CHANGE_OF_HEAP.search(line):
            yield _mb(of_heap[5], of_heap[6]), _mb(of_heap[7], of_heap[8]), True
        elif _COLLECTION.search(line):
            yield from _of_collection(line)


def _of_collection(line: str) -> Iterator[tuple[float | None, float | None, bool]]:
    if share := _CHANGE_OF_SHARE.search(line):
        yield _mb(share[3], share[4]), None, True
        return
    opened = line.find("[GC") if "[GC" in line else line.find("[Full GC")
    whole = line if opened < 0 else _PART.sub("", line[opened + 1 :].rstrip().removesuffix("]"))
    if change := _CHANGE.search(whole):
        yield _mb(change[3], change[4]), _mb(change[5], change[6]), True


def _mb(number: str, unit: str) -> float:
    return float(number.replace(",", ".")) * MB_PER_UNIT[unit]
