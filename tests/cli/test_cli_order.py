"""chromplan order: the paper's natural order, better ones, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from planner.cli import main

TABLE = "name,mem_mb,wall_s\n" + "".join(f"t{i},{100 + 37 * i % 400},{60 + 53 * i % 500}\n" for i in range(120))


def order(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(["order", *arguments])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    return said.err if code else json.loads(said.out) if "--json" in arguments else said.out


@pytest.mark.parametrize(("k", "peak"), [(2, 492.45), (3, 690.47), (5, 1062.54), (7, 1392.80), (10, 1815.91)])
def test_the_natural_order_has_the_peaks_the_paper_prints(
    capsys: pytest.CaptureFixture[str], k: int, peak: float
) -> None:
    found = order(capsys, "-k", str(k), "--search", "--evaluations", "2000", "--json")
    # the paper counts chromosome lengths rounded to 10 kb
    assert found["natural"]["peak"] == pytest.approx(peak, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (("-k", "2", "--objective", "peak"), 321.28),
        (("-k", "3", "--objective", "peak"), 456.52),
        (("-k", "2", "--objective", "peak", "--model", "lockstep"), 297.38),
        (("-k", "3", "--objective", "peak", "--model", "lockstep"), 378.38),
        (("-k", "2", "--eps", "0.05"), 324.39),
    ],
)
def test_the_peak_is_within_one_percent_of_the_best_known(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], known: float
) -> None:
    found = order(capsys, *arguments, "--search", "--json")
    assert found["peak"] <= 1.01 * known
    assert found["lower_bound"] <= found["peak"]
    assert sorted(map(int, found["order"])) == list(range(1, 23))


def test_under_a_cap_the_memory_stays_below_it_and_the_makespan_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    found = order(capsys, "--cap", "456.52", "--search", "--json")
    assert found["peak"] <= 456.52
    assert found["makespan"] <= 1.01 * 1018
    assert found["lower_bound"] <= found["makespan"]


def test_the_same_seed_gives_the_same_order(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("-k", "4", "--search", "--evaluations", "20000", "--seed", "3", "--json")
    assert order(capsys, *arguments)["order"] == order(capsys, *arguments)["order"]


@pytest.mark.parametrize("method", ["anneal", "hill-climb"])
def test_a_search_is_never_worse_than_the_natural_order(capsys: pytest.CaptureFixture[str], method: str) -> None:
    found = order(
        capsys, "-k", "5", "--objective", "peak", "--search", "--method", method, "--json", "--evaluations", "9000"
    )
    assert found["peak"] <= found["natural"]["peak"]


@pytest.mark.parametrize("objective", ["makespan", "peak-eps", "peak"])
def test_a_table_of_many_tasks_is_ordered(capsys: pytest.CaptureFixture[str], tmp_path: Path, objective: str) -> None:
    (tmp_path / "tasks.csv").write_text(TABLE)
    cap = ("--cap", "3G") if objective == "makespan" else ("-k", "5")
    table = ("--table", str(tmp_path / "tasks.csv"))
    found = order(capsys, *table, *cap, "--objective", objective, "--evaluations", "20000", "--json")
    assert sorted(found["order"]) == sorted(f"t{i}" for i in range(120))
    measure = "makespan" if objective == "makespan" else "peak"
    assert found[measure] <= found["natural"][measure] * (1 + 1e-9)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_picture_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"order.{suffix}"
    said = order(capsys, "-k", "3", "--evaluations", "5000", "--search", "--plot", str(path))
    assert path.stat().st_size > 5000
    assert str(path) in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "nothing limits what runs at once"),
        (("-k", "2", "--genome", "GRCh99"), "GRCh99"),
        (("--cap", "100"), "100"),
        (("-k", "2", "--table", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_wrong_input_is_two_lines(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    said = order(capsys, *arguments, code=2)
    assert expected in said
    assert len(said.splitlines()) == 2
