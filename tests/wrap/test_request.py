"""What a batch script asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.wrap import elements, indices, patterns, request
from planner.wrap.options import Option
from planner.wrap.request import Request


def read(folder: Path, *lines: str, given: tuple[Option, ...] = (), array: str = "1-22") -> Request:
    script = folder / "impute.sh"
    head = [f"#SBATCH --array={array}"] if array else []
    script.write_text("\n".join(["#!/bin/bash", *head, *(f"#SBATCH {line}" for line in lines), "true", ""]))
    return request.read(script, given)


def test_a_script_without_a_name_is_called_as_its_file(tmp_path: Path) -> None:
    assert read(tmp_path).job_name == "impute.sh"
    assert read(tmp_path, "-J mine").job_name == "mine"


@pytest.mark.parametrize(
    ("lines", "mem_mb", "per_cpu"),
    [
        ((), None, False),
        (("--mem=4G",), 4096, False),
        (("--mem 100",), 100, False),
        (("--mem=1G", "--mem=2G"), 2048, False),
        (("--mem=0",), 0, False),
        (("--mem-per-cpu=500M", "-c4"), 2000, True),
        (("--mem-per-cpu=500M", "-n2", "-c 4"), 4000, True),
        (("--mem-per-cpu=100", "--nodes=1", "--ntasks-per-node=3"), 300, True),
    ],
)
def test_memory_is_that_of_one_element(
    lines: tuple[str, ...], mem_mb: int | None, per_cpu: bool, tmp_path: Path
) -> None:
    found = read(tmp_path, *lines)
    assert (found.mem_mb, found.per_cpu) == (mem_mb, per_cpu)


def test_the_command_line_goes_before_the_script(tmp_path: Path) -> None:
    given = (Option(name="mem", value="8G", where="the command line"),)
    assert read(tmp_path, "--mem=4G", given=given).mem_mb == 8192


def test_what_the_plan_does_not_decide_stays(tmp_path: Path) -> None:
    found = read(
        tmp_path, "--mail-type=END --mem=1G", "-C 'avx2&fast'", "--gres=lscratch:10", "--exclusive", "-N1", "--time=90"
    )
    assert [str(option) for option in found.kept] == [
        "--mail-type=END",
        "--constraint=avx2&fast",
        "--gres=lscratch:10",
        "--exclusive",
        "--nodes=1",
    ]
    assert found.time_s == 5400


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--nodes=2", "more than one node"),
        ("-N 1-4", "more than one node"),
        ("--hold", "--hold cannot be planned"),
        ("--wait", "--wait cannot be planned"),
        ("--mem-per-gpu=4G", "--mem-per-gpu cannot be planned"),
        ("--mem=1G --mem-per-cpu=1G", "mutually exclusive"),
        ("--mem=lots", "not a memory size"),
        ("--time=soon", "not a duration"),
        ("--cpus-per-task=two", "is not a number"),
        ("--array=3-1", "no range that Slurm takes"),
        ("hetjob", "heterogeneous"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_file_and_line(line: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=why) as error:
        read(tmp_path, line)
    assert f"{tmp_path}/impute.sh:3: " in error.value.message


def test_a_script_that_is_no_array_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no --array") as error:
        read(tmp_path, array="")
    assert "--array=1-22" in error.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        request.read(tmp_path / "missing.sh")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1-22", (1, 22, 1, 22, None)),
        ("1-22:3%4", (1, 22, 3, 8, 4)),
        ("1,3,7", (1, 7, 1, 3, None)),
        ("5", (5, 5, 1, 1, None)),
        ("2-10:2,15", (2, 15, 2, 6, None)),
        ("1-3,5-9:2", (1, 9, 2, 6, None)),
        ("[1-3]%2", (1, 3, 1, 3, 2)),
        ("1, 2", (1, 2, 1, 2, None)),
        ("1,1,2", (1, 2, 1, 2, None)),
        ("1-3%0", (1, 3, 1, 3, None)),
    ],
)
def test_an_array_tells_its_tasks_what_slurm_tells_them(text: str, found: tuple[int | None, ...]) -> None:
    array = indices.parse(text)
    assert (*array.variables.values(), array.throttle) == found


@pytest.mark.parametrize("text", ["", "3-1", "0x3", "1-5:0", "1-", "a", "1-3%", "1-3%x", "-1", "1-9999999"])
def test_an_array_that_slurm_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|is not"):
        indices.parse(text)


@settings(deadline=None)
@given(st.sets(st.integers(0, 2000), min_size=1))
def test_any_list_of_indices_is_read(wanted: set[int]) -> None:
    assert indices.parse(",".join(map(str, wanted))).indices == tuple(sorted(wanted))


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("slurm-%A_%a.out", 'slurm-"$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID".out'),
        ("%3a.log", '"$(printf \'%03d\' "$SLURM_ARRAY_TASK_ID")".log'),
        ("%x 100%%", "'my job'' 100'%"),
        ("a\\%a", "a%a"),
        ("%q", "%q"),
        ("$HOME/x", "'$HOME/x'"),
    ],
)
def test_a_file_name_pattern_keeps_its_meaning(pattern: str, word: str) -> None:
    assert patterns.bash_word(pattern, job_name="my job") == word


def test_the_index_is_the_chromosome() -> None:
    found = elements.by_index([1, 22, 23, 24, 25])
    assert [one.task for one in found] == ["chr1", "chr22", "chrX", "chrY", "chrMT"]
    for index in (0, 26):
        with pytest.raises(InputError, match=f"index {index} is not a chromosome"):
            elements.by_index([index])


def test_a_map_says_what_each_index_is(tmp_path: Path) -> None:
    table = tmp_path / "map.tsv"
    table.write_text("index\tchromosome\tsample\n0\tchr1\ta b\n1\tX\n# two parts of one chromosome\n2\t2\n3\t2\n9\t9\n")
    found = elements.from_file(table, [0, 1, 2, 3])
    assert [(one.chromosome, one.sample) for one in found] == [("1", "a b"), ("X", ""), ("2", ""), ("2", "")]
    assert [one.task for one in found][1:] == ["chrX", "chr2.2", "chr2.3"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 1\n0 2\n", "map.txt:2: index 0 comes twice"),
        ("0 chr99\n", "map.txt:1: unknown chromosome"),
        ("zero 1\n", "map.txt:1: not a line of a map"),
        ("0\n", "map.txt:1: not a line of a map"),
        ("1 1\n", "nothing for index 0"),
    ],
)
def test_a_wrong_map_is_refused_with_its_line(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text(text)
    with pytest.raises(InputError, match=why):
        elements.from_file(tmp_path / "map.txt", [0])
