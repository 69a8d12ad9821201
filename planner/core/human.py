"""Human chromosomes: their names in both styles, and lists such as ``1-22,X``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from planner.core.errors import InputError, nearest

CHROMOSOMES: tuple[str, ...] = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")

DEFAULT = "GRCh38"

# PLINK's numeric codes, only to say what was meant: a file named chr23 holds X for one tool and nothing for another.
# An array's index is the place in CHROMOSOMES, so 25 is MT; an array with PLINK's codes reaches 26, which is refused.
_PLINK_CODES = {"23": "X", "24": "Y", "25": "X (XY, its pseudo-autosomal part)", "26": "MT"}

_RANGE = re.compile(r"([^-]+)-([^-]+)")

# human assemblies, whose chromosomes have names in both styles
GENOMES: tuple[str, ...] = ("GRCh37", "GRCh38", "T2T-CHM13")

_CHROMOSOME_BY_WORD = {name.lower(): name for name in CHROMOSOMES} | {"m": "MT"}


def plain(name: str) -> str:
    """Return a chromosome's plain name: ``chr1`` and ``1`` give ``1``; ``chrM`` and ``MT`` give ``MT``; any case.

    Raises
    ------
    InputError
        For an unknown chromosome; the hint names similar ones.
    """
    word = name.strip().lower().removeprefix("chr")
    found = _CHROMOSOME_BY_WORD.get(word)
    if found is None:
        raise InputError(f"unknown chromosome {name!r}", _near(word))
    return found


def by_index(index: int) -> str:
    """Return the plain name of the chromosome that an array index stands for: 1-22, 23 for X, 24 for Y, 25 for MT.

    Raises
    ------
    InputError
        For any other index; the hint explains PLINK's codes, in which 25 and 26 are the pseudo-autosomal part of X, and
        MT.
    """
    if 1 <= index <= len(CHROMOSOMES):
        return CHROMOSOMES[index - 1]
    raise InputError(
        f"index {index} is not a chromosome (1-22, 23 for X, 24 for Y, 25 for MT)",
        "PLINK's codes differ: 25 is XY, 26 is MT",
    )


def rank(name: str) -> int:
    """Return the place of a plain name in `CHROMOSOMES`, from 1 on; any other name ranks after all of them."""
    return CHROMOSOMES.index(name) + 1 if name in CHROMOSOMES else len(CHROMOSOMES) + 1


def parse_chromosomes(text: str | Iterable[str | int]) -> list[str]:
    """Read a list of chromosomes into plain names, in the order written.

    Parameters
    ----------
    text : str or iterable of str or int
        Names and inclusive ranges of either style, separated by commas or blanks: ``1-22,X``, ``chr1-chr5 chrX``;
        or several such texts, as from a TOML list.

    Raises
    ------
    InputError
        When a name is unknown, a range runs backwards, a chromosome is listed twice, or the list is empty.
    """
    texts = [text] if isinstance(text, str) else [str(part) for part in text]
    words = [word for part in texts for word in re.sub(r"\s*-\s*", "-", part).replace(",", " ").split()]
    if not words:
        raise InputError("the list of chromosomes is empty", "write for example 1-22,X")
    found: list[str] = []
    for word in words:
        for chromosome in _expand(word):
            if chromosome in found:
                raise InputError(f"chromosome {chromosome} is listed twice", f"remove it from {word!r} or before it")
            found.append(chromosome)
    return found


def _expand(word: str) -> list[str]:
    match = _RANGE.fullmatch(word)
    if match is None:
        return [plain(word)]
    first, last = (CHROMOSOMES.index(plain(end)) for end in match.groups())
    if first > last:
        turned = f"{CHROMOSOMES[last]}-{CHROMOSOMES[first]}"
        raise InputError(f"the chromosome range {word!r} runs backwards", f"write {turned}; the plan decides the order")
    return list(CHROMOSOMES[first : last + 1])


def _near(word: str) -> str:
    if word in _PLINK_CODES:
        return f"PLINK's {word} is {_PLINK_CODES[word]}; chromosomes are 1-22, X, Y, MT, with or without chr"
    unpadded = word.lstrip("0")
    keys = [unpadded] if unpadded in _CHROMOSOME_BY_WORD else nearest(word, _CHROMOSOME_BY_WORD)
    near = dict.fromkeys(_CHROMOSOME_BY_WORD[key] for key in keys)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}chromosomes are 1-22, X, Y, MT, with or without chr"
