"""Completion, as the shells ask for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from planner.cli import cli, main


def complete(*words: str, begun: str = "") -> list[str]:
    """Return what is offered for the last word."""
    asked = ShellComplete(cli, {}, "chromplan", "_CHROMPLAN_COMPLETE")
    return [
        f"<{item.type}>" if item.type != "plain" else item.value for item in asked.get_completions(list(words), begun)
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text("task,chromosome,peak_mb\nchr1,1,300\n")
    for arguments in (
        ("init", "--chromosomes", "21,22", "--site", "local", "--tool", "mine"),
        ("history", "import", "runs.csv", "--tool", "mine"),
        ("plan",),
    ):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        ((), "sub", ["submit"]),
        (("history",), "im", ["import"]),
        (("plan", "--mode"), "pa", ["packed"]),
        (("plan",), "--comp", ["--compare"]),
        (("init", "--site"), "cann", ["cannon"]),
        (("site", "show"), "cann", ["cannon"]),
        (("order", "--genome"), "T2T", ["T2T-CHM13"]),
        (("formula", "show"), "bea", ["beagle"]),
        (("formula", "export", "beagle", "--to"), "sn", ["snakemake"]),
        (("fit", "--tool"), "m", ["mine"]),
        (("history", "show", "--tool"), "", ["mine"]),
        (("logs",), "", ["chr22", "chr21"]),
        (("history", "import"), "r", ["<file>"]),
        (("wrap",), "im", ["<file>"]),
        (("sbatch",), "im", ["<file>"]),
        (("plan", "-C"), "", ["<dir>"]),
        (("init", "--samples"), "s", ["<file>"]),
    ],
)
def test_words_are_completed(project: Path, words: tuple[str, ...], begun: str, expected: list[str]) -> None:
    assert sorted(complete(*words, begun=begun)) == sorted(expected)


def test_outside_a_project_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete("fit", "--tool") == []
    assert complete("logs") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    environment = {**os.environ, "_CHROMPLAN_COMPLETE": f"{shell}_source"}
    command = [str(Path(sys.executable).parent / "chromplan")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "_CHROMPLAN_COMPLETE" in done.stdout
    assert shell in done.stdout


def test_a_real_bash_completes(project: Path) -> None:
    (project / "impute.sh").touch()
    script = """
eval "$(_CHROMPLAN_COMPLETE=bash_source chromplan)"
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _chromplan_completion "$1" 2>&1
    echo "${COMPREPLY[*]}"
}
ask chromplan sta
ask chromplan plan --mode di
ask chromplan plan --mode ti
ask chromplan site show cann
"""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["status", "", "tiers", "cannon"], done.stderr
