"""Completion, as the shells ask for it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
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


ALL_MODES = ["array", "auto", "dynamic", "het", "jobs", "packed", "tiers"]
# what is typed, and what is offered for the last word
TYPED = {
    "chromplan sta": ["status"],
    "chromplan plan --mode di": [],
    "chromplan plan --mode ti": ["tiers"],
    "chromplan site show cann": ["cannon"],
    "chromplan formula show bea": ["beagle"],
    "chromplan fit --tool ": ["mine"],
    "chromplan logs chr2": ["chr21", "chr22"],
    "chromplan sbatch imp": ["impute.sh"],
    "chromplan wrap --mode jobs imp": ["impute.sh"],
    "chromplan history import ru": ["runs.csv"],
}


@pytest.fixture
def typed_at(project: Path) -> Callable[[str, str], list[str]]:
    """Return what runs a shell's script where the commands are, and gives its lines."""
    (project / "impute.sh").touch()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(shell: str, script: str) -> list[str]:
        if not shutil.which(shell):
            pytest.skip(f"no {shell} here")
        environment = {**os.environ, "PATH": path, "HOME": str(project)}
        done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run


def test_a_real_bash_completes(typed_at: Callable[[str, str], list[str]]) -> None:
    ask = """
eval "$(_CHROMPLAN_COMPLETE=bash_source chromplan)"
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _chromplan_completion "$1" 2>&1
    [ ${#COMPREPLY[@]} -gt 0 ] || compopt_default "${COMP_WORDS[COMP_CWORD]}"
    echo "${COMPREPLY[*]}"
}
compopt() { files=1; }  # there is no completion under way here
compopt_default() { [ -z "$files" ] || mapfile -t COMPREPLY < <(compgen -f -- "$1"); files=; }
"""
    typed = {**TYPED, "chromplan plan --mode = ti": ["tiers"], "chromplan plan --mode =": ALL_MODES}
    lines = [f"ask {line if not line.endswith(' ') else line + chr(39) * 2}" for line in typed]
    shown = [line.split() for line in typed_at("bash", "\n".join([ask, *lines]))]
    assert dict(zip(typed, map(sorted, shown), strict=True)) == typed


def test_a_real_fish_completes(typed_at: Callable[[str, str], list[str]]) -> None:
    typed = {
        **TYPED,
        "chromplan plan --mode=ti": ["--mode=tiers"],
        "chromplan site ": ["check", "detect", "list", "show"],
    }
    lines = "\n".join(f"complete -C {shlex.quote(line)}; echo end" for line in typed)
    shown = typed_at("fish", f"_CHROMPLAN_COMPLETE=fish_source chromplan | source\n{lines}")
    offered = "\n".join(shown).removesuffix("end").split("end\n")
    words = [sorted(line.partition("\t")[0] for line in one.splitlines()) for one in offered]
    assert dict(zip(typed, words, strict=True)) == typed
    assert "submit\tSubmit the rendered round." in typed_at(
        "fish", "_CHROMPLAN_COMPLETE=fish_source chromplan | source; complete -C 'chromplan subm'"
    )


# what zsh's completion system would be told
ZSH = """
compdef() { : }
compadd() { print -rn -- "${(P)@[-1]} " }
_describe() { local one; for one in "${(P)@[-2]}"; do print -rn -- "${one%%:*} "; done }
_path_files() { print -rn -- "impute.sh" }
eval "$(_CHROMPLAN_COMPLETE=zsh_source chromplan)"
ask() { words=("$@"); CURRENT=$#; _chromplan_completion; print }
"""


def test_a_real_zsh_completes(typed_at: Callable[[str, str], list[str]]) -> None:
    typed = {**TYPED, "chromplan plan --mode=ti": ["--mode=tiers"], "chromplan plan --comp": ["--compare"]}
    typed.pop("chromplan history import ru")
    lines = [f"ask {line if not line.endswith(' ') else line + chr(39) * 2}" for line in typed]
    shown = [line.split() for line in typed_at("zsh", "\n".join([ZSH, *lines]))]
    assert dict(zip(typed, map(sorted, shown), strict=True)) == typed


def test_zsh_without_its_completion_system_gets_it(typed_at: Callable[[str, str], list[str]]) -> None:
    script = 'eval "$(_CHROMPLAN_COMPLETE=zsh_source chromplan)"; print $_comps[chromplan]'
    assert typed_at("zsh", f"unfunction compdef 2>/dev/null; {script}") == ["_chromplan_completion"]
