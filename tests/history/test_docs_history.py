"""The commands of docs/history.md run as they stand there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from planner.cli import main
from planner.history.sacct.read import FIELDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "history.md").read_text()


def test_the_commands_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copy(Path(__file__).parent / "fixtures" / "own_22.05.txt", tmp_path / "jobs.txt")
    commands = [
        line[2:] for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) == 4
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0, command
    assert '"tool": "beagle"' in capsys.readouterr().out


def test_the_columns_that_the_page_asks_for_are_those_that_are_read() -> None:
    asked = re.search(r"-o (JobID,.*?) > jobs", PAGE, re.DOTALL)
    assert asked
    columns = re.sub(r"\\\n", "", asked[1]).split(",")
    assert set(columns) == set(FIELDS) - {
        "WorkDir"
    }  # a second column of free text would make names with "|" unreadable
