"""Slurm's grammar of job ids, steps and array indices: ``123_7.batch``, ``123_[1-9%2]``, ``0-3,7``.

Sources: ``man sacct``, ``man sbatch`` (Slurm 22.05). Every parser raises ``ValueError`` on malformed text; callers that
know file and line turn that into an ``InputError``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")

_JOB_ID = re.compile(
    r"([0-9]+)"
    r"(?:_(?P<index>[0-9]+)|_\[(?P<pending>[^\]]+)\]|\+(?P<offset>[0-9]+))?"
    r"(?:\.(?P<step>[0-9]+(?:\+[0-9]+)?|[A-Za-z]\w*\+?))?"
)
INDEX_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")
# Slurm's upper limit of MaxArraySize; also keeps a typing error from filling the memory
LARGEST_INDEX = 4_000_000

SLURM_STEPS = (BATCH_STEP, EXTERN_STEP, INTERACTIVE_STEP) = ("batch", "extern", "interactive")
"""Steps that Slurm names itself; sacct's default table cuts them: ``.ext+``."""

IDS_PER_CALL = 2000
"""Most jobs in one call of a Slurm command: an argument may have 128 KiB."""


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
        Pending elements in one row (``12_[1-4%2]``), ascending.
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
    match = INDEX_RANGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an index range: {text!r}")
    first = int(match[1])
    last = int(match[2] or first)
    every = int(match[3] or 1)
    if last < first or every < 1 or last > LARGEST_INDEX:
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
