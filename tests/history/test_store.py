"""The history file: adding twice changes nothing, better records win, old files are brought up to date."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import failures
from planner.core.errors import FailureError, InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history import store as stores
from planner.history.schema import MIGRATIONS, VERSION
from planner.history.store import Counts, Store

SEEN = Observation(
    tool="beagle",
    task="s1.chr7",
    sample="s1",
    chromosome="7",
    features={"length_mb": 159.3},
    peak_mb=812.5,
    limit_mb=1000,
    wall_s=63.0,
    outcome=Outcome.COMPLETED,
    quality=Quality.SAMPLED,
    job_id="12_7",
    submit_s=1_795_372_372,
    cpus=2,
    start_s=1_795_372_377,
    end_s=1_795_372_440,
    evidence="job COMPLETED 0:0",
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
observations = st.builds(
    Observation,
    tool=st.sampled_from(["beagle", "plink2", "Ünï"]),
    task=st.sampled_from(["a", "b", "x;rm -rf y", "it's"]),
    sample=words,
    chromosome=words,
    features=st.dictionaries(words, numbers, max_size=3),
    peak_mb=st.none() | numbers,
    limit_mb=st.none() | st.integers(0, 2**40),
    wall_s=st.none() | numbers,
    outcome=st.sampled_from(Outcome),
    quality=st.sampled_from(Quality),
    job_id=st.sampled_from(["1", "1_2", "table:ab"]),
    submit_s=st.integers(0, 2),
    cpus=st.integers(1, 256),
    start_s=st.none() | st.integers(0, 2**40),
    end_s=st.none() | st.integers(0, 2**40),
    evidence=words,
    source=st.sampled_from(["sacct", "table"]),
)
many = settings(deadline=None, max_examples=60)


def opened(folder: Path) -> Store:
    return Store.open(folder / "history.sqlite")


@contextmanager
def short_lived() -> Iterator[Store]:
    """Open a history for one example of a property."""
    with TemporaryDirectory() as folder, opened(Path(folder)) as store:
        yield store


def test_what_was_added_is_what_is_found(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.add([SEEN]) == Counts(new=1)
        assert store.observations() == [SEEN]


def test_the_history_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history.sqlite"
    with Store.open(path) as store:
        store.add([SEEN])
    with Store.open(path) as store:
        assert store.observations() == [SEEN]


@many
@given(st.lists(observations, max_size=8))
def test_adding_twice_changes_nothing(seen: list[Observation]) -> None:
    with short_lived() as store:
        store.add(seen)
        before = store.observations()
        final = {(one.key, one.task): one for one in before}
        assert store.add(final.values()) == Counts(unchanged=len(final))
        assert store.observations() == before


@many
@given(observations)
def test_every_observation_comes_back_as_it_was(seen: Observation) -> None:
    with short_lived() as store:
        store.add([seen])
        assert store.observations() == [seen]
        assert store.observations(tool=seen.tool, task=seen.task) == [seen]
        assert store.tools() == [seen.tool]


@many
@given(st.lists(observations, max_size=8), st.randoms(use_true_random=False))
def test_the_best_quality_wins_in_whatever_order_records_come(seen: list[Observation], order: object) -> None:
    shuffled = seen.copy()
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    with short_lived() as store:
        for one in shuffled:
            store.add([one])
        best = {(one.key, one.task): one.quality for one in store.observations()}
    ranked = [Quality.MISSING, Quality.SAMPLED, Quality.CENSORED, Quality.MEASURED]
    for one in seen:
        assert ranked.index(best[one.key, one.task]) >= ranked.index(one.quality)


def test_a_measured_peak_replaces_a_sampled_one(tmp_path: Path) -> None:
    measured = replace(SEEN, peak_mb=840.0, quality=Quality.MEASURED)
    with opened(tmp_path) as store:
        store.add([SEEN])
        assert store.add([measured]) == Counts(updated=1)
        assert store.observations() == [measured]
        assert store.add([SEEN]) == Counts(unchanged=1)
        assert store.observations() == [measured]


def test_a_record_without_features_does_not_lose_those_that_are_known(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add([SEEN])
        store.add([replace(SEEN, features={"variants": 5.0}, chromosome="")])
        assert store.observations() == [replace(SEEN, features={"length_mb": 159.3, "variants": 5.0})]


def test_a_requeued_job_s_attempts_are_kept_apart(tmp_path: Path) -> None:
    later = replace(SEEN, submit_s=SEEN.submit_s + 300)
    with opened(tmp_path) as store:
        assert store.add([SEEN, later]) == Counts(new=2)
        assert store.observations() == [SEEN, later]


def test_tasks_that_share_a_job_are_kept_apart(tmp_path: Path) -> None:
    other = replace(SEEN, task="s1.chr8")
    with opened(tmp_path) as store:
        assert store.add([SEEN, other]) == Counts(new=2)


def test_a_guess_does_not_double_an_attempt_that_a_round_recorded(tmp_path: Path) -> None:
    guess = replace(SEEN, task="chr7", sample="", features={})
    with opened(tmp_path) as store:
        store.add([SEEN])
        assert store.add([guess], guessed=True) == Counts(unchanged=1)
        assert store.observations() == [SEEN]


def test_a_round_s_record_replaces_a_guess(tmp_path: Path) -> None:
    guess = replace(SEEN, task="chr7", sample="", features={})
    with opened(tmp_path) as store:
        store.add([guess], guessed=True)
        assert store.add([SEEN]) == Counts(updated=1)
        assert store.observations() == [SEEN]
        assert store.add([guess], guessed=True) == Counts(unchanged=1)


def test_a_second_guess_renames_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add([replace(SEEN, task="chr7", tool="wrong")], guessed=True)
        store.add([replace(SEEN, task="s1.chr7")], guessed=True)
        assert store.observations() == [SEEN]
        assert store.add([replace(SEEN, tool="right")], guessed=True) == Counts(updated=1)
        assert store.tools() == ["right"]


def test_a_guess_that_a_round_confirms_is_no_guess_any_more(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add([SEEN], guessed=True)
        assert store.add([SEEN]) == Counts(updated=1)
        assert store.add([replace(SEEN, task="other")], guessed=True) == Counts(unchanged=1)


def test_one_bad_record_leaves_none_of_its_batch(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.add([SEEN, replace(SEEN, job_id="13", features={"x": float("nan")})])
        assert store.observations() == []


def test_several_commands_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"

    def work(worker: int) -> None:
        for number in range(10):
            with Store.open(path) as store:
                store.add([replace(SEEN, job_id=f"{worker}_{number}")])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store.open(path) as store:
        assert len(store.observations()) == 40


def test_what_another_user_recorded_is_not_one_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, better = tmp_path / "history.sqlite", replace(SEEN, quality=Quality.MEASURED, peak_mb=900.0)
    for user, seen in (("ann", SEEN), ("bob", SEEN), ("bob", better), ("bob", replace(SEEN, job_id="99"))):
        monkeypatch.setattr(failures, "user_name", lambda user=user: user)
        with Store.open(path) as store:
            store.add([seen])
    with Store.open(path) as store:
        found = {one.job_id: (one.recorded_by, one.is_own, one.quality) for one in store.observations()}
    assert found == {SEEN.job_id: ("ann", False, Quality.MEASURED), "99": ("", True, SEEN.quality)}


def test_the_journal_is_one_that_nfs_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store.open(path) as store:
        store.add([SEEN])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [file.name for file in tmp_path.iterdir()] == ["history.sqlite"]


VERSION_1 = """
CREATE TABLE observations (
    job_id TEXT NOT NULL, submit_s INTEGER NOT NULL, task TEXT NOT NULL, tool TEXT NOT NULL, sample TEXT NOT NULL,
    chromosome TEXT NOT NULL, features TEXT NOT NULL, peak_mb REAL, limit_mb INTEGER, wall_s REAL,
    outcome TEXT NOT NULL, quality TEXT NOT NULL, evidence TEXT NOT NULL, source TEXT NOT NULL,
    PRIMARY KEY (job_id, submit_s)
);
CREATE INDEX observations_by_tool ON observations (tool);
INSERT INTO observations VALUES ('12_7', 1795372372, 's1.chr7', 'beagle', 's1', '7', '{"length_mb": 159.3}', 812.5,
    1000, 63.0, 'completed', 'sampled', 'job COMPLETED 0:0', 'sacct');
INSERT INTO observations VALUES ('12_8', 1795372372, 's1.chr8', 'beagle', 's1', '8', '{}', NULL, NULL,
    NULL, 'infra', 'missing', 'job NODE_FAIL', 'sacct');
PRAGMA user_version = 1;
"""


def version_1(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
    return path


def test_a_file_of_version_1_is_brought_up_to_date_with_all_it_holds(tmp_path: Path) -> None:
    path = version_1(tmp_path / "history.sqlite")
    with Store.open(path) as store:
        first, second = store.observations()
        assert first == replace(SEEN, cpus=1, start_s=None, end_s=None)
        assert (second.outcome, second.peak_mb, second.features) == (Outcome.INFRA, None, {})
        assert store.add([replace(SEEN, task="a second task of that job")]) == Counts(new=1)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_migrated_file_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    def schema(path: Path) -> list[tuple[str, ...]]:
        Store.open(path).__exit__(None, None, None)
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [tuple(" ".join(str(cell).replace('"', "").split()) for cell in row) for row in rows]

    assert schema(version_1(tmp_path / "old.sqlite")) == schema(tmp_path / "new.sqlite")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = version_1(tmp_path / "history.sqlite")
    before = path.read_bytes()
    monkeypatch.setattr(stores, "MIGRATIONS", {**MIGRATIONS, 1: (*MIGRATIONS[1][:-1], "SELECT broken")})
    with pytest.raises(FailureError):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="newer chromplan"):
        Store.open(path)


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, " * 50)
    with pytest.raises(InputError, match="not a history"):
        Store.open(text)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(InputError, match="not a history"):
        Store.open(other)


def test_a_history_locked_for_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "history.sqlite"
    with Store.open(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FailureError) as caught:
            store.add([SEEN])
    assert "another command" in caught.value.hint


def test_a_folder_in_place_of_the_file_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(FailureError, match="a folder, where the history is kept in a file"):
        Store.open(tmp_path)


@many
@given(st.lists(observations, max_size=8), st.lists(observations, max_size=8), st.booleans(), st.booleans())
def test_many_at_once_are_merged_as_one_by_one(
    before: list[Observation], seen: list[Observation], guessed_before: bool, guessed: bool
) -> None:
    with short_lived() as at_once, short_lived() as singly:
        for store in (at_once, singly):
            store.add(before, guessed=guessed_before)
        together = at_once.add(seen, guessed=guessed)
        each = [singly.add([one], guessed=guessed) for one in seen]
        assert at_once.observations() == singly.observations()
        assert together == Counts(
            new=sum(one.new for one in each),
            updated=sum(one.updated for one in each),
            unchanged=sum(one.unchanged for one in each),
        )


def test_a_record_without_a_submit_time_is_the_attempt_that_started_then(tmp_path: Path) -> None:
    no_submit = replace(SEEN, submit_s=SEEN.start_s or 0)
    for first, second in ((SEEN, no_submit), (no_submit, SEEN)):
        with Store.open(tmp_path / f"{first.submit_s}.sqlite") as store:
            store.add([first], guessed=True)
            assert store.add([second], guessed=True).new == 0
            assert store.observations() == [SEEN]


def test_what_was_said_of_an_import_is_kept_until_something_changes(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add([SEEN], guessed=True, reports=lambda: {"digest": "what was said"})
        assert store.report("digest") == "what was said"
        store.add([replace(SEEN, job_id="13")], guessed=True)
        assert store.report("digest") == "what was said"
        store.add([replace(SEEN, tool="other")], guessed=True)
        assert store.report("digest") is None


def test_gathering_locks_nobody_out(tmp_path: Path) -> None:
    def slowly() -> Iterator[Observation]:
        yield SEEN
        with opened(tmp_path) as other:
            assert other.add([replace(SEEN, job_id="13")]) == Counts(new=1)
        yield replace(SEEN, job_id="14")

    with opened(tmp_path) as store:
        assert store.add(slowly()) == Counts(new=2)
        assert len(store.observations()) == 3


LONG = [replace(SEEN, job_id=f"{number % 7}", task=f"t{number}") for number in range(40)]


def test_a_long_file_is_merged_in_parts_between_which_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[str] = []

    def another_writes(_pause_s: float) -> None:
        others.append(f"other{len(others)}")
        with opened(tmp_path) as other:
            assert other.add([replace(SEEN, job_id=others[-1])]) == Counts(new=1)

    monkeypatch.setattr(stores, "_PART", 10)
    monkeypatch.setattr(stores, "sleep", another_writes)
    with opened(tmp_path) as store:
        assert store.add(LONG) == Counts(new=40)
        assert len(others) > 1
        assert store.add(LONG) == Counts(unchanged=40)
        assert len(store.observations()) == 40 + len(others)


def test_a_merge_that_is_interrupted_is_completed_by_adding_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_pause_s: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stores, "_PART", 10)
    monkeypatch.setattr(stores, "sleep", interrupted)
    with opened(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.add(LONG)
        kept = len(store.observations())
        assert 0 < kept < 40
    monkeypatch.setattr(stores, "sleep", lambda _pause_s: None)
    with opened(tmp_path) as store:
        assert store.add(LONG) == Counts(new=40 - kept, unchanged=kept)


def test_a_reader_that_fails_in_the_middle_leaves_the_history_as_it_was(tmp_path: Path) -> None:
    def failing() -> Iterator[Observation]:
        for number in range(5000):
            yield replace(SEEN, job_id=str(number))
        raise InputError("the file is cut", "write it again")

    with opened(tmp_path) as store:
        with pytest.raises(InputError):
            store.add(failing())
        assert store.observations() == []
        assert store.add([SEEN]) == Counts(new=1)
