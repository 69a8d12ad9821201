"""The whole loop on this machine, through the command line: real processes, no Slurm."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from planner.cli import main

# -S: no site packages, so that the interpreter itself stays small, measured or not; what surely holds more than it may
# waits to be killed, so that nothing depends on when it is looked at
HOLD = (
    f"{sys.executable} -S -c 'import os, time; mb = int({{chromosome}}) * 8; x = bytearray(mb << 20); "
    """time.sleep(50 if mb >= int(os.environ["CHROMPLAN_MEM_MB"]) else 0.3)'"""
)
CONFIG = """
[pipeline]
name = "loop"
tool = "hold"
chromosomes = "10-15"
command = '''
{command}
'''
time = "00:01:00"

[features]
number = "size:sizes/{{chromosome}}"

[memory]
{memory}
"""


class Loop:
    """A project folder worked on through the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        (folder / "sizes").mkdir()
        for number in range(10, 16):
            (folder / "sizes" / str(number)).write_text("x" * number)

    def configure(self, command: str = HOLD, memory: str = 'formula = "20 + 8.5 * number"') -> None:
        (self.folder / "chromplan.toml").write_text(CONFIG.format(command=command, memory=memory))

    def __call__(self, *arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        said = self._capsys.readouterr()
        assert ended.value.code == code, said.err
        return said.out if code == 0 else said.err

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def run(self) -> None:
        self("plan")
        self("render")
        self("run", "--local", "-k", "4", "--mem", "2G")


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Loop:
    monkeypatch.chdir(tmp_path)
    made = Loop(tmp_path, capsys)
    made.configure()
    return made


def test_tasks_run_are_learnt_from_and_never_run_again(loop: Loop) -> None:
    loop("plan", "--plot", "requests.svg")  # of a first round, whose durations nobody knows
    assert "Memory asked for" in Path("requests.svg").read_text()
    loop.run()
    assert "6 completed" in loop("ingest")
    assert {row["quality"] for row in loop.json("status")} == {"measured"}
    assert "nothing is left to run" in loop("next")
    assert "nothing is left to run" in loop("plan", "--plot", "empty.svg")
    assert not Path("empty.svg").exists()
    saved = json.loads((loop.folder / ".chromplan/models/hold.json").read_text())
    assert saved["rows"] == 6


def test_a_task_killed_for_memory_runs_again_with_more(loop: Loop) -> None:
    loop.configure(memory='formula = "120 + 0 * number"')
    loop.run()
    rows = loop.json("status")
    killed = {row["task"] for row in rows if row["outcome"] == "oom"}
    assert "chr15" in killed
    assert "chr10" not in killed
    assert {row["task"] for row in rows if row["outcome"] == "completed"} == {f"chr{n}" for n in range(10, 16)}
    assert all(row["request_mb"] > 120 for row in rows if row["task"] in killed and row["outcome"] == "completed")
    assert "nothing is left to run" in loop("next")


def test_a_round_runs_by_the_papers_scheduler(loop: Loop) -> None:
    loop.configure(memory='formula = "20 + 8.5 * number"')
    loop("plan")
    loop("render")
    paper = ("--policy", "paper", "--foreknown", "conservative", "--packer", "greedy", "--init", "mixed")
    numbers = ("--degree", "2", "--sequential", "1", "--growth", "1.5", "--bias", "0.9", "0.7")
    loop("run", "--local", "--mem", "400M", *paper, *numbers)
    assert {row["task"] for row in loop.json("status") if row["outcome"] == "completed"} == {
        f"chr{number}" for number in range(10, 16)
    }


@pytest.mark.parametrize("command", [("run", "--local"), ("drive",)])
def test_the_papers_parameters_want_the_papers_scheduler(loop: Loop, command: tuple[str, ...]) -> None:
    loop.configure()
    loop("plan")
    loop("render")
    assert "--growth belongs to --policy paper" in loop(*command, "--growth", "2", code=2)


def test_what_could_not_be_given_more_here_goes_into_the_next_round(loop: Loop) -> None:
    loop.configure(memory='formula = "120 + 0 * number"\nmax_attempts = 2')
    loop("plan")
    loop("render")
    assert "/6 chr10: completed" in loop("run", "--local", "--mem", "120M")
    (killed,) = {row["task"] for row in loop.json("status") if row["outcome"] == "oom"} & {"chr15"}
    plan = loop.json("next")
    assert killed in {task["task"] for task in plan["tasks"]}
    assert all(task["request_mb"] > 120 for task in plan["tasks"])
    loop("run", "--local", "--mem", "2G")
    assert {row["outcome"] for row in loop.json("status") if row["round"] == 2} == {"completed"}


def test_a_task_that_ended_after_its_run_was_killed_is_known_to_the_next_round(loop: Loop) -> None:
    loop.configure(
        command=": {task}; echo x >> started; until test -e go; do sleep 0.1; done", memory="default_mb = 300"
    )
    loop("plan")
    loop("render")
    command = [sys.executable, "-c", "from planner.cli import main; main()", "run", "--local", "-k", "3", "--mem", "2G"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        started = loop.folder / "started"
        while not started.exists() or len(started.read_text()) < 6:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert "was started already" in loop("render", code=2)
    (loop.folder / "go").touch()
    while len(list(loop.folder.glob("rounds/r001/running/*.end"))) < 3:
        time.sleep(0.05)
    plan = loop.json("next")
    assert {task["task"] for task in plan["tasks"]} == {"chr11", "chr13", "chr15"}
    assert {row["outcome"] for row in loop.json("status") if row["round"] == 1} == {"completed"}
    assert not (loop.folder / "rounds/r001/running").exists()


def test_a_run_that_goes_on_counts_what_is_done(loop: Loop) -> None:
    loop.run()
    record = loop.folder / "rounds/r001/local.jsonl"
    *before, last = record.read_text().splitlines(keepends=True)
    record.write_text("".join(before))
    said = loop("run", "--local").splitlines()
    assert said[0].startswith(f"6/6 {json.loads(last)['task']}: completed")
    assert len(said) == 2


def test_on_a_terminal_a_table_shows_what_runs(loop: Loop) -> None:
    loop("plan")
    loop("render")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from planner.cli import main; main()", "run", "--local", "-k", "1"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the terminal is gone when the command is
            while read := os.read(ours, 4096):
                said += read
        assert process.wait() == 0
    os.close(ours)
    assert b" waiting" in said
    assert b"6/6" in said


def test_with_nothing_known_the_pilot_teaches_the_rest(loop: Loop) -> None:
    loop.configure(memory="default_mb = 300")
    loop.run()
    assert {row["task"] for row in loop.json("status")} == {"chr10", "chr12", "chr14"}
    plan = loop.json("next")
    assert {task["task"] for task in plan["tasks"]} == {"chr11", "chr13", "chr15"}
    assert all("3 observations" in task["reason"] for task in plan["tasks"])


def test_a_heap_that_was_too_small_counts_as_out_of_memory(loop: Loop) -> None:
    loop.configure(command="echo {task} 'java.lang.OutOfMemoryError: Java heap space' >&2; exit 1")
    loop.run()
    assert {row["outcome"] for row in loop.json("status")} == {"oom"}


def test_a_failure_is_shown_and_waits(loop: Loop) -> None:
    loop.configure(command="test {chromosome} -ne 12")
    loop.run()
    assert "left out: chr12: failed in r001" in loop("next")


def test_a_started_round_is_not_rendered_again(loop: Loop) -> None:
    loop.run()
    assert "was started already" in loop("render", code=2)


def test_planning_again_replaces_what_was_not_started(loop: Loop) -> None:
    loop("plan")
    loop("render")
    loop("plan")
    assert not (loop.folder / "rounds/r001/array.sh").exists()
    assert [path.name for path in (loop.folder / "rounds").iterdir()] == ["r001"]


def test_plan_again_plans_what_is_done_too(loop: Loop) -> None:
    loop.run()
    loop("ingest")
    assert len(loop.json("plan", "--again")["tasks"]) == 6


def test_modes_of_nothing_are_not_compared(loop: Loop) -> None:
    loop.configure("false {chromosome}", memory="default_mb = 100\npilot = 0")
    loop.run()
    loop("ingest")
    said = loop("plan", "--compare")
    assert "left out: chr10, " in said
    assert "tiers" not in said


def test_the_schema_of_the_plan_can_be_printed(loop: Loop) -> None:
    assert json.loads(loop("plan", "--schema"))["title"] == "Plan"


@pytest.mark.parametrize("text", ["", "{", '{"version": 1}'])
def test_a_damaged_plan_is_named(loop: Loop, text: str) -> None:
    loop("plan")
    (loop.folder / "rounds/r001/plan.json").write_text(text)
    said = loop("render", code=2)
    assert said.startswith("error: rounds/r001/plan.json: ")
    assert len(said.splitlines()) == 2


UNREADABLE = ["", "nonsense", b"\xff\xfe\x00", '{"schema": "chromplan-memory-model", "version": 1}']


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_model_that_cannot_be_read_is_fitted_anew_from_the_history(loop: Loop, content: str | bytes) -> None:
    (loop.folder / "past.csv").write_text("chromosome,peak_mb,number\n10,105,10\n12,122,12\n15,147,15\n")
    loop("history", "import", "past.csv", "--tool", "hold", "--feature", "number=number")
    requests = [task["request_mb"] for task in loop.json("plan")["tasks"]]
    path = loop.folder / ".chromplan/models/hold.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    planned = loop.json("plan")
    assert [task["request_mb"] for task in planned["tasks"]] == requests
    assert any("hold.json: " in note and "fitted anew from 3 observations" in note for note in planned["notes"])
    assert not any("hold.json" in note for note in loop.json("plan")["notes"])


@pytest.mark.parametrize("content", UNREADABLE)
def test_without_history_a_model_that_cannot_be_read_is_named_and_left_alone(loop: Loop, content: str | bytes) -> None:
    path = loop.folder / ".chromplan/models/hold.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(written := content if isinstance(content, bytes) else content.encode())
    assert loop("plan", code=2).startswith("error: .chromplan/models/hold.json: ")
    assert path.read_bytes() == written


def test_a_missing_input_names_task_and_feature(loop: Loop) -> None:
    (loop.folder / "sizes/12").unlink()
    said = loop("plan", code=2)
    assert "task chr12, feature number" in said
    assert not (loop.folder / "rounds").exists()


def test_a_missing_folder_is_named(loop: Loop) -> None:
    assert loop("plan", "-C", "nowhere", code=2).startswith("error: nowhere: no such folder")


@pytest.mark.parametrize(("mem", "expected"), [("lots", "--mem: not a memory size: 'lots'"), ("50M", "asks for")])
def test_a_wrong_limit_of_a_local_run_is_refused(loop: Loop, mem: str, expected: str) -> None:
    loop("plan")
    loop("render")
    assert expected in loop("run", "--local", "--mem", mem, code=2)


def test_run_says_where(loop: Loop) -> None:
    assert "run needs --local" in loop("run", code=2)


def test_commands_without_a_round_say_what_to_do(loop: Loop) -> None:
    assert "no round is planned yet" in loop("status")
    assert "run 'chromplan plan' first" in loop("render", code=2)
    assert loop("ingest") == "recorded: nothing new\n"


def test_init_writes_a_file_that_plans_and_does_not_overwrite_it(loop: Loop) -> None:
    assert "exists already" in loop("init", code=2)
    loop("init", "--force", "--site", "cannon", "--sample", "it's", "--command", "true {sample} {chromosome}")
    assert loop.json("plan")["tasks"][0]["sample"] == "it's"


def test_a_dry_run_shows_what_submit_would_do(loop: Loop) -> None:
    loop("plan", "--mode", "tiers")
    loop("render")
    assert ":tier-4.sh rounds/r001/tier-4.sh # " in loop("submit", "--dry-run")
