"""The page of the paper's tables and figures, with a fraction of its runs."""

import re
from pathlib import Path

import pytest

from benchmarks import beagle_budget, html_page, paper, recorded

LEAST = paper.Effort(searches=1, evaluations=2_000, runs=2, moves=2, sizes=(0.4, 0.8), jobs=1, slow_methods=False)


@pytest.fixture(scope="module")
def parts() -> dict[str, str]:
    return paper.sections(LEAST)


def test_every_table_and_figure_is_there_with_what_was_published(parts: dict[str, str]) -> None:
    assert [re.match(r"(Table|Figure|The|Requests)", name) is not None for name in parts] == [True] * len(parts)
    for published in ("492.45", "690.47", "1062.54", "1392.80", "1815.91", "297.38", "1440.64"):
        assert f"<td>{published}</td>" in parts["Table 1: static orders"]
    for ratio in ("1.554 (2.83)", "1.387 (0.95)"):
        assert ratio in parts["The ablation"]
    assert parts["Figure 3: over task sizes"].count("<svg") == 3
    assert parts["Figure 5: real Beagle"].count("<tr>") == 8 + 12
    assert "not run: no Julia" in parts["The formula"]


def test_the_natural_orders_peaks_are_the_papers(parts: dict[str, str]) -> None:
    rows = re.findall(r"<tr><td>(\d+)</td><td>([\d.]+)</td><td>([\d.]+)</td>", parts["Table 1: static orders"])
    assert len(rows) == 5
    assert all(published == ours for _, published, ours in rows)


def test_requests_are_measured_on_bundled_runs_and_on_traces_that_are_there(
    parts: dict[str, str], tmp_path: Path
) -> None:
    bundled = parts["Requests: Sizey and others"]
    assert "<td>beagle_chr22</td>" in bundled
    assert "do not come with chromplan" in bundled
    rows = "".join(f"p,{n},{(n + 1) * 2**20},60000\n" for n in range(40))
    (tmp_path / "trace_mine.csv").write_text("process,rchar,rss,realtime\n" + rows)
    both = paper.requests(tmp_path, LEAST)
    assert "<td>mine</td>" in both
    assert "do not come with chromplan" not in both


def test_the_page_is_one_file_that_loads_nothing(parts: dict[str, str]) -> None:
    text = html_page.page(parts, "said & done")
    assert "said &amp; done" in text
    assert text.count("<section>") == len(parts)
    assert not re.search(r"<(script|link|img)|(src|href)=.http", text)


def test_a_sliding_mean_goes_over_its_window() -> None:
    assert paper.sliding_mean([1, 2, 3, 4, 5, 6]) == [3, 4]


def test_real_beagle_in_one_budget_is_what_the_record_has() -> None:
    """Replayed runs depend on nothing but the data, the seeds and the policies."""
    measured = recorded.load(beagle_budget.RECORD)["rows"]
    found = beagle_budget.rows()
    assert found == measured, "python -m benchmarks.beagle_budget --record, then python -m benchmarks.recorded --write"
    for size in beagle_budget.SIZES:
        assert measured["chromplan"][f"{size}_killed"] == 0
        assert measured["chromplan-prior"][f"{size}_faster"] > measured["paper"][f"{size}_faster"] > 1


def test_with_fewer_cores_than_tasks_chromplan_ends_long_before_all_at_once() -> None:
    found = beagle_budget.curve(seeds=range(2))
    assert set(found) == set(recorded.load(beagle_budget.CURVE)["rows"])
    for size in beagle_budget.SIZES:
        for cores in (2, 4):
            row = found[f"{cores} cores"]
            assert row[f"{size}_ours_killed"] == row[f"{size}_experienced_killed"] == 0
            assert min(row[f"{size}_faster"], row[f"{size}_experienced_faster"]) >= 1.5
        assert all(1 < row[f"{size}_faster"] <= row[f"{size}_most"] for row in found.values())
