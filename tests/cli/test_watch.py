"""``chromplan watch``: how often it looks."""

from pathlib import Path

import pytest
from attempts import attempt
from click.testing import CliRunner

from planner.cli import cli
from planner.cli.watch import Pause
from planner.cli.watch_screen import WatchScreen, table_of
from planner.core.records import Outcome
from planner.rounds.waiting import explain


def test_it_looks_less_and_less_often_while_nothing_changes() -> None:
    pause = Pause(60)
    waits = [pause.after(changed=False) for _ in range(8)]
    assert waits[:3] == [90, 135, 202.5]
    assert waits[-1] == 600
    assert pause.after(changed=True) == 60


@pytest.mark.parametrize("changed", [True, False])
def test_never_more_often_than_it_may(changed: bool) -> None:
    assert Pause(900).after(changed=changed) == 900


def test_where_nothing_is_planned_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    (tmp_path / "chromplan.toml").write_text('[pipeline]\nname = "x"\ntool = "x"\ncommand = "true {chromosome}"\n')
    done = CliRunner().invoke(cli, ["watch", "-C", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "nothing was submitted yet"


def test_the_table_shows_what_runs_first_and_no_more_than_fits() -> None:
    table = table_of([attempt(number) for number in range(1, 31)] + [attempt(40, state="RUNNING")])
    tasks = list(table.columns[0].cells)
    assert (tasks[0], tasks[-1], len(tasks)) == ("chr40", "and 11 more", 21)


def test_a_terminal_gets_a_line_for_each_end_and_a_table_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    flying = [attempt(1), attempt(2)]
    ended = [attempt(1, outcome=Outcome.COMPLETED), attempt(2), attempt(3)]
    with WatchScreen() as screen:
        screen.show(flying, None)
        screen.wait(flying, 60)
        screen.show(ended, flying)
        screen.wait(ended, 90)
    shown = capsys.readouterr().out
    assert "0 of 2 tasks done, 2 waiting" in shown
    assert "chr1: completed, 402 of 500 MB, 12 s" in shown
    assert "chr3: submitted in round 1 as 7_3, 500 MB" in shown
    assert "next look in 90 s" in shown


def test_what_had_failed_before_the_first_look_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    failed = [attempt(number, outcome=Outcome.FAILED) for number in range(1, 8)]
    with WatchScreen() as screen:
        screen.show([*failed, attempt(8, outcome=Outcome.COMPLETED), attempt(9)], None)
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith("1 of 9 tasks done, 7 failed")
    assert [line.partition(",")[0] for line in lines[1:]] == [
        *(f"chr{number}: failed" for number in range(1, 6)),
        "and 2 more: 'chromplan status --failed'",
    ]


def test_why_tasks_wait_is_said_once_for_each_reason(capsys: pytest.CaptureFixture[str]) -> None:
    flying = [attempt(1, wait=explain("Resources")), attempt(2, wait=explain("JobHeldUser"))]
    with WatchScreen() as screen:
        screen.show(flying, None)
        screen.show(flying, flying)
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["0 of 2 tasks done, 2 waiting", "1 task waits: no node has room yet", "1 task waits: held"]
