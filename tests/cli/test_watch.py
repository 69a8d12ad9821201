"""``chromplan watch``: how often it looks."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.cli import cli
from planner.cli.watch import Pause


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
