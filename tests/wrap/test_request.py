"""What a batch script asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import indices
from planner.core.errors import InputError
from planner.scripts import patterns
from planner.wrap import elements, options, request
from planner.wrap.options import Option
from planner.wrap.request import Request, Source


def read(
    *lines: str, given: tuple[Option, ...] = (), array: str = "1-22", environment: dict[str, str] | None = None
) -> Request:
    head = [f"#SBATCH --array={array}"] if array else []
    text = "\n".join(["#!/bin/bash", *head, *(f"#SBATCH {line}" for line in lines), "true", ""])
    return request.read(Source(name="sub/impute.sh", text=text.encode()), given, environment)


def test_a_script_without_a_name_is_called_as_its_file() -> None:
    assert read().job_name == "impute.sh"
    assert read("-J mine").job_name == "mine"


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
    found = read(*lines)
    assert (found.mem_mb, found.per_cpu) == (mem_mb, per_cpu)


def test_the_command_line_goes_before_the_script() -> None:
    given = (Option(name="mem", value="8G", where="the command line"),)
    assert read("--mem=4G", given=given).mem_mb == 8192


def test_the_environment_counts_more_than_the_script_and_less_than_the_command_line() -> None:
    environment = {"SBATCH_MEM_PER_NODE": "6G", "SBATCH_TIMELIMIT": "7", "SBATCH_ARRAY_INX": "1-2", "SBATCH_WAIT": "1"}
    found = read("--mem=4G", "--time=90", environment=environment)
    assert (found.mem_mb, found.time_s) == (6144, 420)
    assert found.array is not None
    assert found.array.indices == (1, 2)
    assert found.says("wait")
    given = (Option(name="mem", value="8G", where="the command line"),)
    assert read("--mem=4G", environment=environment, given=given).mem_mb == 8192


def test_memory_per_cpu_in_a_script_counts_more_than_memory_of_a_node_in_the_environment() -> None:
    found = read("--mem-per-cpu=100M", environment={"SBATCH_MEM_PER_NODE": "300M"})
    assert (found.mem_mb, found.per_cpu) == (100, True)


def test_a_variable_is_named_where_it_is_wrong() -> None:
    with pytest.raises(InputError, match=r"the environment \(SBATCH_TIMELIMIT\): --time: not a duration"):
        read(environment={"SBATCH_TIMELIMIT": "soon"})


def test_an_empty_variable_is_an_empty_value_or_the_flag_as_for_sbatch() -> None:
    with pytest.raises(InputError, match=r"the environment \(SBATCH_TIMELIMIT\): --time"):
        read(environment={"SBATCH_TIMELIMIT": ""})
    found = read(environment={"SBATCH_ARRAY_INX": "", "SBATCH_WAIT": ""})
    assert found.array is None
    assert found.says("wait")


@pytest.mark.parametrize("magic", ["#PBS -N old", "#BSUB -J old"])
def test_directives_of_another_scheduler_are_refused_unless_sbatch_is_told_to_ignore_them(magic: str) -> None:
    source = Source(name="old.sh", text=f"#!/bin/bash\n{magic}\n#SBATCH --mem=50\n".encode())
    with pytest.raises(InputError, match=r"old\.sh:2: a directive of another scheduler"):
        request.read(source)
    ignoring, _ = options.read(["--ignore-pbs"], where="")
    assert request.read(source, ignoring).mem_mb == 50
    assert request.read(source, environment={"SBATCH_IGNORE_PBS": ""}).mem_mb == 50
    text = source.text + b"#SBATCH --ignore-pbs\n"
    assert request.read(Source(name="old.sh", text=text)).mem_mb == 50


def test_what_was_given_goes_to_sbatch_again_but_for_what_chromplan_does_itself() -> None:
    given, _ = options.read(["--parsable", "-W", "--mail-type=END", "--export=ALL,A=b c", "-H"], where="")
    assert read(given=tuple(given)).words == ["--mail-type=END", "--export=ALL,A=b c"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--nodes=2", "more than one node"),
        ("-N 1-4", "more than one node"),
        ("--mem-per-gpu=4G", "--mem-per-gpu cannot be planned"),
        ("--mem=1G --mem-per-cpu=1G", "mutually exclusive"),
        ("--mem=lots", "not a memory size"),
        ("--time=soon", "not a duration"),
        ("--mem=1.5G", "not a memory size: '1.5G'.*write 1536M"),
        ("--cpus-per-task=two", "is not a number"),
        ("--cpus-per-task=²", "is not a number"),
        ("--array=1-²", "not an index or a range"),
        ("--array=1-3%²", "is not a number"),
        ("--array=3-1", "not a range that Slurm takes"),
        ("hetjob", "heterogeneous"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_file_and_line(line: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        read(line)
    assert "sub/impute.sh:3: " in error.value.message


def test_a_script_without_an_array_is_a_single_job() -> None:
    found = read(array="")
    assert found.array is None
    assert found.output == "slurm-%j.out"


def test_a_script_comes_from_a_file_or_standard_input_or_an_option(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("#!/bin/sh\n")

    def source(*words: str) -> Source:
        given, rest = options.read(words, where="", script_follows=True)
        return request.open_source(rest, given, folder=tmp_path, stdin=lambda: b"#!/bin/sh\n: read\n")

    assert source("-n1", "a.sh", "x") == Source(name="a.sh", text=b"#!/bin/sh\n", arguments=("x",))
    assert source("--mem=1") == Source(name="", text=b"#!/bin/sh\n: read\n")
    assert source("--wrap=true") == Source(name="", text=b"")
    with pytest.raises(InputError, match="cannot be read"):
        source("missing.sh")
    with pytest.raises(InputError, match="arguments are not permitted"):
        source("--wrap=true", "a.sh")


@pytest.mark.parametrize(("words", "name"), [((), "sbatch"), (("--wrap=true",), "wrap"), (("-J", "own"), "own")])
def test_a_script_without_a_file_is_called_as_sbatch_calls_it(words: tuple[str, ...], name: str) -> None:
    given, _ = options.read(words, where="")
    text = b"" if "--wrap=true" in words else b"#!/bin/sh\n"
    assert request.read(Source(name="", text=text), given).job_name == name


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


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("slurm-%A_%a.out", "slurm-12_3.out"),
        ("%x/%4a.%%.log", "my job/0003.%.log"),
        ("%20A", "0000000012"),
        ("%3x", "my job"),
        ("a\\%a", "a%a"),
        ("%q", "%q"),
        ("%j.out", None),
    ],
)
def test_a_file_name_pattern_is_filled_in_as_far_as_it_is_known(pattern: str, name: str | None) -> None:
    assert patterns.expand(pattern, {"A": "12", "a": "3", "x": "my job"}) == name


def test_a_map_says_what_each_index_is(tmp_path: Path) -> None:
    table = tmp_path / "map.tsv"
    table.write_text(
        "index\tchromosome\tsample\n0\tchr1\ta b\n1\tX\n# two parts of one chromosome\n2\t2\n3\t2\n"
        "4\t-\tcontrol\n5\t-\n9\t9\n6\tchr20:1-5,000,000\tB\n",
        encoding="utf-8-sig",
    )
    found = elements.from_file(table, [0, 1, 2, 3, 4, 5, 6])
    assert [(one.chromosome, one.sample) for one in found] == [
        ("1", "a b"),
        ("X", ""),
        ("2", ""),
        ("2", ""),
        ("", "control"),
        ("", ""),
        ("20", "B"),
    ]
    assert [one.task for one in found][1:] == ["chrX", "chr2.2", "chr2.3", "control", "5", "B.chr20_1-5000000"]
    assert [one.span for one in found][5:] == [None, (1, 5_000_000)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 1\n0 2\n", "map.txt:2: index 0 is listed twice"),
        ("0 chr99\n", "map.txt:1: unknown chromosome"),
        ("zero 1\n", "map.txt:1: not a line of a map"),
        ("0\n", "map.txt:1: not a line of a map"),
        ("1 1\n", "no line for index 0"),
    ],
)
def test_a_wrong_map_is_refused_with_its_line(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text(text)
    with pytest.raises(InputError, match=why):
        elements.from_file(tmp_path / "map.txt", [0])
