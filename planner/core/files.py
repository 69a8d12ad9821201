"""Files: atomic writing, the end of a log, and the location of shipped files."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

TAIL_BYTES = 16_384

_PACKAGE = Path(__file__).parent.parent


def write_text(path: Path, text: str, *, executable: bool = False) -> None:
    """Write ``text`` to ``path`` atomically, through a temporary file in the same folder."""
    # a user's names and arguments may hold any bytes
    write_bytes(path, text.encode("utf-8", "surrogateescape"), executable=executable)


def write_bytes(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write ``content`` to ``path`` atomically, through a temporary file in the same folder.

    Raises
    ------
    OSError
        Naming ``path``, never the temporary file.
    """
    try:
        _replace(path, content, executable=executable)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _replace(path: Path, content: bytes, *, executable: bool) -> None:
    import tempfile  # takes milliseconds; many commands write nothing

    make_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode_in(path.parent, 0o777 if executable else 0o666))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def tail(path: Path, most: int = TAIL_BYTES) -> str:
    """Return the end of a log, the last ``most`` bytes of it; empty when it is missing or unreadable."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - most))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def make_folder(path: Path) -> None:
    """Create a folder and its parents; in a folder that a group shares they are shared too."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    wanted = mode_in(path.parent, 0o777)
    if wanted & stat.S_IWGRP and not path.stat().st_mode & stat.S_IWGRP:
        path.chmod(path.stat().st_mode | 0o070)


def mode_in(folder: Path, mode: int = 0o666) -> int:
    """Return the permissions of a new file: by the umask, plus those of the group if it shares the folder.

    A folder is shared if its group may write to it and its files get that group (setgid).
    """
    umask = os.umask(0)
    os.umask(umask)
    found = folder.stat().st_mode
    shared = found & stat.S_ISGID and found & stat.S_IWGRP
    return mode & ~umask | (mode & 0o070 if shared else 0)


def open_shared(path: Path, flags: int) -> int:
    """Open a file, perhaps creating it; a file of the user's own gets the permissions of `mode_in`."""
    handle = os.open(path, flags)
    with contextlib.suppress(PermissionError):
        os.fchmod(handle, mode_in(path.parent))
    return handle


def shipped(name: str) -> Path:
    """Return the folder ``templates``, ``site_configs`` or ``data``.

    The first two lie at the top of a checkout, for people to read, and inside the package in a wheel.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
