"""The processes of a task on this machine: finding them, measuring their memory, ending them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.core.units import BYTES_PER_MB

_PROC = Path("/proc")
# share of the time that may be spent on asking how much memory processes share
_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Kin:
    """Where a process comes from: its parent and its session."""

    parent: int
    session: int


def table() -> dict[int, Kin]:
    """Return every process of this machine that has not ended, by its id; one pass."""
    return _from_proc() if (_PROC / "self" / "stat").exists() else from_psutil()


def _from_proc() -> dict[int, Kin]:
    found: dict[int, Kin] = {}
    for name in os.listdir(_PROC):  # noqa: PTH208 - ten times a second
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", "rb") as stream:  # noqa: PTH123 - ten times a second
                state, parent, _group, session, *_ = stream.read().rpartition(b")")[2].split()
            if state not in (b"Z", b"X"):
                found[int(name)] = Kin(int(parent), int(session))
    return found


def from_psutil() -> dict[int, Kin]:
    """Return the same with psutil, for systems without ``/proc``."""
    import psutil

    found: dict[int, Kin] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = Kin(process.ppid(), os.getsid(process.pid))
    return found


def members(processes: Mapping[int, Kin], root: int, known: Collection[int] = ()) -> set[int]:
    """Return a task's processes: its root, its session, those known before, and all their descendants.

    A child whose parent has ended belongs to process 1, but its session, or an earlier call, still shows whose it is.
    """
    children: dict[int, list[int]] = {}
    for pid, kin in processes.items():
        children.setdefault(kin.parent, []).append(pid)
    open_ends = [pid for pid, kin in processes.items() if pid == root or kin.session == root or pid in known]
    found: set[int] = set()
    while open_ends:
        pid = open_ends.pop()
        if pid not in found:
            found.add(pid)
            open_ends += children.get(pid, [])
    return found


@dataclass(frozen=True, slots=True)
class Held:
    """Memory of processes.

    Attributes
    ----------
    now_mb : float
        Resident memory now, all processes together, MiB.
    peak_mb : float
        The larger of ``now_mb`` and the high-water mark of a single process, MiB.
    """

    now_mb: float
    peak_mb: float


class Together:
    """Total memory of a task's processes, in which pages that several of them share count once.

    The shared amount is queried only now and then, as the kernel has to walk through all pages; in between the last
    value is used.
    """

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._surplus_mb = 0.0
        self._due_s = 0.0

    def held(self, pids: Iterable[int]) -> Held:
        """Return the current memory of processes; those that have ended count as 0."""
        sizes = {pid: size for pid in pids if (size := _memory(pid))[0] > 0}
        all_mb = sum(now for now, _ in sizes.values())
        largest_mb = max((now for now, _ in sizes.values()), default=0.0)
        highest_mb = max((most for _, most in sizes.values()), default=0.0)
        known = sizes.keys() <= self._pids
        if len(sizes) > 1 and time.monotonic() >= self._due_s:
            began_s = time.thread_time()
            shared = [share_mb(pid) for pid in sizes]
            told = [share for share in shared if share is not None]
            self._surplus_mb = all_mb - sum(told) if len(told) == len(shared) else 0.0
            self._due_s = time.monotonic() + (time.thread_time() - began_s) / _SHARE
            self._pids, known = {*sizes}, True
        now_mb = max(largest_mb, all_mb - (self._surplus_mb if len(sizes) > 1 else 0.0))
        return Held(now_mb, max(now_mb if known or len(sizes) == 1 else 0.0, highest_mb))


def _memory(pid: int) -> tuple[float, float]:
    """Return resident memory and high-water mark (VmRSS, VmHWM of proc(5)), MiB."""
    try:
        with open(f"/proc/{pid}/status", "rb") as stream:  # noqa: PTH123 - for every process at every look
            lines = stream.read().split(b"\n")
        kib = {line[:5]: int(line.split()[1]) for line in lines if line[:6] in (b"VmRSS:", b"VmHWM:")}
        return kib.get(b"VmRSS", 0) / 1024, kib.get(b"VmHWM", 0) / 1024
    except (OSError, ValueError, IndexError):
        import psutil

        with contextlib.suppress(psutil.Error):
            rss_mb = psutil.Process(pid).memory_info().rss / BYTES_PER_MB
            return rss_mb, rss_mb
    return 0.0, 0.0


def share_mb(pid: int) -> float | None:
    """Return a process's share of memory, MiB: shared pages count in proportion; None if unknown."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as stream:  # noqa: PTH123 - for every process at many looks
            found = next((line for line in stream if line.startswith(b"Pss:")), None)
    except (ProcessLookupError, FileNotFoundError):
        return 0.0 if (_PROC / "self" / "smaps_rollup").exists() else None
    except OSError:
        return None
    return None if found is None else int(found.split()[1]) / 1024


def send(pids: Iterable[int], which: signal.Signals) -> None:
    """Send a signal to processes that may have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, which)


def kill_tree(root: int, known: Collection[int] = ()) -> None:
    """Kill a task's processes, including any started meanwhile.

    The root is killed first: it must not see the others end, and record that.
    """
    mine = set(known)
    for _ in range(3):
        mine = members(table(), root, mine)
        if not mine:
            return
        send(sorted(mine, key=lambda pid: pid != root), signal.SIGKILL)


def marked(variable: str, value: str) -> set[int]:
    """Return the processes whose environment holds ``variable=value``."""
    import psutil

    found: set[int] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                found.add(process.pid)
    return found
