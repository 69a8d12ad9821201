"""Genomes: contigs and their lengths, bundled or from a file, and lists of contigs such as ``chr1-chr5,chrX``."""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from planner.core import bundled, contigs, human, shell
from planner.core.errors import InputError, nearest

DEFAULT = human.DEFAULT
AUTOSOMES = "1-22"
"""The default chromosomes of a human genome."""

_NUMBERED_RANGE = re.compile(r"(.*?)([0-9]+)-(.*?)([0-9]+)")
_SIGNS = re.compile(r"[*?\[]")
# contigs named by a number or letter get the prefix "chr" in the names of tasks and files
_BARE = re.compile(r"[0-9]+[A-Za-z]*|[XYZWM]|MT|Mt|Pt|[IVX]+")


@dataclass(frozen=True, kw_only=True)
class Genome:
    """Contigs and their lengths.

    Attributes
    ----------
    name : str
        The assembly's, or the file's.
    lengths_bp : mapping of str to int
        Contig -> length, in the genome's order.
    """

    name: str
    lengths_bp: Mapping[str, int]

    @property
    def is_human(self) -> bool:
        """Whether its chromosomes are those of `planner.core.human`."""
        return self.name in human.GENOMES

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each contig, from 1 on."""
        return {contig: place for place, contig in enumerate(self.lengths_bp, 1)}

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The name of each contig in the names of tasks, jobs and files: ``chr5`` for ``5`` and for ``chr5``."""
        found: dict[str, str] = {}
        for contig in self.lengths_bp:
            bare = f"chr{contig}"
            named = bare if _BARE.fullmatch(contig) and bare not in self.lengths_bp else contig
            found[contig] = shell.safe_name(named)
        return found

    def chromosomes(self, text: str | None) -> list[str]:
        """Return the contigs in a list, in the order written; by default all, or 1 to 22 of a human genome.

        Parameters
        ----------
        text : str or None
            Names, inclusive ranges and patterns, separated by commas or blanks: ``1-22,X``, ``chr1-chr5 scaffold_*``;
            a word that begins with ``!`` removes contigs.

        Raises
        ------
        InputError
            When no contig has such a name, a range runs backwards, a contig is listed twice, or nothing is left.
        """
        if self.is_human:
            return human.parse_chromosomes(AUTOSOMES if text is None else text)
        if text is None:
            return list(self.lengths_bp)
        words = text.replace(",", " ").split()
        wanted = [word for word in words if not word.startswith("!")]
        out = {contig for word in words if word.startswith("!") for contig in self._named(word[1:])}
        named = self._listed(wanted) if wanted or not words else list(self.lengths_bp)
        chosen = [contig for contig in named if contig not in out]
        if not chosen:
            raise InputError("the list of chromosomes is empty", f"contigs of {self.name} are {self._some()}")
        return chosen

    def _listed(self, words: Iterable[str]) -> list[str]:
        """Return the contigs of names, ranges and patterns; a pattern may match contigs that are already listed."""
        found: dict[str, bool] = {}
        for word in words:
            by_pattern = bool(_SIGNS.search(word)) and word not in self.lengths_bp
            for contig in self._named(word):
                if not by_pattern and found.get(contig) is False:
                    raise InputError(f"contig {contig} is listed twice", f"remove it from {word!r} or before it")
                found.setdefault(contig, by_pattern)
        return list(found)

    def contig(self, word: str) -> str:
        """Return the contig of this name, with or without a leading ``chr``.

        Raises
        ------
        InputError
            When there is none; the hint names similar ones.
        """
        mitochondrial = ("chrM", "MT") if word in ("chrM", "MT") else ()
        names: list[str] = [word, f"chr{word}", word.removeprefix("chr"), *mitochondrial]
        for name in names:
            if name in self.lengths_bp:
                return name
        if self.is_human:
            return human.plain(word)
        similar = nearest(word, self.lengths_bp)
        meant = f"did you mean {' or '.join(similar)}? " if similar else ""
        raise InputError(f"unknown chromosome {word!r}", f"{meant}contigs of {self.name} are {self._some()}")

    def _named(self, word: str) -> Iterator[str]:
        if word in self.lengths_bp:
            yield word
        elif _SIGNS.search(word):
            matching = fnmatch.filter(self.lengths_bp, word)
            if not matching:
                raise InputError(f"no contig matches {word!r}", f"contigs of {self.name} are {self._some()}")
            yield from matching
        elif match := _NUMBERED_RANGE.fullmatch(word):
            before, first, again, last = match.groups()
            if again not in ("", before):
                raise InputError(f"{word!r} is not a range of contigs", "write for example chr1-chr19, or 1-19")
            if int(first) > int(last):
                turned = f"{before}{last}-{before}{first}"
                raise InputError(f"the range {word!r} runs backwards", f"write {turned}; the plan decides the order")
            width = len(first) if first.startswith("0") else 1  # chr01-chr12
            for number in range(int(first), int(last) + 1):
                yield self.contig(f"{before}{number:0{width}d}")
        else:
            yield self.contig(word)

    def _some(self, most: int = 6) -> str:
        names = list(self.lengths_bp)
        return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def is_human(word: str) -> bool:
    """Whether a word is the name of a bundled human genome."""
    if contigs.is_file_name(word):
        return False
    with contextlib.suppress(InputError):
        return bundled.find(word).name in human.GENOMES
    return False


def find(word: str, folder: Path = Path()) -> Genome:
    """Return a genome by its name, or from a file.

    Parameters
    ----------
    folder : Path
        The folder that the path of a file is relative to.

    Raises
    ------
    InputError
        When no genome has that name, or the file does not define one.
    """
    if not contigs.is_file_name(word):
        found = bundled.find(word)
        return Genome(name=found.name, lengths_bp=found.lengths_bp)
    path = folder / Path(word).expanduser()
    try:
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        stamp = (0, 0)  # the error is raised when it is read
    return Genome(name=word, lengths_bp=_of_file(path.absolute(), path, stamp))


def lengths(word: str, folder: Path = Path()) -> dict[str, int]:
    """Return the length in bp of each contig of a genome, see `find`."""
    return dict(find(word, folder).lengths_bp)


@lru_cache(maxsize=4)
def _of_file(_absolute: Path, path: Path, _stamp: tuple[int, int]) -> Mapping[str, int]:
    """Return the lengths in a file, read once as long as it does not change."""
    return contigs.read_lengths(path)
