"""What would be submitted: told in a few lines, however many tasks there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.actions import wrapping
from planner.cli import cli
from planner.core.errors import InputError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    Path("a.sh").write_text("#!/bin/sh\n#SBATCH --mem=1G -t 10\n")


def tried(array: str) -> list[str]:
    argv = ["sbatch", "--dry-run", "--no-history", "--site=cannon", "--map=none", f"--array={array}", "a.sh"]
    done = CliRunner().invoke(cli, argv, catch_exceptions=False)
    assert done.exit_code == 0
    assert not list(Path("data").rglob("runs/*"))
    return [line for line in done.stdout.splitlines() if not line.startswith(("sbatch", "s"))]


def test_few_tasks_are_listed_one_by_one() -> None:
    rows = tried("1-22")
    assert [row.split()[:3] for row in rows] == [[str(n), "1024", "MB"] for n in range(1, 23)]


def test_of_many_tasks_there_is_a_summary_and_the_largest() -> None:
    first, *rows, last = tried("1-500")
    assert first == "500 tasks: 1024 MB each; the largest:"
    assert len(rows) == 10
    assert last.startswith("... and 490 more")


@pytest.mark.parametrize("there", ["a pipe", "a folder", "nothing"])
def test_what_is_no_list_is_not_waited_for(there: str) -> None:
    Path("a.sh").write_text('#!/bin/sh\n#SBATCH --mem=1G -t 10\nsed -n "${SLURM_ARRAY_TASK_ID}p" list\n')
    if there == "a pipe":
        os.mkfifo("list")
    elif there == "a folder":
        Path("list").mkdir()
    argv = ["sbatch", "--dry-run", "--no-history", "--site=cannon", "--array=1-3", "a.sh"]
    done = CliRunner().invoke(cli, argv, catch_exceptions=False)
    assert done.exit_code == 0
    assert [row.split()[0] for row in done.stdout.splitlines()[-3:]] == ["1", "2", "3"]


def test_a_closed_standard_input_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    handed = wrapping.HandedOver(folder=Path(), environment={}, given=(), rest=("a.sh",))
    assert wrapping.read_request(handed).mem_mb == 1024
    with pytest.raises(InputError, match="standard input:1: not a batch script"):
        wrapping.read_request(wrapping.HandedOver(folder=Path(), environment={}, given=(), rest=()))
