"""The task of each array index: a chromosome, a line of a list, or only the index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from planner.core import human, shell
from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.core.user_scripts import Element
from planner.plan.build import task_name
from planner.wrap.meaning import Meaning

_HINT = "a line is: index chromosome [sample], separated by tabs or blanks; '-' where it is not a chromosome"
_NO_CHROMOSOME = ("-", ".", "none", "NA")
_LONGEST_TASK = 40


def single(name: str) -> list[Element]:
    """Return the one task of a script without an array."""
    return [Element(task=shell.safe_name(name)[:_LONGEST_TASK])]


def of_meaning(meaning: Meaning, indices: Sequence[int]) -> list[Element]:
    """Return the elements of an array from the meaning of its index in the script."""
    if meaning.is_chromosome:
        return _named([(index, human.by_index(index), "", "") for index in indices])
    return _named([(index, *_of_line(meaning.lines.get(index, ""))) for index in indices])


def _of_line(line: str) -> tuple[str, str, str]:
    """Return chromosome, sample and line; a line that is only a chromosome's name is that chromosome."""
    cells = re.split(r"[\s,]+", line.strip())
    try:
        return (human.plain(cells[0]), "", line) if len(cells) == 1 and cells[0] else ("", cells[0], line)
    except InputError:
        return "", cells[0], line


def from_file(path: Path, indices: Sequence[int]) -> list[Element]:
    """Return the elements from a table of index, chromosome and optional sample; ``#`` begins a comment.

    Raises
    ------
    InputError
        Names file and line of what cannot be read, or an index that is missing.
    """
    told: dict[int, tuple[str, str]] = {}
    # spreadsheets write a byte-order mark
    text = read_text(path, hint=_HINT).removeprefix("\ufeff")
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.partition("#")[0].split("\t" if "\t" in line else None)
        cells = [cell.strip() for cell in cells]
        if not any(cells) or (number == 1 and cells[0].lower() == "index"):
            continue
        index, chromosome, sample = _row(path, number, cells)
        if index in told:
            raise InputError(f"{path}:{number}: index {index} is listed twice", "name each index once")
        told[index] = (chromosome, sample)
    missing = [index for index in indices if index not in told]
    if missing:
        raise InputError(f"{path}: no line for index {missing[0]} of --array", _HINT)
    return _named([(index, *told[index], "") for index in indices])


def _row(path: Path, number: int, cells: Sequence[str]) -> tuple[int, str, str]:
    if not 2 <= len(cells) <= 3 or not (cells[0].isascii() and cells[0].isdecimal()):
        raise InputError(f"{path}:{number}: not a line of a map", _HINT)
    sample = cells[2] if len(cells) == 3 else ""
    if cells[1] in _NO_CHROMOSOME:
        return int(cells[0]), "", sample
    try:
        return int(cells[0]), human.plain(cells[1]), sample
    except InputError as error:
        raise InputError(
            f"{path}:{number}: {error.message}", f"{error.hint}; '-' where it is not a chromosome"
        ) from None


def _named(rows: Sequence[tuple[int, str, str, str]]) -> list[Element]:
    names = {index: _name(index, chromosome, sample) for index, chromosome, sample, _ in rows}
    times = Counter(names.values())
    return [
        Element(
            index=index,
            chromosome=chromosome,
            sample=sample,
            line=line,
            task=names[index] + (f".{index}" if times[names[index]] > 1 else ""),
        )
        for index, chromosome, sample, line in rows
    ]


def _name(index: int, chromosome: str, sample: str) -> str:
    if chromosome:
        return task_name(sample, f"chr{human.plain(chromosome)}")
    return shell.safe_name(sample) if sample else str(index)
