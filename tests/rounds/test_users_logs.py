"""The files that a user's own script prints to: found by Slurm's patterns, read only where they are the attempt's."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from planner import slurm
from planner.core.user_scripts import UserScript
from planner.rounds.logs import RoundLogs
from planner.rounds.users_logs import UsersLogs


def logs(folder: Path, *, output: str, error: str = "", array: str = "1-22", chdir: str = "") -> UsersLogs:
    return UsersLogs(
        script=UserScript(
            folder=str(folder), content="c", job_name="my job", array=array, output=output, error=error, chdir=chdir
        )
    )


def named(folder: Path, job_id: str, output: str, error: str = "", array: str = "1-22") -> list[str]:
    found = logs(folder, output=output, error=error, array=array).paths(job_id)
    return [str(path.relative_to(folder)) for path in found]


def test_patterns_name_the_file_of_an_element(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    assert named(tmp_path, "12_3", "slurm-%A_%a.out") == ["slurm-12_3.out"]
    assert named(tmp_path, "12_3", "logs/%x.%4a.%u.out", "e/%A.%a.%b.err") == [
        "e/12.3.3.err",
        f"logs/my job.0003.{me}.out",
    ]
    assert named(tmp_path, "12", "slurm-%j.out", array="") == ["slurm-12.out"]
    assert named(tmp_path, "12", "one.log", array="") == ["one.log"]
    assert logs(tmp_path, output="%a.out", chdir="sub").paths("12_3") == [tmp_path / "sub/3.out"]
    assert logs(tmp_path, output="/elsewhere/%a.out").paths("12_3") == [Path("/elsewhere/3.out")]


def test_a_user_without_an_account_on_the_machine_has_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999_999)
    assert named(tmp_path, "12_3", "%u/%a.out", "%a.err") == ["3.err", "user 3999999999/3.out"]


def test_a_file_that_all_elements_share_is_nobodys(tmp_path: Path) -> None:
    for shared in ("all.log", "run_%A.log", "%x.%u.log", "back\\slash_%a.log"):
        assert named(tmp_path, "12_3", shared) == []
    assert named(tmp_path, "12_3", "all.log", "err.%a") == ["err.3"]


def test_what_only_accounting_knows_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(argv: list[str], **_: object) -> str:
        asked.append(argv)
        return "12_3|14|n[07-08]\n12_4|12|None assigned\n12_[5-6]|15|None assigned\n"

    monkeypatch.setattr("planner.slurm.jobs.run", answer)
    found = logs(tmp_path, output="%N/%j.out")
    assert found.paths("12_3") == [tmp_path / "n07/14.out"]
    assert found.paths("12_4") == []
    assert found.paths("12_5") == []
    assert len(asked) == 1
    assert named(tmp_path, "12_3", "%A_%a.out") == ["12_3.out"]
    assert len(asked) == 1


def test_an_accounting_that_does_not_answer_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise slurm.SlurmError("sacct", "error: no database")

    monkeypatch.setattr("planner.slurm.jobs.run", fail)
    assert named(tmp_path, "12_3", "%j.out", "%a.err") == ["3.err"]


def test_only_what_was_written_during_the_attempt_is_read(tmp_path: Path) -> None:
    (tmp_path / "3.out").write_text("said\n")
    (tmp_path / "3.err").write_text("std::bad_alloc\n")
    os.utime(tmp_path / "3.out", (5000, 5000))
    os.utime(tmp_path / "3.err", (5000, 5000))
    found = logs(tmp_path, output="%a.out", error="%a.err")
    assert found.tail("12_3", start_s=4000, end_s=5000) == "said\n\nstd::bad_alloc\n"
    # another attempt, or another job, has written to them since; or they were there before
    assert found.tail("12_3", start_s=1000, end_s=4000) == ""
    assert found.tail("12_3", start_s=6000, end_s=7000) == ""
    assert found.tail("12_3", start_s=None, end_s=None) == ""
    assert found.tail("12_4", start_s=4000, end_s=5000) == ""


def test_the_log_of_a_task_is_that_of_standard_error_where_it_holds_something(tmp_path: Path) -> None:
    users = logs(tmp_path, output="%a.out", error="%a.err")
    for name, text in (("3.out", "said\n"), ("3.err", ""), ("4.out", "said\n"), ("4.err", "failed\n")):
        (tmp_path / name).write_text(text)
    found = RoundLogs(tmp_path / "rounds", users)
    assert found.path("chr3", "12_3") == tmp_path / "3.out"
    assert found.path("chr4", "12_4") == tmp_path / "4.err"
    assert found.path("chr5", "12_5") is None
    assert found.path("chr5", "local-5-1") is None
