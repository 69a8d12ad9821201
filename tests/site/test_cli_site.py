"""``chromplan site`` as a person types it."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from planner.cli import main
from planner.site import load, loads

RECORDED = Path(__file__).parent / "recorded"
MIXED = str(RECORDED / "mixed.txt")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, no site files of the user's, and no Slurm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path))


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def chromplan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(["site", *arguments])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


def test_list_names_every_site_and_how_memory_is_asked_for(chromplan: Command) -> None:
    done = chromplan("list")
    assert done.returncode == 0
    assert "this machine" in done.stdout
    assert "trillium" in done.stdout
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "whole nodes" in rows["trillium"]
    assert "--mem " in rows["local"]


def test_list_as_json_gives_the_largest_task_of_each(chromplan: Command) -> None:
    entries = {entry["name"]: entry for entry in json.loads(chromplan("list", "--json").stdout)}
    assert entries["bell"]["cap_mb"] == load("bell").cap_mb()
    assert entries["local"]["file"] is None


def test_list_survives_a_broken_file(chromplan: Command, tmp_path: Path) -> None:
    (tmp_path / "site_configs").mkdir()
    (tmp_path / "site_configs" / "mine.toml").write_text("name = 3\n")
    done = chromplan("list")
    assert done.returncode == 0
    assert "unreadable: site_configs/mine.toml: " in " ".join(done.stdout.split())


def test_show_prints_partitions_and_rules(chromplan: Command) -> None:
    done = chromplan("show", "bell")
    assert "at least 65 cores" in done.stdout
    assert "--partition=cpu; only when named; qos standby" in done.stdout
    assert "account: required\n" in done.stdout
    assert "submissions: at most 6/min" in done.stdout
    assert "node memory is nominal" in done.stdout


def test_show_says_where_an_account_is_looked_for_and_what_runs_first(chromplan: Command) -> None:
    assert "account: required, $PAWSEY_PROJECT without --account" in chromplan("show", "setonix").stdout
    assert "before each task: . /etc/profile.d/modules.sh; module purge" in chromplan("show", "csd3").stdout
    assert "time of accounts with -SL3-: 12:00:00" in chromplan("show", "csd3").stdout
    assert "no --partition: the site chooses" in chromplan("show", "euler").stdout
    assert "one core is asked for per this much memory: 4096 MB" in chromplan("show", "fred_hutch").stdout


def test_show_as_json_is_the_whole_site(chromplan: Command) -> None:
    document = json.loads(chromplan("show", "dardel", "--json").stdout)
    assert document["min_mem_mb"] == 6144
    assert [partition["name"] for partition in document["partitions"]] == ["shared", "main", "long", "memory"]


def test_an_unknown_site_is_two_lines_and_exit_2(chromplan: Command) -> None:
    done = chromplan("show", "canon")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: unknown site 'canon'"
    assert done.stderr.splitlines()[1].startswith("hint: did you mean cannon?")


def test_detect_prints_a_site_file(chromplan: Command, tmp_path: Path) -> None:
    done = chromplan("detect", "--from", MIXED)
    assert loads(done.stdout).name == "mixed"
    assert loads(chromplan("detect", "--from", "-", stdin=Path(MIXED).read_text()).stdout).name == "mixed"


def test_detect_writes_a_file_that_is_then_a_site_of_the_project(chromplan: Command, tmp_path: Path) -> None:
    done = chromplan("detect", "--from", MIXED, "-o", "site_configs/mine.toml")
    assert "wrote site_configs/mine.toml" in done.stdout
    assert "scheduler: backfill, priority multifactor" in chromplan("show", "mine").stdout
    assert load("mine").cap_mb() == 512_000


def test_detect_overwrites_nothing(chromplan: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("# mine\n")
    done = chromplan("detect", "--from", MIXED, "-o", "mine.toml")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: mine.toml: exists")
    assert (tmp_path / "mine.toml").read_text() == "# mine\n"


def test_detect_as_json_is_the_site(chromplan: Command) -> None:
    assert json.loads(chromplan("detect", "--from", MIXED, "--name", "other", "--json").stdout)["name"] == "other"


def test_detect_without_slurm_says_how_to_do_without(chromplan: Command) -> None:
    done = chromplan("detect")
    assert done.returncode == 1
    assert done.stderr.startswith("error: scontrol: not found\nhint: ")
    assert "--from" in done.stderr


def test_detect_of_a_missing_file_names_it(chromplan: Command) -> None:
    done = chromplan("detect", "--from", "saved.txt")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: saved.txt: no such file")


def test_check_agrees_with_the_cluster_a_file_was_made_from(chromplan: Command) -> None:
    chromplan("detect", "--from", MIXED, "-o", "mine.toml")
    done = chromplan("check", "mine.toml", "--from", MIXED)
    assert (done.returncode, done.stdout) == (0, "mine.toml agrees with the cluster\n")


def test_check_shows_what_differs_and_exits_1(chromplan: Command, tmp_path: Path) -> None:
    chromplan("detect", "--from", MIXED, "-o", "mine.toml")
    text = (tmp_path / "mine.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("mem_mb = 512000", "mem_mb = 524288"))
    done = chromplan("check", "mine.toml", "--from", MIXED)
    assert done.returncode == 1
    assert "a request above 512000M would wait forever" in done.stdout
    assert json.loads(chromplan("check", "mine.toml", "--from", MIXED, "--json").stdout) == [
        {
            "field": "partitions[bigmem].mem_mb",
            "file": 524_288,
            "cluster": 512_000,
            "meaning": "a request above 512000M would wait forever",
        }
    ]
