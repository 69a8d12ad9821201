"""What a plan.json that was edited by hand, or comes from elsewhere, may not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import plans
import pytest

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.project.folder import ProjectFolder
from planner.scripts import render


def written(folder: Path, change: Any) -> ProjectFolder:
    """Return a project whose plan.json was changed."""
    project = ProjectFolder(folder)
    path = project.write_plan(plans.plan())
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return project


CHANGES = {
    "task names outside the project": lambda plan: plan["tasks"][2].update(task="../../outside"),
    "a hidden file": lambda plan: plan["tasks"][2].update(task=".bashrc"),
    "a line break in a task name": lambda plan: plan["tasks"][2].update(task="chr1\ntouch gone"),
    "a line break in the name": lambda plan: plan.update(name="impute\ntouch gone"),
    "a line break in the token": lambda plan: plan.update(token="abc\ntouch gone"),
    "a line break in the version": lambda plan: plan.update(chromplan="1\ntouch gone"),
    "a line break in the account": lambda plan: plan["target"].update(account="a\ntouch gone"),
    "bash in a variable's name": lambda plan: plan.update(columns={"x": "X; touch gone"}),
    "a column that no task has": lambda plan: plan.update(columns={"x": "CHROMPLAN_X"}),
    "a task twice": lambda plan: plan["tasks"][2].update(task=plan["tasks"][1]["task"]),
    "an index twice": lambda plan: plan["tasks"][2].update(index=plan["tasks"][1]["index"]),
    "more memory than there is": lambda plan: plan["tasks"][2].update(request_mb=1e30),
    "no memory": lambda plan: plan["tasks"][2].update(request_mb=0),
    "negative memory": lambda plan: plan["tasks"][2].update(request_mb=-5),
    "an index below zero": lambda plan: plan["tasks"][2].update(index=-1),
    "no time": lambda plan: plan["tasks"][2].update(time_limit_s=0),
    "a batch that is not there": lambda plan: plan["tasks"][2].update(batch=7),
    "a job id that is none": lambda plan: plan["tasks"][2].update(after=["12;touch gone"]),
    "another round": lambda plan: plan.update(round=4),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_is_refused_with_the_file_named(tmp_path: Path, change: Any) -> None:
    with pytest.raises(InputError, match=r"rounds/r001/plan\.json: ") as refused:
        written(tmp_path, change).plan(1)
    assert refused.value.hint


def test_the_slots_of_a_batch_were_once_called_workers(tmp_path: Path) -> None:
    plan = plans.plan(plans.config(submit={"mode": Mode.PACKED}))
    path = ProjectFolder(tmp_path).write_plan(plan)
    path.write_text(path.read_text().replace('"slots"', '"workers"'))
    assert ProjectFolder(tmp_path).plan(1) == plan


def test_a_template_reaches_no_more_than_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "command.sh.j2").write_text("{{ plan.__class__.__mro__ }}")
    with pytest.raises(InputError, match="unsafe") as refused:
        render.render(plans.plan(), template_folder=tmp_path)
    assert isinstance(refused.value.__context__, jinja2.TemplateError)
