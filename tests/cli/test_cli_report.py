"""``chromplan report``: one page about a project's rounds, or about a history."""

import re
from dataclasses import replace
from pathlib import Path

import browser
import observed
import pytest

from planner.cli import main
from planner.core.records import Outcome, Quality
from planner.history.store import Store
from planner.project.folder import ProjectFolder

CONFIG = """
[pipeline]
name = "impute"
tool = "hold"
command = "python3 hold.py {chromosome}"
chromosomes = "1-6"

[memory]
formula = "60 + 0 * length_mb"
"""
HOLD = """
import sys, time
held = b"x" * ((20 + 2 * int(sys.argv[1])) << 20)
time.sleep(0.3)
"""


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a folder whose history holds 22 chromosomes of two samples, and a kill."""
    rows = [
        observed.observation(
            100 * sample + number,
            100.0 + 10 * number + sample,
            {"length_mb": 10.0 * number},
            limit_mb=600,
            start_s=1_767_225_600 + 60 * number,
            submit_s=1_767_225_600,
        )
        for sample in (1, 2)
        for number in range(1, 23)
    ]
    lost = {"outcome": Outcome.OOM, "quality": Quality.CENSORED}
    rows.append(observed.observation(500, 600.0, {"length_mb": 220.0}, limit_mb=600, wall_s=300.0, **lost))
    with Store.open(ProjectFolder(tmp_path).store_path) as store:
        store.add(rows)
    return tmp_path


def test_a_history_is_compared_with_the_former_mem(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = chromplan("report", "-C", str(history), "--former", "1200M", capsys=capsys)
    assert (code, err) == (0, "")
    assert out == f"wrote {history / 'report.html'}\n"
    text = re.sub("</?span[^>]*>", "", (history / "report.html").read_text())
    assert "44 tasks whose peak is known, against --mem=1200M for all: your former --mem." in text
    # 44 x 600 MB against 44 x 1200 MB, for ten minutes each
    assert "50 % saved" in text
    assert "4.3 GB·h against 8.59 GB·h" in text
    assert "What to do next" not in text
    assert len(re.findall("<figure>", text)) == 4


def test_without_a_former_mem_it_says_what_it_is_compared_with(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromplan("report", "-C", str(history), "-o", str(history / "other.html"), capsys=capsys)
    assert "the largest peak and a tenth, which nobody knew before" in (history / "other.html").read_text()


def test_jobs_whose_request_is_not_on_record_have_saved_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [observed.observation(number, 100.0 + number, {"length_mb": 10.0 * number}) for number in range(1, 67)]
    with Store.open(ProjectFolder(tmp_path).store_path) as store:
        store.add([replace(one, limit_mb=None) for one in rows])
    assert chromplan("report", "-C", str(tmp_path), capsys=capsys)[0] == 0
    text = (tmp_path / "report.html").read_text()
    assert "66 jobs; what memory they asked for, and for how long, is not on record." in text
    assert "saved" not in text.partition("<main")[2]
    assert ">0 MB" not in text
    assert "0 of 0" not in text


def test_a_project_is_told_round_by_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chromplan.toml").write_text(CONFIG)
    (tmp_path / "hold.py").write_text(HOLD)
    for arguments in (("plan",), ("render",), ("run", "--local", "--mem", "600M")):
        assert chromplan(*arguments, capsys=capsys)[0] == 0
    code, out, _ = chromplan("report", capsys=capsys)
    assert (code, out) == (0, "wrote report.html\n")
    text = (tmp_path / "report.html").read_text()
    assert "6 of 6 tasks done" in text
    assert "Round by round" in text
    assert "What to do next" in text
    assert "Order of round 1" in text
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["report.html"]


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.WITHOUT)
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_overflows(history: Path, width: int, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chromplan("report", "-C", str(history), capsys=capsys)
    seen, console = browser.look(history / "report.html", width, folder=tmp_path)
    assert console == []
    assert seen["width"] <= width
    assert (seen["wide"], seen["cut"], seen["crossing"], seen["unnamed"]) == ([], [], [], 0)


def test_what_cannot_be_reported_is_two_lines(
    tmp_path: Path, history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, err = chromplan("report", "-C", str(empty), capsys=capsys)
    assert (code, err.splitlines()[0]) == (2, f"error: {empty}: nothing has run yet, and nothing is recorded")
    code, _, err = chromplan("report", "-C", str(history), "--tool", "other", capsys=capsys)
    assert (code, err.splitlines()[0]) == (2, "error: no attempt of other is recorded")
    code, _, err = chromplan("report", "-C", str(history), "--former", "much", capsys=capsys)
    assert (code, err.splitlines()[0]) == (2, "error: --former: not a memory size: 'much'")
