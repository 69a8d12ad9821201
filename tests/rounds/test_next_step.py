"""What comes next is the command that can really be given now."""

from pathlib import Path

import plans
import pytest
from attempts import attempt

from planner.core.records import Outcome
from planner.plan.document import LeftOut
from planner.project.folder import ProjectFolder
from planner.rounds.next_step import next_step
from planner.rounds.progress import TaskStatus
from planner.rounds.waiting import explain
from planner.scripts import render

PLANNED = attempt(1, job_id=None, state="planned")
DONE = attempt(1, outcome=Outcome.COMPLETED)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    made = ProjectFolder(tmp_path)
    made.write_plan(plans.plan())
    return made


def rendered(project: ProjectFolder) -> Path:
    folder = project.round_folder(1)
    render.write(render.render(project.plan(1)), folder)
    return folder


def test_a_planned_round_is_rendered_then_submitted(project: ProjectFolder) -> None:
    assert next_step(project, [PLANNED]) == "next: chromplan render"
    rendered(project)
    assert next_step(project, [PLANNED]) == "next: chromplan submit"


def test_what_is_planned_for_this_machine_runs_here(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write_plan(plans.plan(at=plans.site(name="local")))
    rendered(project)
    assert next_step(project, [PLANNED]) == "next: chromplan run --local"


def test_a_local_run_that_was_interrupted_goes_on(project: ProjectFolder) -> None:
    (rendered(project) / "local.jsonl").touch()
    assert next_step(project, [DONE, attempt(2, job_id=None, state="planned")]) == (
        "next: chromplan run --local, which goes on with it"
    )


def test_what_was_submitted_in_part_is_submitted(project: ProjectFolder) -> None:
    (rendered(project) / "manifest.tsv.new").touch()
    assert next_step(project, [PLANNED]) == "next: chromplan submit"


def test_what_is_in_the_queue_is_watched_unless_it_never_starts(project: ProjectFolder) -> None:
    held = attempt(1, wait=explain("JobHeldUser"))
    assert next_step(project, [held, attempt(2, state="RUNNING")]) == "next: chromplan watch, until all have ended"
    assert "scontrol release 7" in next_step(project, [held])


def test_what_a_later_plan_left_out_for_its_failure_waits_for_a_person(project: ProjectFolder) -> None:
    left = LeftOut(task="chr2", reason="failed in r001")
    plan = project.plan(1)
    project.write_plan(plan.model_copy(update={"round": 2, "left_out": [left]}))
    assert next_step(project, [attempt(1, outcome=Outcome.FAILED), attempt(2, outcome=Outcome.FAILED)]) == (
        "next: correct what went wrong, then chromplan next --retry-failed"
    )
    assert next_step(project, [DONE]) == "next: chromplan next"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([DONE, attempt(2, outcome=Outcome.OOM)], "next: chromplan next"),
        ([DONE, attempt(2, outcome=Outcome.FAILED), attempt(3, outcome=Outcome.OOM)], "next: chromplan next"),
        (
            [DONE, attempt(2, outcome=Outcome.FAILED)],
            "next: correct what went wrong, then chromplan next --retry-failed",
        ),
        ([DONE, attempt(2, outcome=Outcome.COMPLETED)], "nothing is left to run: every task is done"),
        (
            [DONE, attempt(2, outcome=Outcome.COMPLETED, recorded=False)],
            "next: chromplan next, which records what the tasks used",
        ),
    ],
)
def test_what_has_ended_is_followed_by_what_is_left(found: list[TaskStatus], said: str, project: ProjectFolder) -> None:
    assert next_step(project, found) == said
