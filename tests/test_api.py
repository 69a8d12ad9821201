"""The public API: what ``import planner`` gives, and that it does what the commands do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import observed
import pandas as pd
import plans
import pytest

import planner

TOP = Path(__file__).parent.parent
PUBLIC = [
    "FailureError",
    "Formula",
    "InputError",
    "MemoryModel",
    "Observation",
    "Observations",
    "Plan",
    "PlannedTask",
    "PlannerError",
    "Prediction",
    "Project",
    "Site",
    "TaskStatuses",
    "__version__",
    "advise",
    "fit",
    "load_formula",
    "load_site",
    "read_sacct",
    "read_table",
]
RUNS = TOP / "examples" / "data" / "beagle_chr22.csv"
LENGTH = {"length_mb": "length_mb_grch37"}
CONFIG = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "GRCh37"
command = "true {chromosome}"

[memory]
formula = ""

[submit]
mode = "jobs"
"""


@pytest.fixture
def project(tmp_path: Path) -> planner.Project:
    (tmp_path / "chromplan.toml").write_text(CONFIG)
    return planner.Project(tmp_path)


def runs() -> planner.Observations:
    return planner.read_table(RUNS, tool="beagle", features=LENGTH)


def test_what_is_public() -> None:
    assert planner.__all__ == PUBLIC
    assert dir(planner) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(planner, name)
    assert name == "__version__" or found.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Projct'"):
        planner.Projct  # noqa: B018


@pytest.mark.parametrize("code", ["import planner", "import planner; dir(planner)", "import planner; planner.Project"])
def test_importing_imports_nothing_heavy(code: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert not {"matplotlib", "numpy", "pandas", "rich", "scipy", "sklearn"} & set(json.loads(said))


def test_a_table_is_read_from_a_file_and_from_a_frame_alike() -> None:
    of_frame = planner.read_table(pd.read_csv(RUNS), tool="beagle", features=LENGTH)
    assert [(one.features, one.peak_mb, one.outcome) for one in of_frame] == [
        (one.features, one.peak_mb, one.outcome) for one in runs()
    ]


def test_observations_become_a_frame_and_come_back() -> None:
    frame = runs().to_frame()
    assert len(frame) == len(runs())
    assert {"task", "length_mb", "peak_mb", "wall_s", "outcome"} <= set(frame.columns)
    back = planner.read_table(frame, features=["length_mb"])
    assert [(one.features, one.peak_mb, one.wall_s) for one in back] == [
        (one.features, one.peak_mb, one.wall_s) for one in runs()
    ]


def test_observations_are_a_sequence_that_knows_what_was_not_read() -> None:
    frame = pd.DataFrame({"chromosome": [1, 2], "peak_mb": ["100", "much"]})
    found = planner.read_table(frame, tool="x")
    assert len(found) == len(found[:1]) == 1
    assert [one.line for one in found.skipped] == [3]
    assert repr(found) == "<Observations: 1 of x, 1 not read>"
    assert found[:1] == planner.Observations([found[0]])


def test_sacct_output_is_read_with_lengths(tmp_path: Path) -> None:
    path = tmp_path / "sacct.txt"
    path.write_text(
        "JobID|JobName|State|ExitCode|MaxRSS|ReqMem|ElapsedRaw|Submit|Start|End\n"
        "7|s1.chr21|COMPLETED|0:0||4000M|900|2026-01-01T10:00:00|2026-01-01T10:00:01|2026-01-01T10:15:01\n"
        "7.batch|batch|COMPLETED|0:0|102400K||900|2026-01-01T10:00:01|2026-01-01T10:00:01|2026-01-01T10:15:01\n"
    )
    (one,) = planner.read_sacct(path, tool="beagle", genome="GRCh37")
    assert (one.tool, one.chromosome, one.peak_mb) == ("beagle", "21", 100.0)
    assert one.features == {"length_mb": 48.129895}


def test_past_jobs_are_advised_on_from_saved_output() -> None:
    (found,) = planner.advise(TOP / "examples" / "data" / "sacct_array.txt")
    assert (found.array.job_id, len(found.array.elements)) == ("4711", 22)
    assert found.next_time is not None
    assert found.next_time.directives[0] == "#SBATCH --mem=430M"


def test_a_model_predicts_from_rows() -> None:
    model = planner.fit(runs(), ["length_mb"])
    found = model.predict({"length_mb": 150.0}, level=0.9)
    assert found.request_mb > found.point_mb > 0
    assert repr(model) == f"<MemoryModel of beagle: {len(runs())} observations, by length_mb>"


def test_rows_that_teach_nothing_say_why() -> None:
    with pytest.raises(planner.InputError, match=f"{len(runs())} no feature depth"):
        planner.fit(runs(), ["depth"])
    with pytest.raises(planner.InputError, match="there are no rows"):
        planner.fit([], ["depth"])
    with pytest.raises(planner.InputError, match="2 tools: a, b"):
        planner.fit([observed.observation(n, 9.0, {}, tool=tool) for n, tool in enumerate("ab")], ["length_mb"])
    with pytest.raises(planner.InputError, match="features is one string, 'length_mb'"):
        planner.fit(runs(), "length_mb")


def test_a_project_goes_from_history_to_scripts(project: planner.Project) -> None:
    assert len(project.history) == 0
    assert project.record(runs()) == len(runs())
    assert project.record(runs()) == 0
    assert len(project.history) == len(runs())
    assert project.fit().rows == len(runs())
    plan = project.plan()
    assert plan.mode == "jobs"
    assert planner.Plan.load(project.folder / "rounds/r001/plan.json") == plan
    scripts = project.render()
    assert project.folder / "rounds/r001/submit.sh" in scripts
    assert all(path.is_file() for path in scripts)
    assert project.status(offline=True).counts == {"planned": 22}
    assert project.status(offline=True).to_frame()["task"].tolist() == [task.task for task in plan.tasks]


def test_a_plan_may_be_looked_at_and_not_written(project: planner.Project) -> None:
    assert len(project.plan(mode="tiers", write=False).tasks) == 3  # the pilot
    assert not (project.folder / "rounds").exists()


def test_a_plan_is_a_frame_with_features_and_parameters() -> None:
    frame = plans.plan().to_frame()
    assert frame["task"].tolist()[:2] == ["chr1", "chr2"]
    assert frame["length_mb"][0] == pytest.approx(249.250621)
    assert frame["request_mb"].sum() == plans.plan().total_request_mb


@pytest.mark.parametrize("name", ["no such folder", "nothing planned", "no history", "a file that is not a plan"])
def test_errors_are_those_of_the_commands(name: str, tmp_path: Path, project: planner.Project) -> None:
    (tmp_path / "x.json").write_text("{}")
    actions: dict[str, Callable[[], object]] = {
        "no such folder": lambda: planner.Project(tmp_path / "none"),
        "nothing planned": lambda: project.render(),
        "no history": lambda: project.fit(),
        "a file that is not a plan": lambda: planner.Plan.load(tmp_path / "x.json"),
    }
    with pytest.raises(planner.InputError) as refused:
        actions[name]()
    assert refused.value.message
    assert refused.value.hint
    assert isinstance(refused.value, planner.PlannerError)


def test_reprs_are_short_and_notebooks_get_tables(project: planner.Project) -> None:
    project.record(runs())
    shown: list[Any] = [
        project.history,
        project.fit(),
        project.plan(),
        project.status(offline=True),
        planner.load_formula("beagle"),
        planner.load_site("cannon"),
    ]
    assert all(len(repr(one)) < 300 and repr(one).startswith("<") for one in shown)
    assert all("<table>" in one._repr_html_() for one in shown)
    assert repr(project) == f"Project({str(project.folder)!r})"


def test_a_mode_that_does_not_exist_is_an_input_error(project: planner.Project) -> None:
    with pytest.raises(planner.InputError, match="there is no mode 'pakced'") as refused:
        project.plan(mode="pakced")
    assert refused.value.hint == "did you mean 'packed'?"


def test_packer_and_order_are_chosen_as_on_the_command_line(project: planner.Project) -> None:
    packed = project.plan("packed", packer="lpt", write=False)
    assert packed.mode == "packed"
    assert not any("packer lpt" in note for note in packed.notes)
    assert any("packer lpt" in note for note in project.plan("tiers", packer="lpt", write=False).notes)
    assert any("order anneal" in note for note in project.plan("packed", order="anneal", write=False).notes)
    with pytest.raises(planner.InputError, match="there is no packer 'lptt'") as refused:
        project.plan("packed", packer="lptt", write=False)
    assert refused.value.hint == "did you mean 'lpt'?"
    with pytest.raises(planner.InputError, match="there is no order 'none'"):
        project.plan(order="none", write=False)


def test_html_shows_text_as_text() -> None:
    plan = plans.plan()
    evil = plan.tasks[0].model_copy(update={"reason": "<script>"})
    assert "<script>" not in plan.model_copy(update={"tasks": [evil]})._repr_html_()


def test_the_page_on_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chromplan.toml").write_text(CONFIG)
    runs().to_frame().to_csv("runs.csv", index=False)
    page = (TOP / "docs" / "python.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    names: dict[str, object] = {}
    for block in blocks:
        if not block.startswith("# runs on Slurm"):
            exec(block, names)  # our own page
    assert (tmp_path / "rounds/r001/jobs/chr22.sh").is_file()


def test_the_page_on_python_names_what_is_public() -> None:
    page = (TOP / "docs" / "python.md").read_text()
    named = {name for name in PUBLIC if re.search(rf"\b{name}\b", page)}
    assert set(PUBLIC) - named == {"Observation", "PlannedTask", "__version__"}


def test_the_example_runs(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, TOP / "examples" / "python" / "plan.py", tmp_path / "impute"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "<TaskStatuses: 22 planned>" in said
    assert (tmp_path / "impute/rounds/r001/submit.sh").is_file()
