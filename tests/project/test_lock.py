"""One command at a time works in a project, on any file system, and a group may share one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from observed import observation

from planner.core import alive, files
from planner.history.store import Store
from planner.project import lock
from planner.project.folder import ProjectFolder

HOLD = """
import sys, time
from pathlib import Path
from planner.project.folder import ProjectFolder
if {without_flock}:
    import errno, fcntl
    def flock(*_): raise OSError(errno.ENOSYS, "Function not implemented")
    fcntl.flock = flock
with ProjectFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def refusing(code: int) -> Callable[..., None]:
    """Return a system call that fails with an errno."""

    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, None], ids=["no flock", "no locks", "flock"])
def without_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this file system is one that has no flock."""
    code = request.param
    if code is not None:
        monkeypatch.setattr(fcntl, "flock", refusing(code))
    return code is not None


def holder(folder: Path, *, without_flock: bool) -> subprocess.Popen[str]:
    """Start another command that works in this project."""
    script = HOLD.format(without_flock=without_flock)
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_command_is_told_to_wait_until_the_first_has_ended(tmp_path: Path, without_flock: bool) -> None:
    with holder(tmp_path, without_flock=without_flock) as other:
        with (
            pytest.raises(lock.BusyError, match="another chromplan is at work"),
            ProjectFolder(tmp_path).lock(wait_s=0.2),
        ):
            pass
        other.kill()
    with ProjectFolder(tmp_path).lock(wait_s=0.2):
        pass


def test_a_command_may_ask_again_for_what_it_holds(tmp_path: Path, without_flock: bool) -> None:
    project = ProjectFolder(tmp_path)
    with project.lock(), project.lock(), project.lock(3):
        pass
    assert not list(project.state.glob("*.held"))


def test_without_flock_it_is_said_who_works_and_when_a_lock_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOSYS))
    path = ProjectFolder(tmp_path).state / "lock.held"
    path.parent.mkdir()
    gone = {"host": socket.gethostname(), "pid": os.getpid(), "start_s": (alive.started_s(os.getpid()) or 0) - 60}
    path.write_text(json.dumps(gone))
    with ProjectFolder(tmp_path).lock():
        assert json.loads(path.read_text())["pid"] == os.getpid()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "has no flock" in said[0]
    assert "took over the lock" in said[1]
    assert not path.exists()


@pytest.mark.parametrize(("silent_s", "taken"), [(60, False), (3600, True)])
def test_another_hosts_lock_is_taken_over_once_nothing_was_heard_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_s: float, taken: bool
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOSYS))
    path = ProjectFolder(tmp_path).state / "lock.held"
    path.parent.mkdir()
    path.write_text(json.dumps({"host": "another", "pid": os.getpid(), "start_s": alive.started_s(os.getpid())}))
    heard_s = path.stat().st_mtime - silent_s
    os.utime(path, (heard_s, heard_s))
    if taken:
        with ProjectFolder(tmp_path).lock(wait_s=0):
            pass
    else:
        with pytest.raises(lock.BusyError) as busy, ProjectFolder(tmp_path).lock(wait_s=0):
            pass
        assert str(path) in (busy.value.hint or "")


def test_what_a_command_calls_shares_its_lock(tmp_path: Path) -> None:
    script = HOLD.format(without_flock=False).replace(
        "time.sleep(60)", "import os; os.fork() or os.execvp('sleep', ['sleep', '60']); os.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text().split():
            pass
        child = int(children.read_text().split()[0])
        process.kill()
    try:
        with pytest.raises(lock.BusyError), ProjectFolder(tmp_path).lock(wait_s=0.2):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
    with ProjectFolder(tmp_path).lock():
        pass


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


@needs_root
def test_two_users_of_a_group_work_in_one_project() -> None:
    with tempfile.TemporaryDirectory(prefix="chromplan-group-") as name:  # pytest's own are root's alone
        shared = Path(name)
        os.chown(shared, 1001, 2001)
        shared.chmod(0o2775)
        work_as_two(shared)
        with Store.open(shared / ".chromplan" / "history.sqlite") as store:
            assert {one.job_id for one in store.observations()} == {"1001", "1002"}


def work_as_two(shared: Path) -> None:
    """Have two users of group 2001 work in a folder, one after the other."""
    for user in (1001, 1002):
        child = os.fork()
        if not child:
            code = 1
            try:
                os.setgroups([2001])
                os.setgid(user)
                os.setuid(user)
                os.umask(0o022)
                work(ProjectFolder(shared), str(user))
                code = 0
            except Exception:  # noqa: BLE001 - it goes no further than this process
                traceback.print_exc()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def work(project: ProjectFolder, name: str) -> None:
    """Do what a command does in a project: lock it, write a file of a round, record an attempt."""
    with project.lock():
        files.write_text(project.round_folder(1) / "plan.json", name)
        with Store.open(project.store_path) as store:
            store.add([observation(1, 1.0, {}, job_id=name)])


@needs_root
def test_a_folder_that_is_not_shared_stays_its_owners(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a" / "b", "text")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
