"""chromplan fit --symbolic and chromplan formula, on the bundled real Beagle runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.beagle import FEATURES as BEAGLE_FEATURES
from planner.cli import main
from planner.formula import file as formula_files
from planner.formula.discovery import engines, teacher

RUNS = Path(__file__).parent.parent.parent / "examples" / "data" / "beagle_runs.csv"
FEATURES = ",".join(BEAGLE_FEATURES)


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    return said.err if code else said.out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("formula") / "beagle.formula.toml"
    table = ["--table", str(RUNS), "--target", "peak_rss_mb", "--features", FEATURES]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(engines, "OPERON_EVALUATIONS", 10_000)  # a short search; benchmarks/formula.py runs whole ones
        main(["fit", "-C", str(path.parent), "--tool", "beagle", *table, "--symbolic", "--out", str(path), "--json"])
    assert ended.value.code == 0
    return path


def check(path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    table = ("--table", str(RUNS), "--target", "peak_rss_mb")
    return json.loads(chromplan("formula", "check", str(path), *table, "--json", capsys=capsys))


def test_the_formula_follows_the_real_runs(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = check(made, capsys)
    assert found["rows"] >= 100
    assert found["pearson"] >= 0.85  # what the paper reports of its formula
    assert found["mape"] <= 15
    assert found["nodes"] <= 30
    assert found["coverage"]["0.95"] >= 0.85


def test_the_file_reads_back_identically(made: Path) -> None:
    text = made.read_text()
    assert formula_files.dumps(formula_files.loads(text)) == text


def test_it_is_explained(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = chromplan("formula", "show", str(made), capsys=capsys)
    assert "MiB" in said
    assert "n_ref_variants" in said
    assert json.loads(chromplan("formula", "show", str(made), "--json", capsys=capsys))["rows"] >= 100


@pytest.mark.parametrize("language", ["python", "bash", "awk", "nextflow", "snakemake", "wdl"])
def test_it_is_exported(made: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    assert "n_ref_variants" in chromplan("formula", "export", str(made), "--to", language, capsys=capsys)


def test_the_exported_python_runs(made: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "request.py").write_text(chromplan("formula", "export", str(made), "--to", "python", capsys=capsys))
    subprocess.run(["python3", "-m", "py_compile", tmp_path / "request.py"], check=True)


def test_the_exported_bash_is_valid(made: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "request.sh").write_text(chromplan("formula", "export", str(made), "--to", "bash", capsys=capsys))
    subprocess.run(["bash", "-n", tmp_path / "request.sh"], check=True)


@pytest.mark.parametrize(
    "hostile", ["__import__('os')", "(" * 100_000, "1 / 0 * n_samples", "n_samples + nan", "a = 1"]
)
def test_a_hostile_formula_is_refused(
    made: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, hostile: str
) -> None:
    lines = made.read_text().splitlines()
    where = next(i for i, line in enumerate(lines) if line.startswith("formula"))
    lines[where] = f'formula = "{hostile}"'
    path = tmp_path / "hostile.toml"
    path.write_text("\n".join(lines) + "\n")
    said = chromplan(
        "formula", "check", str(path), "--table", str(RUNS), "--target", "peak_rss_mb", capsys=capsys, code=2
    )
    assert len(said.splitlines()) == 2


def test_an_unknown_engine_and_a_stray_option_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = ("--table", str(RUNS), "--target", "peak_rss_mb", "--features", FEATURES)
    arguments = ("fit", "-C", str(tmp_path), "--tool", "beagle", *table)
    assert "--symbolic" in chromplan(*arguments, capsys=capsys, code=2)
    assert "magic" in chromplan(*arguments, "--symbolic", "--engine", "magic", capsys=capsys, code=2)


def test_without_pysr_its_engine_is_refused_before_anything_is_fitted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysr", None)
    monkeypatch.setattr(teacher, "teach", None)
    table = ("--table", str(RUNS), "--target", "peak_rss_mb", "--features", FEATURES)
    arguments = ("fit", "-C", str(tmp_path), "--tool", "beagle", *table, "--symbolic", "--engine", "pysr")
    said = chromplan(*arguments, capsys=capsys, code=2)
    assert said.splitlines()[0] == "error: the engine pysr is not installed"
    assert len(said.splitlines()) == 2
