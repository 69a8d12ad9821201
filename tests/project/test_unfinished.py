"""Rounds that are submitted in part."""

import time
from pathlib import Path

import plans
import pytest

from planner.cli import main
from planner.cli.ui.interrupts import telling_what_is_queued
from planner.core.modes import Mode
from planner.project import journal
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, SubmittedJob
from planner.project.unfinished import in_part, loose_ends, stands, unfinished


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    (tmp_path / "chromplan.toml").write_text(
        '[pipeline]\nname = "impute"\ntool = "beagle"\ncommand = "run {chromosome}"\n[submit]\nsite = "cannon"\n'
    )
    found = ProjectFolder(tmp_path)
    found.write_plan(plans.plan())
    return found


def submitted(*jobs: tuple[str, str | None]) -> Submission:
    return Submission(
        version=2,
        token="abc123",
        user=1000,
        started_s=1,
        mode=Mode.TIERS,
        jobs=tuple(
            SubmittedJob(script=f"tier-{number}.sh", name=f"tier{number}", state=state, job_id=job_id)
            for number, (state, job_id) in enumerate(jobs, start=1)
        ),
    )


def test_what_is_in_the_queue_is_said_and_what_is_not_known(project: ProjectFolder) -> None:
    journal.write_journal(
        project.round_folder(1), submitted(("submitted", "4711"), ("held", "4712"), ("asked", None), ("wanted", None))
    )
    (line,) = in_part(project)
    assert "4711 (on its way), 4712 (held until its elements have their memory)" in line
    assert "1 of which it is not known whether Slurm took it" in line
    assert "'chromplan submit' goes on with it" in line


def test_a_whole_submission_says_nothing(project: ProjectFolder) -> None:
    assert in_part(project) == []
    journal.write_journal(project.round_folder(1), submitted(("submitted", "4711"), ("cancelled", None)))
    assert in_part(project) == []


def test_who_stops_a_submission_is_told_what_is_in_the_queue_whenever_it_is(project: ProjectFolder) -> None:
    folder = project.round_folder(1)
    assert stands(project, 1) == ["nothing of round r001 is in the queue"]
    journal.write_journal(folder, submitted(("wanted", None)))
    (line,) = stands(project, 1)
    assert "nothing of it is in the queue yet" in line
    journal.write_journal(folder, submitted(("submitted", "4711"), ("wanted", None)))
    assert stands(project, 1) == in_part(project)
    journal.write_journal(folder, submitted(("submitted", "4711"), ("submitted", "4712")))
    assert stands(project, 1) == ["round r001 is submitted: jobs 4711, 4712; 'chromplan cancel' ends it"]


def test_commands_that_are_told_say_where_they_work(project: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    journal.write_journal(project.round_folder(1), submitted(("submitted", "4711")))
    with pytest.raises(KeyboardInterrupt), telling_what_is_queued(project, 1, called="12"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "round r001 is submitted: job 4711; 'chromplan cancel -C 12' ends it\n"


def test_status_and_an_interrupted_submit_tell_it(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        journal.write_journal(project.round_folder(1), submitted(("held", "4711"), ("wanted", None)))
        raise KeyboardInterrupt

    monkeypatch.setattr("planner.cli.submit.submit_latest", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["submit", "-C", str(project.folder)])
    assert ended.value.code == 130
    assert "round r001 is submitted only in part: in the queue: 4711" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["status", "--offline", "-C", str(project.folder)])
    assert "round r001 is submitted only in part: in the queue: 4711" in capsys.readouterr().out


def test_a_round_of_which_a_job_may_appear_yet_is_not_planned_anew(project: ProjectFolder) -> None:
    folder = project.round_folder(1)
    whole = submitted(("wanted", None))
    journal.write_journal(folder, whole)
    assert unfinished(project) == []
    assert journal.read_journal(folder) is None
    lost = whole.jobs[0].model_copy(update={"lost_s": 1})
    journal.write_journal(folder, whole.model_copy(update={"jobs": (lost,)}))
    assert unfinished(project) == [1]
    assert journal.read_journal(folder) is not None


def test_a_job_whose_answer_was_lost_is_expected_for_a_day(project: ProjectFolder) -> None:
    for ago_s, expected in ((3600, [1]), (2 * 86_400, [])):
        whole = submitted(("submitted", "4711"))
        lost = whole.jobs[0].model_copy(update={"lost_s": int(time.time()) - ago_s})
        journal.write_journal(project.round_folder(1), whole.model_copy(update={"jobs": (lost,)}))
        found = loose_ends(project)
        assert found.partial == []
        assert found.doubted == expected


def test_what_is_found_of_a_job_that_was_asked_for_again_and_is_not_known_yet_is_no_twin(
    project: ProjectFolder,
) -> None:
    whole = submitted(("asked", None))
    lost = whole.jobs[0].model_copy(update={"lost_s": int(time.time())})
    journal.write_journal(project.round_folder(1), whole.model_copy(update={"jobs": (lost,)}))
    found = loose_ends(project)
    assert found.partial == [1]
    assert found.doubted == []
