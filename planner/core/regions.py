"""Regions: whole chromosomes, parts of them, or names; the ways in which a pipeline may name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from planner.core.errors import FieldError, InputError

WHOLE = "chromosomes"
SPLIT = ".chromplan/split.list"
"""Where a project keeps the split that was chosen for its chromosomes."""
MOST_PARTS = 1000
"""Most parts that a chromosome is split into."""
BED = (".bed", ".bed.gz")
INTERVALS = (".list", ".intervals", ".interval_list")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(bp|kb|mb|gb)", re.IGNORECASE)
_BASES = {"bp": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_CENTIMORGANS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*cm", re.IGNORECASE)
_PLACE = re.compile(r"(.+):([0-9][0-9,]*)-([0-9][0-9,]*)")
_PART_IN_NAME = re.compile(r"[A-Za-z0-9][:_]([0-9]{1,12})[-_]([0-9]{4,12})(?![A-Za-z0-9])")
_LEAST_PART_BP = 999
WAYS = 'write "chromosomes", a length such as "5Mb" or "20cM", a file .bed, .list or .interval_list, or a list of names'

Span = tuple[int, int]
"""First and last base of an interval, 1-based."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A chromosome, a part of one, or any other named region.

    Attributes
    ----------
    chromosome : str
        Its name in the genome; empty if the region is only a name.
    name : str
        In the notation of tools: ``20``, ``20:1-5000000``, ``chunk001``.
    label : str
        In the names of tasks and files: ``chr20_1-5000000``.
    start, end : int or None
        First and last base, 1-based; None if unknown.
    padded : tuple of int, or None
        First and last base including the overlap with its neighbours.
    place : int
        The chromosome's place in the genome, from 1 on; 0 without one.
    is_whole : bool
        Whether it is a whole chromosome, or only a name.
    """

    chromosome: str
    name: str
    label: str
    start: int | None = None
    end: int | None = None
    padded: Span | None = None
    place: int = 0
    is_whole: bool = True

    @property
    def length_bp(self) -> int:
        """Its length without the overlap; 0 if unknown."""
        return 0 if self.start is None or self.end is None else self.end - self.start + 1

    @property
    def span(self) -> Span | None:
        """First and last base of a part of a chromosome; None for a whole one, or only a name."""
        return None if self.is_whole or self.start is None or self.end is None else (self.start, self.end)

    def values(self) -> dict[str, str]:
        """Return the values of the placeholders for regions; unknown ones are empty."""
        first, last = self.padded or (self.start, self.end)
        padded = f"{self.chromosome}:{first}-{last}" if self.padded else self.name
        return {
            "region": self.name,
            "start": "" if self.start is None else str(self.start),
            "end": "" if self.end is None else str(self.end),
            "padded": padded,
            "padded_start": "" if first is None else str(first),
            "padded_end": "" if last is None else str(last),
        }


def part_name(chromosome: str, span: Span) -> str:
    """Return ``chr20:1-5000000``, as tools name a part of a chromosome."""
    return f"{chromosome}:{span[0]}-{span[1]}"


def place_in(word: str) -> tuple[str, Span] | None:
    """Return contig and interval of a word such as ``chr20:1-5,000,000``; None for any other."""
    match = _PLACE.fullmatch(word)
    if match is None:
        return None
    start, end = (int(cell.replace(",", "")) for cell in match.groups()[1:])
    return match[1], (start, end)


def part_in(name: str) -> Span | None:
    """Return the interval of a chromosome in the name of a task or job such as ``chr20_1-5000000``; None without one.

    Intervals shorter than a kilobase are ignored: ``chr20_1-10`` may mean the first of ten parts.
    """
    match = _PART_IN_NAME.search(name)
    if match is None:
        return None
    start, end = int(match[1]), int(match[2])
    return (start, end) if start >= 1 and end - start >= _LEAST_PART_BP else None


def parse_bases(text: str) -> int:
    """Return the number of bases in ``5Mb``, ``250kb`` or ``1000bp``.

    Raises
    ------
    FieldError
        For anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    bases = float(match[1]) * _BASES[match[2].lower()] if match else 0
    if not 1 <= bases < 2**40:
        raise FieldError(f"{text!r} is not a length in bases", 'write it with its unit: "5Mb", "250kb", "1000bp"')
    return round(bases)


def parse_cm(text: str) -> float | None:
    """Return the centimorgans in ``20cM``; None for anything else."""
    match = _CENTIMORGANS.fullmatch(text.strip())
    return float(match[1]) if match and 0 < float(match[1]) < float("inf") else None


def check(text: str) -> str:
    """Return a valid value of ``regions``, checked as far as possible before a file is read.

    Raises
    ------
    FieldError
        For anything else.
    """
    if text != WHOLE and not is_file_name(text) and parse_cm(text) is None:
        try:
            parse_bases(text)
        except FieldError:
            raise FieldError(f"{text!r} is not a way to cut chromosomes into regions", WAYS) from None
    return text


def is_file_name(text: str) -> bool:
    """Whether the value of ``regions`` is a file name."""
    return "/" in text or text.lower().endswith((*BED, *INTERVALS))


def check_distinct(found: Iterable[Region], where: str) -> None:
    """Raise an error for regions that are listed twice, as their tasks would be the same.

    Raises
    ------
    InputError
        When a region is listed twice; names it.
    """
    twice = next((label for label, count in Counter(one.label for one in found).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{where}: region {twice} is listed twice", "remove one of the two")
