"""Many runs at once: how each stands, whatever the others are like, and with few questions."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from observed import observation

from planner.cli import cli
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.records import Observation, Outcome, Quality
from planner.history.store import Store
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, SubmittedJob, SubmittedTask, write_journal
from planner.rounds import progress
from planner.wrap import data_folder, summary

MONTHS_AGO_S = int(time.time()) - 100 * 86_400


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProjectFolder]:
    """Return what makes a submitted run of a script with three elements, of which some outcomes are recorded."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    Path("a.sh").write_text("#!/bin/sh\n#SBATCH -a 1-3 --mem=1G -t 10\n")
    made: list[Path] = []

    def make(outcomes: Mapping[str, Outcome], *, started_s: int = MONTHS_AGO_S) -> ProjectFolder:
        project = data_folder.new_run("a", store=None).project
        if not made:
            argv = ["wrap", "--no-history", "--site=cannon", "--map=none", f"--into={project.folder}", "a.sh"]
            for words in (argv, ["plan", "-C", str(project.folder)]):
                CliRunner().invoke(cli, words, catch_exceptions=False)
            made.append(project.folder)
        else:
            shutil.copy(made[0] / "chromplan.toml", project.folder)
            shutil.copytree(made[0] / "rounds/r001", project.round_folder(1))
        job = str(1000 + int(project.folder.name.partition(".")[0]))
        listed = SubmittedJob(script="array", name="a.sh", state="submitted", job_id=job, tasks=TASKS)
        write_journal(
            project.round_folder(1),
            Submission(version=2, token="abc123", user=1, started_s=started_s, mode=Mode.ARRAY, jobs=(listed,)),
        )
        with Store.open(project.store_path) as store:
            store.add(observed(f"{job}_{task}", task, outcome, started_s) for task, outcome in outcomes.items())
        return project

    return make


def observed(job_id: str, task: str, outcome: Outcome, submit_s: int) -> Observation:
    times = {"wall_s": 60.0, "submit_s": submit_s, "start_s": submit_s, "end_s": submit_s + 60}
    told = {"tool": "a", "task": task, "job_id": job_id, "outcome": outcome, "quality": Quality.SAMPLED}
    return observation(1, 100.0, {}, sample="", chromosome="", limit_mb=1024, cpus=1, **told, **times)


TASKS = tuple(SubmittedTask(task=str(n), part=f"_{n}", index=n, request_mb=1024, cpus=1) for n in range(1, 4))
ALL_DONE = dict.fromkeys(("1", "2", "3"), Outcome.COMPLETED)


def test_what_a_node_gave_a_script_that_named_no_memory_is_what_it_was_killed_with(
    make_run: Callable[..., ProjectFolder],
) -> None:
    Path("b.sh").write_text("#!/bin/sh\n#SBATCH -a 1-3 -t 10\n")
    for words in (["wrap", "--no-history", "--site=cannon", "--map=none", "--into=b", "b.sh"], ["plan", "-C", "b"]):
        CliRunner().invoke(cli, words, catch_exceptions=False)
    project = ProjectFolder(Path("b"))
    asked_mb = project.plan(1).tasks[0].request_mb
    tasks = tuple(task.model_copy(update={"request_mb": asked_mb}) for task in TASKS)
    listed = SubmittedJob(script="array", name="b.sh", state="submitted", job_id="7", tasks=tasks)
    journal = Submission(version=2, token="abc123", user=1, started_s=1, mode=Mode.ARRAY, jobs=(listed,))
    write_journal(project.round_folder(1), journal)
    found = progress.statuses(project, [observed(f"7_{n}", n, Outcome.OOM, 2) for n in "12"])
    assert [(one.task, one.request_mb) for one in found] == [("1", 1024), ("2", 1024), ("3", asked_mb)]
    assert asked_mb > 1024


def states() -> dict[int, str]:
    listed = CliRunner().invoke(cli, ["runs", "--offline", "--all", "--json"], catch_exceptions=False)
    return {one["run"]: one["state"] for one in json.loads(listed.stdout)}


def test_each_run_is_told_by_its_own_jobs(make_run: Callable[..., ProjectFolder]) -> None:
    make_run(ALL_DONE)
    make_run({**ALL_DONE, "2": Outcome.OOM})
    make_run({**ALL_DONE, "3": Outcome.FAILED})
    make_run({"1": Outcome.COMPLETED})
    make_run({})
    assert states() == {1: "done", 2: "left", 3: "failed", 4: "waiting", 5: "waiting"}


def test_jobs_of_a_cluster_before_this_one_are_not_taken_for_a_runs_own(
    make_run: Callable[..., ProjectFolder],
) -> None:
    project = make_run({})
    with Store.open(project.store_path) as store:
        store.add(observed(f"1001_{n}", str(n), Outcome.COMPLETED, MONTHS_AGO_S - 86_400) for n in (1, 2, 3))
    assert states() == {1: "waiting"}


def test_a_run_that_cannot_be_read_hides_no_other(make_run: Callable[..., ProjectFolder]) -> None:
    make_run(ALL_DONE)
    (make_run(ALL_DONE).round_folder(1) / "plan.json").write_text("{")
    make_run(ALL_DONE)
    listed = CliRunner().invoke(cli, ["runs", "--offline"], catch_exceptions=False)
    assert listed.stderr.startswith("note: run 2: ")
    found = dict(summary.summaries(data_folder.runs(), offline=True))
    told = {run.number: one.state for run, one in found.items() if isinstance(one, summary.RunSummary)}
    assert told == {1: "done", 3: "done"}
    assert [type(one) for run, one in found.items() if run.number == 2] == [InputError]


def test_only_old_runs_that_have_ended_are_pruned(make_run: Callable[..., ProjectFolder]) -> None:
    make_run(ALL_DONE)
    make_run({"1": Outcome.COMPLETED})
    make_run({**ALL_DONE, "3": Outcome.FAILED})
    make_run(ALL_DONE, started_s=int(time.time()))
    make_run({**ALL_DONE, "2": Outcome.OOM})
    found = summary.prunable(data_folder.runs(), older_days=30, offline=True)
    assert [run.number for run in found] == [1, 3]


def test_of_a_long_history_a_run_reads_its_own_rows(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history.sqlite") as store:
        store.add(observed(f"{job}_{n}", str(n), Outcome.COMPLETED, 1) for job in range(700) for n in (1, 2))
        wanted = [f"{job}_1" for job in range(1400)]  # more than one statement takes, and half of them unknown
        assert {one.job_id for one in store.of_jobs(wanted)} == set(wanted[:700])
        assert store.of_jobs([]) == []


def test_a_script_follows_index_by_index_one_whose_indices_have_other_meanings(
    make_run: Callable[..., ProjectFolder],
) -> None:
    make_run(ALL_DONE)  # its tasks are indices
    Path("map.txt").write_text("1 chr1\n2 chr2\n3 chr3\n")
    given = ["--no-history", "--site=cannon", "--map=map.txt"]
    for name, before in (("by_index", "--dependency=aftercorr:1001"), ("by_name", "--after=a")):
        argv = ["wrap", *given, f"--into={name}", before, "a.sh"]
        assert CliRunner().invoke(cli, argv, catch_exceptions=False).exit_code == 0
    planned = json.loads(CliRunner().invoke(cli, ["plan", "--json", "-C", "by_index"]).stdout)
    assert [task["task"] for task in planned["tasks"]] == ["chr1", "chr2", "chr3"]
    planned = json.loads(CliRunner().invoke(cli, ["plan", "--json", "-C", "by_name"]).stdout)
    assert [left["reason"] for left in planned["left_out"]] == [f"no earlier step has chr{n}" for n in (1, 2, 3)]
    refused = CliRunner().invoke(cli, ["sbatch", *given, "--after=a", "a.sh"])
    assert isinstance(refused.exception, InputError)
    assert "aftercorr:JOB pairs tasks by index" in refused.exception.hint
