"""Errors of the file system and of SQLite, explained in two lines that a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import FailureError, InputError, PlannerError

if TYPE_CHECKING:
    import sqlite3

_LATER = {errno.EIO, errno.ESTALE, errno.EREMOTEIO, errno.ETIMEDOUT, errno.EHOSTDOWN}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_LIMITS = {errno.EMFILE: "ulimit -n", errno.ENFILE: "ulimit -n", errno.EAGAIN: "ulimit -u", errno.ENOMEM: "ulimit -v"}


def explained(error: BaseException, path: Path | None = None) -> PlannerError | None:
    """Return the error to show for an error of the system or SQLite; None for any other.

    Parameters
    ----------
    error : BaseException
    path : Path, optional
        The file in use, if the error does not name it.
    """
    if isinstance(error, OSError):
        return _of_system(error, path)
    if isinstance(error, UnicodeDecodeError):
        return _of_encoding(error, path)
    if isinstance(error, MemoryError):
        return FailureError("out of memory", "run it where there is more memory, for example in a job of its own")
    import sqlite3

    return _of_sqlite(error, path) if isinstance(error, sqlite3.Error) else None


def _of_encoding(error: UnicodeDecodeError, path: Path | None) -> InputError:
    written = "utf-16" if error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
    return InputError(
        f"{path or 'a file'}: not UTF-8 text (byte {error.object[error.start]:#04x} at {error.start})",
        f"restore it from a copy, or convert it: iconv -f {written} -t utf-8",
    )


def _of_system(error: OSError, path: Path | None) -> PlannerError:
    named = error.filename if isinstance(error.filename, str | bytes) else None
    where = Path(os.fsdecode(named)) if named else path
    code = error.errno
    if code in _FULL:
        return _full(where, code)
    if code in _DENIED:
        return _denied(where)
    if code == errno.EROFS:
        return _read_only(where)
    if code == errno.ENOENT and _adrift():
        return FailureError("the working directory is gone", 'go to a folder that exists: cd "$HOME"')
    blocking = where and _in_the_way(where) if code in {errno.ENOTDIR, errno.EEXIST} else None
    if blocking:
        return InputError(
            f"{blocking}: a file, where a folder is needed",
            f"give another path, or move it away: mv {blocking} {blocking}.old",
        )
    if code == errno.EISDIR:
        return InputError(f"{_at(where)}a folder, where a file is needed", "move it away, or give another path")
    if code in _LIMITS:
        return FailureError(
            f"{_at(where)}{_reason(error)}", f"a limit of this machine is reached: see '{_LIMITS[code]}'"
        )
    if code in _LATER:
        return FailureError(
            f"{_at(where)}{_reason(error)}", "the file server does not respond properly: try again later"
        )
    return FailureError(f"{_at(where)}{_reason(error)}", "check that path, then run the command again")


def _of_sqlite(error: sqlite3.Error, path: Path | None) -> PlannerError:
    import sqlite3

    said = str(error)
    if "locked" in said or "busy" in said:
        return FailureError(f"{_at(path)}{said}", "another command is using it: try again when that is done")
    if path is not None and _is_folder(path):
        return FailureError(
            f"{path}: a folder, where the history is kept in a file", f"move it away: mv {path} {path}.old"
        )
    if path is not None and _space_left(path) == 0:
        return _full(path, errno.ENOSPC)
    if "full" in said:
        return _full(path, errno.ENOSPC)
    if isinstance(error, sqlite3.OperationalError):
        if "readonly" in said or "unable to open" in said:
            return _read_only(path) if _is_mounted_read_only(_nearest(path)) else _denied(path)
        return FailureError(f"{_at(path)}{said}", "check the disk it lies on, then run the command again")
    return InputError(f"{_at(path)}not a history of chromplan: {said}", "move it away, or restore it from a copy")


def _read_only(where: Path | None) -> FailureError:
    return FailureError(f"{_at(where)}the file system is read-only", "copy the project to where you may write")


def _is_mounted_read_only(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return False


def _full(where: Path | None, code: int) -> FailureError:
    folder = _nearest(where)
    if code == errno.EDQUOT:
        return FailureError(
            f"{_at(where)}your disk quota is used up", "free some of it ('quota -s'), then run this again"
        )
    if code == errno.EFBIG:
        return FailureError(f"{_at(where)}a file may not become that large", "see 'ulimit -f'")
    if _no_inodes(folder):
        return FailureError(
            f"{_at(where)}the disk takes no more files (no inodes are left)",
            f"remove some ('df -i {folder}'), then run this again",
        )
    return FailureError(f"{_at(where)}the disk is full", f"free some space ('df -h {folder}'), then run this again")


def _denied(where: Path | None) -> FailureError:
    if where is None:
        return FailureError("permission denied", "work in a folder of your own")
    place = where if os.path.lexists(where) and not _may_write(where) else _nearest(where.parent)
    if _is_folder(place) and _is_there(where) and os.access(place, os.W_OK):
        place = where
    owner = _owner(place)
    if owner == user_name():
        mode = "u+rwx" if _is_folder(place) else "u+rw"
        return FailureError(f"{where}: permission denied", f"allow it: chmod {mode} {place}")
    belongs = f" ({place} belongs to {owner})" if owner else ""
    return FailureError(
        f"{where}: permission denied{belongs}", "work in a folder of your own, or ask for access to this one"
    )


def _at(where: Path | None) -> str:
    return "" if where is None else f"{where}: "


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _adrift() -> bool:
    try:
        return not Path.cwd().exists()
    except OSError:
        return True


def _in_the_way(path: Path) -> Path | None:
    """Return the file that is in the place of a folder of ``path``; None when there is none."""
    for folder in (path, *path.parents):
        if os.path.lexists(folder):
            return None if _is_folder(folder) else folder
    return None


def _nearest(path: Path | None) -> Path:
    """Return the nearest existing folder above ``path``."""
    folders = () if path is None else (path, *path.parents)
    return next((folder for folder in folders if _is_folder(folder)), Path())


def _is_folder(path: Path) -> bool:
    """Whether a folder exists, as far as permissions allow to see."""
    with contextlib.suppress(OSError):
        return path.is_dir()
    return False


def _is_there(path: Path) -> bool:
    """Whether a path exists, as far as permissions allow to see."""
    with contextlib.suppress(OSError):
        return path.exists()
    return False


def _may_write(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def _space_left(path: Path) -> int:
    with contextlib.suppress(OSError):
        free = os.statvfs(_nearest(path))
        return 0 if free.f_files and not free.f_favail else free.f_bavail
    return 1


def _no_inodes(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        free = os.statvfs(folder)
        return bool(free.f_files) and free.f_favail == 0
    return False


def _owner(path: Path) -> str:
    try:
        return user_name(path.stat().st_uid)
    except OSError:
        return ""


def user_name(user: int | None = None) -> str:
    """Return the name of a user, by default of whose process this is; ``user 1000`` where it is unknown."""
    user = os.geteuid() if user is None else user
    return account(user) or f"user {user}"


def account(user: int | None = None) -> str | None:
    """Return the name of a user, by default of whose process this is; None where it is unknown."""
    try:
        return pwd.getpwuid(os.geteuid() if user is None else user).pw_name
    except KeyError:
        return None
