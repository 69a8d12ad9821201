"""chromplan export: from a project, from several plans, from a history, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from planner.cli import main

CONFIG = """
[pipeline]
name = "{name}"
tool = "{name}"
genome = "GRCh37"
chromosomes = "20-22"
command = "{name} {{chromosome}}"

[features]
length_mb = "length"

[memory]
default_mb = 700
"""
RUNS = "tool,chromosome,peak_mb,wall_s,limit_mb\n" + "".join(
    f"{tool},{n},{base + 3 * n},{100 + n},2000\n"
    for tool, base in (("phase", 100), ("impute", 400))
    for n in range(1, 23)
)


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    return said.err if code else said.out


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def project(name: str) -> Path:
    folder = Path(name)
    folder.mkdir()
    (folder / "chromplan.toml").write_text(CONFIG.format(name=name))
    return folder


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_all_tasks_of_a_project_are_told_also_those_that_a_pilot_would_leave_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = project("phase")
    told = rows(chromplan("export", "--to", "table", "-C", str(folder), capsys=capsys))
    assert [row["chromosome"] for row in told] == ["20", "21", "22"]
    assert {(row["mem_mb_1"], row["mem_mb_2"], row["mem_mb_4"]) for row in told} == {("700", "1400", "5600")}
    assert not (folder / "rounds").exists()


def test_several_plans_are_the_rules_of_one_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    project("phase")
    project("impute")
    chromplan("plan", "-C", "impute", capsys=capsys)
    sources = ["beagle_phase=phase", "impute/rounds/r001/plan.json"]
    said = chromplan("export", "--to", "snakemake", "-o", "flow", *sources, capsys=capsys)
    assert "wrote flow/chromplan_resources.py, flow/chromplan.json" in said
    assert "beagle_phase (3 tasks), impute (3 tasks)" in said
    assert set(json.loads(Path("flow/chromplan.json").read_text())["rules"]) == {"beagle_phase", "impute"}


def test_where_there_is_no_project_every_tool_of_the_history_is_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs.csv").write_text(RUNS + "broken,1,,,\n")
    chromplan("history", "import", "runs.csv", capsys=capsys)
    told = rows(chromplan("export", "--to", "table", capsys=capsys))
    assert {row["rule"] for row in told} == {"phase", "impute"}
    asked = {(row["rule"], row["chromosome"]): int(row["mem_mb_1"]) for row in told}
    assert all(asked["impute", str(n)] >= 400 + 3 * n for n in range(1, 23))
    assert len(asked) == 44
    more = rows(chromplan("export", "--to", "table", "--tool", "phase", "--overhead", "1G", capsys=capsys))
    assert {row["chromosome"]: int(row["mem_mb_1"]) - 1024 for row in more} == {
        place: mem_mb for (tool, place), mem_mb in asked.items() if tool == "phase"
    }


def test_a_historys_requests_end_at_the_sites_largest_node(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs.csv").write_text(RUNS)
    chromplan("history", "import", "runs.csv", capsys=capsys)
    Path("tiny.toml").write_text(
        'name = "tiny"\ndescription = "t"\nsource = "t"\nas_of = 2026-01-01\n'
        '[[partitions]]\nname = "main"\nnodes = 1\ncores = 2\nmem_mb = 900\nmax_time = "00:30:00"\n'
    )
    told = rows(chromplan("export", "--to", "table", "--site", "./tiny.toml", capsys=capsys))
    assert max(int(row["mem_mb_4"]) for row in told) == 900
    assert max(int(row["minutes_4"]) for row in told) <= 30


def test_wdl_names_the_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    project("phase")
    chromplan("export", "--to", "wdl", "--workflow", "joint", "phase", capsys=capsys)
    assert list(json.loads(Path("chromplan.inputs.json").read_text())) == ["joint.phase_tasks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "table"], "there is no plan, and nothing is recorded"),
        (["--to", "table", "--tool", "beagle"], "nothing is recorded for beagle"),
        (["--to", "table", "--tool", "beagle", "phase"], "plans and --tool cannot be combined"),
        (["--to", "table", "phase", "phase"], "two plans are called phase"),
        (["--to", "table", "7x=phase"], "'7x' is not the name of a rule"),
        (["--to", "table", "phase", "--site", "cannon"], "--site does not apply to plans"),
        (["--to", "table", "phase", "--workflow", "x"], "--workflow does not apply to table"),
        (["--to", "table", "elsewhere"], "elsewhere: no such folder"),
        (["--to", "wdl", "nothing.json"], "nothing.json: no such file"),
        (["--to", "wdl", "rule=phase/nothing.json"], "phase/nothing.json: no such file"),
        (["--to", "table", "phase", "--overhead", "much"], "--overhead"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project("phase")
    assert message in chromplan("export", *arguments, capsys=capsys, code=2)


def test_a_history_that_teaches_nothing_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs.csv").write_text("tool,chromosome,peak_mb,wall_s,outcome\nphase,1,300,10,failed\n")
    chromplan("history", "import", "runs.csv", capsys=capsys)
    assert "nothing can be learnt" in chromplan("export", "--to", "table", capsys=capsys, code=2)
    assert "nothing can be learnt" in chromplan("export", "--to", "table", "--tool", "phase", capsys=capsys, code=2)


BENCHMARK = "s\th:m:s\tmax_rss\n{s}\t0:10:00\t{mb}\n"


def benchmarks(**peaks_mb: int) -> None:
    for rule, peak_mb in peaks_mb.items():
        folder = Path("benchmarks") / rule
        folder.mkdir(parents=True)
        for n in range(1, 23):
            (folder / f"NA1.chr{n}.tsv").write_text(BENCHMARK.format(s=600, mb=peak_mb + 10 * n))


def test_one_command_records_the_last_run_and_exports_what_it_has_taught(capsys: pytest.CaptureFixture[str]) -> None:
    benchmarks(phase=300, impute=900)
    (Path("benchmarks") / "phase" / "README.tsv").write_text("not of a job\n")
    arguments = ["export", "--to", "snakemake", "--import", "benchmarks/{rule}/{sample}.chr{chromosome}.tsv"]
    main_says = chromplan(*arguments, capsys=capsys)
    assert "impute (22 tasks), phase (22 tasks)" in main_says
    rules = json.loads(Path("chromplan.json").read_text())["rules"]
    assert 320 < rules["phase"]["2"]["NA1"]["mem_mb"][0] < 900 < rules["impute"]["2"]["NA1"]["mem_mb"][0]
    before = Path("chromplan.json").read_bytes()
    with pytest.raises(SystemExit):
        main(arguments)
    assert "history: 0 new, 0 updated, 44 unchanged" in capsys.readouterr().err
    assert Path("chromplan.json").read_bytes() == before


def test_what_is_imported_may_be_a_trace_and_a_pattern_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    benchmarks(phase=300)
    Path("runs.csv").write_text(RUNS)
    imported = ["--import", "runs.csv", "--import", "benchmarks/{rule}/{sample}.chr{chromosome}.tsv"]
    told = rows(chromplan("export", "--to", "table", "--tool", "impute", *imported, capsys=capsys))
    assert len(told) == 22


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        ("benchmarks/{rule}.tsv", "no file matches benchmarks/{rule}.tsv"),
        ("benchmarks/{rule}/{rule}.tsv", "each once"),
        ("trace.txt", "trace.txt"),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_is_written(
    imported: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in chromplan("export", "--to", "snakemake", "--import", imported, capsys=capsys, code=2)
    assert not Path("chromplan.json").exists()


@pytest.mark.parametrize(
    ("genome", "chromosomes", "first"),
    [
        ("GRCh37", "20-22", "20"),
        ("GRCh38", "20-22", "chr20"),
        ("TAIR10", "1-2", "1"),
        ("own.fai", "chr1-chr2", "chr1"),
        ("bare.fai", "1-2", "1"),
    ],
)
def test_an_interval_list_names_contigs_as_the_reference_does(
    genome: str, chromosomes: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project("impute")
    (folder / "own.fai").write_text("chr1\t30000\t6\t60\t61\nchr2\t20000\t30000\t60\t61\n")
    (folder / "bare.fai").write_text("1\t30000\t6\t60\t61\n2\t20000\t30000\t60\t61\n")
    config = folder / "chromplan.toml"
    config.write_text(config.read_text().replace('"GRCh37"', f'"{genome}"').replace("20-22", chromosomes))
    for source in ("impute", "impute/rounds/r001/plan.json"):
        chromplan("export", "--to", "intervals", source, capsys=capsys)
        assert Path("impute.list").read_text().splitlines()[0] == first
        chromplan("plan", "-C", "impute", capsys=capsys)
