"""What the rounds so far have saved, against one ``--mem`` for all tasks."""

from pathlib import Path

from attempts import attempt

from planner.core.records import Outcome
from planner.project.folder import ProjectFolder
from planner.rounds.progress import TaskStatus
from planner.rounds.saved import measure


def done(number: int, request_mb: int, **fields: object) -> TaskStatus:
    return attempt(number, outcome=Outcome.COMPLETED, request_mb=request_mb, peak_mb=100.0, wall_s=3600.0, **fields)


def killed(number: int, request_mb: int) -> TaskStatus:
    return attempt(number, outcome=Outcome.OOM, request_mb=request_mb, peak_mb=310.0, wall_s=1800.0)


def said(folder: Path, *found: TaskStatus, former_mb: int | None = None) -> str | None:
    measured = measure(ProjectFolder(folder), found, former_mb=former_mb)
    return None if measured is None else measured.sentence()


def test_each_task_held_its_limit_as_long_as_it_ran(tmp_path: Path) -> None:
    assert said(tmp_path, done(1, 1024), done(2, 512)) == (
        "reserved 1.5 GB·h for 2 tasks done; one --mem=1024M for all: 2 GB·h: 25 % saved"
    )


def test_while_a_killed_task_has_not_completed_nobody_knows_what_one_mem_would_have_been(tmp_path: Path) -> None:
    found = [done(1, 300), killed(2, 300)]
    for former_mb in (None, 300):
        assert said(tmp_path, *found, former_mb=former_mb) == (
            "reserved 0.439 GB·h for 1 task done, 1 killed attempt included; "
            "what that saved is known once the killed have completed"
        )
    measured = measure(ProjectFolder(tmp_path), found, former_mb=None)
    assert measured is not None
    assert measured.saved_mb_s is None


def test_a_kill_counts_against_what_was_saved_and_one_mem_holds_what_was_killed(tmp_path: Path) -> None:
    assert said(tmp_path, done(1, 300), killed(2, 300), done(2, 600, round=2)) == (
        "reserved 1.03 GB·h for 2 tasks done, 1 killed attempt included; one --mem=600M for all: 1.17 GB·h: 12 % saved"
    )


def test_the_former_mem_is_compared_with_where_it_would_have_been_enough(tmp_path: Path) -> None:
    assert "one --mem=2048M for all: 2 GB·h: 50 % saved" in str(said(tmp_path, done(1, 1024), former_mb=2048))
    assert "one --mem" not in str(said(tmp_path, done(1, 1024), former_mb=50))


def test_nothing_done_has_saved_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, killed(1, 300), attempt(2)) is None
