"""``measure.sh`` around real processes of known size: the peak is the tree's, and the command does not notice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from planner.core.records import Quality
from planner.runner import peak

PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
# they hold their memory until they are let go
WAIT = "while not os.path.exists(sys.argv[2]): time.sleep(0.02)"
HOLD = f"""import os, sys, time
held = bytearray(b"1") * (int(sys.argv[1]) << 20)
{WAIT}
"""
FORK = f"""import os, sys, time
held = bytearray(b"1") * (200 << 20)
for _ in range(10):
    if os.fork() == 0:
        own = bytearray(b"1") * (int(sys.argv[1]) << 20)
        {WAIT}
        os._exit(0)
for _ in range(10):
    os.wait()
"""
# the memory is held by another thread than the first, which has ended
THREAD = """import ctypes, os, sys, threading, time
def hold():
    while "Z (zombie)" not in open("/proc/self/status").read(): time.sleep(0.02)
    held = bytearray(b"1") * (int(sys.argv[1]) << 20)
    while not os.path.exists(sys.argv[2]): time.sleep(0.02)
    os._exit(0)
threading.Thread(target=hold).start()
ctypes.CDLL(None).syscall(60, 0)
"""
# an id above all that the kernel gives out
ROOT = 5_000_000
SIGNALS = [
    getattr(signal, f"SIG{name}")
    for name in ("HUP", "INT", "QUIT", "PIPE", "ALRM", "TERM", "USR1", "USR2", "XCPU", "XFSZ", "VTALRM", "PROF")
]
INTERPRETER_MB = 10
SHELL_MB = 5


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "peaks" / "a task.1"
    path.parent.mkdir()
    yield path
    eventually(lambda: not watchers(path))  # it ends with what it watches


def eventually(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def watchers(record: Path) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter():
        try:
            if str(record) in one.cmdline() and str(peak.script()) in one.cmdline():
                found.append(one)
        except psutil.Error:
            continue
    return found


def started(record: Path, script: str, *, before: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
    folder = record.parent.parent
    (folder / "hold.py").write_text(HOLD)
    (folder / "fork.py").write_text(FORK)
    return subprocess.Popen(
        [*before, "bash", str(peak.script()), str(record), "bash", "-c", script],
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        cwd=folder,
        text=True,
    )


def measured(
    record: Path, script: str, *, until_mb: float = 0, before: Sequence[str] = (), **environment: str
) -> peak.OwnPeak:
    """Run a script whose processes hold their memory until as much has been seen."""
    with started(record, script, before=before, **environment) as running:
        try:
            if until_mb:
                eventually(lambda: is_seen(record, until_mb))
        finally:
            (record.parent.parent / "go").touch()
        running.communicate(timeout=120)
        assert running.returncode == 0
    found = peak.read(record)
    assert found is not None
    return found


def is_seen(record: Path, mb: float) -> bool:
    seen = peak.read(record)
    return seen is not None and seen.peak_mb >= mb and seen.quality is Quality.MEASURED


def hold(mb: int) -> str:
    return f"{PYTHON} -SE hold.py {mb} go"


def a_process(proc: Path, pid: int, parent: int, mb: int, *, began: int = 7) -> None:
    """Write what /proc says of a process that began at this tick."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    before, after = ["S", str(parent), *["0"] * 15, "1", "0", str(began), "0"], [*["0"] * 3, str(pid), *["0"] * 20]
    (folder / "status").write_text(f"VmHWM: {mb << 10} kB\n")
    (folder / "statm").write_text("0 0 0 0\n")
    (folder / "new").write_text(f"{pid} (a b) {' '.join([*before, str(mb * 256), *after])}\n")
    (folder / "new").rename(folder / "stat")


@contextmanager
def watched(record: Path, proc: Path, root: int, **environment: str) -> Iterator[Callable[[], int]]:
    """Watch a process of a made-up /proc, and give how often it was looked at, as far as the record says."""
    command = ["bash", str(peak.script()), "--beside", str(root), str(record)]
    watcher = subprocess.Popen(command, env=os.environ | {"CHROMPLAN_PROC": str(proc)} | environment)
    try:
        eventually(lambda: record.exists() and "looks=4" in record.read_text())
        yield lambda: int(record.read_text().rpartition("looks=")[2].split()[0])
    finally:
        shutil.rmtree(proc / str(root))
        assert watcher.wait(timeout=120) == 0


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A made-up /proc, but for the last id that was given out."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "loadavg").symlink_to("/proc/loadavg")
    return folder


def test_a_process_that_becomes_visible_long_after_its_id_was_given_out_counts(record: Path, proc: Path) -> None:
    a_process(proc, ROOT, 1, 100)
    with watched(record, proc, ROOT):
        a_process(proc, 5, ROOT, 100)
        eventually(lambda: is_seen(record, 200))


def test_an_id_that_was_given_out_again_is_another_process(record: Path, proc: Path) -> None:
    a_process(proc, ROOT, 1, 100)
    a_process(proc, ROOT + 1, ROOT, 100)
    with watched(record, proc, ROOT) as looks:
        eventually(lambda: is_seen(record, 200))
        a_process(proc, ROOT + 1, 1, 800, began=9)
        seen = looks()
        eventually(lambda: looks() > 4 * seen)
    found = peak.read(record)
    assert found is not None
    assert found.peak_mb == 200


def test_a_clock_that_is_set_back_stops_nothing(record: Path, proc: Path, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("unset EPOCHREALTIME\n")  # as before bash 5: /proc/uptime is the clock
    up = iter(range(10**4, 10**9, 50))

    def at(seconds: int) -> None:
        (tmp_path / "new").write_text(f"{seconds}.00 0.00\n")
        (tmp_path / "new").rename(proc / "uptime")

    def fast(holds: Callable[[], object]) -> bool:
        at(next(up))
        return bool(holds())

    at(next(up))
    a_process(proc, ROOT, 1, 100)
    with watched(record, proc, ROOT, BASH_ENV=str(tmp_path / "old")) as looks:
        eventually(lambda: fast(lambda: looks() >= 16))
        at(1)
        a_process(proc, ROOT + 1, ROOT, 100)
        eventually(lambda: is_seen(record, 200))


def in_a_namespace(last_pid: str) -> list[str]:
    """Return a command before another one, whose processes get the ids after this one."""
    become = f'echo {last_pid} >/proc/sys/kernel/ns_last_pid && exec "$@"'
    return ["unshare", "--fork", "--pid", "--mount-proc", "bash", "-c", become, "-"]


@pytest.mark.parametrize(
    "last_pid",
    [
        "9990",  # in the order of text, 10000 is before its parent
        "99990",
        "$(($(cat /proc/sys/kernel/pid_max) - 9))",  # after the highest id, they start again from the lowest
    ],
)
def test_whatever_their_ids_all_processes_count(record: Path, last_pid: str) -> None:
    namespace = in_a_namespace(last_pid)
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("process ids cannot be chosen here: that takes root")
    nested = f"true; true; true; ({hold(100)} | (true; {hold(100)} & (true; true; {hold(100)}; true); wait))"
    found = measured(record, nested, until_mb=300, before=namespace)
    assert found.peak_mb <= 300 + 4 * INTERPRETER_MB + 4 * SHELL_MB


@pytest.mark.parametrize(
    "options",
    [
        {"POSIXLY_CORRECT": "1"},
        {"SHELLOPTS": "braceexpand:errexit:nounset:noglob:pipefail"},
        {"SHELLOPTS": "posix:errexit:nounset", "BASHOPTS": "failglob:nullglob:nocasematch"},
    ],
    ids=lambda options: " ".join(options),
)
def test_whatever_options_the_environment_sets_in_every_bash(record: Path, options: dict[str, str]) -> None:
    measured(record, f"{hold(100)} | {hold(100)}", until_mb=200, **options)
    with started(record.parent.parent / "missing" / "record", "exit 5", **options) as running:
        assert running.wait(60) == 5


def test_a_name_with_a_line_break_hides_no_process(record: Path) -> None:
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) 1 2\\nb', 0, 0, 0)"
    (record.parent.parent / "named.py").write_text(f"{named}\n{HOLD}")
    one = f"{PYTHON} -SE named.py 100 go"
    assert measured(record, f"{one} | {one}", until_mb=200).peak_mb <= 200 + 3 * INTERPRETER_MB


def test_a_program_whose_first_thread_has_ended_still_holds_its_memory(record: Path) -> None:
    (record.parent.parent / "thread.py").write_text(THREAD)
    one = f"{PYTHON} -SE thread.py 100 go"
    assert measured(record, f"{one} | {one}", until_mb=200).peak_mb <= 200 + 3 * INTERPRETER_MB


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_processes_of_another_user_count(record: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    other = f"setpriv --reuid=65534 --regid=65534 --clear-groups {hold(100)}"
    assert measured(record, f"{other} | {other}", until_mb=200).peak_mb <= 200 + 3 * INTERPRETER_MB


def test_signals_meant_for_the_task_do_not_end_the_measurement(record: Path) -> None:
    with started(record, f"until [ -e now ]; do sleep 0.05; done; {hold(100)} | {hold(100)}") as running:
        try:
            eventually(lambda: is_seen(record, 1))
            (watcher,) = (one for one in watchers(record) if one.pid != running.pid)
            for name in SIGNALS:
                watcher.send_signal(name)
            (record.parent.parent / "now").touch()
            eventually(lambda: is_seen(record, 200))
        finally:
            (record.parent.parent / "now").touch()
            (record.parent.parent / "go").touch()
        assert running.wait(120) == 0


def test_two_processes_in_a_pipe_count_together(record: Path) -> None:
    found = measured(record, f"{hold(200)} | {hold(200)}", until_mb=400)
    assert found.peak_mb <= 400 + 2 * INTERPRETER_MB + SHELL_MB
    assert found.quality is Quality.MEASURED


@pytest.mark.parametrize("own_mb", [0, 10])
def test_pages_that_ten_workers_share_count_once(record: Path, own_mb: int) -> None:
    truth = 200 + 10 * own_mb
    found = measured(record, f"{PYTHON} -SE fork.py {own_mb} go", until_mb=truth)
    assert found.peak_mb <= truth + 2 * INTERPRETER_MB
    assert found.quality is Quality.MEASURED


def test_one_process_that_is_soon_over_is_seen(record: Path) -> None:
    found = measured(record, f"{PYTHON} -SEc 'held = bytearray(b\"1\") * (200 << 20)'")
    assert 200 <= found.peak_mb <= 200 + INTERPRETER_MB


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java here")
def test_a_virtual_machine_with_its_threads_is_one_process(record: Path) -> None:
    options = "-XX:+UseSerialGC -Xms200m -Xmx200m -XX:+AlwaysPreTouch"
    found = measured(record, f"java {options} -version 2>/dev/null; sleep 0.1")
    largest = int(record.read_text().partition("peak_kib=")[2].split()[0]) / 1024
    assert found.peak_mb >= largest > 200
    assert found.peak_mb <= largest * 1.05


def test_a_daemon_that_left_its_parent_and_session_counts(record: Path) -> None:
    found = measured(record, f"(setsid {hold(150)} &); {hold(150)}", until_mb=300)
    assert found.peak_mb <= 300 + 2 * INTERPRETER_MB


def test_many_programs_started_by_a_large_one_do_not_count_it_twice(record: Path) -> None:
    spawn = 'import subprocess; held = bytearray(b"1") * (200 << 20); [subprocess.run(["true"]) for _ in range(100)]'
    assert measured(record, f"{PYTHON} -Ec '{spawn}'").peak_mb <= 200 + 3 * INTERPRETER_MB


def test_where_there_is_no_proc_ps_tells(record: Path) -> None:
    found = measured(record, f"{hold(100)} | {hold(100)}", until_mb=200, CHROMPLAN_PROC="/nonexistent")
    assert found.peak_mb <= 200 + 3 * INTERPRETER_MB


@pytest.mark.parametrize(
    ("script", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("no-such-command", 127)]
)
def test_exit_codes_are_the_command_s(record: Path, script: str, code: int) -> None:
    with started(record, f"{script} 2>/dev/null") as running:
        assert running.wait(60) in (code, code - 128)


def test_a_record_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    with started(tmp_path / "missing" / "record", "exit 5") as running:
        assert running.wait(60) == 5


def test_output_and_files_of_the_task_are_not_held_open(record: Path) -> None:
    with started(record, "sleep 60") as running:
        eventually(lambda: [one for one in watchers(record) if one.pid != running.pid])
        (watcher,) = (one for one in watchers(record) if one.pid != running.pid)
        eventually(lambda: {str(Path(f"/proc/{watcher.pid}/fd/{fd}").readlink()) for fd in (0, 1, 2)} == {"/dev/null"})
        assert watcher.cwd() == "/"
        running.kill()
        running.wait()
        os.killpg(running.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_task_that_is_ended_leaves_what_was_seen_of_it(record: Path, name: str) -> None:
    with started(record, f"{hold(200)} | {hold(200)}") as running:
        try:
            eventually(lambda: is_seen(record, 400))
        finally:
            os.killpg(running.pid, getattr(signal, name))
        running.wait()
    seen = peak.read(record)
    assert seen is not None
    assert seen.peak_mb >= 400


def test_no_record_is_no_peak(tmp_path: Path) -> None:
    assert peak.read(tmp_path / "nothing") is None
    (tmp_path / "empty").touch()
    assert peak.read(tmp_path / "empty") is None


@pytest.mark.parametrize(
    ("text", "peak_mb", "quality"),
    [
        ("peak_kib=204800 elapsed_s=9.00 rc=0\n", 200, "measured"),  # nothing could be looked at
        ("tree_kib=409600 looks=40\npeak_kib=204800 elapsed_s=9.00 rc=0\n", 400, "measured"),
        ("tree_kib=102400 looks=2\npeak_kib=204800 elapsed_s=9.00 rc=0\n", 200, "sampled"),
        ("tree_kib=102400 looks=2 cgroup_kib=210000\npeak_kib=204800 elapsed_s=9.00 rc=0\n", 200, "measured"),
        ("tree_kib=102400 looks=1\npeak_kib=204800 elapsed_s=0.05 rc=0\n", 200, "measured"),  # no time for more
        ("tree_kib=409600 looks=9 cgroup_kib=307200\n", 300, "measured"),  # shares that the kernel did not tell
        ("tree_kib=102400 looks=9\ntree_kib=4096", 100, "measured"),  # killed while it wrote
    ],
)
def test_a_record_says_how_far_it_can_be_trusted(tmp_path: Path, text: str, peak_mb: int, quality: str) -> None:
    (tmp_path / "record").write_text(text)
    found = peak.read(tmp_path / "record")
    assert found is not None
    assert (round(found.peak_mb), found.quality) == (peak_mb, quality)


def test_a_record_says_how_the_task_ended_also_by_a_signal(tmp_path: Path) -> None:
    record = tmp_path / "record"
    line = "peak_kib=204800 elapsed_s=9.00"
    for text, code in (
        (f"{line} rc=0\n", 0),
        (f"Command exited with non-zero status 3\n{line} rc=3\n", 3),
        (f"Command terminated by signal 9\n{line} rc=0\n", 137),
        ("tree_kib=409600 looks=9\n", None),
    ):
        record.write_text(text)
        found = peak.read(record)
        assert found is not None
        assert found.code == code
        assert found.ended == (code in (0, 3))
