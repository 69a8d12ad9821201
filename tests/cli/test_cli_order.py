"""chromplan order: the paper's natural order, better ones, and what it refuses."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import observed
import plans
import pytest

from planner.cli import main

TABLE = "name,mem_mb,wall_s\n" + "".join(f"t{i},{100 + 37 * i % 400},{60 + 53 * i % 500}\n" for i in range(120))


def order(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    # the paper's genome, where a test names none
    genome = () if {"--genome", "--table"} & set(arguments) else ("--genome", "GRCh37")
    with pytest.raises(SystemExit) as ended:
        main(["order", *genome, *arguments])
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


def test_slots_were_once_called_workers(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (order(capsys, name, "3", "--json") for name in ("--slots", "--workers"))
    assert first["order"] == second["order"]


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
        (("--cap", "100"), "task 1 needs 249.251 Mb"),
        (("--cap", "64G"), "a number of Mb"),
        (("--cap", "nan"), "nan"),
        (("-k", "2", "--chromosomes", "1-99"), "99"),
        (("-k", "2", "--table", "nowhere.csv"), "nowhere.csv"),
        (("-k", "2", "--plot", "order.gif"), "order.gif"),
    ],
)
def test_wrong_input_is_two_lines(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    said = order(capsys, *arguments, code=2)
    assert expected in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("", ("-k", "2"), "tasks.csv"),
        ("name,mem_mb,wall_s\n", ("-k", "2"), "no tasks"),
        ("name,mem_mb\na,1\n", ("-k", "2"), "no column for the duration"),
        ("name,mem_mb,wall_s\na,1,2\na,1,2\n", ("-k", "2"), "tasks.csv:3: task 'a' is listed twice"),
        ("name,mem_mb,wall_s\n,1,2\n", ("-k", "2"), "tasks.csv:2: a task has no name"),
        ("name,mem_mb,wall_s\na,much,2\n", ("-k", "2"), "tasks.csv:2: mem_mb is 'much'"),
        ("name,mem_mb,wall_s\na,1,soon\n", ("-k", "2"), "tasks.csv:2: wall_s is 'soon'"),
        ("name,mem_mb,wall_s\na,1,-5\n", ("-k", "2"), "tasks.csv:2: wall_s is '-5'"),
        ("name,mem_mb,wall_s,cpus\na,1,2,few\n", ("-k", "2"), "tasks.csv:2: cpus is 'few'"),
        ("name,mem_mb,wall_s\na,900,2\n", ("--cap", "800M"), "task a needs 900 MB"),
        ("name,mem_mb,wall_s,cpus\na,900,2,8\n", ("--cores", "4"), "task a needs 8 cores"),
    ],
)
def test_a_wrong_table_is_named_by_file_line_and_column(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, arguments: tuple[str, ...], expected: str
) -> None:
    table = tmp_path / "tasks.csv"
    table.write_text(text)
    said = order(capsys, "--table", str(table), *arguments, code=2)
    assert expected in said
    assert len(said.splitlines()) == 2


def test_a_table_may_be_separated_by_tabs_and_hold_sizes_times_and_cores(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "tasks.tsv"
    table.write_text("task\tmemory\ttime\tthreads\na\t4G\t1:00:00\t2\nb\t2048M\t1800\t2\nc\t1G\t00:30:00\t4\n")
    found = order(capsys, "--table", str(table), "--cores", "4", "--json")
    assert (found["makespan"], found["peak"]) == (5400, 6144)


@pytest.mark.parametrize(
    ("arguments", "measure", "known"),
    [
        (("-k", "3"), "peak", 474.24),
        (("-k", "7", "--objective", "peak-eps", "--eps", "0.05"), "peak", 1091.54),
        (("-k", "5", "--objective", "peak", "--genome", "hg19"), "peak", 719.75),
        (("-k", "7", "--objective", "peak", "--model", "lockstep"), "peak", 877.27),
        (("-k", "5", "--objective", "makespan"), "makespan", 576.5),
        (("--cap", "719.75"), "makespan", 638.5),
    ],
)
def test_whole_genomes_are_answered_from_the_tables_without_a_search(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], measure: str, known: float
) -> None:
    found = order(capsys, *arguments, "--json")
    assert found["evaluations"] == 0
    assert found["lower_bound"] <= found[measure] <= known
    assert found["makespan"] >= found["best_makespan"]


@pytest.mark.parametrize("arguments", [("--genome", "GRCh38"), ("--genome", "hs1", "--chromosomes", "chr1-chr22,X,Y")])
def test_every_genome_has_its_table(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert order(capsys, "-k", "4", *arguments, "--json")["evaluations"] == 0


def test_limits_that_no_table_has_are_searched_from_the_tabled_orders(capsys: pytest.CaptureFixture[str]) -> None:
    tabled = order(capsys, "--cap", "719.75", "--json")
    found = order(capsys, "--cap", "722", "--evaluations", "256", "--json")
    assert found["evaluations"] > 0
    assert found["makespan"] <= tabled["makespan"]
    assert order(capsys, "-k", "5", "--cap", "722", "--evaluations", "256", "--json")["peak"] <= 722


def test_the_text_says_what_is_saved_and_how_far_from_the_best_it_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    said = order(capsys, "-k", "5", "--objective", "peak")
    assert "no order can come below" in said
    assert "longer than the shortest order; --objective peak-eps bounds that" in said
    assert "proved: no order does better" in order(capsys, "-k", "2", "--objective", "peak")


def test_a_proof_is_found_where_exact_search_can_finish(capsys: pytest.CaptureFixture[str]) -> None:
    found = order(capsys, "-k", "2", "--prove", "--evaluations", "256", "--json")
    assert found["evaluations"] > 0
    assert found["proved"]
    assert found["peak"] == pytest.approx(333.55, abs=0.01)
    assert not order(capsys, "-k", "2", "--search", "--evaluations", "100000", "--json")["proved"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from planner.cli import main; main()", "order", *arguments]


LONG = ("-k", "5", "--search", "--evaluations", "2000000000", "--json")


def test_a_search_beyond_a_second_shows_a_bar_and_ctrl_c_gives_the_best_so_far() -> None:
    ours, theirs = pty.openpty()
    shown = bytearray()
    running = subprocess.Popen(
        command(*LONG), stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)

    def interrupt_once_the_bar_is_there() -> None:
        asked = False
        while True:
            try:
                shown.extend(os.read(ours, 4096))
            except OSError:
                return
            if not asked and b"searching" in shown:
                asked = True
                running.send_signal(signal.SIGINT)

    watcher = threading.Thread(target=interrupt_once_the_bar_is_there)
    watcher.start()
    out, _ = running.communicate(timeout=240)
    watcher.join(timeout=60)
    os.close(ours)
    found = json.loads(out)
    assert running.returncode == 0
    assert b"interrupted: the best order so far" in shown
    assert found["interrupted"]
    assert sorted(map(int, found["order"])) == list(range(1, 23))
    assert found["peak"] <= found["natural"]["peak"]
    assert found["makespan"] <= found["best_makespan"] * 1.02


def test_a_plans_predictions_are_ordered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = plans.plan(plans.config(memory={"formula": None}), model=observed.fitted())
    path = tmp_path / "plan.json"
    path.write_text(plan.model_dump_json())
    found = order(capsys, "--table", str(path), "-k", "3", "--evaluations", "20000", "--json")
    assert sorted(found["order"]) == sorted(task.task for task in plan.tasks)
    assert found["peak"] < found["natural"]["peak"]


def test_a_plan_without_durations_cannot_be_ordered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plans.plan().model_dump_json())
    assert "not known how long" in order(capsys, "--table", str(path), "-k", "3", code=2)
    path.write_text("{}")
    assert "plan.json" in order(capsys, "--table", str(path), "-k", "3", code=2)


def test_a_method_that_is_asked_for_searches(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("-k", "3", "--objective", "peak", "--evaluations", "2000", "--json")
    climbed = order(capsys, *few, "--method", "hill-climb", "--swaps", "2", "--restarts", "10")
    assert climbed["evaluations"] > 0
    alone = order(capsys, *few, "--method", "hill-climb", "--swaps", "2", "--restarts", "10", "--search")
    assert climbed["order"] == alone["order"]  # the tables were not looked at
    assert order(capsys, *few, "--seed", "0")["evaluations"] > 0


def test_many_tasks_are_climbed_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "tasks.csv").write_text(TABLE)
    few = ("--table", str(tmp_path / "tasks.csv"), "-k", "5", "--objective", "peak", "--evaluations", "4000", "--json")
    found = {method: order(capsys, *few, "--method", method)["order"] for method in ("anneal", "hill-climb")}
    assert found["anneal"] != found["hill-climb"]


def test_hill_climbing_options_want_hill_climbing(capsys: pytest.CaptureFixture[str]) -> None:
    said = order(capsys, "-k", "3", "--swaps", "2", code=2)
    assert "--swaps belongs to --method hill-climb" in said
