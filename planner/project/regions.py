"""The genome and the regions of a pipeline, read from the files that ``chromplan.toml`` names."""

from __future__ import annotations

from pathlib import Path

from planner.core import gaps, genetic_maps, genomes, region_files, regions
from planner.core.config import FILE, Config
from planner.core.cuts import Cut
from planner.core.errors import InputError
from planner.core.genomes import Genome
from planner.core.regions import Region
from planner.project import split


def genome_of(config: Config, folder: Path) -> Genome:
    """Return a pipeline's genome.

    Raises
    ------
    InputError
        When the named file does not define a genome.
    """
    return genomes.find(config.pipeline.genome, folder)


def regions_of(config: Config, folder: Path) -> list[Region]:
    """Return the regions that each sample of a pipeline is run on, in the order of the genome or of their file.

    Raises
    ------
    InputError
        Naming the file and its line, or the field, for what is not a region of the genome.
    """
    where = f"{folder / FILE}: pipeline"
    found = _cut(config.pipeline.regions, cut_of(config, folder), folder, where)
    if not found:
        raise InputError(
            f"{where}.regions: nothing is left",
            "the chosen chromosomes have none outside of gaps; see docs/regions.md",
        )
    regions.check_distinct(found, f"{where}.regions")
    return found


def cut_of(config: Config, folder: Path) -> Cut:
    """Return how a pipeline's chromosomes may be cut: which they are, their overlap and gaps."""
    pipeline = config.pipeline
    genome = genome_of(config, folder)
    chromosomes = _chromosomes(config, genome, f"{folder / FILE}: pipeline")
    return Cut(
        genome=genome,
        chromosomes=chromosomes,
        genetic_map=genetic_maps.read(pipeline.map, folder, genome, chromosomes) if pipeline.map else None,
        overlap_bp=regions.parse_bases(pipeline.overlap) if pipeline.overlap else 0,
        gaps=gaps.of(pipeline.gaps, folder, genome) if pipeline.gaps else {},
    )


def _cut(asked: str | list[str], cut: Cut, folder: Path, where: str) -> list[Region]:
    if isinstance(asked, list):
        return cut.named([(f"{where}.regions[{number}]", word) for number, word in enumerate(asked, 1)])
    if asked == regions.WHOLE:
        return cut.whole()
    if asked == regions.SPLIT:
        return split.recorded(folder, cut)
    if regions.is_file_name(asked):
        return region_files.of_file(_path(folder, asked), cut)
    step_cm = regions.parse_cm(asked)
    if step_cm is not None and cut.genetic_map is not None:
        return cut.map_windows(step_cm, cut.genetic_map)
    return cut.windows(regions.parse_bases(asked))


def _chromosomes(config: Config, genome: Genome, where: str) -> list[str]:
    try:
        chosen = genome.chromosomes(config.pipeline.chromosomes)
    except InputError as error:
        raise InputError(f"{where}.chromosomes: {error.message}", error.hint) from None
    if config.pipeline.shortest is None:
        return chosen
    least_bp = regions.parse_bases(config.pipeline.shortest)
    long = [one for one in chosen if genome.lengths_bp[one] >= least_bp]
    if not long:
        raise InputError(
            f"{where}.shortest: all {len(chosen)} chosen contigs are shorter than {config.pipeline.shortest}",
            f"the longest has {max(genome.lengths_bp[one] for one in chosen)} bp",
        )
    return long


def _path(folder: Path, named: str) -> Path:
    return folder / Path(named).expanduser()
