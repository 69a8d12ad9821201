"""The genomes that come with chromplan, one file each in ``planner/data/genomes``, with the source of their lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from planner.core import files
from planner.core.errors import InputError, near


@dataclass(frozen=True, kw_only=True, slots=True)
class BundledGenome:
    """An assembly.

    Attributes
    ----------
    also : tuple of str
        Other names of the assembly.
    source : str
        Source of the lengths.
    lengths_bp : mapping of str to int
        Chromosome -> length, in the assembly's order.
    """

    name: str
    species: str
    also: tuple[str, ...]
    source: str
    lengths_bp: Mapping[str, int]


@cache
def genomes() -> dict[str, BundledGenome]:
    """Return all genomes by name, human ones first."""
    found = [_read(path.stem, path.read_text("utf-8")) for path in (files.shipped("data") / "genomes").glob("*.tsv")]
    found.sort(key=lambda one: (one.species != "Homo sapiens", one.species, one.name))
    return {one.name: one for one in found}


def find(word: str) -> BundledGenome:
    """Return the genome of this name (``hg38``, ``b37``, ``mm39`` …, in any case).

    Raises
    ------
    InputError
        When no genome has that name.
    """
    found = _by_word().get(word.strip().lower())
    if found is None:
        known = near(word, _by_word()) or f"known genomes: {', '.join(genomes())}"
        hint = f"{known}; or give a file with lengths: .fai, .dict, .sizes, the header of a VCF or BAM"
        raise InputError(f"unknown genome {word!r}", hint.replace("?;", "?"))
    return found


@cache
def _by_word() -> dict[str, BundledGenome]:
    return {word.lower(): one for one in genomes().values() for word in (one.name, *one.also)}


def _read(name: str, text: str) -> BundledGenome:
    lines = text.splitlines()
    told = dict(line[2:].split(":", 1) for line in lines if line.startswith("# "))
    return BundledGenome(
        name=name,
        species=told["species"].strip(),
        also=tuple(word.strip() for word in told["also"].split(",") if word.strip()),
        source=told["source"].strip(),
        lengths_bp={chromosome: int(bp) for chromosome, bp in (line.split("\t") for line in lines if line[0] != "#")},
    )
