"""A history that is handed on, and one that many use at once."""

import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cli import main
from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history import exchange
from planner.history.source import TextSource
from planner.history.store import Counts, Store

PERSONAL = ("ana", "NA12878", "/home/ana/run", "secret-project", "by 1001", "4711_7", "1795372372")
SEEN = Observation(
    tool="beagle",
    task="NA12878.chr7",
    sample="NA12878",
    chromosome="7",
    features={"length_mb": 159.3, "/home/ana/run": 1.0},
    peak_mb=812.5,
    limit_mb=1000,
    wall_s=63.0,
    outcome=Outcome.COMPLETED,
    quality=Quality.SAMPLED,
    job_id="4711_7",
    submit_s=1_795_372_372,
    cpus=2,
    evidence="job CANCELLED by 1001 in secret-project of ana",
)


def exported(observations: list[Observation]) -> TextSource:
    return TextSource(name="lab.jsonl", content="".join(exchange.dumps(observations)))


def test_nothing_personal_is_handed_on() -> None:
    named = [SEEN, replace(SEEN, chromosome="NA12878.part1"), replace(SEEN, tool="/home/ana/run/beagle")]
    text = exported(named).content
    assert not [word for word in PERSONAL if word in text]
    assert json.loads(text.splitlines()[0])["kept"] == list(exchange.KEPT)
    assert set(json.loads(text.splitlines()[1])) == set(exchange.KEPT)


def test_what_a_model_learns_from_is_handed_on() -> None:
    (one,) = exchange.loads(exported([SEEN]))
    assert (one.tool, one.chromosome, one.features) == ("beagle", "7", {"length_mb": 159.3})
    assert (one.peak_mb, one.limit_mb, one.wall_s, one.cpus) == (812.5, 1000, 63.0, 2)
    assert (one.outcome, one.quality, one.source) == (SEEN.outcome, SEEN.quality, "shared")


def test_ten_thousand_attempts_merged_twice_are_unchanged_the_second_time(tmp_path: Path) -> None:
    many = [replace(SEEN, job_id=str(number), peak_mb=float(number % 3000)) for number in range(10_000)]
    found = exchange.loads(exported(many))
    with Store.open(tmp_path / "h.sqlite") as store:
        assert exchange.merge(store, found) == Counts(new=10_000)
        before = store.observations()
        assert exchange.merge(store, found) == Counts(unchanged=10_000)
        assert store.observations() == before


def test_one_s_own_attempts_do_not_come_back_as_others(tmp_path: Path) -> None:
    with Store.open(tmp_path / "h.sqlite") as store:
        store.add([SEEN, replace(SEEN, job_id="9")])
        found = exchange.loads(exported(store.observations()))
        assert exchange.merge(store, found) == Counts(unchanged=2)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_refused_whole_or_read_up_to_a_line(share: float) -> None:
    whole = exported([replace(SEEN, peak_mb=float(number)) for number in range(5)]).content
    text = whole[: int(len(whole) * share)]
    try:
        found = exchange.loads(TextSource(name="lab.jsonl", content=text))
    except InputError as error:
        assert error.message.startswith("lab.jsonl, line ")
    else:
        assert text.endswith("\n")
        assert [one.peak_mb for one in found] == [float(number) for number in range(len(found))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"peak_mb": "much"}, "peak_mb: not a size"),
        ({"outcome": "fine"}, "'fine' is not a valid Outcome"),
        ({"wall_s": -1}, "wall_s: not a size or a time"),
        ({"features": {"x": "y"}}, "could not convert"),
    ],
)
def test_a_value_that_cannot_be_names_line_and_field(change: dict[str, object], said: str) -> None:
    head, line = exported([SEEN]).content.splitlines()
    text = f"{head}\n{json.dumps(json.loads(line) | change)}\n"
    with pytest.raises(InputError, match=said) as caught:
        exchange.loads(TextSource(name="lab.jsonl", content=text))
    assert caught.value.message.startswith("lab.jsonl, line 2: ")


@pytest.fixture
def chromplan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["history", *map(str, arguments), "-C", str(tmp_path)])
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out

    return run


def test_the_commands_export_merge_and_prune_a_common_store(
    chromplan: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, lab, file = tmp_path / "own.sqlite", tmp_path / "lab" / "lab.sqlite", tmp_path / "runs.jsonl"
    monkeypatch.setenv("CHROMPLAN_STORE", str(own))
    with Store.open(own) as store:
        store.add([SEEN])
    assert "kept of each: tool, chromosome, features" in chromplan("export", "--out", file)
    assert chromplan("merge", file, "--store", lab) == "history: 1 new, 0 updated, 0 unchanged\n"
    assert json.loads(chromplan("show", "--json", "--store", lab))[0]["source"] == "shared"
    assert chromplan("prune", "--source", "shared", "--store", lab) == "history: 1 attempt deleted\n"
    monkeypatch.setenv("CHROMPLAN_STORE", str(own))
    assert chromplan("prune", "--before", "2026-01-01") == "history: 0 attempts deleted\n"
    assert len(json.loads(chromplan("show", "--json"))) == 1


def write(path: Path, writer: int, user: tuple[int, int] | None) -> None:
    """Write 25 times 20 attempts, as another user where one is given."""
    if user is not None:
        os.setgroups([])
        os.setgid(user[1])
        os.setuid(user[0])
    os.umask(0o022)
    for number in range(25):
        with Store.open(path) as store:
            store.add([replace(SEEN, job_id=f"{writer}.{number}.{place}") for place in range(20)])


def write_together(path: Path, users: list[tuple[int, int] | None]) -> int:
    """Let eight processes write at once; return how many attempts are there."""
    processes = multiprocessing.get_context("fork")
    writers = [processes.Process(target=write, args=(path, n, users[n % len(users)])) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8
    with Store.open(path) as store:
        return len(store.observations())


def test_eight_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    assert write_together(tmp_path / "lab.sqlite", [None]) == 8 * 25 * 20


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be two other users")
def test_two_users_of_a_group_share_a_store() -> None:
    with tempfile.TemporaryDirectory(prefix="chromplan-lab-", dir="/tmp") as name:  # others must reach it
        folder = Path(name)
        os.chown(folder, 0, 12_000)
        folder.chmod(0o2770)
        assert write_together(folder / "lab.sqlite", [(12_001, 12_000), (12_002, 12_000)]) == 8 * 25 * 20
