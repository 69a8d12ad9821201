"""Local runs: real processes, held to their requests, resumed after an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import plans
import pytest

from planner import render
from planner.errors import InputError
from planner.plan.document import Plan
from planner.records import Outcome
from planner.rounds import local

HOLD = f"{sys.executable} -c 'import time; x = bytearray(int({{mb}}) << 20); time.sleep(0.4)'"


def plan_of(command: str, *, chromosomes: str = "20-22", request_mb: int = 200) -> Plan:
    config = plans.config(
        pipeline={"command": command, "chromosomes": chromosomes},
        memory={"formula": None, "default_mb": request_mb, "pilot": 0},
    )
    return plans.plan(config)


def executor(plan: Plan, root: Path, *, workers: int = 4, mem_mb: int = 1000) -> local.LocalRun:
    folder = root / "rounds" / "r001"
    render.write(render.render(plan), folder)
    return local.LocalRun(plan, root=root, folder=folder, workers=workers, mem_mb=mem_mb, on_change=lambda _: None)


def test_every_task_runs_once_and_its_peak_is_measured(tmp_path: Path) -> None:
    runs = executor(plan_of(HOLD.replace("{mb}", "60") + "; echo {chromosome} >> done"), tmp_path).run()
    assert {run.outcome for run in runs} == {Outcome.COMPLETED}
    assert all(60 < run.peak_mb < 150 for run in runs)
    assert sorted((tmp_path / "done").read_text().split()) == ["20", "21", "22"]


def test_a_task_beyond_its_request_is_killed_and_recorded_as_oom(tmp_path: Path) -> None:
    runs = executor(plan_of(HOLD.replace("{mb}", "150"), request_mb=100, chromosomes="22"), tmp_path).run()
    assert [run.outcome for run in runs] == [Outcome.OOM]
    assert "100 MB" in runs[0].evidence


def test_memory_of_children_counts(tmp_path: Path) -> None:
    command = f"({HOLD.replace('{mb}', '60')}) & ({HOLD.replace('{mb}', '60')}) & wait"
    runs = executor(plan_of(command, request_mb=110, chromosomes="22"), tmp_path).run()
    assert [run.outcome for run in runs] == [Outcome.OOM]


def test_an_exit_code_is_a_failure_not_an_oom(tmp_path: Path) -> None:
    runs = executor(plan_of("exit 3", chromosomes="22"), tmp_path).run()
    assert (runs[0].outcome, runs[0].exit_code, runs[0].evidence) == (Outcome.FAILED, 3, "exit code 3")


def test_the_command_sees_its_values_unchanged(tmp_path: Path) -> None:
    command = "printf '%s|%s|%s|%s' {chromosome} {cpus} {mem_mb} {java_heap_mb} > seen"
    executor(plan_of(command, chromosomes="22", request_mb=500), tmp_path).run()
    assert (tmp_path / "seen").read_text() == "22|1|500|380"


def test_the_temporary_folder_is_gone_afterwards(tmp_path: Path) -> None:
    executor(plan_of("touch {tmp}/x; echo {tmp} > where", chromosomes="22"), tmp_path).run()
    assert not Path((tmp_path / "where").read_text().strip()).exists()


def test_requests_at_once_stay_within_the_memory(tmp_path: Path) -> None:
    command = "date +%s.%N >> starts; sleep 0.6; date +%s.%N >> ends"
    executor(plan_of(command, request_mb=600), tmp_path, mem_mb=1000).run()
    starts = sorted(float(x) for x in (tmp_path / "starts").read_text().split())
    ends = sorted(float(x) for x in (tmp_path / "ends").read_text().split())
    assert all(start > end for start, end in zip(starts[1:], ends, strict=False))


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    plan = plan_of("echo x >> count", chromosomes="22")
    executor(plan, tmp_path).run()
    executor(plan, tmp_path).run()
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_task_larger_than_the_limit_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task chr\d+ asks for 200 MB, this run may use 100 MB"):
        executor(plan_of("true"), tmp_path, mem_mb=100).run()


def test_an_interrupted_run_stops_its_children_and_goes_on_later(tmp_path: Path) -> None:
    plan = plan_of("echo $$ >> pids; sleep 60", chromosomes="22")
    running = executor(plan, tmp_path)
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    script = (
        "from pathlib import Path\n"
        "from planner.plan.document import Plan\n"
        "from planner.rounds.local import LocalRun\n"
        f"root = Path({str(tmp_path)!r})\n"
        "plan = Plan.model_validate_json((root / 'plan.json').read_text())\n"
        "folder = root / 'rounds' / 'r001'\n"
        "LocalRun(plan, root=root, folder=folder, workers=1, mem_mb=999, on_change=print).run()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    for _ in range(200):
        if pids.exists() and pids.read_text().strip():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids.read_text().split()[0]), 0)
    assert local.read(tmp_path / "rounds" / "r001") == []
    (tmp_path / "rounds" / "r001" / "command.sh").write_text("true\n")
    assert [run.outcome for run in running.run()] == [Outcome.COMPLETED]


def test_a_record_cut_by_a_crash_is_left_out_and_damage_is_named(tmp_path: Path) -> None:
    executor(plan_of("true", chromosomes="22"), tmp_path).run()
    path = tmp_path / "rounds" / "r001" / local.FILE
    whole = path.read_text()
    path.write_text(whole + whole[:20])
    assert len(local.read(path.parent)) == 1
    path.write_text(json.dumps({"task": "x"}) + "\n" + whole)
    with pytest.raises(InputError, match=r"local\.jsonl:1: "):
        local.read(path.parent)
