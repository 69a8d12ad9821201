"""Regions: whole chromosomes, windows of one length, the lines of a BED or interval file, or names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from planner.core import shell
from planner.core.errors import FieldError, InputError
from planner.core.genetic_maps import GeneticMap
from planner.core.genomes import Genome

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
# more regions would be more tasks than one plan can hold
_MOST = 10**6
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


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How chromosomes are cut into regions.

    Attributes
    ----------
    genome : Genome
    chromosomes : sequence of str
        The chromosomes to cut; regions of a file or list on other chromosomes are dropped.
    overlap_bp : int
        By how much a padded region is longer on each side.
    gaps : mapping of str to spans
        Chromosome -> sorted gaps: windows begin and end outside of them.
    genetic_map : GeneticMap or None
        Of the chromosomes.
    """

    genome: Genome
    chromosomes: Sequence[str]
    overlap_bp: int = 0
    gaps: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    genetic_map: GeneticMap | None = None

    def whole(self) -> list[Region]:
        """Return the whole chromosomes as regions."""
        return [self._whole(one) for one in self.chromosomes]

    def windows(self, bases: int) -> list[Region]:
        """Return windows of one length, from each chromosome's first base; the last window of each may be shorter.

        Raises
        ------
        InputError
            When that makes more regions than a plan can hold.
        """
        lengths = self.genome.lengths_bp
        _check_count(f"{bases} bp", sum(-(-lengths[one] // bases) for one in self.chromosomes))
        return [
            region
            for one in self.chromosomes
            for region in self._between(one, [*range(bases, lengths[one], bases), lengths[one]])
        ]

    def map_windows(self, step_cm: float, genetic_map: GeneticMap) -> list[Region]:
        """Return windows of one map length, from each chromosome's first base; the last window of each may be shorter.

        Raises
        ------
        InputError
            When that makes more regions than a plan can hold.
        """
        points = genetic_map.points
        _check_count(f"{step_cm:g} cM", sum(int(points[one].total_cm / step_cm) + 1 for one in self.chromosomes))
        return [
            region
            for one in self.chromosomes
            for region in self._between(one, points[one].ends(step_cm, self.genome.lengths_bp[one]))
        ]

    def _between(self, chromosome: str, ends: Iterable[int]) -> Iterator[Region]:
        """Yield the parts of a chromosome that end at these bases, without gaps at their ends."""
        for start, end in pairwise([0, *ends]):
            span = _outside((start + 1, end), self.gaps.get(chromosome, ()))
            if span is not None:
                yield self.part(chromosome, span)

    def part(self, chromosome: str, span: Span) -> Region:
        """Return a part of a chromosome; the whole chromosome if the part is all of it."""
        length = self.genome.lengths_bp[chromosome]
        start, end = span
        padded = (max(1, start - self.overlap_bp), min(length, end + self.overlap_bp))
        return Region(
            chromosome=chromosome,
            name=f"{chromosome}:{start}-{end}",
            label=f"{self.genome.labels[chromosome]}_{start}-{end}",
            start=start,
            end=end,
            padded=padded if self.overlap_bp else None,
            place=self.genome.places[chromosome],
            is_whole=False,
        )

    def equal_parts(self, chromosome: str, number: int) -> list[Region]:
        """Return a chromosome in so many parts of one length, without gaps at their ends; the whole one for 1."""
        if number == 1:
            return [self._whole(chromosome)]
        length = self.genome.lengths_bp[chromosome]
        return list(self._between(chromosome, (length * part // number for part in range(1, number + 1))))

    def _whole(self, chromosome: str) -> Region:
        return Region(
            chromosome=chromosome,
            name=chromosome,
            label=self.genome.labels[chromosome],
            start=1,
            end=self.genome.lengths_bp[chromosome],
            place=self.genome.places[chromosome],
        )

    def named(self, words: Iterable[tuple[str, str]]) -> list[Region]:
        """Return regions written as ``chr20:1-5000000``, ``chr20``, or any other name.

        Parameters
        ----------
        words : iterable of (str, str)
            Position of the word for errors, and the word.

        Raises
        ------
        InputError
            For a region outside its chromosome.
        """
        return [self._named(where, word) for where, word in words]

    def _named(self, where: str, word: str) -> Region:
        known = self.genome.lengths_bp
        if word in known:
            return self._whole(word)
        if match := _PLACE.fullmatch(word):
            start, end = (int(cell.replace(",", "")) for cell in match.groups()[1:])
            return self.checked(where, match[1], (start, end))
        try:
            return self._whole(self.genome.contig(word))
        except InputError:
            return Region(chromosome="", name=word, label=shell.safe_name(word))

    def checked(self, where: str, word: str, span: Span) -> Region:
        """Return a part of the chromosome of this name.

        Raises
        ------
        InputError
            When there is no such chromosome, or it has no such part.
        """
        try:
            chromosome = self.genome.contig(word)
        except InputError as error:
            raise InputError(f"{where}: {error.message}", error.hint) from None
        start, end = span
        length = self.genome.lengths_bp[chromosome]
        if start < 1 or end < start:
            raise InputError(
                f"{where}: {word}:{start}-{end} is not an interval of bases",
                "BED counts from 0, and its end is above its start; other lists count from 1",
            )
        if end > length:
            raise InputError(
                f"{where}: {word}:{start}-{end} ends beyond the end of {chromosome}, {length} bp in {self.genome.name}",
                "is it from another genome? pipeline.genome says which one is meant",
            )
        return self.part(chromosome, span)


def _outside(span: Span, gaps: Sequence[Span]) -> Span | None:
    """Return a window without the gaps at its ends; None when nothing is left."""
    start, end = span
    at = bisect_left(gaps, (start + 1,)) - 1  # the last gap that begins at or before the window's start
    for first, last in gaps[max(at, 0) :]:
        if first > start:
            break
        start = max(start, last + 1)
    for first, last in reversed(gaps[: bisect_left(gaps, (end + 1,))]):
        if last < end:
            break
        end = min(end, first - 1)
    return (start, end) if start <= end else None


def _check_count(windows: str, count: int) -> None:
    if count > _MOST:
        raise InputError(f"pipeline.regions: windows of {windows} make {count} regions", "use longer windows")


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
