"""The lines of a text file that may be gzipped."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from planner.core.errors import InputError


def opened(path: Path) -> IO[bytes]:
    """Open a file that may be compressed; bgzip's output is gzip with several members."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return path.open("rb")
    import gzip

    return cast("IO[bytes]", gzip.open(path, "rb"))


def numbered(path: Path, *, hint: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers.

    Raises
    ------
    InputError
        With this hint, when the file cannot be read as text.
    """
    try:
        with opened(path) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it cannot be read as text"
        raise InputError(f"{path}: {reason}", hint) from None
