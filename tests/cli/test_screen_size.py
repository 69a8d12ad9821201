"""The 22 chromosomes fit one screen of 80 columns and 24 lines, the prompt below them."""

import re
from pathlib import Path

import pytest
import screens

ROOT = Path(__file__).parent.parent.parent
HISTORY = ROOT / "examples/data/beagle_chr22.csv"
TOML = """
[pipeline]
name = "impute"
tool = "beagle"
chromosomes = "1-22"
samples = ["{sample}"]
command = "run {{sample}} {{chromosome}}"

[submit]
site = "cannon"
"""
CHROMOSOMES = {f"chr{number}" for number in range(1, 23)}


@pytest.fixture(scope="module", params=["S1", "HG00096_wgs", "HG00096_wgs_30x_GRCh38_dedup_recal.v2"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a history whose round is planned."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "chromplan.toml").write_text(TOML.format(sample=request.param))
    screens.on_terminal("history", "import", str(HISTORY), "--tool", "beagle", cwd=folder)
    screens.on_terminal("plan", cwd=folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "status"])
def test_22_tasks_fit_one_screen(project: Path, command: str) -> None:
    shown = screens.on_terminal(command, cwd=project)
    assert screens.height(shown) < 24
    assert set(re.findall(r"\.(chr\d+)\b", shown)) == CHROMOSOMES
    assert "next: chromplan render" in shown


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "status"])
def test_where_the_screen_is_higher_each_task_has_a_line(project: Path, command: str) -> None:
    shown = screens.on_terminal(command, cwd=project, lines=40).splitlines()
    assert sum(".chr" in line for line in shown) == 22
    assert all(len(line) <= 80 for line in shown if ".chr" in line)
