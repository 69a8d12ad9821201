"""Commands that would do the same in several tasks, or that bash cannot read, are refused before anything runs."""

from pathlib import Path

import pytest

from planner.actions import checking
from planner.core import pipelines
from planner.core.errors import InputError
from planner.project.regions import regions_of

TOML = """
[pipeline]
name = "p"
tool = "t"
chromosomes = "{chromosomes}"
samples = {samples}
command = '''
{command}
'''
"""


def check(folder: Path, command: str, *, chromosomes: str = "1-22", samples: str = '["S1", "S2"]') -> list[str]:
    path = folder / "chromplan.toml"
    path.write_text(TOML.format(command=command, chromosomes=chromosomes, samples=samples))
    read = pipelines.load(path)
    return checking.check(read, pipelines.samples(read, folder), regions_of(read, folder), path=path)


@pytest.mark.parametrize(
    "command",
    [
        "run {sample} {chromosome}",
        "run {task}",
        "run $CHROMPLAN_SAMPLE ${CHROMPLAN_CHROMOSOME}",
        "CHROMPLAN_SAMPLE={sample} CHROMPLAN_CHROMOSOME={chromosome} ./script.sh",
        "cat <<END\n$CHROMPLAN_TASK\nEND",
    ],
)
def test_a_command_that_tells_its_tasks_apart_is_taken(tmp_path: Path, command: str) -> None:
    check(tmp_path, command)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("run {sample}", "{chromosome} is missing: all 22 chromosomes would run the same"),
        ("run {chromosome}", "{sample} is missing: all 2 samples would run the same"),
        ("run all", "{chromosome} is missing"),
        ("run {sample} chr$SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_ID is Slurm's number"),
        ("run {sample} {chromosome} ${SLURM_ARRAY_TASK_ID}", "SLURM_ARRAY_TASK_ID is Slurm's number"),
        ("run {sample} {{chromosome}}", "{chromosome} is missing"),
    ],
)
def test_a_command_that_does_the_same_in_several_tasks_is_refused(tmp_path: Path, command: str, missing: str) -> None:
    with pytest.raises(InputError) as refused:
        check(tmp_path, command)
    assert missing in refused.value.message
    assert "chromplan.toml: pipeline.command: " in refused.value.message


def test_one_chromosome_and_one_sample_need_no_placeholder(tmp_path: Path) -> None:
    check(tmp_path, "run all", chromosomes="22", samples='["S1"]')
    check(tmp_path, "run all {chromosome}", samples="[]")


def test_a_column_of_the_table_tells_samples_apart_too(tmp_path: Path) -> None:
    (tmp_path / "samples.tsv").write_text("sample\tbam\nS1\ta.bam\nS2\tb.bam\n")
    check(tmp_path, "run {bam} {chromosome}", samples='"samples.tsv"')


@pytest.mark.parametrize(
    "command",
    [
        "if true; then run {task}",
        "run '{task}",
        "for x in 1 2; do run {task}",
        "run {task} |",
        "( run {task}",
        "cat <<END\n$CHROMPLAN_TASK",
    ],
)
def test_what_bash_cannot_read_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(InputError, match="bash cannot parse it") as refused:
        check(tmp_path, command)
    assert "\n" not in refused.value.message


def test_a_misspelt_placeholder_gets_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown placeholder \{chromosme\}") as refused:
        check(tmp_path, "run {sample} {chromosme}")
    assert refused.value.hint.startswith("did you mean 'chromosome'?")


@pytest.mark.parametrize(
    ("lines", "doubted"),
    [("NA1 CEU\nNA2 YRI\n", True), ("NA1 CEU\n", False), ("the first\nsecond\n", False), ("NA1\nNA2\n", False)],
)
def test_columns_that_no_line_names_are_doubted_to_be_names(tmp_path: Path, lines: str, doubted: bool) -> None:
    (tmp_path / "samples.txt").write_text(lines)
    said = check(tmp_path, "run {sample} {chromosome}", samples='"samples.txt"')
    assert ["'NA1 CEU' is taken for the name of one sample" in "".join(said)] == [doubted]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("run {chromosome} > out/{chromosome}.txt", ["out"]),
        ("run {chromosome} >>out/{chromosome}.txt 2>log/{task}.err", ["log", "out"]),
        ("run {chromosome} > 'out/a'", ["out"]),
        ("run {chromosome} &> out/deep/$CHROMPLAN_TASK", ["out/deep"]),
        ("run {chromosome} > {sample}/{chromosome}.txt", []),
        ("run {chromosome} > {chromosome}.txt", []),
        ("run {chromosome} > there/{chromosome}.txt 2> /dev/null", []),
        ("mkdir -p out; run {chromosome} > out/{chromosome}.txt", []),
        ("cd elsewhere; run {chromosome} > out/x", []),
        ("run '--min>=3/4' {chromosome} < in/x; awk '{ print $1 > 1/2, $2->b/c }' \"a > b/c\"", []),
        ("run {chromosome} > $OUT/x > ~/out/x", []),
    ],
)
def test_a_folder_that_the_output_is_redirected_into_is_looked_for(
    tmp_path: Path, command: str, expected: list[str]
) -> None:
    (tmp_path / "there").mkdir()
    assert checking.missing_result_folders(command, tmp_path) == [tmp_path / name for name in expected]
