"""The command line as a whole: help, errors in two lines, exit codes."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from planner.cli import COMMANDS, main

DOCS = Path(__file__).parent.parent.parent / "docs"


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_summary(name: str) -> None:
    command = importlib.import_module(f"planner.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_explained(name: str) -> None:
    command = importlib.import_module(f"planner.cli.{name}").command
    commands = [command, *getattr(command, "commands", {}).values()]
    for one in commands:
        for option in one.params:
            if isinstance(option, click.Option):
                assert option.help, f"{one.name} {option.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"chromplan {name}" in "".join(path.read_text() for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("arguments", [(), ("history",), ("site",)])
def test_a_group_without_a_command_shows_its_help(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = chromplan(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: chromplan")
    assert "\nCommands:\n" in err


def test_an_unknown_command_is_two_lines_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = chromplan("paln", capsys=capsys)
    assert (code, out) == (2, "")
    assert err == "error: no command 'paln' in 'chromplan'\nhint: did you mean 'plan'? see 'chromplan --help'\n"


def test_an_unknown_option_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = chromplan("plan", "--colour", capsys=capsys)
    assert code == 2
    assert err.splitlines()[1] == "hint: see 'chromplan plan --help'"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("sumbit",), "'submit'"),
        (("history", "improt"), "'import'"),
        (("plan", "--moed", "jobs"), "'--mode'"),
        (("plan", "--mode", "arry"), "'array'"),
        (("site", "detetc"), "'detect'"),
    ],
)
def test_a_typing_error_gets_the_word_that_was_meant(
    arguments: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = chromplan(*arguments, capsys=capsys)
    assert code == 2
    assert f"hint: did you mean {meant}" in err


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("plan", "'chromplan init' writes one"),
        ("next", "'chromplan init' writes its chromplan.toml, 'chromplan sbatch SCRIPT' needs none"),
    ],
)
def test_outside_a_project_is_two_lines_and_exit_code_2_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = chromplan(command, capsys=capsys)
    assert (code, out) == (2, "")
    assert err == f"error: chromplan.toml: no such file\nhint: {hint}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_defect_is_two_lines_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("planner.cli.plan.open_project", lambda _: 1 / 0)
    code, _, err = chromplan("plan", "-C", str(tmp_path), capsys=capsys)
    assert code == 1
    assert err.splitlines()[0] == "error: ZeroDivisionError: division by zero"
    code, _, err = chromplan("--debug", "plan", "-C", str(tmp_path), capsys=capsys)
    assert "Traceback" in err


def test_an_interrupt_is_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("planner.cli.plan.open_project", interrupt)
    code, _, err = chromplan("plan", "-C", str(tmp_path), capsys=capsys)
    assert (code, err.strip()) == (130, "interrupted")


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{Path(sys.executable).parent}/chromplan --help | head -1"], capture_output=True, text=True
    )
    assert done.stderr == ""


@pytest.mark.parametrize(("columns", "widest"), [("60", 58), ("200", 78), ("", 78), ("many", 78)])
def test_help_is_as_wide_as_the_terminal_and_no_wider_than_80_columns(columns: str, widest: int) -> None:
    environment = {**os.environ, "COLUMNS": columns}
    command = [sys.executable, "-m", "planner", "plan", "--help"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert widest - 10 < max(map(len, shown.partition("Examples:")[0].splitlines())) <= widest
