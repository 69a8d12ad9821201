"""Sample files as people have them: lists, tables, spreadsheets, comments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core import samples
from planner.core.errors import InputError


def read(folder: Path, text: str | bytes) -> list[tuple[str, dict[str, str]]]:
    path = folder / "samples.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(one.name, dict(one.columns)) for one in samples.read(path, reserved={"mem_mb"})]


def names(folder: Path, text: str | bytes) -> list[str]:
    return [name for name, _ in read(folder, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S1\nS2\nS3\n", ["S1", "S2", "S3"]),
        ("S1\nS2\nS3", ["S1", "S2", "S3"]),
        ("S1", ["S1"]),
        ("sample\nS1\nS2\n", ["S1", "S2"]),
        ("Sample_ID\nS1\n", ["S1"]),
        ("#IID\nS1\nS2\n", ["S1", "S2"]),
        ("# my samples\nS1\n\n  \n# S9\nS2\n", ["S1", "S2"]),
        (b"\xef\xbb\xbfS1\r\nS2\r\n", ["S1", "S2"]),
        ("S1\rS2\r", ["S1", "S2"]),
        ("John Smith\nAda Lovelace\n", ["John Smith", "Ada Lovelace"]),
        ('"S 1"\n"S,2"\n', ["S 1", "S,2"]),
        ("-rf\nÅsa\n样本\nit's\n", ["-rf", "Åsa", "样本", "it's"]),
        ("  S1\t\nS2  \n", ["S1", "S2"]),
        ("1\n2\n3\n", ["1", "2", "3"]),
    ],
)
def test_a_list_of_names_is_one_with_or_without_a_heading(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert names(tmp_path, text) == expected


@pytest.mark.parametrize("separator", ["\t", ",", ";", " ", "  "])
def test_separators_are_told_apart(tmp_path: Path, separator: str) -> None:
    lines = [separator.join(row) for row in (("sample", "depth", "panel"), ("S1", "30", "a"), ("S2", "15", "b"))]
    assert read(tmp_path, "\n".join(lines)) == [
        ("S1", {"depth": "30", "panel": "a"}),
        ("S2", {"depth": "15", "panel": "b"}),
    ]


@pytest.mark.parametrize(
    "heading", ["sample", "SampleID", "#IID", "Sample Name", "patient-id", "name", "donors", "strain", '"sample.id"']
)
def test_the_first_column_may_be_called_as_people_call_it(tmp_path: Path, heading: str) -> None:
    assert read(tmp_path, f"{heading},depth\nS1,30\n") == [("S1", {"depth": "30"})]


@pytest.mark.parametrize("heading", ["#FID\tIID\tSEX", "FID IID SEX", "fid,iid,SEX"])
def test_of_plinks_columns_the_individual_is_the_sample(tmp_path: Path, heading: str) -> None:
    sign = next(one for one in "\t, " if one in heading)
    family, _, sex = heading.lstrip("#").split(sign)
    text = f"{heading}\nf1 A 1\nf1 B 2\n".replace(" ", sign)
    assert read(tmp_path, text) == [("A", {family: "f1", sex: "1"}), ("B", {family: "f1", sex: "2"})]


def test_a_name_in_quotes_may_begin_with_the_sign_of_a_comment(tmp_path: Path) -> None:
    text = 'sample,place\n"#","a\nb"\n# "S1",c\n"#2","# d"\n  # S3\n'
    assert read(tmp_path, text) == [("#", {"place": "a\nb"}), ("#2", {"place": "# d"})]
    assert names(tmp_path, '"#1"\n#2\n"a\nb"\n') == ["#1", "a\nb"]


def test_a_quoted_cell_may_hold_the_separator(tmp_path: Path) -> None:
    assert read(tmp_path, 'sample,place\n"Smith, John","a;b"\n') == [("Smith, John", {"place": "a;b"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "samples.txt: no samples"),
        ("\n# nothing\n", "samples.txt: no samples"),
        ("sample\n", "samples.txt: no samples below the first line"),
        ("S1\nS2\n\nS1\n", "samples.txt:4: 'S1' is listed twice, first in line 1"),
        ("S1,S2,S3\n", "samples.txt:1: several fields in the only line"),
        ("sample,n\nS1,1\nS2\n", "samples.txt:3: 1 field, the first line has 2"),
        ("sample,n\nS1,1\n,2\n", "samples.txt:3: a sample without a name"),
        ("S1,3\nS2,4\n", "samples.txt:1: 'S1' is not a name for the column of samples"),
        ("S1\tcase\nS2\tcontrol\n", "samples.txt:1: 'S1' is not a name for the column of samples"),
        ("depth,sample\n3,S1\n", "samples.txt:1: 'depth' is not a name for the column of samples"),
        ("sample,3\nS2,4\n", "samples.txt:1: column '3' cannot be a placeholder"),
        ("sample,mem_mb\nS1,1\n", "samples.txt:1: column 'mem_mb' cannot be a placeholder"),
        ("sample,n,n\nS1,1,2\n", "samples.txt:1: column 'n' is listed twice"),
        ('sample,n\n"S1,1\nS2,2\n', "samples.txt:2: unexpected end of data"),
        ("S1\n" + "x" * 2000 + "\n", "samples.txt:2: "),
    ],
)
def test_what_cannot_be_right_is_blamed_on_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert expected in refused.value.message


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_says_how_to_convert_it(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match="not UTF-8") as refused:
        read(tmp_path, "sample\nÅsa\n".encode(encoding))
    assert encoding.replace("-", "") in refused.value.hint.replace("-", "")


@given(st.lists(st.text("abcXYZ019_.-é样", min_size=1, max_size=12), min_size=1, max_size=30, unique=True))
def test_names_come_back_as_written(tmp_path_factory: pytest.TempPathFactory, listed: list[str]) -> None:
    folder = tmp_path_factory.mktemp("samples")
    assert names(folder, "sample\n" + "\n".join(listed) + "\n") == listed
