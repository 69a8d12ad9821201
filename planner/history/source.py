"""Sources of text, a file on disk or text in memory, that can be read line by line any number of times."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from planner.core import failures
from planner.core.errors import InputError

_HEAD_LINES = 50
_CHUNK_BYTES = 1 << 20
_HEAD_CHARACTERS = 65536
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSource:
    """A text and its name.

    Attributes
    ----------
    name : str
        The file's path, for errors and for labels in the path.
    path : Path or None
        A regular file, reopened each time; None when ``content`` holds the text.
    """

    name: str
    path: Path | None = None
    content: str = ""

    @classmethod
    def of_file(cls, path: Path) -> TextSource:
        """Return the source of a file; gzip is unpacked, and what cannot be read twice (a pipe) is kept in memory.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        with _explained(path):
            if path.is_file():
                with path.open("rb"):
                    return cls(name=str(path), path=path)
            with path.open("rb") as raw:
                return cls(name=str(path), content=_decoded(io.BytesIO(raw.read())).read())

    def lines(self) -> Iterator[str]:
        """Return the lines with their ends; the last one may have none.

        Bytes that are not UTF-8 (names can hold any) become replacement characters.
        """
        if self.path is None:
            yield from io.StringIO(self.content.removeprefix("\ufeff"), newline="\n")
            return
        with _explained(self.path), self.path.open("rb") as raw, _decoded(raw) as text:
            yield from text

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file as stored on disk, or of the text in memory."""
        if self.path is None:
            yield self.content.encode("utf-8", errors="replace")
            return
        with _explained(self.path), self.path.open("rb") as raw:
            while chunk := raw.read(_CHUNK_BYTES):
                yield chunk

    def head(self) -> str:
        """Return the first lines, enough to recognise a format.

        Raises
        ------
        InputError
            When the file is not text.
        """
        found = "".join(islice(self.lines(), _HEAD_LINES))[:_HEAD_CHARACTERS]
        if "\0" in found:
            raise InputError(f"{self.name}: not text: it has zero bytes", "give a file that was saved as text")
        return found

    def text(self) -> str:
        """Return the whole text."""
        return "".join(self.lines())


def _decoded(raw: IO[bytes]) -> io.TextIOWrapper:
    start = raw.read(2)
    raw.seek(0)
    if start == _GZIP:
        return _decoded_text(cast("IO[bytes]", gzip.open(raw)))
    return _decoded_text(raw)


def _decoded_text(raw: IO[bytes]) -> io.TextIOWrapper:
    start = raw.read(2)
    raw.seek(0)
    encoding = "utf-16" if start in _UTF_16 else "utf-8-sig"
    return io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="\n")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into errors that a user can act on."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", "check the path") from None
    except (OSError, EOFError) as error:
        known = failures.explained(error, path) if getattr(error, "errno", None) else None
        if known is None:
            raise InputError(f"{path}: cannot be read: {error}", "it is damaged: fetch it anew") from None
        raise InputError(known.message, known.hint) from None
