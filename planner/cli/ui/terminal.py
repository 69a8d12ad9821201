"""What the terminal can show: more than ASCII in UTF-8, plain ASCII for our own signs elsewhere."""

from __future__ import annotations

import codecs
import io
import os
import sys

import click

# ASCII by another name: click takes a stream that calls itself "ascii" for a mistake and writes UTF-8 past it
_ASCII = "chromplan_ascii"
# our own signs, as ASCII has them
_PLAIN = str.maketrans("─–—−×·≈’‘“”µ", "----x*~''\"\"u") | str.maketrans(
    {"…": "...", "≥": ">=", "≤": "<=", "→": "->", "±": "+-", "█": "#", "░": "."}
)


def prepare() -> None:
    """Make stdout and stderr take any text: data as the bytes it came from, our own signs as the locale has them."""
    codecs.register_error("chromplan", _plainly)
    codecs.register(_find_ascii)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - pathlib takes time
        elif isinstance(stream, io.TextIOWrapper):
            ascii_only = _wants_ascii() or not (stream.encoding or "").lower().startswith("utf")
            if ascii_only:
                stream.reconfigure(encoding=_ASCII, errors="chromplan")
            else:
                stream.reconfigure(errors="surrogateescape")


def help_width() -> int:
    """Return the columns that help is written in, by click's rule (click itself imports shutil, which takes 3 ms)."""
    columns = os.environ.get("COLUMNS", "")
    try:
        wide = int(columns) if columns.isdecimal() else os.get_terminal_size(1).columns
    except OSError:  # no terminal
        wide = 0
    return max(min(wide or 80, 80) - 2, 50)


def plain(text: str) -> str:
    """Return text with our own signs spelt out in ASCII."""
    return text if text.isascii() else text.translate(_PLAIN)


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        streamreader=known.streamreader,
        streamwriter=known.streamwriter,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=_ASCII,
    )


def forget_output() -> None:
    """Let the interpreter end in peace when nobody reads what it has left to print."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _wants_ascii() -> bool:
    """Whether the locale asked for is C: Python makes UTF-8 of it, and says so in LC_CTYPE."""
    ctype = os.environ.get("LC_CTYPE", "")
    asked = [os.environ.get("LC_ALL"), None if ctype == "C.UTF-8" else ctype, os.environ.get("LANG")]
    return next((name for name in asked if name), "") in ("C", "POSIX")


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what ASCII has no sign for: a sign of ours in ASCII, anything else as its own bytes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return plain(text).encode("utf-8", "surrogateescape"), error.end


def say_error(message: str, hint: str) -> None:
    """Print an error as two lines: what is wrong, and what to do."""
    click.echo(f"error: {' '.join(message.split())}\nhint: {' '.join(hint.split())}", err=True)
