"""The lock of a folder: one command works in it at a time, and the lock is released when its process ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from planner.core import alive, files
from planner.core.errors import FailureError

Say = Callable[[str], None]
# a command that was just killed, and its child processes, may still be ending
PATIENCE_S = 3.0
_PAUSE_S = 0.1
NO_FLOCK = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL})
"""Errors of flock on a file system that does not support it."""

_BEAT_S = 30.0
_SILENT_S = 600.0
# locks held by this process: a command may take a lock again that it holds
_held: dict[Path, int] = {}


class BusyError(FailureError):
    """Another command holds the lock."""


def _say(line: str) -> None:
    print(line, file=sys.stderr)


@contextlib.contextmanager
def hold(path: Path, *, wait_s: float = PATIENCE_S, say: Say = _say) -> Iterator[None]:
    """Hold the lock ``path`` while the body runs.

    It is a kernel lock (flock), inherited by any sbatch that is called meanwhile, so it lasts until that has ended too.
    On a file system without flock a lock file names the holder: host, process and start time. The lock file is taken
    over when that process is gone, or, on another host, when it has not been refreshed for ten minutes.

    Raises
    ------
    BusyError
        When another command holds it for longer than ``wait_s``.
    """
    path = path.absolute()
    if path in _held:
        _held[path] += 1
        try:
            yield
        finally:
            _held[path] -= 1
        return
    files.make_folder(path.parent)
    with _open(path) as handle:
        until_s = time.monotonic() + wait_s
        while (kernel := _flock(handle)) is False and time.monotonic() < until_s:
            time.sleep(_PAUSE_S)
        if kernel is False:
            raise _busy(path, "")
        with _file(path.with_name(f"{path.name}.held"), until_s, say) if kernel is None else contextlib.nullcontext():
            _held[path] = 1
            try:
                yield
            finally:
                del _held[path]


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    try:
        handle = files.open_shared(path, os.O_RDWR | os.O_CREAT)
    except PermissionError:
        handle = os.open(path, os.O_RDONLY)
    try:
        os.set_inheritable(handle, True)
        yield handle
    finally:
        os.close(handle)


def _flock(handle: int) -> bool | None:
    """Whether the kernel granted the lock; None if the file system does not support it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_FLOCK:
            return None
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


@contextlib.contextmanager
def _file(path: Path, until_s: float, say: Say) -> Iterator[None]:
    say(f"note: this file system has no flock: {path} says who is at work")
    mine = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "start_s": alive.started_s(os.getpid())})
    while not _made(path, mine):
        gone = _stale(path)
        if gone is not None and _taken_away(path, gone):
            say(f"note: took over the lock of a command that is gone: {gone}")
        elif time.monotonic() < until_s:
            time.sleep(_PAUSE_S)
        else:
            raise _busy(path, f" or remove {path} if it is not")
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        beat.join()
        path.unlink(missing_ok=True)


def _made(path: Path, text: str) -> bool:
    try:
        handle = files.open_shared(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return True


def _stale(path: Path) -> str | None:
    """Return the text of a lock file whose command is gone; None if the command may live, or the file is gone."""
    try:
        text, silent_s = path.read_text(), time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    try:
        who = json.loads(text)
        if who["host"] == socket.gethostname():
            return None if alive.is_same(int(who["pid"]), float(who["start_s"])) else text
    except (ValueError, TypeError, KeyError):
        pass  # it is just being written
    return text if silent_s > _SILENT_S else None


def _taken_away(path: Path, text: str) -> bool:
    """Whether this process removed a stale lock file; another command may have been faster and hold the lock now."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if aside.read_text() != text:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
        return False
    aside.unlink()
    return True


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_S):
        with contextlib.suppress(OSError):
            os.utime(path)


def _busy(path: Path, more: str) -> BusyError:
    folder = path.parent.parent
    return BusyError(
        f"{folder}: another chromplan is at work here", f"wait until it is done, or stop it with Ctrl-C{more}"
    )
