"""``chromplan fit``: a model per tool, and how far to trust it."""

import json
from pathlib import Path
from typing import Any

import pytest
from observed import beagle_runs, observation

from planner.cli import main
from planner.core.records import Outcome, Quality
from planner.history.store import Store
from planner.memory.saved import loads

RUNS = 30

CONFIG = """
[pipeline]
name = "impute"
tool = "beagle"
command = "run {chromosome}"

[features]
variants = "5"

[memory]
level = 0.9
"""


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A history of two tools: real Beagle runs, with a kill, and two runs of another tool."""
    with Store.open(tmp_path / ".chromplan" / "history.sqlite") as store:
        store.add(beagle_runs()[:RUNS])
        killed = observation(900, 70.0, {}, outcome=Outcome.OOM, quality=Quality.CENSORED, limit_mb=64)
        store.add([killed, *(observation(950 + n, 300.0, {"variants": 5.0 + n}, tool="plink2") for n in range(2))])
    return tmp_path


def fitted(project: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    code, out, err = chromplan("fit", "-C", str(project), "--json", *arguments, capsys=capsys)
    assert (code, err) == (0, "")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_every_tool_gets_a_model_that_can_be_read_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beagle, plink = fitted(project, capsys=capsys)
    assert (beagle["tool"], beagle["trained"], plink["tool"], plink["trained"]) == ("beagle", RUNS, "plink2", 2)
    assert "n_ref_samples" in beagle["features"]
    assert beagle["observations"] == {"measured": RUNS, "censored": 1}
    assert beagle["skipped"] == {"killed for memory: a lower bound only": 1}
    saved = loads((project / ".chromplan" / "models" / "beagle.json").read_text())
    assert saved.rows == RUNS


def test_the_figures_compare_with_one_request_for_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (beagle,) = fitted(project, "--tool", "beagle", "--mem", "600M", capsys=capsys)
    figures = beagle["cross_validation"]
    assert figures["rows"] == RUNS
    assert figures["level"] == 0.95
    assert 0.8 <= figures["coverage"] <= 1
    assert figures["uniform_mb"] == 600
    assert figures["uniform_failures"] == 0
    assert figures["waste_gbh"] < 0.5 * figures["uniform_waste_gbh"]


def test_the_largest_limit_on_record_is_what_is_compared_with(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (beagle,) = fitted(project, "--tool", "beagle", capsys=capsys)
    assert beagle["cross_validation"]["uniform_mb"] == 4096


def test_features_can_be_chosen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (beagle,) = fitted(
        project, "--tool", "beagle", "--feature", "n_ref_variants", "--feature", "n_ref_samples", capsys=capsys
    )
    assert beagle["features"] == ["n_ref_variants", "n_ref_samples"]


def test_the_pipelines_features_and_level_hold_for_its_tool(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "chromplan.toml").write_text(CONFIG)
    (beagle,) = fitted(project, "--tool", "beagle", "--level", "0.8", capsys=capsys)
    assert beagle["features"] == ["variants"]
    assert (beagle["trained"], beagle["model"], beagle["cross_validation"]) == (0, None, None)
    assert beagle["skipped"]["no feature variants"] == RUNS
    code, out, _ = chromplan("fit", "-C", str(project), "--tool", "beagle", capsys=capsys)
    assert code == 0
    assert "hint: 'chromplan history import FILE… --feature NAME=COLUMN' adds a feature" in out
    (plink,) = fitted(project, "--tool", "plink2", capsys=capsys)
    assert plink["features"] == ["variants"]


LIKE = """
[pipeline]
name = "impute"
tool = "plink2"
command = "run {chromosome}"

[features]
variants = "5"

[memory]
like = "glimpse"
"""


def test_another_tools_history_tells_how_tasks_compare(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "chromplan.toml").write_text(LIKE)
    with Store.open(project / ".chromplan" / "history.sqlite") as store:
        rows = [observation(n, 80 * n**0.5, {"variants": float(n)}, tool="glimpse") for n in range(1, 31)]
        store.add(rows)
    found = fitted(project, "--tool", "plink2", capsys=capsys)[0]
    model = loads((project / ".chromplan" / "models" / "plink2.json").read_text())
    assert found["trained"] == 2
    ratio = model.predict({"variants": 20.0}).point_mb / model.predict({"variants": 5.0}).point_mb
    assert ratio == pytest.approx(2, rel=0.05)


def test_a_tool_to_compare_with_needs_a_history(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "chromplan.toml").write_text(LIKE)
    code, _, err = chromplan("fit", "-C", str(project), "--tool", "plink2", capsys=capsys)
    assert code == 2
    assert err.startswith("error: memory.like: no usable observation of glimpse: none is recorded\nhint: ")


def test_the_tables_are_for_people(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = chromplan("fit", "-C", str(project), capsys=capsys)
    assert code == 0
    assert "Cross-validation: requests of the model, and one --mem for all" in out
    assert "beagle: 1 not used (killed for memory: a lower bound only)" in out
    assert "models/plink2.json saved; too few observations to judge it" in out
    assert "4096M" in out


def test_a_tool_with_nothing_to_learn_from_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(project / ".chromplan" / "history.sqlite") as store:
        store.add([observation(990, None, {}, tool="gatk", quality=Quality.MISSING)])
    code, out, _ = chromplan("fit", "-C", str(project), "--tool", "gatk", capsys=capsys)
    assert code == 0
    assert "gatk: nothing to learn from yet, no model saved" in out
    assert not (project / ".chromplan" / "models" / "gatk.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tool", "absent"], "no observation of absent yet"),
        (["--mem", "lots"], "--mem"),
        (["--mem", "0"], "'0' is not an amount of memory"),
    ],
)
def test_wrong_input_is_two_lines(
    project: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = chromplan("fit", "-C", str(project), *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 2
