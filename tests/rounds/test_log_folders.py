"""Folders of a user's own logs: made where that is surely meant, named otherwise."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from planner.core.user_scripts import UserScript
from planner.rounds import log_folders

ME = pwd.getpwuid(os.getuid()).pw_name


def script(folder: Path, output: str, error: str = "", *, chdir: str = "", dependency: str = "") -> UserScript:
    return UserScript(
        folder=str(folder),
        content="c",
        job_name="my job",
        output=output,
        error=error,
        chdir=chdir,
        dependency=dependency,
    )


@pytest.mark.parametrize(
    ("output", "error", "expected"),
    [
        ("there/%A_%a.out", "", []),
        ("slurm-%A_%a.out", "/dev/null", []),
        ("logs/%A.out", "logs/%A.err", ["logs"]),
        ("logs/deep/%a.out", "errors/%a.err", ["errors", "logs/deep"]),
        ("%x/%a.out", "%u/%a.err", ["my job", ME]),
        ("%A/%a.out", "there/%j/x", []),  # nobody knows it before Slurm does
    ],
)
def test_folders_that_are_not_there_are_found_as_far_as_their_names_are_known(
    tmp_path: Path, output: str, error: str, expected: list[str]
) -> None:
    (tmp_path / "there").mkdir()
    found = log_folders.missing(script(tmp_path, output, error))
    assert found == sorted(tmp_path / name for name in expected)


def made(of: UserScript) -> str:
    said: list[str] = []
    log_folders.make(of, said.append)
    return "\n".join(said)


def test_a_folder_where_the_jobs_start_is_made_and_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert made(script(tmp_path, "logs/%x/%a.out", chdir="sub")) == (
        f"made {tmp_path}/sub/logs/my job, the folder of the jobs' logs"
    )
    assert (tmp_path / "sub/logs/my job").is_dir()
    assert made(script(tmp_path, "logs/%x/%a.out", chdir="sub")) == ""


@pytest.mark.parametrize(
    ("output", "dependency"), [("/nowhere/at all/%a.out", ""), ("logs/%a.out", "afterok:4711"), ("file/in/%a.out", "")]
)
def test_a_folder_that_may_be_another_ones_to_make_is_only_named(tmp_path: Path, output: str, dependency: str) -> None:
    (tmp_path / "file").write_text("in the way")
    said = made(script(tmp_path, output, dependency=dependency))
    assert said.startswith("note: no folder /")
    assert "mkdir -p" in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
