"""The task of each array index: a chromosome or a part of one, a line of a list, or only the index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import human, shell
from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.core.regions import Span, place_in
from planner.core.user_scripts import Element
from planner.plan.task_list import task_name
from planner.wrap.meaning import Meaning

_HINT = (
    "a line is: index chromosome [sample], separated by tabs or blanks; a part of one is written chr20:1-5000000, what "
    "is not a chromosome '-'"
)
_NO_CHROMOSOME = ("-", ".", "none", "NA")
_LONGEST_TASK = 40
# how contigs begin that are not named by a number or letter; a sample's age and weight are no part of a chromosome
_CONTIG = re.compile(
    r"chr|scaffold|contig|ctg|super|group|LG\d|N[CTWZ]_|(?:AE|BA|CM|CP|GL|JH|KB|KI|KN|KQ|KV|ML|OU|OX)\d", re.IGNORECASE
)


def single(name: str) -> list[Element]:
    """Return the one task of a script without an array."""
    return [Element(task=shell.safe_name(name)[:_LONGEST_TASK])]


def of_meaning(meaning: Meaning, indices: Sequence[int]) -> list[Element]:
    """Return the elements of an array from the meaning of its index in the script."""
    if meaning.is_chromosome:
        return _named([_ReadElement(index=index, chromosome=human.by_index(index)) for index in indices])
    lines = {index: meaning.lines.get(index, "") for index in indices}
    from_zero = any(place[1] == 0 for line in lines.values() if (place := _columns(line.split())))
    return _named([_of_line(index, line, from_zero=from_zero) for index, line in lines.items()])


@dataclass(frozen=True, kw_only=True, slots=True)
class _ReadElement:
    """What is known of an index; ``span`` is the first and last base of a part of the chromosome."""

    index: int
    chromosome: str = ""
    span: Span | None = None
    sample: str = ""
    line: str = ""


def _of_line(index: int, line: str, *, from_zero: bool) -> _ReadElement:
    """Return what a line of a list tells: a part of a chromosome, a chromosome if there is nothing else, or a name."""
    words = line.split()
    place = next(filter(None, map(place_in, words)), None)
    columns = _columns(words)
    if place is None and columns is not None:
        contig, start, end = columns
        place = (contig, (start + from_zero, end))
    if place is not None and 1 <= place[1][0] <= place[1][1]:
        return _ReadElement(
            index=index, chromosome=_plain(place[0]), span=place[1], sample=_sample_before(words), line=line
        )
    cells = re.split(r"[\s,]+", line.strip())
    if len(cells) == 1 and cells[0] and _is_human(cells[0]):
        return _ReadElement(index=index, chromosome=human.plain(cells[0]), line=line)
    return _ReadElement(index=index, sample=cells[0], line=line)


def _columns(words: Sequence[str]) -> tuple[str, int, int] | None:
    """Return contig, start and end of a line whose first columns they are; None for any other."""
    cells = words[0].split(",") if len(words) == 1 else words
    if len(cells) < 3 or not (cells[1].isdecimal() and cells[2].isdecimal()):
        return None
    return (cells[0], int(cells[1]), int(cells[2])) if _CONTIG.match(cells[0]) or _is_human(cells[0]) else None


def _sample_before(words: Sequence[str]) -> str:
    """Return the first word of a line with a region, if it can be a sample; a number counts the lines."""
    first = words[0]
    is_place = place_in(first) is not None or _columns(words) is not None or _is_human(first)
    return "" if is_place or first.isdecimal() else first


def _is_human(word: str) -> bool:
    try:
        return bool(human.plain(word))
    except InputError:
        return False


def _plain(contig: str) -> str:
    return human.plain(contig) if _is_human(contig) else contig


def from_file(path: Path, indices: Sequence[int]) -> list[Element]:
    """Return the elements from a table of index, chromosome and optional sample; ``#`` begins a comment.

    Raises
    ------
    InputError
        Names file and line of what cannot be read, or an index that is missing.
    """
    told: dict[int, _ReadElement] = {}
    # spreadsheets write a byte-order mark
    text = read_text(path, hint=_HINT).removeprefix("\ufeff")
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.partition("#")[0].split("\t" if "\t" in line else None)
        cells = [cell.strip() for cell in cells]
        if not any(cells) or (number == 1 and cells[0].lower() == "index"):
            continue
        one = _row(path, number, cells)
        if one.index in told:
            raise InputError(f"{path}:{number}: index {one.index} is listed twice", "name each index once")
        told[one.index] = one
    missing = [index for index in indices if index not in told]
    if missing:
        raise InputError(f"{path}: no line for index {missing[0]} of --array", _HINT)
    return _named([told[index] for index in indices])


def _row(path: Path, number: int, cells: Sequence[str]) -> _ReadElement:
    if not 2 <= len(cells) <= 3 or not (cells[0].isascii() and cells[0].isdecimal()):
        raise InputError(f"{path}:{number}: not a line of a map", _HINT)
    sample = cells[2] if len(cells) == 3 else ""
    index, place = int(cells[0]), place_in(cells[1])
    if place is not None and 1 <= place[1][0] <= place[1][1]:
        return _ReadElement(index=index, chromosome=_plain(place[0]), span=place[1], sample=sample)
    if cells[1] in _NO_CHROMOSOME:
        return _ReadElement(index=index, sample=sample)
    try:
        return _ReadElement(index=index, chromosome=human.plain(cells[1]), sample=sample)
    except InputError as error:
        raise InputError(
            f"{path}:{number}: {error.message}", f"{error.hint}; '-' where it is not a chromosome"
        ) from None


def _named(rows: Sequence[_ReadElement]) -> list[Element]:
    names = [_name(one) for one in rows]
    times = Counter(names)
    return [
        Element(
            index=one.index,
            start=one.span[0] if one.span else None,
            end=one.span[1] if one.span else None,
            chromosome=one.chromosome,
            sample=one.sample,
            line=one.line,
            task=name + (f".{one.index}" if times[name] > 1 else ""),
        )
        for one, name in zip(rows, names, strict=True)
    ]


def _name(one: _ReadElement) -> str:
    if not one.chromosome:
        return shell.safe_name(one.sample) if one.sample else str(one.index)
    contig = f"chr{one.chromosome}" if _is_human(one.chromosome) else shell.safe_name(one.chromosome)
    return task_name(one.sample, contig if one.span is None else f"{contig}_{one.span[0]}-{one.span[1]}")
