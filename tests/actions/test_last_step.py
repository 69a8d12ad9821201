"""``[then]``: what the regions gave is joined once all of them are done, and once only."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from planner.cli import main

TOML = """
[pipeline]
name = "call"
tool = "cut"
genome = "genome.sizes"
regions = "1Mb"
samples = {samples}
command = "mkdir -p out && if [ -e fail.{{task}} ]; then exit 3; fi && echo {{region}} > out/{{task}}"
time = "00:01:00"

[memory]
default_mb = 50
pilot = 0

[then]
tool = "join"
command = "mkdir -p joined && for part in $CHROMPLAN_PARTS; do cat out/$part; done >> joined/{{task}}"
time = "00:01:00"
{then}

[then.memory]
default_mb = 50
pilot = 0
"""


def chromplan(*argv: str, code: int = 0) -> str:
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as ended,
    ):
        main(list(argv))
    assert ended.value.code == code, out.getvalue() + err.getvalue()
    return out.getvalue() if code == 0 else err.getvalue()


def plan(*argv: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chromplan("plan", "--json", *argv))
    return found


def names(planned: dict[str, Any]) -> list[str]:
    return sorted(task["task"] for task in planned["tasks"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three regions on two chromosomes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.sizes").write_text("1\t1500000\n2\t800000\n")
    write(tmp_path)
    return tmp_path


def write(folder: Path, *, then: str = "", samples: str = "[]") -> None:
    (folder / "chromplan.toml").write_text(TOML.format(then=then, samples=samples))


def run() -> None:
    chromplan("render")
    chromplan("run", "--local", "--mem", "400M")
    chromplan("ingest")


def test_a_join_of_each_chromosome_runs_after_its_regions_and_once(folder: Path) -> None:
    first = plan()
    assert names(first) == ["chr1_1-1000000", "chr1_1000001-1500000", "chr2_1-800000"]
    run()
    second = plan()
    assert names(second) == ["chr1.join", "chr2.join"]
    assert (second["tool"], second["round"]) == ("join", 2)
    run()
    assert (folder / "joined" / "chr1.join").read_text() == "1:1-1000000\n1:1000001-1500000\n"
    assert (folder / "joined" / "chr2.join").read_text() == "2:1-800000\n"
    assert names(plan()) == []


def test_one_join_for_all_regions_of_each_sample(folder: Path) -> None:
    write(folder, then='by = "all"', samples='["a", "b"]')
    plan()
    run()
    assert names(plan()) == ["a.all.join", "b.all.join"]
    run()
    assert (folder / "joined" / "a.all.join").read_text().count("\n") == 3


def test_a_chromosome_with_a_region_that_failed_is_not_joined(folder: Path) -> None:
    (folder / "fail.chr1_1-1000000").touch()
    plan()
    run()
    second = plan()
    assert names(second) == ["chr2.join"]
    assert "join: 1 more wait for regions that are not done" in second["notes"]
    run()
    (folder / "fail.chr1_1-1000000").unlink()
    assert names(plan("--retry-failed")) == ["chr1_1-1000000"]
    run()
    assert names(plan()) == ["chr1.join"]


def test_a_join_is_made_again_after_its_regions_were(folder: Path) -> None:
    for wanted in (3, 2):
        assert len(names(plan())) == wanted
        run()
    assert len(names(plan("--again"))) == 3
    run()
    assert names(plan()) == ["chr1.join", "chr2.join"]


def test_its_memory_is_learnt_apart_from_that_of_the_regions(folder: Path) -> None:
    plan()
    run()
    plan()
    run()
    tools = {row["tool"] for row in json.loads(chromplan("history", "show", "--json"))}
    assert tools == {"cut", "join"}


def test_a_wrong_command_is_refused_before_anything_runs(folder: Path) -> None:
    text = (folder / "chromplan.toml").read_text()
    (folder / "chromplan.toml").write_text(text.replace("joined/{task}", "joined/{tusk}"))
    assert "then.command: unknown placeholder {tusk}" in chromplan("plan", code=2)
    (folder / "chromplan.toml").write_text(text.replace(" >> joined/{task}", ""))
    assert "then.command: {chromosome} is missing" in chromplan("plan", code=2)
