"""Which rounds an allocation may drive, which of their tasks are in flight, and what a lost start leaves."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Literal

import plans
import pytest

from planner import slurm
from planner.cli import main
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.core.records import Outcome
from planner.plan.document import Plan
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, SubmittedJob, SubmittedTask
from planner.rounds import progress
from planner.runner import drive, driven, runs, step_launcher
from planner.runner.allocation import Allocation
from planner.runner.launch import Attempt
from planner.runner.records import Record, RunningRecords
from planner.runner.runs import Run
from planner.runner.step_launcher import StepLauncher
from planner.schedule.dynamic.state import Node
from planner.scripts import render

TASKS = ("chr20", "chr21", "chr22")


def project(folder: Path, *, mode: str = "dynamic", rendered: bool = True) -> ProjectFolder:
    config = plans.CONFIG.replace('"1-22"', '"20-22"') + f'\n[submit]\nmode = "{mode}"\n'
    (folder / "chromplan.toml").write_text(config)
    for command in ("plan", "render")[: 1 + rendered]:
        with pytest.raises(SystemExit) as ended:
            main([command, "-C", str(folder)])
        assert ended.value.code == 0
    return ProjectFolder(folder)


def allocation(mem_mb: int = 8000) -> Allocation:
    return Allocation(job_id="7", nodes=(Node(name="n1", mem_mb=mem_mb, cores=4),), here=None, end_s=None)


def go(found: ProjectFolder, *, mem_mb: int = 8000) -> None:
    drive.run(found, 1, allocation=allocation(mem_mb), use=drive.Use(), on_end=lambda _: None)


def listed(found: ProjectFolder, job_id: str, runs_as: Literal["job", "driven"] = "driven") -> Path:
    folder = found.round_folder(1)
    job, part = job_id.partition("_")[::2]
    tasks = [
        SubmittedTask(task=task, part=part and f"_{part}", index=i, request_mb=1000, cpus=1)
        for i, task in enumerate(TASKS)
    ]
    submitted = SubmittedJob(
        script="drive.sh", name="n", runs_as=runs_as, state="submitted", job_id=job, tasks=tuple(tasks)
    )
    manifest.record(folder, Submission(version=2, token="t", user=1, started_s=1, mode=Mode.DYNAMIC, jobs=(submitted,)))
    return folder


def ended(task: str, outcome: Outcome) -> Run:
    return Run(
        task=task,
        job_id=f"7.{task}.1",
        outcome=outcome,
        exit_code=0,
        peak_mb=10.0,
        limit_mb=20,
        wall_s=1.0,
        start_s=0,
        end_s=1,
        evidence="",
        source="drive",
    )


def test_a_round_that_is_not_rendered_is_not_driven(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not rendered"):
        go(project(tmp_path, rendered=False))


def test_a_round_that_runs_as_an_array_is_not_driven(tmp_path: Path) -> None:
    found = project(tmp_path, mode="array")
    listed(found, "5_0", "job")
    with pytest.raises(InputError, match="round r001 was submitted in mode array"):
        go(found)


def test_a_round_of_another_allocation_is_driven_only_once_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = project(tmp_path)
    listed(found, "5")
    monkeypatch.setattr(slurm, "job_state", lambda _: "RUNNING")
    with pytest.raises(FailureError, match="round r001 is job 5's, which waits or runs"):
        go(found)


def test_a_task_that_no_node_of_the_allocation_holds_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task chr\d+ needs about \d+ MB, a node of this allocation has 900 MB"):
        go(project(tmp_path), mem_mb=900)


def test_a_wrapped_script_is_no_step(tmp_path: Path) -> None:
    found = project(tmp_path)
    path = found.round_folder(1) / "plan.json"
    script = {"folder": "/data", "content": "script.sh", "job_name": "impute"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"user_script": script}))
    with pytest.raises(InputError, match="a wrapped script is a job of its own"):
        go(found)


def test_tasks_are_in_flight_until_they_ended_or_their_allocation_did(tmp_path: Path) -> None:
    found = project(tmp_path)
    folder = listed(found, "7")
    for run in (ended("chr20", Outcome.COMPLETED), ended("chr21", Outcome.OOM)):
        runs.append(folder, run)
    entries = manifest.read(folder)
    assert [entry.task for entry in driven.in_flight(entries, runs.read(folder))] == ["chr21", "chr22"]
    assert not driven.is_over(folder, entries)
    driven.mark_ended(folder, "6")
    assert not driven.is_over(folder, entries)
    driven.mark_ended(folder, "7")
    assert driven.is_over(folder, entries)


def test_what_ended_since_the_history_was_read_has_ended(tmp_path: Path) -> None:
    found = project(tmp_path)
    folder = listed(found, "7")
    runs.append(folder, ended("chr20", Outcome.COMPLETED))
    shown = {one.task: (one.state, one.in_flight) for one in progress.statuses(found, [])}
    assert shown == {"chr20": ("completed", False), "chr21": ("in flight", True), "chr22": ("in flight", True)}


def test_a_command_that_slurm_told_to_end_before_it_told_the_shell_was_told(tmp_path: Path) -> None:
    folder = project(tmp_path).round_folder(1)
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    (folder / "driven.sh").write_text(render.driven_script(plan))
    (folder / "command.sh").write_text("kill -TERM $$\n")
    # the shell hears of it while it waits for just that
    late = tmp_path / "bin" / "sleep"
    late.parent.mkdir()
    late.write_text('#!/bin/bash\nread -r _ shell _ <7.1.begun\n[ "$PPID" != "$shell" ] || kill -TERM "$PPID"\n')
    late.chmod(0o755)
    Path(tmp_path / "7.1.abcd.wait").touch()
    ended = subprocess.run(
        ["bash", folder / "driven.sh", "7.1", "abcd", "peak"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{late.parent}:{os.environ['PATH']}", "TMPDIR": str(tmp_path), "SLURM_STEP_ID": "0"},
        check=False,
    )
    assert ended.returncode == 143
    assert (tmp_path / "7.1.end").read_text() == "143 told\n"


def test_a_turn_is_taken_once(tmp_path: Path) -> None:
    turn = tmp_path / "7.chr20.1.abcd.wait"
    turn.touch()
    assert step_launcher.take_back(turn)
    assert not step_launcher.take_back(turn)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "stopping", "counts"),
    [("0 \n", False, True), ("3\n", False, True), ("143 told\n", False, False), ("0\n", True, False)],
)
def test_an_exit_code_counts_unless_the_task_was_told_to_end(
    tmp_path: Path, text: str, stopping: bool, counts: bool
) -> None:
    state = RunningRecords(tmp_path)
    record = Record(
        task="chr20",
        job_id="7.chr20.1",
        host="here",
        request_mb=1,
        limit_mb=1,
        start_s=0.0,
        allocation="7",
        stopping=stopping,
    )
    state.write(record)
    assert not step_launcher.ended_by_itself(state, record)
    state.path(record.job_id, "end").write_text(text)
    assert step_launcher.ended_by_itself(state, record) is counts
    assert state.records() == [record]
    state.remove(record)
    assert not state.state.exists()


def test_what_a_killed_driver_left_is_recorded_when_its_allocation_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = project(tmp_path)
    folder = found.round_folder(1)
    state = RunningRecords(folder)
    record = Record(
        task="chr20", job_id="7.chr20.1", host="gone", request_mb=9, limit_mb=9, start_s=0.0, allocation="7", turn="t"
    )
    for name in ("chr20", "chr21", "chr22"):
        state.write(dataclasses.replace(record, task=name, job_id=f"7.{name}.1"))
    # Slurm killed one for memory: that says it, not the task
    state.path("7.chr22.1", "begun").write_text("3 99999999 /nowhere\n")
    log = runs.log_path(folder, "chr22", "drive")
    log.write_text("slurmstepd-n1: error: Detected 1 oom-kill event(s) in StepId=7.3.\n")
    state.path("7.chr20.1", "end").write_text("3 \n")
    states = iter(["RUNNING", None])
    monkeypatch.setattr(slurm, "job_state", lambda _: next(states))
    monkeypatch.setattr(slurm, "live_steps", lambda _: {})
    drive.collect(found.plan(1), root=tmp_path, folder=folder)
    assert runs.read(folder) == []
    drive.collect(found.plan(1), root=tmp_path, folder=folder)
    assert [(run.task, run.outcome, run.exit_code, run.source) for run in runs.read(folder)] == [
        ("chr20", Outcome.FAILED, 3, "drive"),
        ("chr22", Outcome.OOM, -9, "drive"),
    ]
    assert not state.state.exists()


def with_srun(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, *, state: str = "RUNNING") -> None:
    """Put an srun that does not get as far as a step before the real one."""
    path = folder / "bin" / "srun"
    path.parent.mkdir()
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "job_state", lambda _: state)


def test_when_no_step_can_be_started_the_drive_says_what_srun_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = project(tmp_path)
    with_srun(tmp_path, monkeypatch, "echo x >> tried; echo 'srun: error: Unable to create step' >&2; exit 1")
    with pytest.raises(FailureError, match="steps cannot be started: srun: error: Unable to create step"):
        go(found)
    assert runs.read(found.round_folder(1)) == []
    assert not (found.round_folder(1) / "running").exists()
    assert driven.ended(found.round_folder(1)) == "7"
    assert len((tmp_path / "tried").read_text().split()) >= 3


def test_a_start_that_fails_because_the_allocation_ends_is_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = project(tmp_path)
    with_srun(tmp_path, monkeypatch, "exit 1", state="COMPLETING")
    with pytest.raises(KeyboardInterrupt):
        go(found)
    assert runs.read(found.round_folder(1)) == []
    # it may be requeued: Slurm tells
    assert driven.ended(found.round_folder(1)) is None


def test_a_task_that_is_stopped_before_it_began_never_will(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = project(tmp_path)
    plan, folder = found.plan(1), found.round_folder(1)
    with_srun(tmp_path, monkeypatch, "exec sleep 60")
    launcher = StepLauncher(plan, root=tmp_path, folder=folder, allocation=allocation(), pool=False)
    attempt = Attempt(task=plan.tasks[0], job_id="7.chr20.1", request_mb=99, limit_mb=99, node="n1")
    started = launcher.start(attempt)
    (turn,) = folder.glob("running/*.wait")
    assert started.look().code is None
    started.stop(kill=False)
    assert started.look().code == -9
    assert not step_launcher.take_back(turn)
    started.close()
    assert not (folder / "running").exists()
