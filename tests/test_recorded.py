"""Tables of pages are those of the records that were measured."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__, recorded


def test_no_table_of_a_page_differs_from_its_record() -> None:
    wrong, count = recorded.differing()
    assert wrong == []
    assert count > 0


def test_every_record_is_shown_by_the_pages_it_names_and_says_where_it_comes_from() -> None:
    for path in recorded.RECORDS.glob("*.json"):
        record = json.loads(path.read_text())
        assert record["command"].startswith("python -m benchmarks.")
        assert record["measured"]
        for page in record["views"]:
            assert f"<!-- record: {path.stem} -->" in (recorded.ROOT / page).read_text(), f"{path.stem} in {page}"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a record and a page that shows another figure."""
    record = {
        "command": "python -m benchmarks.x",
        "measured": "2026-01-01",
        "rows": {"one": {"time_s": 33.4}},
        "views": {"README.md": {"heads": ["", "time"], "cells": ["{label}", "{time_s:.0f} s"], "rows": {"one": "Way"}}},
    }
    (tmp_path / "x.json").write_text(json.dumps(record))
    (tmp_path / "README.md").write_text(
        "# A\n\n<!-- record: x -->\n| | time |\n|---|---|\n| Way | 34 s |\n<!-- end of record -->\n"
    )
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    monkeypatch.setattr(recorded, "RECORDS", tmp_path)
    return tmp_path


def test_a_figure_that_differs_is_told_and_can_be_mended(house: Path) -> None:
    assert recorded.differing() == (["README.md: the table of x is not what benchmarks/records has"], 1)
    recorded.differing(write=True)
    assert recorded.differing() == ([], 1)
    assert "| Way | 33 s |" in (house / "README.md").read_text()


def test_a_figure_in_running_text_is_checked_wherever_its_line_breaks(house: Path) -> None:
    recorded.differing(write=True)
    record = json.loads((house / "x.json").read_text()) | {"said": {"README.md": ["takes {one[time_s]:.0f} s"]}}
    (house / "x.json").write_text(json.dumps(record))
    assert recorded.differing() == (["README.md: x now says: takes 33 s"], 2)
    (house / "README.md").write_text((house / "README.md").read_text() + "\nIt takes\n33 s.\n")
    assert recorded.differing() == ([], 2)


def test_what_is_measured_anew_replaces_its_rows_alone(house: Path) -> None:
    recorded.save("x", {"two": {"time_s": 5.0}}, measured="2026-02-02", command="python -m benchmarks.x --runs 1")
    record = recorded.load("x")
    assert record["rows"] == {"one": {"time_s": 33.4}, "two": {"time_s": 5.0}}
    assert record["measured"] == "2026-02-02"
    assert record["views"]


def test_a_record_that_does_not_exist_is_an_error(house: Path) -> None:
    with pytest.raises(SystemExit, match="there is no"):
        recorded.load("absent")


def test_every_benchmark_is_a_part_of_make_bench() -> None:
    parts = {one.module for one in __main__.BENCHMARKS}
    modules = {
        path.stem for path in Path(__main__.__file__).parent.glob("[!_]*.py") if "\ndef main(" in path.read_text()
    }
    assert modules - {"recorded"} == parts
