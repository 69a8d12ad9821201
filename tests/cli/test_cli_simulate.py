"""``chromplan simulate``: past jobs under other ways to ask for memory."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from observed import observation

from benchmarks.beagle import DATA
from planner.cli import main
from planner.core.records import Observation, Outcome, Quality
from planner.history.store import Store

SITE = """
name = "two"
description = "d"
source = "s"
as_of = 2026-01-01

[[partitions]]
name = "main"
nodes = 2
cores = 4
mem_mb = 1000
default = true

[[partitions]]
name = "fat"
nodes = 1
cores = 8
mem_mb = 4000
"""
CONFIG = """
[pipeline]
name = "impute"
tool = "beagle"
command = "run {chromosome}"

[submit]
site = "./two.toml"
"""


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *arguments])
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


def past() -> list[Observation]:
    """Three samples with four chromosomes each, and a kill."""
    rows = [
        observation(
            10 * sample + number,
            (60 + 100 * number) * (1 + 0.05 * sample),
            {"length_mb": 60.0 * number},
            task=f"s{sample}.chr{number}",
            sample=f"s{sample}",
            chromosome=str(number),
            wall_s=60.0 * number,
            limit_mb=600,
            submit_s=86_400 * (sample + 1),
        )
        for sample in range(3)
        for number in range(1, 5)
    ]
    killed = observation(
        900, 300.0, {"length_mb": 240.0}, outcome=Outcome.OOM, quality=Quality.CENSORED, limit_mb=300, sample="s0"
    )
    return [*rows, killed]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "two.toml").write_text(SITE)
    (tmp_path / "chromplan.toml").write_text(CONFIG)
    record(tmp_path, past())
    return tmp_path


def record(folder: Path, rows: list[Observation]) -> None:
    with Store.open(folder / ".chromplan" / "history.sqlite") as store:
        store.add(rows)


def replayed(project: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, err = chromplan("-C", str(project), "--json", "--runs", "2", *arguments, capsys=capsys)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def figures(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["strategy"]: one for one in found["strategies"]}


def test_the_projects_history_is_replayed_on_the_nodes_of_its_site(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = replayed(project, capsys=capsys)
    assert (found["tool"], found["jobs"], found["unknown"]) == ("beagle", 12, 0)
    assert (found["site"], found["partition"], found["nodes"], found["node_mem_mb"]) == ("two", "main", 2, 1000)
    assert found["left_out"] == {"killed for memory: a lower bound only": 1}
    by_name = figures(found)
    assert list(by_name) == ["recorded", "uniform", "doubling", "paper", "array", "packed", "dynamic", "known"]
    assert by_name["known"]["killed"] == by_name["uniform"]["killed"] == 0
    assert (
        by_name["array"]["reserved_gb_h"] < by_name["uniform"]["reserved_gb_h"] < by_name["recorded"]["reserved_gb_h"]
    )
    assert by_name["known"]["wasted_gb_h"] == pytest.approx(0, abs=0.05 * found["used_gb_h"])


def test_what_a_sample_used_is_not_what_is_asked_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last sample needs three times as much: nobody could know, so its jobs are killed."""
    rows = [replace(row, peak_mb=3 * (row.peak_mb or 0)) if row.sample == "s2" else row for row in past()]
    record(tmp_path, rows)
    found = replayed(tmp_path, "--mem", "4G", "--only", "s2", "--strategy", "array", capsys=capsys)
    assert found["jobs"] == 4
    assert figures(found)["array"]["killed"] >= 4


def test_the_first_sample_comes_before_anything_was_known(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = replayed(project, "--evidence", "earlier", "--strategy", "array", capsys=capsys)
    assert (found["evidence"], found["unknown"]) == ("earlier", 4)


def test_nodes_are_those_of_the_command_line_where_it_names_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = ("--strategy", "uniform")
    given = replayed(project, *one, "--nodes", "1", "--mem", "2G", "--cpus", "3", capsys=capsys)
    assert (given["nodes"], given["node_mem_mb"], given["node_cpus"]) == (1, 2048, 3)
    fat = replayed(project, *one, "--partition", "fat", capsys=capsys)
    assert (fat["partition"], fat["node_mem_mb"]) == ("fat", 4000)
    other = replayed(project, *one, "--site", "cannon", capsys=capsys)
    assert other["site"] == "cannon"


def test_your_own_mem_is_compared_with(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = replayed(project, "--uniform", "900M", "--first", "300M", capsys=capsys)
    assert (found["uniform_mb"], found["first_mb"]) == (900, 300)
    assert "900M" in figures(found)["uniform"]["what"]
    assert figures(found)["doubling"]["killed"] > 0


def test_the_table_says_what_was_saved_and_what_it_rests_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = chromplan("-C", str(project), "--runs", "2", capsys=capsys)
    assert code == 0
    assert "12 past jobs of beagle on 2 nodes of 1000 MB and 4 cores" in out
    assert "chromplan array against uniform: " in out
    assert "less memory x time reserved" in out
    assert "predicted from the jobs of other samples, never from itself" in out
    assert "left out: 1 (killed for memory: a lower bound only)" in out
    assert "these nodes hold everything at once" not in out


def test_nodes_that_never_limit_are_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = chromplan("-C", str(project), "--runs", "1", "--nodes", "12", capsys=capsys)
    assert "these nodes hold everything at once" in out
    assert "longest" not in out


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_plot_shows_every_strategy(project: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    plot = project / "plots" / f"replay{suffix}"
    code, out, _ = chromplan("-C", str(project), "--runs", "1", "--plot", str(plot), capsys=capsys)
    assert code == 0
    assert f"drew {plot}" in out
    assert plot.stat().st_size > 10_000


def test_real_beagle_runs_are_replayed_from_their_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = str(DATA / "beagle_chr22.csv")
    found = replayed(
        tmp_path, "--table", table, "--mem", "1200M", "--sample", "setting", "--feature", "window_cm", capsys=capsys
    )
    assert (found["tool"], found["jobs"], found["site"]) == ("beagle_chr22", 66, "given")
    by_name = figures(found)
    assert "recorded" not in by_name
    assert by_name["array"]["reserved_gb_h"] < 0.9 * by_name["uniform"]["reserved_gb_h"]
    assert by_name["array"]["makespan_s"] < by_name["uniform"]["makespan_s"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--mem", "lots"), "--mem: not a memory size"),
        (("--uniform", "0"), "--uniform: '0' is not an amount"),
        (("--mem", "100M"), "used 506 MB; a node offers 100 MB"),
        (("--tool", "plink2"), "no attempt of plink2 is recorded"),
        (("--only", "s9"), "no completed job of beagle belongs to s9"),
        (("--partition", "thin"), "no partition 'thin'"),
        (("--site", "nowhere"), "unknown site 'nowhere'"),
        (("--table", "none.csv"), "none.csv: no such file"),
        (("--plot", "x.txt"), "cannot draw a .txt"),
        (("--feature", "variants"), "12 left out (no feature variants)"),
    ],
)
def test_wrong_input_is_named(
    project: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = chromplan("-C", str(project), *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 2
    assert not (project / "x.txt").exists()


def test_limits_that_are_not_on_record_cannot_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, [replace(row, limit_mb=None) for row in past()[:12]])
    code, _, err = chromplan("-C", str(tmp_path), "--mem", "1G", "--strategy", "recorded", capsys=capsys)
    assert code == 2
    assert "not every job's limit is on record" in err


def test_without_a_history_or_a_site_it_says_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = chromplan("-C", str(tmp_path), capsys=capsys)
    assert code == 2
    assert "nothing is recorded yet" in err
    assert not (tmp_path / ".chromplan").exists()
    record(tmp_path, past())
    code, _, err = chromplan("-C", str(tmp_path), capsys=capsys)
    assert code == 2
    assert "--mem MEM" in err


def test_a_history_of_several_tools_needs_to_be_told_whose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, [*past(), observation(950, 300.0, {}, tool="plink2")])
    code, _, err = chromplan("-C", str(tmp_path), "--mem", "1G", capsys=capsys)
    assert code == 2
    assert "jobs of beagle, plink2" in err
    found = replayed(tmp_path, "--mem", "1G", "--tool", "plink2", "--strategy", "uniform", capsys=capsys)
    assert found["jobs"] == 1


def test_runs_without_a_time_are_no_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs.csv").write_text("chromosome,peak_mb\n1,200\n2,180\n")
    code, _, err = chromplan("--table", str(tmp_path / "runs.csv"), "--mem", "1G", capsys=capsys)
    assert code == 2
    assert "2 left out (no run time recorded)" in err
