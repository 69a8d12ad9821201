"""Which chromosome (and sample) each index of an array is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import genome
from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.plan.build import task_name

_HINT = "a line is: index chromosome [sample], separated by tabs or blanks"


@dataclass(frozen=True, kw_only=True, slots=True)
class WrappedElement:
    """One index of the array: a task.

    Attributes
    ----------
    task : str
        ``chr5`` or ``sample.chr5``; with the index where several have the same chromosome.
    """

    index: int
    chromosome: str
    sample: str
    task: str


def by_index(indices: Sequence[int]) -> list[WrappedElement]:
    """Return the elements of an array whose index is the chromosome.

    Raises
    ------
    InputError
        Names the first index that is not a chromosome.
    """
    try:
        return _named([(index, genome.by_index(index), "") for index in indices])
    except InputError as error:
        raise InputError(
            f"--array: {error.message}", "say which it is with --map FILE, a line per index: index chromosome [sample]"
        ) from None


def from_file(path: Path, indices: Sequence[int]) -> list[WrappedElement]:
    """Return the elements as a table tells them: index, chromosome and perhaps sample; ``#`` begins a comment.

    Raises
    ------
    InputError
        Names file and line of what cannot be read, or an index that is missing.
    """
    told: dict[int, tuple[str, str]] = {}
    for number, line in enumerate(read_text(path, hint=_HINT).splitlines(), start=1):
        cells = line.partition("#")[0].split("\t" if "\t" in line else None)
        cells = [cell.strip() for cell in cells]
        if not any(cells) or (number == 1 and cells[0].lower() == "index"):
            continue
        index, chromosome, sample = _row(path, number, cells)
        if index in told:
            raise InputError(f"{path}:{number}: index {index} comes twice", "name each index once")
        told[index] = (chromosome, sample)
    missing = [index for index in indices if index not in told]
    if missing:
        raise InputError(f"{path}: nothing for index {missing[0]} of --array", _HINT)
    return _named([(index, *told[index]) for index in indices])


def _row(path: Path, number: int, cells: Sequence[str]) -> tuple[int, str, str]:
    if not 2 <= len(cells) <= 3 or not (cells[0].isascii() and cells[0].isdecimal()):
        raise InputError(f"{path}:{number}: not a line of a map", _HINT)
    try:
        chromosome = genome.plain(cells[1])
    except InputError as error:
        raise InputError(f"{path}:{number}: {error.message}", error.hint) from None
    return int(cells[0]), chromosome, cells[2] if len(cells) == 3 else ""


def _named(rows: Sequence[tuple[int, str, str]]) -> list[WrappedElement]:
    times = Counter((chromosome, sample) for _, chromosome, sample in rows)
    return [
        WrappedElement(
            index=index,
            chromosome=chromosome,
            sample=sample,
            task=task_name(sample, chromosome) + (f".{index}" if times[chromosome, sample] > 1 else ""),
        )
        for index, chromosome, sample in rows
    ]
