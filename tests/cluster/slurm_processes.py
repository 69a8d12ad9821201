"""Background programs of a test cluster: started, recorded and stopped by their own process ids.

Every program runs in the foreground of its own session, so its process id is known the moment it exists, and is
written beside its start time into ``pids``. A later run finds there what a killed run left behind; the start time makes
sure that a process id which the kernel has given away again is left alone.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

PREFIX = "chromplan-slurm."
PARENT = Path("/tmp")  # short (unix sockets), and reachable by every user, unlike many a TMPDIR
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# below the kernel's ephemeral range, so that no outgoing connection takes a port between the choice and its use
PORTS = range(20_000, 32_000)
# how much longer than on a quiet machine anything may take before a test calls it stuck
PATIENCE = 4.0
# daemons bind their ports seconds after the choice: until then a name that only one process can have marks each
_claims: deque[socket.socket] = deque(maxlen=64)
_ASKED_FIRST = (signal.SIGTERM, signal.SIGKILL)


class StartError(RuntimeError):
    """A program did not come up; the text holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Choose `count` TCP ports nobody listens on, and that no other cluster's start has chosen."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0{PREFIX}port-{port}")
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        found.append(port)
        if len(found) == count:
            return found
    raise StartError(f"fewer than {count} free ports in {PORTS}")


def wait_until(ready: Callable[[], bool], what: str, *, timeout_s: float = 30.0, pause_s: float = 0.05) -> None:
    """Call `ready` until it is true; on a machine with much else to do everything takes longer."""
    timeout_s *= PATIENCE
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise StartError(f"{what}: not within {timeout_s:g} s")
        time.sleep(pause_s)


def start_time(pid: int) -> str | None:
    """Return when a process started (clock ticks since boot), None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


class Programs:
    """The running programs of one directory.

    Parameters
    ----------
    home
        Directory for ``pids`` and ``logs/``.
    keep
        Let them live on when the process that started them ends.
    """

    def __init__(self, home: Path, *, keep: bool = False) -> None:
        self.home = home
        self.keep = keep
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        (home / "logs").mkdir(exist_ok=True)

    def start(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Start one program with its output in ``logs/NAME.out``."""
        # the kernel ends them with us, however we end
        leash = [] if self.keep else ["setpriv", "--pdeathsig", "TERM", "--"]
        # what we may have been told to ignore, jobs do not
        plain = ["env", "--default-signal"]
        with (self.home / "logs" / f"{name}.out").open("ab") as output:
            child = subprocess.Popen(
                [*leash, *plain, *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": SYSTEM_PATH, **(env or {})},
                cwd=self.home,
                start_new_session=True,
            )
        self._children[name] = child
        with (self.home / "pids").open("a") as record:
            record.write(f"{name} {child.pid} {start_time(child.pid)}\n")

    def wait(self, name: str, ready: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
        """Wait until a program answers; fail with its log when it ends or does not."""

        def alive_and_ready() -> bool:
            if self._children[name].poll() is not None:
                raise StartError(f"{name} ended with {self._children[name].returncode}")
            return ready()

        try:
            wait_until(alive_and_ready, name, timeout_s=timeout_s)
        except StartError as error:
            raise StartError(f"{error}\n{self.log(name)}") from None

    def log(self, name: str, lines: int = 25) -> str:
        """Return the end of what a program has written."""
        texts = []
        for path in sorted((self.home / "logs").glob(f"{name}.*")):
            texts += path.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(texts)

    def stop(self, names: Iterable[str], *, timeout_s: float = 15.0, kill: bool = False) -> None:
        """End programs, all at once: asked first, killed after `timeout_s`, or with `kill` at once."""
        wanted = set(names)
        rows = [row for row in read_pids(self.home) if row[0] in wanted]
        signals = (signal.SIGKILL,) if kill else _ASKED_FIRST
        end_processes([(pid, started) for _, pid, started in rows], timeout_s=timeout_s, signals=signals)
        for name in wanted & self._children.keys():
            self._children.pop(name).wait()


def read_pids(home: Path) -> list[tuple[str, int, str]]:
    """Read what was started in a directory, the newest first: name, process id, start time."""
    with contextlib.suppress(FileNotFoundError):
        rows = [line.split() for line in (home / "pids").read_text().splitlines()]
        return [(row[0], int(row[1]), row[2]) for row in reversed(rows) if len(row) == 3]
    return []


def end_processes(
    processes: Iterable[tuple[int, str]], *, timeout_s: float = 15.0, signals: Iterable[signal.Signals] = _ASKED_FIRST
) -> None:
    """Send SIGTERM, wait, then SIGKILL, or other signals, to processes that still are the ones recorded."""
    left = [(pid, started) for pid, started in processes if start_time(pid) == started]
    for number in signals:
        for pid, _ in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + timeout_s
        while left and time.monotonic() < deadline:
            left = [(pid, started) for pid, started in left if start_time(pid) == started]
            time.sleep(0.02)


def make_home(*, keep: bool = False) -> Path:
    """Make a private directory for one cluster, and clear away what killed runs have left."""
    sweep()
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT))
    (home / ("kept" if keep else "owner")).write_text(f"{os.getpid()} {start_time(os.getpid())}")
    home.chmod(0o755)
    return home


def homes() -> list[Path]:
    """List the directories of this user's clusters."""
    return [path for path in sorted(PARENT.glob(f"{PREFIX}*")) if path.is_dir() and path.stat().st_uid == os.geteuid()]


def sweep() -> None:
    """End and remove clusters whose owner is gone."""
    for home in homes():
        try:
            pid, started = (home / "owner").read_text().split()
        except (OSError, ValueError):
            continue  # kept by hand, or being made at this moment
        if start_time(int(pid)) != started:
            remove_home(home)


def remove_home(home: Path) -> None:
    """End whatever still runs in a directory, the newest first, and remove it."""
    for _, pid, started in read_pids(home):
        end_processes([(pid, started)])
    end_processes(job_processes(home), timeout_s=0.5)  # a slurmstepd without its slurmd ignores SIGTERM
    remove_cgroups(home)
    shutil.rmtree(home, ignore_errors=True)


def job_processes(home: Path) -> list[tuple[int, str]]:
    """Find the jobs of this directory's cluster, and their slurmstepd, that outlived a killed slurmd."""
    mark = f"SLURM_CONF={home}/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            # a person's shell has SLURM_CONF too, but is no job
            in_job = b"SLURM_JOB_ID=" in environment or (entry / "comm").read_text().startswith("slurmstepd")
            if mark in environment and in_job:
                found.append(int(entry.name))
    return [(pid, started) for pid in found if (started := start_time(pid))]


def remove_cgroups(home: Path) -> None:
    """Remove the (empty) control groups that match the patterns in ``cgroups``, one per line."""
    with contextlib.suppress(FileNotFoundError):
        for pattern in (home / "cgroups").read_text().splitlines():
            for top in Path("/").glob(pattern.removeprefix("/")):
                for directory, _, _ in os.walk(top, topdown=False):
                    with contextlib.suppress(OSError):
                        Path(directory).rmdir()
