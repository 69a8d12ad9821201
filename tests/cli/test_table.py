"""Tables: one line a row, whatever the width; plain where nobody looks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.cli.ui import output, table
from planner.core import wording

COLUMNS = ["task", ">request MB", ">predicted MB", ">time limit", ">start", "reason"]
REASON = "predicted 5210 MB + 11 % safety, 41 observations, length_mb outside the range seen"
ROWS = [(f"NA12878.chr{i}", 5000 + i, 4000 + i, "1-02:00:00", "00:00:00", REASON) for i in range(1, 23)]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_row_takes_one_line_of_the_terminal(width: int) -> None:
    shown = table.lines(COLUMNS, ROWS, width=width, colour=False)
    assert max(map(len, shown)) <= width
    assert len(shown) <= 2 + len(ROWS)
    assert all(str(row[1]) in line and row[0] in line for row, line in zip(ROWS, shown[-22:], strict=True))


def test_what_has_no_room_of_the_last_column_is_left_out_with_an_ellipsis() -> None:
    assert table.lines(COLUMNS, ROWS, width=80, colour=False)[-1].endswith("…")
    assert table.lines(COLUMNS, ROWS, width=200, colour=False)[-1].endswith(REASON)


def test_headings_are_folded_before_anything_is_shortened() -> None:
    shown = table.lines(["tool", ">waste GB·h", ">one --mem"], [("beagle", "1.2", "80M")], width=20, colour=False)
    assert shown == ["        waste    one", "tool     GB·h  --mem", "beagle    1.2    80M"]


def test_a_pipe_gets_whole_lines_without_spaces_at_their_ends() -> None:
    shown = table.lines(["task", "reason"], [("chr1", REASON * 9), ("chr2", "")], width=None, colour=False)
    assert shown[1:] == [f"chr1  {REASON * 9}", "chr2"]


def test_a_long_name_keeps_both_its_ends() -> None:
    name = "a_cohort_with_a_very_long_name_indeed_that_somebody_chose.chr21"
    shown = table.lines(["task", ">MB", "reason"], [(name, 10, "short")], width=50, colour=False)
    assert re.fullmatch(r"a_cohort.*….*\.chr21 +10  short", shown[-1])
    assert len(shown[-1]) <= 50


def test_outcomes_are_coloured_and_the_colours_take_no_room() -> None:
    plain = table.lines(["outcome", ">MB"], [("oom", 1), ("completed", 22)], width=80, colour=False)
    coloured = table.lines(["outcome", ">MB"], [("oom", 1), ("completed", 22)], width=80, colour=True)
    assert "\x1b[31moom" in coloured[1]
    assert [re.sub(r"\x1b\[\d*m", "", line) for line in coloured] == plain


def test_a_cell_cannot_command_the_terminal() -> None:
    shown = table.lines(["task"], [("a\x1b[2Jb\nc",)], width=None, colour=False)
    assert shown == ["task", "a?[2Jb c"]


def test_wide_characters_take_two_columns() -> None:
    shown = table.lines(["sample", ">MB"], [("样本", 1), ("abcd", 2)], width=None, colour=False)
    assert shown[1:] == ["样本     1", "abcd     2"]


@given(
    st.lists(st.tuples(st.text(max_size=40), st.integers(0, 10**6), st.text(max_size=200)), max_size=20),
    st.integers(40, 200),
)
def test_no_row_is_lost_or_split(rows: list[tuple[str, int, str]], width: int) -> None:
    shown = table.lines(["task", ">MB", "reason"], rows, width=width, colour=False)
    assert len(shown) == 1 + len(rows)
    assert all("\n" not in line and table.text_width(line) <= width for line in shown)


def test_counts_have_their_plural() -> None:
    assert [wording.count(number, "task") for number in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]


def test_a_table_of_many_rows_measures_each_cell_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = 0
    width = table.text_width

    def counted(text: str) -> int:
        nonlocal measured
        measured += 1
        return width(text)

    monkeypatch.setattr(table, "text_width", counted)
    rows = [(f"S{number}.chr1", number, "completed") for number in range(500)]
    assert len(table.lines(["task", ">MB", "outcome"], rows, width=None, colour=False)) == 501
    assert measured < 10 * 3 * len(rows)


def test_numbers_that_have_no_room_stand_closer() -> None:
    columns = ["tool", *(f">number/{n}" for n in range(9))]
    shown = table.lines(columns, [("beagle", *(["1234567"] * 9))], width=80, colour=False)
    assert max(map(len, shown)) <= 80
    assert shown[-1] == " ".join(["beagle", *(["1234567"] * 9)])
    assert shown[0].split() == ["number/"] * 9


def test_what_explains_a_row_goes_below_where_it_has_no_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "terminal_width", lambda: 30)
    monkeypatch.setattr(table, "room", lambda around: None)
    rows = [("fine", "bash", ""), ("fine", "samples", "a peak between two of them passes")]
    output.echo_table(["", "about", "means"], rows, below="about")
    assert capsys.readouterr().out.splitlines() == [
        "      about",
        "fine  bash",
        "fine  samples",
        "samples: a peak between two of",
        "  them passes",
    ]


def test_names_are_shortened_to_stand_side_by_side_as_long_as_they_tell_the_rows_apart() -> None:
    rows = [(f"HG00096_wgs_30x_GRCh38_dedup_recal.chr{number}", 100 + number) for number in range(1, 23)]
    assert table.side_by_side(["task", ">MB"], rows, width=60, colour=False) is None
    shown = table.side_by_side(["task", ">MB"], rows, width=60, colour=False, shortened=True)
    assert shown
    assert len(shown) == 12
    assert max(map(len, shown)) == 60
    assert len({word for line in shown[1:] for word in line.split() if "chr" in word}) == 22
    alike = [(f"{'x' * 30}{number:02}{'x' * 30}", number) for number in range(22)]
    assert table.side_by_side(["task", ">MB"], alike, width=60, colour=False, shortened=True) is None
