"""What the wheel holds is enough: installed into an empty environment, it plans and renders."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("chromplan-*.whl")
    return built


def test_templates_sites_and_data_ship_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "site_configs"):
        here = {f"planner/{folder}/{path.name}" for path in (ROOT / folder).iterdir()}
        assert here <= names
    assert {f"planner/data/{path.name}" for path in (ROOT / "planner" / "data").glob("orders_*.json")} <= names
    assert "planner/py.typed" in names
    assert not any(name.startswith("tests/") for name in names)


@pytest.mark.slow
def test_an_empty_environment_plans_and_renders_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip: list[str | Path] = [environment / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wheel], check=True)
    project = tmp_path / "project"
    project.mkdir()

    def chromplan(*arguments: str) -> str:
        argv: list[str | Path] = [environment / "bin" / "chromplan", *arguments]
        return subprocess.run(
            argv, cwd=project, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin"}
        ).stdout

    chromplan("init", "--site", "cannon", "--tool", "plink2")
    config = project / "chromplan.toml"
    config.write_text(config.read_text().replace("# formula", "formula"))
    assert len(json.loads(chromplan("plan", "--json"))["tasks"]) == 22
    chromplan("render")
    assert (project / "rounds" / "r001" / "array.sh").read_text().startswith("#!/bin/bash\n")
    assert "cannon" in chromplan("site", "list")
