"""The words of ``#SBATCH`` lines, read as sbatch reads them.

sbatch has a grammar of its own for these lines, which is not the shell's. This one was compared, word by word, with
what ``sbatch -vvv`` (22.05 to 26.05) says it found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planner.core.errors import InputError

MAGIC = b"#SBATCH"
# directives of other schedulers, which sbatch obeys too
_FOREIGN = (b"#PBS", b"#BSUB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Directive:
    """One ``#SBATCH`` line, or one of another scheduler.

    Attributes
    ----------
    line : int
        Counted from 1.
    words : tuple of str
        Empty for another scheduler's line, whose words are not parsed.
    """

    line: int
    words: tuple[str, ...] = ()
    is_foreign: bool = False


def check(text: bytes, path: Path) -> None:
    """Raise an error for a script that sbatch refuses.

    Raises
    ------
    InputError
        For a script without a first line that names its interpreter, or with Windows line ends.
    """
    if b"\r\n" in text:
        line = text[: text.index(b"\r\n")].count(b"\n") + 1
        raise InputError(f"{path}:{line}: Windows line ends, which sbatch refuses", f"convert it: dos2unix {path}")
    if not text.startswith(b"#!"):
        raise InputError(
            f"{path}:1: not a batch script: its first line must name an interpreter", "for example #!/bin/bash"
        )
    if b"\0" in text:
        raise InputError(f"{path}: holds a NUL character", "is it a script? sbatch takes no programs")


def directives(text: bytes, path: Path) -> list[Directive]:
    """Return the ``#SBATCH`` lines of a script, up to its first command, and those of other schedulers.

    Raises
    ------
    InputError
        Names the line with a quote that is not closed.
    """
    found: list[Directive] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.startswith(MAGIC):
            try:
                words = split(line[len(MAGIC) :].decode("utf-8", errors="surrogateescape"))
            except ValueError as error:
                raise InputError(
                    f"{path}:{number}: {error}", "close the quote, or escape it with a backslash"
                ) from None
            found.append(Directive(line=number, words=tuple(words)))
        elif line.startswith(_FOREIGN):
            found.append(Directive(line=number, is_foreign=True))
        elif line.strip() and not line.lstrip().startswith(b"#"):
            break
    return found


def split(text: str) -> list[str]:
    """Return the words of one line.

    Quotes of both kinds group; a backslash takes the next character as it is, even inside single quotes, but no tab
    outside of quotes (nor a blank in 22.05, which says so itself); ``#`` outside of quotes begins a comment even inside
    a word; an empty word ends the line.

    Raises
    ------
    ValueError
        For a quote that is not closed.
    """
    words: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        word, position = _word(text, position)
        if not word:
            return words
        words.append(word)


def _word(text: str, position: int) -> tuple[str, int]:
    word: list[str] = []
    quote = ""
    while position < len(text) and (quote or not text[position].isspace()):
        character = text[position]
        if character == "\\":
            position += 1
            if position < len(text) and (quote or text[position] == " " or not text[position].isspace()):
                word.append(text[position])
                position += 1
            continue
        if not quote and character == "#":
            break
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word.append(character)
        position += 1
    if quote:
        raise ValueError(f"a {quote} that is not closed")
    return "".join(word), position
