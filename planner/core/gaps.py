"""Gaps and centromeres of a genome: from a BED file, or from the lists that come with chromplan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from planner.core import bundled, files, region_files, regions
from planner.core.errors import InputError
from planner.core.genomes import Genome
from planner.core.regions import Span


def of(named: str, folder: Path, genome: Genome) -> dict[str, list[Span]]:
    """Return the gaps by chromosome, sorted and merged; those on contigs that the genome does not have are ignored.

    Parameters
    ----------
    named : str
        A BED file, or an assembly whose gaps come with chromplan.
    folder : Path
        What the path of a file is relative to.

    Raises
    ------
    InputError
        When there are no such gaps, or one ends beyond the end of its contig.
    """
    path = folder / Path(named).expanduser()
    if not (regions.is_file_name(named) or path.is_file()):
        path = _bundled(named)
    found: dict[str, list[Span]] = {}
    for where, word, span in region_files.bed(path):
        try:
            contig = genome.contig(word)
        except InputError:
            continue
        if span[1] > genome.lengths_bp[contig]:
            raise InputError(
                f"{where}: the gap {regions.part_name(word, span)} ends beyond the end of {contig}, "
                f"{genome.lengths_bp[contig]} bp in {genome.name}",
                "are these the gaps of another genome? pipeline.genome says which one is meant",
            )
        found.setdefault(contig, []).append(span)
    return {contig: _merged(spans) for contig, spans in found.items()}


def _bundled(word: str) -> Path:
    """Return the list of an assembly's gaps, whose source is in its first line."""
    lists = {path.stem: path for path in (files.shipped("data") / "gaps").glob("*.tsv")}
    try:
        return lists[bundled.find(word).name]
    except (InputError, KeyError):
        raise InputError(
            f"pipeline.gaps: {word!r} is neither a BED file nor a genome whose gaps come with chromplan",
            f"these do: {', '.join(sorted(lists))}; for others name a BED file",
        ) from None


def _merged(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end in sorted(spans):
        if kept and start <= kept[-1][1] + 1:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return kept
