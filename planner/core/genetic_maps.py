"""Genetic maps: positions in base pairs and in centimorgans, in PLINK's, HapMap's, Eagle's and SHAPEIT's formats."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from planner.core import text_lines
from planner.core.errors import InputError
from planner.core.genomes import Genome

PER_CHROMOSOME = "{chromosome}"
"""Stands for the chromosome in the path of maps that come in a file for each."""
FORMATS = (
    "PLINK's .map (chromosome, id, cM, bp), or columns under a heading: pos, chr, cM, or Chromosome, Position(bp), "
    "Rate(cM/Mb), Map(cM)"
)
_CHROMOSOME = ("chr", "chrom", "chromosome")
_POSITION = ("pos", "position", "position(bp)", "bp", "end")
_CM = ("cm", "map(cm)", "genetic_map(cm)", "gen_map", "genetic_map_cm")
# what maps of human chromosomes call X
_X = ("23", "chr23")
# windows that are a whole number of steps must not be followed by one of a rounding error
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """The map of one chromosome.

    Attributes
    ----------
    bp : sequence of int
        Positions, 1-based, ascending.
    cm : sequence of float
        Where these are on the map, cM, never descending.
    last : str
        ``file:line`` of the last.
    """

    bp: Sequence[int]
    cm: Sequence[float]
    last: str

    @property
    def total_cm(self) -> float:
        """The map length of the chromosome."""
        return self.cm[-1] - self.cm[0]

    def at(self, bp: int) -> float:
        """Return where a base is on the map, cM: between positions in proportion, beyond the ends as these."""
        right = bisect_right(self.bp, bp)
        if right == 0:
            return self.cm[0]
        if right == len(self.bp):
            return self.cm[-1]
        share = (bp - self.bp[right - 1]) / (self.bp[right] - self.bp[right - 1])
        return self.cm[right - 1] + share * (self.cm[right] - self.cm[right - 1])

    def ends(self, step_cm: float, length_bp: int) -> Iterator[int]:
        """Yield the last base of each window of so many cM, ascending; the last window is what is left."""
        before = 0
        for number in range(1, math.ceil(self.total_cm / step_cm - _ROUNDING)):
            end = self._reached(self.cm[0] + number * step_cm)
            if end > before:  # a hotspot may span several windows
                yield end
                before = end
        yield length_bp

    def _reached(self, cm: float) -> int:
        """Return the last base that is not beyond this place on the map."""
        right = bisect_left(self.cm, cm)
        share = (cm - self.cm[right - 1]) / (self.cm[right] - self.cm[right - 1])
        return self.bp[right - 1] + math.floor(share * (self.bp[right] - self.bp[right - 1]))


@dataclass(frozen=True, kw_only=True)
class GeneticMap:
    """The genetic map of a genome.

    Attributes
    ----------
    points : mapping of str to Points
        Chromosome -> its map.
    """

    points: Mapping[str, Points]

    def length_cm(self, chromosome: str, span: tuple[int, int] | None) -> float:
        """Return the map length of a chromosome, or of a part of it; the parts of a chromosome add up to it."""
        points = self.points[chromosome]
        return points.total_cm if span is None else points.at(span[1]) - points.at(span[0] - 1)


def read(named: str, folder: Path, genome: Genome, chromosomes: Sequence[str]) -> GeneticMap:
    """Return the map of these chromosomes.

    Parameters
    ----------
    named : str
        A file, or with ``{chromosome}`` one for each; gzipped or not.
    folder : Path
        What its path is relative to.

    Raises
    ------
    InputError
        For a line that is not one of a map, a position outside the genome, or a chromosome without a map.
    """
    found: dict[str, Points] = {}
    for chromosome in chromosomes if PER_CHROMOSOME in named else chromosomes[:1]:
        path = folder / Path(named.replace(PER_CHROMOSOME, chromosome)).expanduser()
        table = _table(path)
        known = {_contig(name, chromosome, genome): points for name, points in table.items()}
        for one in [chromosome] if PER_CHROMOSOME in named else chromosomes:
            if one not in known:
                others = ", ".join(list(table)[:6]) or "none"
                raise InputError(
                    f"{path}: no position on chromosome {one}; chromosomes of this map: {others}",
                    f'name a map of it, or leave it out in pipeline.chromosomes: "!{one}"',
                )
            found[one] = _checked(known[one], one, genome)
    return GeneticMap(points=found)


def _contig(name: str, chromosome: str, genome: Genome) -> str:
    """Return the genome's name of a map's chromosome, empty if it has none; a file may leave out the only one's."""
    if not name:
        return chromosome
    if genome.is_human and name in _X:
        return "X"
    try:
        return genome.contig(name)
    except InputError:
        return ""


def _checked(points: Points, chromosome: str, genome: Genome) -> Points:
    length_bp = genome.lengths_bp[chromosome]
    if points.bp[-1] > length_bp:
        raise InputError(
            f"{points.last}: {points.bp[-1]} is beyond the end of {chromosome}, {length_bp} bp in {genome.name}",
            "is the map one of another genome? pipeline.genome says which one is meant",
        )
    if points.total_cm <= 0:
        raise InputError(
            f"{points.last}: all positions of {chromosome} are at {points.cm[0]:g} cM",
            "a .map file that PLINK wrote beside genotypes often holds no genetic map: name one that does",
        )
    return points


def _table(path: Path) -> Mapping[str, Points]:
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "pipeline.map names a genetic map") from None
    return _read(path, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=64)
def _read(path: Path, _stamp: tuple[int, int]) -> Mapping[str, Points]:
    """Return the maps in a file by chromosome, '' where it names none; read once as long as it does not change."""
    layout: _Layout | None = None
    bp: dict[str, array[int]] = {}
    cm: dict[str, array[float]] = {}
    last: dict[str, int] = {}
    for number, line in text_lines.numbered(path, hint=FORMATS):
        cells = line.lstrip("#").split() or ["#"]
        if layout is None or not cells[-1][-1].isdigit():  # files that were joined have headings in between
            heading = _heading(cells)
            if heading is not None or line.startswith("#"):
                layout = heading or layout
                continue
            layout = layout or _PLINK
        try:
            name = "" if layout.chromosome is None else cells[layout.chromosome]
            base, place = int(cells[layout.bp]), float(cells[layout.cm])
        except (IndexError, ValueError):
            raise InputError(f"{path}:{number}: {line[:60]!r} is not a line of a genetic map", FORMATS) from None
        bases = bp.setdefault(name, array("q"))
        places = cm.setdefault(name, array("d"))
        if base < 1 or not math.isfinite(place):
            raise InputError(f"{path}:{number}: {base} bp, {place} cM is not a place on a map", FORMATS)
        if bases and (base < bases[-1] or place < places[-1] or (base == bases[-1] and place > places[-1])):
            raise InputError(
                f"{path}:{number}: {base} bp, {place} cM follows {bases[-1]} bp, {places[-1]} cM",
                "bp and cM must rise together; a map lifted from another genome needs sorting and cleaning",
            )
        if not bases or base > bases[-1]:
            bases.append(base)
            places.append(place)
        last[name] = number
    if layout is None or not bp:
        raise InputError(f"{path}: there is no position in this map", FORMATS)
    return {name: Points(bp=bases, cm=cm[name], last=f"{path}:{last[name]}") for name, bases in bp.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Which columns of a file hold what; there may be none for the chromosome."""

    chromosome: int | None
    bp: int
    cm: int


# PLINK's files have no heading
_PLINK = _Layout(chromosome=0, bp=3, cm=2)


def _heading(cells: Sequence[str]) -> _Layout | None:
    """Return the layout that a heading tells; None for any other line."""
    words = [cell.lower() for cell in cells]

    def column(names: Sequence[str]) -> int | None:
        return next((place for place, word in enumerate(words) if word in names), None)

    bp, cm = column(_POSITION), column(_CM)
    return None if bp is None or cm is None else _Layout(chromosome=column(_CHROMOSOME), bp=bp, cm=cm)
