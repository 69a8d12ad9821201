"""Slurm's own grammar: memory, durations, job ids, node lists.

Sources: ``man sacct``, ``man sbatch`` (Slurm 22.05) and what real accounting databases print. Every parser raises
``ValueError`` on malformed text; whoever knows the file and the line turns that into an ``InputError``.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")

MB_PER_GB = 1024.0  # as in Slurm's G
GB_H = 1 / MB_PER_GB / 3600  # one MB·s in GB·h
BYTES_PER_MB = 1 << 20
MB_PER_UNIT = {"B": 1 / BYTES_PER_MB, "K": 1 / 1024, "M": 1.0, "G": MB_PER_GB, "T": 1024.0**2, "P": 1024.0**3}
_MISSING = frozenset({"", "none", "unknown", "n/a", "(null)", "invalid", "not_set", "partition_limit", "none assigned"})
_UNLIMITED = frozenset({"unlimited", "infinite"})

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:([KMGTP])B?|(B)|)([nc]?)", re.IGNORECASE)
# as Slurm's str_to_mbytes() reads it: blanks and a sign before the number, K M G T with or without B behind it
_REQUEST = re.compile(r"[ \t\n\v\f\r]*\+?([0-9]+)(?:([KMGT])B?)?", re.IGNORECASE)
_UNSET_MEMORY = re.compile(r"[0-9]*(?:\.[0-9]+)?\?[nc]?")
_CLOCK = re.compile(r"(?:([0-9]+)-)?([0-9]+)(?::([0-9]+))?(?::([0-9]+))?(\.[0-9]+)?")
_JOB_ID = re.compile(
    r"([0-9]+)"
    r"(?:_(?P<index>[0-9]+)|_\[(?P<pending>[^\]]+)\]|\+(?P<offset>[0-9]+))?"
    r"(?:\.(?P<step>[0-9]+(?:\+[0-9]+)?|[A-Za-z]\w*\+?))?"
)
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")
_NODE_GROUP = re.compile(r"\[([^\[\]]*)\]")
# only a comma outside brackets separates names
_NODE_PART = re.compile(r"(?:[^,\[\]]|\[[^\[\]]*\])+")
_NODE_NAME = re.compile(r"[^\s,\[\]]+")

# Slurm's own ceiling on MaxArraySize; keeps a typing error from filling the memory.
_MOST_ELEMENTS = 4_000_001
_MOST_NODES = 200_000
SLURM_STEPS = (BATCH_STEP, EXTERN_STEP, INTERACTIVE_STEP) = ("batch", "extern", "interactive")
"""Steps that Slurm names itself; sacct's default table cuts them: ``.ext+``."""


IDS_PER_CALL = 2000
"""A call of a Slurm command names at most so many jobs: one word of a command line holds 128 KiB."""

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
        What a ``c`` or ``n`` suffix is multiplied with.
    default_unit : str
        Unit of a bare number: ``M`` for requests, ``B`` for MaxRSS under ``--noconvert``.

    Returns
    -------
    float or None
        MiB; None when the size is missing or unset, never 0 in its place.
    """
    text = text.strip()
    if text.lower() in _MISSING or _UNSET_MEMORY.fullmatch(text):
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
        MiB; 0 is Slurm's word for all that a node has.

    Raises
    ------
    ValueError
        For what sbatch refuses, such as ``1.5G`` or ``16 GB``; the message says how to write a fraction.
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
    """Say how a size with a fraction or with blanks is written as a whole one."""
    with contextlib.suppress(ValueError):
        mib = parse_mem_mb(text.replace(" ", ""))
        if mib:
            return f" (write {math.ceil(mib)}M)"
    return ""


def whole_mib(value: object) -> object:
    """Return the memory that a field of a document holds: whole MiB, or a text as `parse_request_mb` takes it.

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
    if word in _MISSING:
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
    # what the first number means depends on the company it keeps: D-HH[:MM[:SS]], MM, MM:SS, HH:MM:SS
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
    """Return a limit in whole minutes, as squeue prints what Slurm keeps: ``10:00``, ``2:30:00``, ``1-12:00:00``."""
    days, minutes = divmod(math.ceil(seconds / 60), 1440)
    if days:
        return f"{days}-{minutes // 60:02d}:{minutes % 60:02d}:00"
    return f"{minutes // 60}:{minutes % 60:02d}:00" if minutes >= 60 else f"{minutes}:00"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobId:
    """A job, array element, pending array, het component or step, as sacct's JobID column names it.

    Attributes
    ----------
    job : int
        The id that sbatch printed.
    index : int or None
        Array element (``12_3``).
    pending : tuple of int
        Elements that share one row because none has started (``12_[1-4%2]``), ascending.
    throttle : int or None
        The ``%2`` of such a row.
    het_offset : int or None
        Component of a heterogeneous job (``12+1``).
    step : str or None
        ``batch``, ``extern``, ``0``, ``0+1`` ...
    """

    job: int
    index: int | None = None
    pending: tuple[int, ...] = ()
    throttle: int | None = None
    het_offset: int | None = None
    step: str | None = None

    def __str__(self) -> str:
        text = str(self.job)
        if self.index is not None:
            text += f"_{self.index}"
        elif self.pending:
            limit = "" if self.throttle is None else f"%{self.throttle}"
            text += f"_[{format_ranges(self.pending)}{limit}]"
        elif self.het_offset is not None:
            text += f"+{self.het_offset}"
        return text if self.step is None else f"{text}.{self.step}"

    @property
    def base(self) -> JobId:
        """The job, element or component that this step belongs to."""
        return replace(self, step=None)

    def elements(self) -> list[JobId]:
        """Return one id per array element: itself, unless it stands for pending elements."""
        if not self.pending:
            return [self]
        return [replace(self, index=index, pending=(), throttle=None) for index in self.pending]


def parse_job_id(text: str) -> JobId:
    """Read ``12``, ``12_3``, ``12_[1-4%2]``, ``12_[2,4-12:2%3]`` or ``12+1``, each with or without a ``.step``."""
    match = _JOB_ID.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a job id: {text!r}")
    index, offset, step = match["index"], match["offset"], match["step"]
    pending, throttle = _parse_pending(match["pending"]) if match["pending"] else ((), None)
    return JobId(
        job=int(match[1]),
        index=None if index is None else int(index),
        pending=pending,
        throttle=throttle,
        het_offset=None if offset is None else int(offset),
        step=_step_word(step) if step else None,
    )


def _step_word(step: str) -> str:
    if not step.endswith("+"):
        return step
    words = [word for word in SLURM_STEPS if word.startswith(step[:-1])]
    if len(words) != 1:
        raise ValueError(f"not a step: {step!r}")
    return words[0]


def _parse_pending(text: str) -> tuple[tuple[int, ...], int | None]:
    if "..." in text:
        raise ValueError(f"array indices cut off: {text!r} (set SLURM_BITSTR_LEN=0)")
    ranges, percent, throttle = text.partition("%")
    if percent and not (throttle.isascii() and throttle.isdecimal()):
        raise ValueError(f"not a throttle: {text!r}")
    indices: set[int] = set()
    for part in ranges.split(","):
        indices.update(_parse_range(part))
    return tuple(sorted(indices)), int(throttle) if percent else None


def _parse_range(text: str) -> range:
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an index range: {text!r}")
    first = int(match[1])
    last = int(match[2] or first)
    every = int(match[3] or 1)
    if last < first or every < 1 or last >= _MOST_ELEMENTS:
        raise ValueError(f"not an index range: {text!r}")
    return range(first, last + 1, every)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Split ascending numbers into runs of neighbours, as (first, last)."""
    for _, run in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]


def format_ranges(numbers: Iterable[int]) -> str:
    """Write ascending numbers in Slurm's array grammar: ``0-3,7``."""
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in _runs(numbers))


def in_calls(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split ids into as few parts as calls of a Slurm command need, `IDS_PER_CALL` in each."""
    for first in range(0, len(ids), IDS_PER_CALL):
        yield ids[first : first + IDS_PER_CALL]


def expand_nodes(text: str) -> list[str]:
    """Return the names of a node list such as ``n[1-3,07-10],login1``; leading zeros are kept.

    Empty text and Slurm's ``None assigned`` give an empty list. Brackets do not nest; several groups in one name
    multiply (``r[1-2]n[1-2]``).
    """
    text = text.strip()
    if text.lower() in _MISSING:
        return []
    names: list[str] = []
    parts = _NODE_PART.findall(text)
    if ",".join(parts) != text:
        raise ValueError(f"not a node list: {text!r}")
    for part in parts:
        names.extend(_expand_name(part))
        if len(names) > _MOST_NODES:
            raise ValueError(f"more than {_MOST_NODES} nodes: {text!r}")
    return names


def _expand_name(text: str) -> Iterator[str]:
    pieces = _NODE_GROUP.split(text.strip())
    # split() alternates: literal, group, literal, group, ..., literal
    choices = [_expand_group(piece) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    if math.prod(len(choice) for choice in choices) > _MOST_NODES:
        raise ValueError(f"more than {_MOST_NODES} nodes: {text!r}")
    for combination in itertools.product(*choices):
        name = "".join(combination)
        if not _NODE_NAME.fullmatch(name):
            raise ValueError(f"not a node list: {text!r}")
        yield name


def _expand_group(text: str) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not (first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal()):
            raise ValueError(f"not a node range: {text!r}")
        if not 0 <= int(last) - int(first) <= _MOST_NODES:
            raise ValueError(f"not a node range: {text!r}")
        found.extend(f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    return found
