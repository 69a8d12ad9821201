"""Command lines hold line breaks: a row of sacct is one line again before it is read."""

import io

from hypothesis import given
from hypothesis import strategies as st

from planner.history.sacct.one_line import one_line_rows
from planner.history.sacct.read import DELIMITER, FIELDS, read_text

TEXT = st.text(st.characters(exclude_characters="\x1f\r", codec="utf-8"), max_size=20)


def rows(text: str, columns: int) -> list[list[str]]:
    lines = one_line_rows(io.StringIO(text, newline="\n"), columns, DELIMITER)
    return [line.removesuffix("\n").split(DELIMITER) for line in lines]


@given(st.lists(st.tuples(st.integers(1, 99), TEXT, TEXT), min_size=1, max_size=5))
def test_whatever_names_and_command_lines_hold_each_row_is_one_line(written: list[tuple[int, str, str]]) -> None:
    text = "".join(f"{number}{DELIMITER}{name}{DELIMITER}{line}\n" for number, name, line in written)
    found = rows(text, 3)
    assert [cells[0] for cells in found] == [str(number) for number, _, _ in written]
    for cells, (_, name, line) in zip(found, written, strict=True):
        assert [" ".join(cell.split()) for cell in cells[1:]] == [" ".join(name.split()), " ".join(line.split())]
        assert all("\n" not in cell for cell in cells)


def test_a_command_with_blank_lines_and_digits_takes_no_row_from_another_job() -> None:
    fields = (*FIELDS, "SubmitLine")
    empty = [""] * (len(FIELDS) - 3)
    first = DELIMITER.join(["7", "COMPLETED", *empty, "name", "srun python3 -c 'import x\n\n12 | 3\n7.batch\n'"])
    second = DELIMITER.join(["8", "FAILED", *empty, "name", "sbatch run.sh"])
    joined = "".join(one_line_rows(io.StringIO(f"{first}\n{second}\n"), len(fields), DELIMITER))
    read = read_text(joined, columns=fields, delimiter=DELIMITER)
    assert not read.skipped
    assert [(one.job_id, one.submit_line[:6]) for one in read.attempts] == [("7", "srun p"), ("8", "sbatch")]
