"""Local runs: real processes with real memory, held to their limits, resumed after an interruption."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import plans
import pytest

from planner.cli import main
from planner.core.alive import started_s
from planner.core.errors import FailureError, InputError
from planner.core.records import Outcome
from planner.plan.document import Plan
from planner.rounds import own_runs
from planner.rounds.own import OwnRecords
from planner.runner import local, processes, runs
from planner.runner.executor import STOP_S, Executor
from planner.runner.launch import Attempt, Progress, one_node
from planner.runner.localtask import LocalLauncher, LocalTask
from planner.runner.runs import Run
from planner.scripts import render

# -S: no site packages, so that the interpreter itself stays small, measured or not
HOLD = f"{sys.executable} -S -c 'import time; x = bytearray(int({{mb}}) << 20); time.sleep(0.4)'"
# waits to be killed where it holds more than it was given, however rarely a busy machine looks at it
TOO_MUCH = f"""{sys.executable} -S -c 'import os, time; held = int({{mb}}); x = bytearray(held << 20);
time.sleep(60 if held > int(os.environ["CHROMPLAN_MEM_MB"]) else 0.4)'"""
# one of two that together hold too much
HALF = HOLD.replace("{mb}", "60").replace("0.4", "60")


def plan_of(command: str, *, chromosomes: str = "20-22", request_mb: int = 200, **memory: object) -> Plan:
    config = plans.config(
        pipeline={"command": command, "chromosomes": chromosomes},
        memory={"formula": None, "default_mb": request_mb, "pilot": 0, **memory},
    )
    return plans.plan(config)


def folder_of(root: Path) -> Path:
    return root / "rounds" / "r001"


def go(plan: Plan, root: Path, **bounds: int) -> list[Run]:
    render.write(render.render(plan), folder_of(root))
    limits = one_node(**{"mem_mb": 1000, "cores": 4, **bounds})  # type: ignore[arg-type]
    return local.run(plan, root=root, folder=folder_of(root), bounds=limits, on_end=lambda _: None)


def go_once_it_runs(plan: Plan, root: Path) -> list[str]:
    """Run a round whose task ends once it is seen to run; return the tasks that were seen then."""
    seen: list[str] = []

    def let_go(progress: Progress) -> None:
        if progress.running and not seen:
            seen.extend(attempt.task.task for attempt, _, _ in progress.running)
            (root / "go").touch()

    local.run(
        plan,
        root=root,
        folder=folder_of(root),
        bounds=one_node(mem_mb=999, cores=1),
        on_end=lambda _: None,
        watch=let_go,
    )
    return seen


DRIVER = """
import sys
from pathlib import Path
from planner.plan.document import Plan
from planner.runner import local
from planner.runner.launch import one_node

root = Path(sys.argv[1])
plan = Plan.model_validate_json((root / "plan.json").read_text())
bounds = one_node(mem_mb=int(sys.argv[2]), cores=int(sys.argv[3]))
local.run(plan, root=root, folder=root / "rounds" / "r001", bounds=bounds, on_end=print)
"""


def drive(plan: Plan, root: Path, *, mem_mb: int = 999, cores: int = 1) -> subprocess.Popen[bytes]:
    """Run a round in a process of its own, that can be killed."""
    render.write(render.render(plan), folder_of(root))
    (root / "plan.json").write_text(plan.model_dump_json())
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root), str(mem_mb), str(cores)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 240
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def abandon(plan: Plan, root: Path) -> None:
    """Run a round and kill its driver once a task has said its process id in ``pids``."""
    process = drive(plan, root)
    until(lambda: words(root / "pids"))
    process.kill()
    process.wait()


def alive(pid: str) -> bool:
    return started_s(int(pid)) is not None


def test_every_task_runs_once_and_its_peak_is_measured(tmp_path: Path) -> None:
    ended = go(plan_of(HOLD.replace("{mb}", "60") + "; echo {chromosome} >> done"), tmp_path)
    assert {run.outcome for run in ended} == {Outcome.COMPLETED}
    assert all(60 < run.peak_mb < 150 for run in ended)
    assert sorted(words(tmp_path / "done")) == ["20", "21", "22"]


def test_twenty_two_tasks_run_to_the_end_within_two_fifths_of_their_memory(tmp_path: Path) -> None:
    command = f"echo {{chromosome}} >> started; {HOLD.replace('{mb}', '10 + 3 * (23 - {chromosome})')}"
    config = plans.config(
        pipeline={"command": command},
        memory={"formula": "20 + 0.28 * length_mb"},
    )
    plan = plans.plan(config)
    held: list[float] = []
    render.write(render.render(plan), folder_of(tmp_path))
    bounds = one_node(mem_mb=plan.total_request_mb * 2 // 5, cores=22, max_attempts=8)
    ended = local.run(
        plan,
        root=tmp_path,
        folder=folder_of(tmp_path),
        bounds=bounds,
        on_end=lambda _: None,
        watch=lambda progress: held.append(sum(attempt.limit_mb for attempt, _, _ in progress.running)),
    )
    completed = [run.task for run in ended if run.outcome is Outcome.COMPLETED]
    assert sorted(completed) == sorted(task.task for task in plan.tasks)
    assert {run.outcome for run in ended} <= {Outcome.COMPLETED, Outcome.OOM}
    assert max(held) <= bounds.mem_mb
    assert len(words(tmp_path / "started")) == len(ended)


def test_a_task_beyond_its_request_is_killed_and_runs_again_with_at_least_twice_as_much(tmp_path: Path) -> None:
    ended = go(plan_of(TOO_MUCH.replace("{mb}", "150"), request_mb=100, chromosomes="22"), tmp_path)
    assert [run.outcome for run in ended] == [Outcome.OOM, Outcome.COMPLETED]
    assert "of 100 MB" in ended[0].evidence
    assert ended[1].limit_mb >= 200
    assert ended[0].job_id != ended[1].job_id


def test_a_task_that_needs_more_than_there_is_is_given_up(tmp_path: Path) -> None:
    ended = go(plan_of(TOO_MUCH.replace("{mb}", "300"), request_mb=100, chromosomes="22"), tmp_path, mem_mb=150)
    assert [(run.outcome, run.limit_mb) for run in ended] == [(Outcome.OOM, 100), (Outcome.OOM, 150)]


def test_a_task_is_given_up_after_the_most_attempts(tmp_path: Path) -> None:
    plan = plan_of(TOO_MUCH.replace("{mb}", "300"), request_mb=50, chromosomes="22")
    assert [run.outcome for run in go(plan, tmp_path, max_attempts=2)] == [Outcome.OOM] * 2
    assert len(go(plan, tmp_path, max_attempts=2)) == 2


def test_memory_of_children_counts(tmp_path: Path) -> None:
    command = f"({HALF}) & ({HALF}) & wait"
    ended = go(plan_of(command, request_mb=110, chromosomes="22"), tmp_path, max_attempts=1)
    assert [run.outcome for run in ended] == [Outcome.OOM]


def test_memory_of_children_in_sessions_of_their_own_counts(tmp_path: Path) -> None:
    command = f"setsid {HALF} & setsid {HALF} & wait"
    ended = go(plan_of(command, request_mb=110, chromosomes="22"), tmp_path, max_attempts=1)
    assert [run.outcome for run in ended] == [Outcome.OOM]


def test_what_a_task_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    go(plan_of("setsid sleep 60 & echo $! > pid; sleep 0.3", chromosomes="22"), tmp_path)
    until(lambda: not alive((tmp_path / "pid").read_text()))


def test_an_exit_code_is_a_failure_not_an_oom(tmp_path: Path) -> None:
    ended = go(plan_of("exit 3", chromosomes="22"), tmp_path)
    assert [(run.outcome, run.exit_code, run.evidence) for run in ended] == [(Outcome.FAILED, 3, "exit code 3")]


def test_a_task_that_exits_137_by_itself_runs_once_and_is_not_taken_for_an_oom(tmp_path: Path) -> None:
    ended = go(plan_of("echo x >> count; exit 137", chromosomes="22"), tmp_path)
    assert [(run.outcome, run.exit_code) for run in ended] == [(Outcome.FAILED, 137)]
    assert "not by chromplan" in ended[0].evidence
    assert words(tmp_path / "count") == ["x"]


def test_a_heap_that_was_too_small_runs_again_with_a_larger_one(tmp_path: Path) -> None:
    command = "test {java_heap_mb} -gt 200 || { echo 'java.lang.OutOfMemoryError: Java heap space'; exit 1; }"
    ended = go(plan_of(command, chromosomes="22", request_mb=200), tmp_path)
    assert [(run.outcome, run.limit_mb) for run in ended] == [(Outcome.OOM, 200), (Outcome.COMPLETED, 400)]
    logs = folder_of(tmp_path) / "logs"
    assert "heap space" in (logs / "chr22.local.1.out").read_text()
    assert (logs / "chr22.local.out").read_text() == ""


@pytest.mark.parametrize(("option", "kept_mb"), [("-Xlog:gc", 67), ("-Xlog:gc:gc.log", None)])
def test_what_a_heap_held_after_collections_is_recorded_where_the_command_logs_it(
    option: str, kept_mb: float | None, tmp_path: Path
) -> None:
    line = "[0.5s][info][gc] GC($n) Pause Young (Allocation Failure) 140M->$((60 + n))M(290M) 10.530ms"
    command = f': java {option} -Xmx{{java_heap_mb}}m; for n in 0 1 2 3 4 5 6 7; do echo "{line}"; done'
    plan = plan_of(command, chromosomes="22")
    ended = go(plan, tmp_path)
    (observation,) = own_runs.observed(folder_of(tmp_path), plan, ended)
    assert (observation.outcome, observation.heap_kept_mb) == (Outcome.COMPLETED, kept_mb)
    named = OwnRecords(folder_of(tmp_path))
    assert named.heap_kept_mb("chr22", "local") == 67
    assert named.heap_kept_mb("chr21", "7") is None


def test_a_task_past_its_time_is_asked_to_end_and_then_killed(tmp_path: Path) -> None:
    plan = plan_of("trap 'echo asked >> said' TERM; while true; do sleep 0.2 || true; done", chromosomes="22")
    plan = plan.model_copy(update={"tasks": [plan.tasks[0].model_copy(update={"time_limit_s": 4})]})
    ended = go(plan, tmp_path)
    assert [run.outcome for run in ended] == [Outcome.TIMEOUT]
    assert words(tmp_path / "said") == ["asked"]


def test_the_command_sees_its_values_unchanged(tmp_path: Path) -> None:
    command = "printf '%s|%s|%s|%s' {chromosome} {cpus} {mem_mb} {java_heap_mb} > seen"
    go(plan_of(command, chromosomes="22", request_mb=500), tmp_path)
    assert (tmp_path / "seen").read_text() == "22|1|500|375"


def test_nothing_of_a_task_is_kept_afterwards(tmp_path: Path) -> None:
    go(plan_of("touch {tmp}/x; echo {tmp} > where", chromosomes="22"), tmp_path)
    assert not Path((tmp_path / "where").read_text().strip()).exists()
    assert not (folder_of(tmp_path) / "running").exists()


@pytest.mark.parametrize("bounds", [{"mem_mb": 1000}, {"cores": 1, "mem_mb": 5000}])
def test_limits_and_cores_at_once_stay_within_what_there_is(tmp_path: Path, bounds: dict[str, int]) -> None:
    command = "date +%s.%N >> starts; sleep 0.6; date +%s.%N >> ends"
    go(plan_of(command, request_mb=600), tmp_path, **bounds)
    starts = sorted(map(float, words(tmp_path / "starts")))
    ends = sorted(map(float, words(tmp_path / "ends")))
    assert all(start > end for start, end in zip(starts[1:], ends, strict=False))


def test_requests_that_fill_the_memory_exactly_run_together(tmp_path: Path) -> None:
    command = "echo x >> here; until [ $(wc -l < here) -ge 3 ]; do sleep 0.1; done"
    plan = plan_of(command, request_mb=333)
    ended = go(plan, tmp_path, mem_mb=999)
    assert {run.outcome for run in ended} == {Outcome.COMPLETED}


def test_in_a_pool_the_youngest_makes_room_and_runs_again(tmp_path: Path) -> None:
    hold = HOLD.replace("{mb}", "90 + {chromosome}").replace("0.4", "2")
    ended = go(plan_of(hold, request_mb=1, formula="5 * length_mb / length_mb"), tmp_path, mem_mb=250, pool=True)
    stopped = [run for run in ended if run.outcome is Outcome.INFRA]
    assert stopped
    assert all("stopped as the youngest" in run.evidence for run in stopped)
    assert sorted(run.task for run in ended if run.outcome is Outcome.COMPLETED) == ["chr20", "chr21", "chr22"]


def test_in_a_pool_a_task_that_alone_needs_more_is_given_up(tmp_path: Path) -> None:
    ended = go(plan_of(TOO_MUCH.replace("{mb}", "300"), chromosomes="22"), tmp_path, mem_mb=200, pool=True)
    assert [(run.outcome, run.limit_mb) for run in ended] == [(Outcome.OOM, 200)]


class Scarce(LocalLauncher):
    """A machine on which others leave nothing, until a task was stopped."""

    def spare_mb(self) -> float:
        stopped = any(run.outcome is Outcome.INFRA for run in runs.read(self.folder))
        return super().spare_mb() if stopped else 0.0


class Ending(LocalLauncher):
    """A place where everything is ended soon."""

    end_s = math.inf

    def until_s(self) -> float:
        return self.end_s + STOP_S


class Moved(LocalLauncher):
    """A driver that follows a killed one on another node, where one task has ended unwatched."""

    def survivors(self) -> Sequence[LocalTask]:
        task = self._plan.tasks[0]
        job_id = self.attempt_id(task.task, 1)
        one = self.start(
            Attempt(task=task, job_id=job_id, request_mb=300, limit_mb=300, cpus=1, node="of another allocation")
        )
        while one.look().code is None:
            time.sleep(0.05)
        return [one]


def executor(plan: Plan, root: Path, launcher: type[LocalLauncher] = Scarce) -> Executor:
    folder = folder_of(root)
    render.write(render.render(plan), folder)
    return Executor(
        plan.tasks,
        before=[],
        launcher=launcher(plan, root=root, folder=folder),
        bounds=one_node(mem_mb=1000, cores=4),
        record=lambda run: runs.append(folder, run),
        watch=lambda _: None,
    )


def test_the_youngest_is_stopped_while_the_machine_has_nothing_left_and_runs_again(tmp_path: Path) -> None:
    executor(plan_of("sleep 0.7"), tmp_path).run()
    ended = runs.read(folder_of(tmp_path))
    (stopped,) = [run for run in ended if run.outcome is Outcome.INFRA]
    assert "the machine had 0 MB left" in stopped.evidence
    assert sorted(run.task for run in ended if run.outcome is Outcome.COMPLETED) == ["chr20", "chr21", "chr22"]


def test_what_runs_is_stopped_before_everything_is_ended_and_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ending, "end_s", time.time() + 2)
    plan = plan_of("echo {chromosome} >> started; test {chromosome} = 22 || test -e go || sleep 60")
    found = executor(plan, tmp_path, Ending)
    found.run()
    assert found.out_of_time
    assert [(run.task, run.outcome) for run in runs.read(folder_of(tmp_path))] == [("chr22", Outcome.COMPLETED)]
    assert sorted(words(tmp_path / "started")) == ["20", "21", "22"]
    (tmp_path / "go").touch()
    assert sorted(run.task for run in go(plan, tmp_path)) == ["chr20", "chr21", "chr22"]


def test_what_ended_unwatched_on_another_node_is_recorded_and_the_others_run_here(tmp_path: Path) -> None:
    executor(plan_of("echo {chromosome} >> ran"), tmp_path, Moved).run()
    assert sorted(words(tmp_path / "ran")) == ["20", "21", "22"]
    ended = runs.read(folder_of(tmp_path))
    assert sorted((run.task, run.outcome) for run in ended) == [
        (task, Outcome.COMPLETED) for task in ("chr20", "chr21", "chr22")
    ]


def test_exit_137_while_the_machine_has_nothing_left_is_no_fault_of_the_task(tmp_path: Path) -> None:
    command = "sleep 0.8; test $CHROMPLAN_TASK != chr20 || test -e again || { touch again; exit 137; }"
    executor(plan_of(command), tmp_path).run()
    ended = runs.read(folder_of(tmp_path))
    assert Outcome.FAILED not in {run.outcome for run in ended}
    assert sorted(run.task for run in ended if run.outcome is Outcome.COMPLETED) == ["chr20", "chr21", "chr22"]


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    plan = plan_of("echo x >> count", chromosomes="22")
    go(plan, tmp_path)
    go(plan, tmp_path)
    assert words(tmp_path / "count") == ["x"]


def test_a_task_larger_than_the_limit_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task chr\d+ asks for 200 MB, this run may use 100 MB"):
        go(plan_of("true"), tmp_path, mem_mb=100)


@pytest.mark.parametrize(("which", "traps"), [(signal.SIGINT, "trap '' TERM"), (signal.SIGTERM, "true")])
def test_an_interrupted_run_stops_its_children_and_goes_on_later(
    tmp_path: Path, which: signal.Signals, traps: str
) -> None:
    plan = plan_of(f"echo $$ >> pids; {traps}; test -e go || sleep 60", chromosomes="22")
    process = drive(plan, tmp_path)
    until(lambda: words(tmp_path / "pids"))
    process.send_signal(which)
    process.wait(30)
    assert not alive(words(tmp_path / "pids")[0])
    assert runs.read(folder_of(tmp_path)) == []
    (tmp_path / "go").touch()
    assert [run.outcome for run in go(plan, tmp_path)] == [Outcome.COMPLETED]


def test_a_task_that_runs_when_its_driver_is_killed_is_taken_over(tmp_path: Path) -> None:
    plan = plan_of("echo $$ >> pids; until test -e go; do sleep 0.1; done; exit 0", chromosomes="22")
    abandon(plan, tmp_path)
    assert go_once_it_runs(plan, tmp_path) == ["chr22"]
    assert len(words(tmp_path / "pids")) == 1
    assert [run.outcome for run in runs.read(folder_of(tmp_path))] == [Outcome.COMPLETED]


def test_a_task_whose_driver_was_killed_before_it_noted_the_process_is_taken_over_too(tmp_path: Path) -> None:
    plan = plan_of("echo $$ >> pids; until test -e go; do sleep 0.1; done; exit 0", chromosomes="22")
    abandon(plan, tmp_path)
    (path,) = folder_of(tmp_path).glob("running/*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": None, "pid_start_s": None}))
    assert go_once_it_runs(plan, tmp_path) == ["chr22"]
    assert len(words(tmp_path / "pids")) == 1
    assert [run.outcome for run in runs.read(folder_of(tmp_path))] == [Outcome.COMPLETED]


def test_a_task_taken_over_is_held_to_its_limit(tmp_path: Path) -> None:
    hold = HOLD.replace("{mb}", "250").replace("0.4", "60")
    plan = plan_of(f"echo $$ >> pids; until test -e go; do sleep 0.1; done; {hold}", chromosomes="22")
    abandon(plan, tmp_path)
    (tmp_path / "go").touch()
    assert [run.outcome for run in go(plan, tmp_path, max_attempts=1)] == [Outcome.OOM]
    assert not alive(words(tmp_path / "pids")[0])


def test_a_task_that_ended_while_nobody_watched_does_not_run_again(tmp_path: Path) -> None:
    plan = plan_of("echo $$ >> pids; until test -e go; do sleep 0.1; done; exit 5", chromosomes="22")
    abandon(plan, tmp_path)
    (tmp_path / "go").touch()
    until(lambda: list(folder_of(tmp_path).glob("running/*.end")))
    ended = go(plan, tmp_path)
    assert [(run.outcome, run.exit_code) for run in ended] == [(Outcome.FAILED, 5)]
    assert len(words(tmp_path / "pids")) == 1


def test_a_task_killed_while_nobody_watched_runs_again(tmp_path: Path) -> None:
    plan = plan_of("setsid sleep 60 & echo $! >> sleepers; test -e go || { echo $$ >> pids; wait; }", chromosomes="22")
    abandon(plan, tmp_path)
    (outermost,) = {os.getsid(int(pid)) for pid in words(tmp_path / "pids")}
    processes.kill_tree(outermost)
    (tmp_path / "go").touch()
    assert [run.outcome for run in go(plan, tmp_path)] == [Outcome.COMPLETED]
    until(lambda: not any(map(alive, words(tmp_path / "sleepers"))))


def test_the_next_round_ends_what_an_abandoned_one_left_running(tmp_path: Path) -> None:
    plan = plan_of("echo $$ >> pids; test -e go || sleep 60", chromosomes="22")
    abandon(plan, tmp_path)
    (tmp_path / "go").touch()
    after = plan.model_copy(update={"round": 2, "token": "def456"})
    folder = tmp_path / "rounds" / "r002"
    render.write(render.render(after), folder)
    local.run(after, root=tmp_path, folder=folder, bounds=one_node(mem_mb=999, cores=1), on_end=lambda _: None)
    assert [alive(pid) for pid in words(tmp_path / "pids")] == [False, False]
    assert not (folder_of(tmp_path) / "running").exists()


def test_nothing_is_lost_or_run_twice_when_the_driver_is_killed_again_and_again(tmp_path: Path) -> None:
    hold = HOLD.replace("{mb}", "10 + 3 * (23 - {chromosome})")
    command = f"echo {{chromosome}} >> started; {hold}; echo {{chromosome}} >> done"
    config = plans.config(pipeline={"command": command}, memory={"formula": "60 + 0.28 * length_mb"})
    plan = plans.plan(config)
    mem_mb = plan.total_request_mb * 2 // 5
    for _ in range(3):
        process = drive(plan, tmp_path, mem_mb=mem_mb, cores=22)
        before = len(words(tmp_path / "done"))
        until(lambda: len(words(tmp_path / "done")) > before + 1 or process.poll() is not None)  # noqa: B023
        process.kill()
        process.wait()
    go(plan, tmp_path, mem_mb=mem_mb, cores=22)
    numbers = sorted(map(str, range(1, 23)))
    assert sorted(words(tmp_path / "done")) == numbers
    assert sorted(words(tmp_path / "started")) == numbers
    assert [run.outcome for run in runs.read(folder_of(tmp_path))] == [Outcome.COMPLETED] * 22


@pytest.mark.parametrize(("text", "said"), [("{", "not a record"), ('"host": "elsewhere"', "was started on elsewhere")])
def test_a_record_of_a_running_task_that_cannot_be_judged_is_named(tmp_path: Path, text: str, said: str) -> None:
    plan = plan_of("true", chromosomes="22")
    path = folder_of(tmp_path) / "running" / "local.abc123.chr22.1.json"
    path.parent.mkdir(parents=True)
    values = '"task": "chr22", "job_id": "x", "request_mb": 1, "limit_mb": 1, "start_s": 0, "tmp": "/nowhere"'
    path.write_text(text if text == "{" else f"{{{values}, {text}}}")
    with pytest.raises(FailureError, match=said):
        go(plan, tmp_path)


def test_a_record_cut_by_a_crash_is_left_out_and_damage_is_named(tmp_path: Path) -> None:
    go(plan_of("true", chromosomes="22"), tmp_path)
    path = tmp_path / "rounds" / "r001" / runs.FILE
    whole = path.read_text()
    path.write_text(whole + whole[:20])
    assert len(runs.read(path.parent)) == 1
    path.write_text(json.dumps({"task": "x"}) + "\n" + whole)
    with pytest.raises(InputError, match=r"local\.jsonl:1: "):
        runs.read(path.parent)


def test_a_record_after_one_cut_by_a_crash_stands_on_its_own_line(tmp_path: Path) -> None:
    go(plan_of("true", chromosomes="22"), tmp_path)
    (whole,) = runs.read(folder_of(tmp_path))
    path = folder_of(tmp_path) / runs.FILE
    path.write_text(path.read_text() + '{"task": "chr')
    runs.append(path.parent, whole)
    assert runs.read(path.parent) == [whole, whole]


def test_both_ways_to_list_processes_agree() -> None:
    mine = {pid: kin for pid, kin in processes.from_psutil().items() if pid == os.getpid()}
    assert mine == {os.getpid(): processes.table()[os.getpid()]}


def test_nothing_is_planned_while_a_round_runs_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = plans.CONFIG.replace('"1-22"', '"22"').replace(
        "beagle gt=chr{chromosome}.vcf.gz", "sleep 30 # {chromosome}"
    )
    (tmp_path / "chromplan.toml").write_text(config)

    def chromplan(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "-C", str(tmp_path)])
        return int(ended.value.code or 0)

    assert chromplan("plan") == chromplan("render") == 0
    argv = [sys.executable, "-m", "planner", "run", "--local", "--mem", "9G", "-C", str(tmp_path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    until(lambda: list(folder_of(tmp_path).glob("running/*.json")))
    assert chromplan("next") == 1
    assert "another chromplan is at work here" in capsys.readouterr().err
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert said.splitlines() == [
        "stopping what runs (1 task); it runs again next time",
        "0 of 1 task completed; go on with: chromplan run --local",
    ]
    assert chromplan("next") == 0
