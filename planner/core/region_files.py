"""Files of regions: BED, Picard's interval_list, and lists for GATK's ``-L``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planner.core import text_lines
from planner.core.cuts import Cut
from planner.core.errors import InputError
from planner.core.regions import BED, INTERVALS, WAYS, Region, Span


def of_file(path: Path, cut: Cut) -> list[Region]:
    """Return the regions of a BED file (counted from 0), a Picard interval_list or a list for GATK's ``-L``.

    Raises
    ------
    InputError
        For a line that is not a region of the genome (names file and line), or a file without regions.
    """
    name = path.name.lower()
    chosen = set(cut.chromosomes)
    if name.endswith(BED):
        found = [cut.checked(where, word, span) for where, word, span in bed(path)]
    elif name.endswith(INTERVALS):
        found = [_interval(where, line, cut) for where, line in _rows(path) if not line.startswith("@")]
    else:
        raise InputError(f"{path}: regions are not read from such a file", WAYS)
    kept = [one for one in found if one.chromosome in chosen]
    if not found:
        raise InputError(f"{path}: there is no region in this file", WAYS)
    if not kept:
        raise InputError(f"{path}: no region on the chosen chromosomes", "pipeline.chromosomes says which are chosen")
    return kept


def _interval(where: str, line: str, cut: Cut) -> Region:
    cells = line.split("\t")
    if len(cells) >= 3 and cells[1].isdecimal() and cells[2].isdecimal():
        return cut.checked(where, cells[0], (int(cells[1]), int(cells[2])))
    word = line.strip()
    region = cut.named([(where, word)])[0]
    if not region.chromosome:
        raise InputError(f"{where}: {word[:60]!r} is not a region", "write chr20:1-5000000, or a chromosome")
    return region


def bed(path: Path) -> Iterator[tuple[str, str, Span]]:
    """Yield (``file:line``, contig, first and last base) of each line of a BED file.

    Raises
    ------
    InputError
        For a line that is not one of a BED file; names it.
    """
    for where, line in _rows(path):
        if line.split(None, 1)[0] in ("track", "browser"):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < 3 or not (cells[1].strip().isdecimal() and cells[2].strip().isdecimal()):
            raise InputError(
                f"{where}: {line[:60]!r} is not a line of a BED file",
                "a contig, where it starts (from 0 on), where it ends",
            )
        yield where, cells[0].strip(), (int(cells[1]) + 1, int(cells[2]))


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (``file:line``, text) of the lines that are not empty or comments."""
    for number, line in text_lines.numbered(path, hint=WAYS):
        if not line.startswith("#"):
            yield f"{path}:{number}", line.rstrip()
