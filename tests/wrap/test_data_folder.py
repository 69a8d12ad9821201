"""The user's runs: numbered, found by number or name, one history for all, nothing of another cluster among them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.actions import opening
from planner.actions.wrapping import Choices, Where
from planner.cli import cli
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, began_s, write_journal
from planner.site import local_site
from planner.wrap import data_folder, summary


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_runs_are_numbered_and_found_by_number_or_the_last_of_a_name() -> None:
    for name in ("impute", "phase", "impute"):
        data_folder.new_run(name, store=None)
    assert [(run.number, run.name) for run in data_folder.runs()] == [(1, "impute"), (2, "phase"), (3, "impute")]
    found = [data_folder.find(text) for text in ("1", "impute", "phase", "4")]
    assert [run and run.number for run in found] == [1, 3, 2, None]


def test_a_run_is_found_by_its_script_whatever_it_was_given() -> None:
    for name in ("impute.NA1", "impute.NA2", "impute2", "phase"):
        data_folder.new_run(name, store=None)
    found = [data_folder.find(text) for text in ("impute", "impute.NA1", "impute2", "imp")]
    assert [run and run.number for run in found] == [2, 1, 3, None]


def test_a_run_goes_by_its_number_unless_a_folder_here_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run, own = data_folder.new_run("impute", store=None), ProjectFolder(tmp_path / "my wrapped" / "impute")
    assert data_folder.shortest_name(run.project) == "1"
    assert data_folder.shortest_name(own) == str(own.folder)
    Path("1").mkdir()
    assert data_folder.shortest_name(run.project) == str(run.project.folder)


def test_a_misspelt_run_gets_the_one_that_was_meant() -> None:
    data_folder.new_run("impute", store=None)
    with pytest.raises(InputError, match="imptue: no such folder") as refused:
        opening.open_project(Path("imptue"))
    assert refused.value.hint.startswith("did you mean 'impute'?")


def test_submissions_at_the_same_time_are_different_runs() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: data_folder.new_run(f"run-{n}", store=None).number, range(24)))
    assert sorted(found) == list(range(1, 25))
    assert len(data_folder.runs()) == 24


def test_runs_share_one_history_or_the_one_that_is_named(tmp_path: Path) -> None:
    first, second = (data_folder.new_run("a", store=None).project for _ in range(2))
    assert first.store_path.resolve() == second.store_path.resolve() == tmp_path / "chromplan/history.sqlite"
    (tmp_path / "group").mkdir()
    other = data_folder.new_run("a", store=tmp_path / "group").project
    assert other.store_path.resolve() == tmp_path / "group/history.sqlite"
    with pytest.raises(InputError, match="no such folder"):
        data_folder.new_run("a", store=tmp_path / "nowhere/x.sqlite")


def test_a_run_of_its_own_is_private() -> None:
    run = data_folder.new_run("a", store=None)
    assert run.project.folder.stat().st_mode & 0o077 == 0


def test_what_was_submitted_before_a_project_began_is_none_of_its_jobs(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "p")
    folders = [project.round_folder(1), project.round_folder(2)]
    assert began_s(folders) == 0
    for at_s, folder in zip((10_000, 20_000), folders, strict=True):
        folder.mkdir(parents=True)
        submission = Submission(version=2, token="abc123", user=1, started_s=at_s, mode=Mode.ARRAY, jobs=())
        write_journal(folder, submission)
    assert 9_000 < began_s(folders) < 10_000
    (folders[0] / "local.jsonl").touch()
    assert began_s(folders) == 0


def submit(project: ProjectFolder) -> None:
    folder = project.round_folder(1)
    folder.mkdir(parents=True)
    (folder / "plan.json").touch()
    write_journal(folder, Submission(version=2, token="abc123", user=1, started_s=1, mode=Mode.ARRAY, jobs=()))


@pytest.mark.parametrize("error", [InputError("no", "no"), KeyboardInterrupt()])
def test_an_error_before_anything_is_submitted_leaves_no_run(error: BaseException) -> None:
    run = data_folder.new_run("a", store=None)
    with pytest.raises(type(error)), data_folder.kept_if_submitted(run.project):
        raise error
    assert data_folder.runs() == []


def test_an_error_behind_a_submission_leaves_the_run(tmp_path: Path) -> None:
    run = data_folder.new_run("a", store=None)
    submit(run.project)
    elsewhere = ProjectFolder(tmp_path / "into")
    elsewhere.folder.mkdir()
    for project in (run.project, elsewhere):
        with pytest.raises(InputError), data_folder.kept_if_submitted(project):
            raise InputError("no", "no")
        assert project.folder.is_dir()


def test_what_was_killed_before_it_submitted_anything_is_no_run_and_goes_with_the_next_pruning() -> None:
    known, killed, begun = (data_folder.new_run("a", store=None) for _ in range(3))
    submit(known.project)
    found = data_folder.find("a")
    assert found is not None
    assert found.number == known.number
    listed = CliRunner().invoke(cli, ["runs", "--offline", "--json"], catch_exceptions=False)
    assert '"run": 2' not in listed.stdout
    two_days_ago = time.time() - 2 * 86_400
    os.utime(killed.project.folder, (two_days_ago, two_days_ago))
    assert [run.number for run in summary.prunable([killed, begun], older_days=0)] == [killed.number]
    summary.remove(killed)
    assert [run.number for run in data_folder.runs()] == [known.number, begun.number]


def test_a_script_that_cannot_be_planned_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.sh").write_text("#!/bin/sh\n#SBATCH -a 1-3\n")
    done = CliRunner().invoke(cli, ["sbatch", "--no-history", "--site=cannon", "-p", "nowhere", "a.sh"])
    assert isinstance(done.exception, InputError)
    assert "no partition 'nowhere'" in done.exception.message
    assert data_folder.runs() == []


def test_runs_on_a_site_with_a_history_share_it_unless_another_is_named(tmp_path: Path) -> None:
    site = local_site()
    there = Where(name="lab", site=site.model_copy(update={"history": str(tmp_path / "lab.sqlite")}))
    assert there.history(Choices()) == tmp_path / "lab.sqlite"
    assert there.history(Choices(store=tmp_path / "mine")) == tmp_path / "mine"
    assert Where(name="lab", site=site).history(Choices()) is None
