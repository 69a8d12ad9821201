"""Slurm's grammar of memory sizes and durations.

Sources: ``man sacct``, ``man sbatch`` (Slurm 22.05) and what real accounting databases print. Every parser raises
``ValueError`` on malformed text; callers that know file and line turn that into an ``InputError``.
"""

from __future__ import annotations

import contextlib
import math
import re

MB_PER_GB = 1024.0  # as in Slurm's G
GB_H = 1 / MB_PER_GB / 3600  # one MB·s in GB·h
BYTES_PER_MB = 1 << 20
MB_PER_UNIT = {
    "B": 1 / BYTES_PER_MB,
    "K": 1 / 1024,
    "M": 1.0,
    "G": MB_PER_GB,
    "T": 1024.0**2,
    "P": 1024.0**3,
    "E": 1024.0**4,
}
MISSING = frozenset({"", "none", "unknown", "n/a", "(null)", "invalid", "not_set", "partition_limit", "none assigned"})
"""Slurm's texts for a missing value, in any case."""

_UNLIMITED = frozenset({"unlimited", "infinite"})

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:([KMGTPE])B?|(B)|)([nc]?)", re.IGNORECASE)
# as in Slurm's str_to_mbytes(): blanks and a sign before the number, then K M G T with or without B
_REQUEST = re.compile(r"[ \t\n\v\f\r]*\+?([0-9]+)(?:([KMGT])B?)?", re.IGNORECASE)
_UNSET_MEMORY = re.compile(r"[0-9]*(?:\.[0-9]+)?\?[nc]?")
_CLOCK = re.compile(r"(?:([0-9]+)-)?([0-9]+)(?::([0-9]+))?(?::([0-9]+))?(\.[0-9]+)?")

NO_VAL = 0xFFFF_FFFE
"""Slurm's 32-bit number for an unset value; INFINITE is one above."""

# NO_VAL64 in bytes: what "unset" becomes when sacct converts it to a unit (seen as ReqMem of a job that just ended)
_UNSET_MIB = 2.0**43


def parse_mem_mb(text: str, *, cpus: int = 1, nodes: int = 1, default_unit: str = "M") -> float | None:
    """Read a memory size as Slurm prints it.

    Parameters
    ----------
    text : str
        ``312.50G``, ``97288K``, ``16GB``, ``4000Mc`` (per CPU), ``1Gn`` (per node), ``16?`` (Slurm's way to print
        "unset").
    cpus, nodes : int
        Factors for a ``c`` or ``n`` suffix.
    default_unit : str
        Unit of a bare number: ``M`` for requests, ``B`` for MaxRSS under ``--noconvert``.

    Returns
    -------
    float or None
        MiB; None (never 0) when the size is missing or unset.
    """
    text = text.strip()
    if text.lower() in MISSING or _UNSET_MEMORY.fullmatch(text):
        return None
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a memory size: {text!r}")
    number, unit, byte, per = match.groups()
    times = {"": 1, "c": cpus, "n": nodes}[per.lower()]
    mib = float(number) * MB_PER_UNIT[(unit or byte or default_unit).upper()] * times
    return None if mib >= _UNSET_MIB else mib


def parse_request_mb(text: str) -> int:
    """Read a memory size as ``sbatch --mem`` takes it: ``16G``, ``16gb``, ``512MB``, ``1025K`` (2 MiB), ``4000``.

    Returns
    -------
    int
        MiB; 0 means all memory of a node to Slurm.

    Raises
    ------
    ValueError
        For text that sbatch refuses, such as ``1.5G`` or ``16 GB``; the message says how to write a fraction.
    """
    match = _REQUEST.fullmatch(text)
    if match is None:
        raise ValueError(f"not a memory size: {text!r}{_whole(text)}")
    number, unit = int(match[1]), (match[2] or "M").upper()
    mib = -(-number // 1024) if unit == "K" else number * round(MB_PER_UNIT[unit])
    if mib >= _UNSET_MIB:
        raise ValueError(f"not a memory size: {text!r} is more than any machine has")
    return mib


def _whole(text: str) -> str:
    """Return how to write a size with a fraction or blanks as a whole number."""
    with contextlib.suppress(ValueError):
        mib = parse_mem_mb(text.replace(" ", ""))
        if mib:
            return f" (write {math.ceil(mib)}M)"
    return ""


def whole_mib(value: object) -> object:
    """Return the memory in a document's field, MiB: a whole number of MiB, or text for `parse_request_mb`.

    Raises
    ------
    ValueError
        For anything else.
    """
    if isinstance(value, str):
        return parse_request_mb(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("memory is a whole number of MiB, or a size such as 16G")


def format_mem(mem_mb: int) -> str:
    """Return MiB as ``--mem`` takes them: ``5210M``."""
    if mem_mb < 0:
        raise ValueError(f"negative memory: {mem_mb}")
    return f"{mem_mb:d}M"


def parse_duration_s(text: str) -> float | None:
    """Read a duration as sacct prints it or ``--time`` takes it.

    Parameters
    ----------
    text : str
        ``90`` (minutes), ``MM:SS``, ``MM:SS.mmm``, ``HH:MM:SS``, ``1-02``, ``1-02:03``, ``1-02:03:04``, ``UNLIMITED``.

    Returns
    -------
    float or None
        Seconds; ``math.inf`` without limit; None when missing, ``Unknown``, ``INVALID`` or ``Partition_Limit``.
    """
    word = text.strip().lower()
    if word in MISSING:
        return None
    if word in _UNLIMITED:
        return math.inf
    match = _CLOCK.fullmatch(word)
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    days, *clock, fraction = match.groups()
    parts = [int(part) for part in clock if part is not None]
    if fraction and (days or len(parts) < 2):
        raise ValueError(f"not a duration: {text!r} (only seconds have a fraction)")
    return _clock_s(parts, days) + float(fraction or 0)


def _clock_s(parts: list[int], days: str | None) -> float:
    # the meaning of the first number depends on the others: D-HH[:MM[:SS]], MM, MM:SS, HH:MM:SS
    units = (3600, 60, 1) if days is not None or len(parts) == 3 else (60, 1)
    return float(int(days or 0) * 86400 + sum(part * unit for part, unit in zip(parts, units, strict=False)))


def format_duration(seconds: float) -> str:
    """Return ``HH:MM:SS``, from one day on ``D-HH:MM:SS``, rounded to the second; ``UNLIMITED`` for infinity."""
    if seconds == math.inf:
        return "UNLIMITED"
    if not seconds >= 0:
        raise ValueError(f"not a duration: {seconds}")
    days, rest = divmod(round(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def format_limit(seconds: float) -> str:
    """Return a time limit in whole minutes, as squeue prints it: ``10:00``, ``2:30:00``, ``1-12:00:00``."""
    days, minutes = divmod(math.ceil(seconds / 60), 1440)
    if days:
        return f"{days}-{minutes // 60:02d}:{minutes % 60:02d}:00"
    return f"{minutes // 60}:{minutes % 60:02d}:00" if minutes >= 60 else f"{minutes}:00"
