"""The split that ``chromplan plan --split`` chose: a list of regions in the project's state, for its next rounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.core import files, region_files
from planner.core.config import Config
from planner.core.cuts import Cut
from planner.core.errors import InputError
from planner.core.regions import SPLIT, WHOLE, Region


def applied(config: Config, folder: Path) -> Config:
    """Return a pipeline of whole chromosomes with the split that was chosen for it; any other as it is."""
    if config.pipeline.regions != WHOLE or config.wrap or not (folder / SPLIT).is_file():
        return config
    return into_parts(config)


def into_parts(config: Config) -> Config:
    """Return a pipeline of whole chromosomes as one whose regions are those of a split."""
    return config.model_copy(update={"pipeline": config.pipeline.model_copy(update={"regions": SPLIT})})


def recorded(folder: Path, cut: Cut) -> list[Region]:
    """Return the regions of the recorded split; chromosomes that were chosen since are whole.

    Raises
    ------
    InputError
        When the list cannot be read, or is of another genome.
    """
    found: dict[str, list[Region]] = {one: [] for one in cut.chromosomes}
    try:
        for region in region_files.of_file(folder / SPLIT, cut):
            found[region.chromosome].append(region)
    except InputError as error:
        raise InputError(error.message, f"rm {folder / SPLIT}, then 'chromplan plan --split auto'") from None
    return [one for name, parts in found.items() for one in parts or cut.equal_parts(name, 1)]


def record(folder: Path, regions: Sequence[Region]) -> None:
    """Keep a split for the next rounds; whole chromosomes only are none."""
    path = folder / SPLIT
    if all(one.is_whole for one in regions):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    files.write_text(path, "".join(f"{one.name}\n" for one in regions))
