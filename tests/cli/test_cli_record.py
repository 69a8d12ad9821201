"""``chromplan record``: the command behaves as without it, and what it used is in the history."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planner.history.store import Store

HOLD = "import sys, time; held = bytearray(int(sys.argv[1]) << 20); time.sleep(float(sys.argv[2]))"


def record(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "planner", "record", "-C", str(folder), *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=480, **options)


def recorded(folder: Path) -> Any:
    with Store.open(folder / ".chromplan" / "history.sqlite") as store:
        (one,) = store.observations()
    return one


def test_what_a_command_used_is_recorded_with_its_features(tmp_path: Path) -> None:
    (tmp_path / "in.vcf").write_bytes(b"x" * (3 << 20))
    options = ["--tool", "hold", "--sample", "s1", "--chromosome", "chr7", "--feature", "variants=120000"]
    options += ["--input", str(tmp_path / "in.vcf"), "--cpus", "2"]
    # long enough to be looked at several times on a busy machine
    done = record(tmp_path, *options, "--", sys.executable, "-c", HOLD, "200", "4")
    assert done.returncode == 0, done.stderr
    one = recorded(tmp_path)
    assert (one.tool, one.task, one.sample, one.chromosome, one.cpus) == ("hold", "s1.chr7", "s1", "7", 2)
    assert one.features["variants"] == 120000
    assert one.features["input_mb"] == 3
    assert one.features["length_mb"] > 100
    assert (one.outcome, one.quality, one.source) == ("completed", "measured", "record")
    assert 200 <= one.peak_mb <= 230
    assert one.wall_s >= 0.3


def test_processes_in_a_pipe_count_together(tmp_path: Path) -> None:
    hold = f"{sys.executable} -c '{HOLD}' 150 10"
    done = record(tmp_path, "--tool", "pipe", "--", "bash", "-c", f"{hold} | {hold}")
    assert done.returncode == 0, done.stderr
    assert 300 <= recorded(tmp_path).peak_mb <= 345


def test_pages_that_workers_share_count_once(tmp_path: Path) -> None:
    workers = "import os, time\nheld = bytearray(200 << 20)\n"
    workers += "for _ in range(5):\n    os.fork() or (time.sleep(4), os._exit(0))\n"
    workers += "for _ in range(5): os.wait()"
    assert record(tmp_path, "--tool", "fork", "--", sys.executable, "-c", workers).returncode == 0
    assert 200 <= recorded(tmp_path).peak_mb <= 260


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_exit_codes_are_the_command_s(tmp_path: Path, script: str, code: int) -> None:
    assert record(tmp_path, "--", "bash", "-c", script).returncode == code
    assert recorded(tmp_path).outcome == "failed"


def test_input_and_output_are_the_command_s(tmp_path: Path) -> None:
    done = record(tmp_path, "--", "tr", "a-z", "A-Z", input="hello\n")
    assert (done.stdout, done.stderr, done.returncode) == ("HELLO\n", "", 0)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_signals_reach_the_command(tmp_path: Path, name: str) -> None:
    script = f"trap 'echo got it; exit 7' {name[3:]}; echo ready; for n in $(seq 600); do sleep 0.05; done"
    words = [sys.executable, "-m", "planner", "record", "-C", str(tmp_path), "--", "bash", "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(getattr(signal, name))
        assert running.stdout.read() == "got it\n"
        assert running.wait(timeout=240) == 7


def test_a_command_that_is_not_there_is_said_as_a_shell_says_it(tmp_path: Path) -> None:
    done = record(tmp_path, "--", "no-such-command")
    assert done.returncode == 127
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_a_history_that_cannot_be_written_does_not_change_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / ".chromplan").write_text("a file in the way")
    done = record(tmp_path, "--", "bash", "-c", "exit 4")
    assert done.returncode == 4
    assert "not recorded" in done.stderr


def test_a_feature_that_is_not_a_number_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = record(tmp_path, "--feature", "x=many", "--", "touch", str(tmp_path / "ran"))
    assert done.returncode == 2
    assert not (tmp_path / "ran").exists()
