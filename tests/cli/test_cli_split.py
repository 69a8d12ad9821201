"""``chromplan plan --split``: chosen, kept for the next rounds, undone, refused with a reason."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from planner.cli import main
from planner.core import genomes

TOML = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "GRCh37"
command = "{command}"
{more}

[submit]
site = "./site.toml"
"""
SITE = """
name = "small"
description = "two small nodes"
source = "made up"
as_of = 2026-01-01
{site}

[[partitions]]
name = "main"
nodes = 2
cores = 8
mem_mb = {node_mb}
billing_weights = "CPU=1,Mem=1G"
default = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose 22 chromosomes ran once: 20 MB and 30 s, and 0.9 MB and 1 s for each Mb."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    rows = [(name, bases / 1e6) for name, bases in genomes.lengths("GRCh37").items() if name.isdecimal()]
    lines = [f"{name},{20 + 0.9 * mb:.1f},{30 + mb:.1f},{mb}" for name, mb in rows]
    (tmp_path / "past.csv").write_text("\n".join(["chromosome,peak_mb,wall_s,length_mb", *lines, ""]))
    done = run("history", "import", "past.csv", "--tool", "beagle", "--feature", "length_mb=length_mb")
    assert done.exit_code == 0, done.stderr
    return tmp_path


def write(
    folder: Path, *, command: str = "impute {region}", node_mb: int = 600, more: str = "", site: str = ""
) -> None:
    (folder / "chromplan.toml").write_text(TOML.format(command=command, more=more))
    (folder / "site.toml").write_text(SITE.format(node_mb=node_mb, site=site))


@dataclass(frozen=True, slots=True)
class Done:
    exit_code: int
    stdout: str
    stderr: str


def run(*argv: str) -> Done:
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as ended,
    ):
        main(list(argv))
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, out.getvalue(), err.getvalue())


def plan(*argv: str) -> dict[str, object]:
    done = run("plan", "--json", *argv)
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def ways(found: dict[str, object]) -> dict[str, dict[str, float]]:
    return {way["parts"]: way for way in found["ways"]}  # type: ignore[attr-defined]


def tasks(found: dict[str, object]) -> list[str]:
    return sorted(task["task"] for task in found["tasks"])  # type: ignore[attr-defined]


def test_a_split_ends_sooner_than_any_fixed_one_and_says_what_they_cost(folder: Path) -> None:
    found = ways(plan("--split", "auto"))
    assert list(found) == ["auto", "1", "2", "4", "8"]
    fixed = [found[name]["makespan_s"] for name in ("1", "2", "4", "8")]
    assert found["auto"]["makespan_s"] < min(fixed)
    shown = run("plan", "--split", "auto").stdout
    assert "1 (whole)" in shown
    assert "unit-hours billed" in shown
    assert "note: cut to end soonest: " in shown


def test_the_figures_of_the_choice_are_those_of_its_plan(folder: Path) -> None:
    found = plan("--split", "auto")
    way = ways(found)["auto"]
    assert way["makespan_s"] == found["makespan_s"]
    assert way["tasks"] == len(tasks(found))
    assert way["price"] == found["price"]


def test_the_cheapest_split_costs_no_more_than_any_other(folder: Path) -> None:
    found = ways(plan("--split", "cheapest"))
    costs = {name: way["price"]["billed_h"] for name, way in found.items()}  # type: ignore[index]
    assert costs["cheapest"] == min(costs.values())


def test_the_next_plan_keeps_the_split_and_one_part_undoes_it(folder: Path) -> None:
    whole = plan()
    cut = plan("--split", "auto")
    assert tasks(plan()) == tasks(cut) != tasks(whole)
    assert tasks(plan("--split", "1")) == tasks(whole)
    assert tasks(plan()) == tasks(whole)
    assert not (folder / ".chromplan" / "split.list").exists()


def test_a_fixed_number_of_parts_cuts_each_chromosome_alike(folder: Path) -> None:
    found = plan("--split", "3")
    assert len(tasks(found)) == 66
    assert "chr22_1-17101522" in tasks(found)


def test_a_chromosome_that_fits_no_node_is_refused_with_the_way_out_and_then_cut(folder: Path) -> None:
    write(folder, node_mb=160)
    refused = run("plan")
    assert refused.exit_code == 2
    assert "'chromplan plan --split auto'" in refused.stderr
    found = plan("--split", "auto")
    assert max(task["request_mb"] for task in found["tasks"]) < 160  # type: ignore[attr-defined]
    assert ways(found)["1"]["refused"]


def test_without_durations_chromosomes_are_cut_only_as_far_as_they_must(folder: Path) -> None:
    more = '[memory]\nformula = "20 + 2 * length_mb"'
    write(folder, node_mb=400, more=more)
    (folder / ".chromplan" / "history.sqlite").unlink()
    found = plan("--split", "auto")
    assert found["makespan_s"] is None
    names = tasks(found)
    assert "chr22" in names
    assert "chr1" not in names
    assert "durations are not known yet" in found["notes"][-1]  # type: ignore[index]


def test_nothing_known_is_an_error_that_names_the_pilot(folder: Path) -> None:
    (folder / ".chromplan" / "history.sqlite").unlink()
    done = run("plan", "--split", "auto")
    assert done.exit_code == 2
    assert "nothing is known" in done.stderr
    assert len(tasks(plan("--split", "2"))) < 44  # a pilot


def test_memory_that_does_not_fall_with_length_is_said(folder: Path) -> None:
    write(folder, node_mb=160, more="[features]\nlength_mb = 200")
    done = run("plan", "--split", "auto")
    assert done.exit_code == 2
    assert "in any number of parts" in done.stderr
    assert "[features]" in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": "impute {chromosome}"}, "takes no regions"),
        ({"more": 'regions = "5Mb"'}, "says already how chromosomes are cut"),
    ],
)
def test_what_cannot_be_split_is_refused(folder: Path, changes: dict[str, str], message: str) -> None:
    write(folder, **changes)  # type: ignore[arg-type]
    done = run("plan", "--split", "auto")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "hint:" in done.stderr


@pytest.mark.parametrize("value", ["0", "-1", "soonest", "1.5", "99999"])
def test_a_value_that_is_no_way_to_split_is_refused(folder: Path, value: str) -> None:
    done = run("plan", f"--split={value}")
    assert done.exit_code == 2
    assert not (folder / "rounds").exists()


def test_it_cannot_be_combined_with_a_comparison(folder: Path) -> None:
    assert run("plan", "--split", "auto", "--compare").exit_code == 2


def test_no_more_tasks_than_an_array_holds(folder: Path) -> None:
    write(folder, site="max_array_size = 31")
    found = plan("--split", "auto")
    assert len(tasks(found)) <= 30
    assert "30" not in ways(found)
    assert "more than site small takes at once" in str(ways(found)["2"]["refused"])


def test_overlaps_count(folder: Path) -> None:
    bare = ways(plan("--split", "auto"))["8"]
    write(folder, more='overlap = "5Mb"', command="impute {region} {padded}")
    padded = ways(plan("--split", "auto"))["8"]
    assert padded["makespan_s"] > bare["makespan_s"]
    first = next(task for task in plan("--split", "2")["tasks"] if task["task"].startswith("chr1_1-"))  # type: ignore[attr-defined]
    assert first["features"]["length_mb"] == pytest.approx(124.625310 + 5)


def test_a_chromosome_chosen_later_is_whole_and_a_split_of_another_genome_is_an_error(folder: Path) -> None:
    plan("--split", "2")
    write(folder, more='chromosomes = "1-22,X"')
    assert "chrX" in tasks(plan())
    (folder / ".chromplan" / "split.list").write_text("1:1-999999999\n")
    done = run("plan")
    assert done.exit_code == 2
    assert "rm .chromplan/split.list" in done.stderr
