"""Cutting chromosomes into regions: whole ones, windows of one length, equal parts, or regions that are named."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from planner.core import shell
from planner.core.errors import InputError
from planner.core.genetic_maps import GeneticMap
from planner.core.genomes import Genome
from planner.core.regions import Region, Span, part_name, place_in

# more regions would be more tasks than one plan can hold
_MOST = 10**6


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
            name=part_name(chromosome, span),
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
        if place := place_in(word):
            return self.checked(where, *place)
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
