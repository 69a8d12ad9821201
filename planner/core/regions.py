"""Regions: whole chromosomes, windows of one length, the lines of a BED or interval file, or names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.core import shell
from planner.core.errors import FieldError, InputError
from planner.core.genomes import Genome

WHOLE = "chromosomes"
BED = (".bed", ".bed.gz")
INTERVALS = (".list", ".intervals", ".interval_list")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(bp|kb|mb|gb)", re.IGNORECASE)
_BASES = {"bp": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_PLACE = re.compile(r"(.+):([0-9][0-9,]*)-([0-9][0-9,]*)")
_PART_IN_NAME = re.compile(r"[A-Za-z0-9][:_]([0-9]{1,12})[-_]([0-9]{4,12})(?![A-Za-z0-9])")
_LEAST_PART_BP = 999
# more tasks than one plan can hold
_MOST = 10**6
WAYS = 'write "chromosomes", a length such as "5Mb", a file .bed, .list or .interval_list, or a list of names'

Span = tuple[int, int]
"""First and last base of a stretch, counted from 1 on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A chromosome, a part of one, or any other name.

    Attributes
    ----------
    chromosome : str
        As the genome names it; empty where the region is a mere name.
    name : str
        As tools take it: ``20``, ``20:1-5000000``, ``chunk001``.
    label : str
        As it stands in the names of tasks and files: ``chr20_1-5000000``.
    start, end : int or None
        First and last base, counted from 1 on; None where they are not known.
    padded : tuple of int, or None
        The same with the overlap to its neighbours.
    place : int
        The chromosome's place in the genome, from 1 on; 0 without one.
    is_whole : bool
        Whether it is a whole chromosome, or a mere name.
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
        """Its length without the overlap; 0 where it is not known."""
        return 0 if self.start is None or self.end is None else self.end - self.start + 1

    @property
    def span(self) -> Span | None:
        """First and last base of a part of a chromosome; None for a whole one, or a mere name."""
        return None if self.is_whole or self.start is None or self.end is None else (self.start, self.end)

    def values(self) -> dict[str, str]:
        """Return what the placeholders of regions stand for; those that are not known are empty."""
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
    """Return the stretch of a chromosome that the name of a task or a job tells: ``chr20_1-5000000``; else None.

    Less than a kilobase is taken for a count: ``chr20_1-10`` may be the first of ten parts.
    """
    match = _PART_IN_NAME.search(name)
    if match is None:
        return None
    start, end = int(match[1]), int(match[2])
    return (start, end) if start >= 1 and end - start >= _LEAST_PART_BP else None


def parse_bases(text: str) -> int:
    """Return the bases that ``5Mb``, ``250kb`` or ``1000bp`` stand for.

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


def check(text: str) -> str:
    """Return what may be written for ``regions``, as far as that is known before a file is read.

    Raises
    ------
    FieldError
        For anything else.
    """
    if text != WHOLE and not is_file_name(text):
        try:
            parse_bases(text)
        except FieldError:
            raise FieldError(f"{text!r} is none of the ways to cut chromosomes", WAYS) from None
    return text


def is_file_name(text: str) -> bool:
    """Whether regions are the lines of a file."""
    return "/" in text or text.lower().endswith((*BED, *INTERVALS))


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How chromosomes are cut into regions.

    Attributes
    ----------
    genome : Genome
    chromosomes : sequence of str
        Those that are cut; regions of a file or a list are kept where they lie on one of these.
    overlap_bp : int
        By how much a padded region is longer on each side.
    gaps : mapping of str to spans
        What holds nothing, by chromosome, sorted: windows begin and end outside of it.
    """

    genome: Genome
    chromosomes: Sequence[str]
    overlap_bp: int = 0
    gaps: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    def whole(self) -> list[Region]:
        """Return the chromosomes themselves."""
        return [self._whole(one) for one in self.chromosomes]

    def windows(self, bases: int) -> list[Region]:
        """Return windows of one length, from each chromosome's first base on; the last one of each is what is left.

        Raises
        ------
        InputError
            When that makes more regions than a plan can hold.
        """
        lengths = self.genome.lengths_bp
        count = sum(-(-lengths[one] // bases) for one in self.chromosomes)
        if count > _MOST:
            raise InputError(f"pipeline.regions: windows of {bases} bp make {count} regions", "cut into longer ones")
        found = []
        for chromosome in self.chromosomes:
            gaps = self.gaps.get(chromosome, ())
            for start in range(1, lengths[chromosome] + 1, bases):
                left = _outside((start, min(start + bases - 1, lengths[chromosome])), gaps)
                if left is not None:
                    found.append(self.part(chromosome, left))
        return found

    def part(self, chromosome: str, span: Span) -> Region:
        """Return a part of a chromosome; the chromosome itself where it is all of it and nothing overlaps."""
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
        """Return regions that are written as ``chr20:1-5000000``, ``chr20``, or by any other name.

        Parameters
        ----------
        words : iterable of (str, str)
            Where it is written, for errors, and the word.

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
        """Return a part of the chromosome that a word names.

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
                f"{where}: {word}:{start}-{end} is not a stretch of bases",
                "BED counts from 0, and its end is behind its start; other lists count from 1",
            )
        if end > length:
            raise InputError(
                f"{where}: {word}:{start}-{end} ends beyond the end of {chromosome}, {length} bp in {self.genome.name}",
                "is it from another genome? pipeline.genome says which one is meant",
            )
        return self.part(chromosome, span)


def _outside(span: Span, gaps: Sequence[Span]) -> Span | None:
    """Return a window without the gaps at its ends; None where nothing is left."""
    start, end = span
    at = bisect_left(gaps, (start + 1,)) - 1  # the last gap that begins at or before the window
    for first, last in gaps[max(at, 0) :]:
        if first > start:
            break
        start = max(start, last + 1)
    for first, last in reversed(gaps[: bisect_left(gaps, (end + 1,))]):
        if last < end:
            break
        end = min(end, first - 1)
    return (start, end) if start <= end else None


def check_distinct(found: Iterable[Region], where: str) -> None:
    """Refuse regions that are listed twice: their tasks would be one.

    Raises
    ------
    InputError
        Naming the region.
    """
    twice = next((label for label, count in Counter(one.label for one in found).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{where}: region {twice} is listed twice", "remove one of the two")
