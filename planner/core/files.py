"""Files: written whole or not at all, the end of a log, and where the shipped ones lie."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TAIL_BYTES = 16_384

_PACKAGE = Path(__file__).parent.parent


def write_text(path: Path, text: str, *, executable: bool = False) -> None:
    """Write ``text`` to ``path`` by way of a temporary file in the same folder."""
    write_bytes(path, text.encode("utf-8"), executable=executable)


def write_bytes(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write ``content`` to ``path`` by way of a temporary file in the same folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod((0o777 if executable else 0o666) & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def tail(path: Path) -> str:
    """Return the end of a log, the last `TAIL_BYTES` of it; empty when there is no such file."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def shipped(name: str) -> Path:
    """Return the folder ``templates``, ``site_configs`` or ``data``.

    The first two lie at the top of a checkout, for people to read, and inside the package in a wheel.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
