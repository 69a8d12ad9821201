"""What packages chromplan for others says the same as pyproject.toml, and what is built for PyPI is accepted there."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

import planner

TOP = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
# conda-forge's names for what PyPI calls otherwise
CONDA = {"matplotlib": "matplotlib-base"}


def requirement(line: str) -> tuple[str, str]:
    found = re.match(r"([\w-]+)\s*(.*)", line)
    assert found
    return CONDA.get(found[1], found[1]), found[2]


def recipe(**environment: str) -> dict[str, Any]:
    """Return the bioconda recipe as conda-build sees it."""
    text = (TOP / "packaging" / "bioconda" / "meta.yaml").read_text()
    known = {"environ": environment, "PYTHON": "python", "pin_subpackage": lambda name, max_pin: f"{name} {max_pin}"}
    read: dict[str, Any] = yaml.safe_load(jinja2.Template(text, undefined=jinja2.StrictUndefined).render(known))
    return read


def test_the_conda_recipe_requires_what_the_wheel_requires() -> None:
    asked = dict(requirement(line) for line in recipe()["requirements"]["run"])
    assert asked.pop("python") == PROJECT["requires-python"]
    assert asked == dict(requirement(line) for line in PROJECT["dependencies"])
    assert recipe()["package"]["version"] == planner.__version__


def test_the_conda_recipe_says_what_bioconda_asks_of_one() -> None:
    made = recipe(CHROMPLAN_VERSION="1.2.3", CHROMPLAN_SHA256="0" * 64)
    assert made["package"] == {"name": "chromplan", "version": "1.2.3"}
    assert made["source"]["url"].endswith("/chromplan-1.2.3.tar.gz")
    assert made["source"]["sha256"] == "0" * 64
    assert made["build"]["noarch"] == "python"
    assert made["build"]["run_exports"]
    (script,) = made["build"]["entry_points"]
    assert script == f"chromplan = {PROJECT['scripts']['chromplan']}"
    assert made["test"]["commands"]
    assert (made["about"]["license"], made["about"]["summary"]) == (PROJECT["license"], PROJECT["description"])
    assert (TOP / made["about"]["license_file"]).exists()


def test_the_container_copies_what_the_wheel_is_built_from() -> None:
    text = (TOP / "packaging" / "apptainer" / "chromplan.def").read_text()
    (files,) = re.findall(r"%files\n(.*?)\n\n", text, re.DOTALL)
    copied = {word for line in files.splitlines() for word in line.split()[:-1]}
    built = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert copied == {"pyproject.toml", PROJECT["readme"], "LICENSE", *built["packages"], *built["force-include"]}


def test_the_container_with_pysr_installs_extras_that_exist_and_runs_tests_that_exist() -> None:
    text = (TOP / "packaging" / "apptainer" / "pysr.def").read_text()
    (extras,) = re.findall(r"/opt/source\[([\w,]+)\]", text)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    (tests,) = re.findall(r"tests/\S+\.py", text)
    assert "def test_pysr_finds_a_power_law" in (TOP / tests).read_text()


def test_the_citation_has_what_the_format_asks_for() -> None:
    read = yaml.safe_load((TOP / "CITATION.cff").read_text())
    assert {"cff-version", "title", "message", "authors"} <= set(read)
    assert read["license"] == PROJECT["license"]


@pytest.mark.slow
def test_sdist_and_wheel_are_what_pypi_accepts(tmp_path: Path) -> None:
    build: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, TOP]
    subprocess.run(build, check=True, capture_output=True)
    built = sorted(tmp_path.iterdir())
    assert {path.suffix for path in built} == {".whl", ".gz"}
    assert all(planner.__version__ in path.name for path in built)
    # the wheel is built from the sdist
    with zipfile.ZipFile(next(path for path in built if path.suffix == ".whl")) as wheel:
        packed = {Path(name).name for name in wheel.namelist()}
    shipped = [*(TOP / "templates").iterdir(), *(TOP / "site_configs").iterdir(), *(TOP / "planner/data").rglob("*.*")]
    assert {path.name for path in shipped if path.is_file() and path.suffix != ".pyc"} <= packed
    check: list[str | Path] = [sys.executable, "-m", "twine", "check", "--strict", *built]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_on_pypi_readmes_links_and_picture_lead_to_the_release() -> None:
    path = TOP / "packaging" / "absolute_links.py"
    spec = importlib.util.spec_from_file_location("absolute_links", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.absolute((TOP / "README.md").read_text(), "https://host.example/a/b", "v1")
    assert "](https://host.example/a/b/raw/v1/docs/picture.svg?raw=true)" in text
    assert "](https://host.example/a/b/blob/v1/docs/advise.md)" in text
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    steps = (TOP / ".github" / "workflows" / "release.yml").read_text()
    assert "packaging/absolute_links.py" in steps.split("python -m build")[0]
