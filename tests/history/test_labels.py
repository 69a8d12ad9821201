"""Which task a job of the accounting was, read from names."""

import pytest

from planner.core.errors import InputError
from planner.core.records import Observation
from planner.history.labels import Labels, check_tool, name_pattern
from planner.history.sacct.labels import label
from planner.history.sacct.read import read_text

HEADER = "JobID|JobName|State|MaxRSS|ElapsedRaw\n"


def labelled(rows: str, labels: Labels) -> list[tuple[str, str, str, str, str]]:
    found = label(read_text(HEADER + rows, poll_s=1), labels).observations
    return [(one.job_id, one.tool, one.task, one.sample, one.chromosome) for one in found]


def reasons(rows: str, labels: Labels) -> set[str]:
    return {one.reason for one in label(read_text(HEADER + rows, poll_s=1), labels).skipped}


def test_a_chromosome_in_the_job_s_name_is_found() -> None:
    assert labelled("5|run1.r2.chr7|COMPLETED||60\n", Labels(tool="beagle")) == [("5", "beagle", "chr7", "", "7")]


def test_a_chromosome_in_the_step_s_name_is_found() -> None:
    rows = "5_3|beagle|COMPLETED||60\n5_3.batch|batch|COMPLETED|9K|60\n5_3.0|chr21|COMPLETED|9000K|60\n"
    assert labelled(rows, Labels(tool="beagle")) == [("5_3", "beagle", "chr21", "", "21")]


def test_a_job_whose_steps_name_several_chromosomes_is_a_task_per_step() -> None:
    rows = (
        "5|packed|COMPLETED||60\n5.batch|batch|COMPLETED|9K|60\n5.0|chr1|COMPLETED|9000K|60\n"
        "5.1|chr2|OUT_OF_MEMORY|8000K|60\n5.2|index|COMPLETED|1K|60\n5.3|chr3|RUNNING||60\n"
    )
    assert labelled(rows, Labels(tool="t")) == [("5.0", "t", "chr1", "", "1"), ("5.1", "t", "chr2", "", "2")]


def test_a_pattern_gives_tool_sample_and_chromosome() -> None:
    labels = Labels(pattern=name_pattern(r"^(?P<tool>\w+)-(?P<sample>[^-]+)-c(?P<chromosome>\w+)$"))
    rows = "5|beagle-NA 1-c07|COMPLETED||60\n6|plink2-x;y-cX|FAILED||60\n7|other|COMPLETED||60\n"
    assert labelled(rows, labels) == [
        ("5", "beagle", "NA 1.chr7", "NA 1", "7"),
        ("6", "plink2", "x;y.chrX", "x;y", "X"),
    ]
    assert reasons(rows, labels) == {"jobs whose name does not match the pattern"}


def test_a_group_that_took_no_part_is_empty() -> None:
    labels = Labels(tool="t", pattern=name_pattern(r"^run(?:_(?P<sample>\w+))?$"))
    assert labelled("5|run|COMPLETED||60\n", labels) == [("5", "t", "run", "", "")]


def test_the_array_index_can_be_the_chromosome() -> None:
    labels = Labels(tool="t", array_is_chromosome=True)
    rows = "".join(f"5_{index}|imp|COMPLETED||60\n" for index in (1, 22, 23, 25, 26)) + "6|imp|COMPLETED||60\n"
    assert [row[-1] for row in labelled(rows, labels)] == ["1", "22", "X", "MT"]
    assert reasons(rows, labels) == {"jobs whose array index is not a chromosome"}


def test_jobs_that_have_not_ended_or_say_nothing_are_named() -> None:
    rows = "5|chr7|RUNNING||60\n6|other|COMPLETED||60\n"
    assert labelled(rows, Labels(tool="t")) == []
    assert "jobs that have not ended" in reasons(rows, Labels(tool="t"))
    assert any("without a chromosome" in reason for reason in reasons(rows, Labels(tool="t")))


def test_outcome_and_peak_come_from_the_accounting() -> None:
    rows = "5|chr7|COMPLETED||60\n5.batch|batch|COMPLETED|9216K|60\n"
    (seen,) = label(read_text(HEADER + rows, poll_s=1), Labels(tool="t")).observations
    assert isinstance(seen, Observation)
    assert (seen.outcome, seen.peak_mb, seen.wall_s) == ("completed", 9, 60)


@pytest.mark.parametrize("text", ["(", r"chr(\d+)", "plain"])
def test_a_pattern_must_be_one_and_name_a_group(text: str) -> None:
    with pytest.raises(InputError, match="name pattern"):
        name_pattern(text)


def test_something_must_tell_the_tool() -> None:
    check_tool(Labels(tool="t"))
    check_tool(Labels(pattern=name_pattern("(?P<tool>.)")))
    for labels in (Labels(), Labels(pattern=name_pattern("(?P<sample>.)"))):
        with pytest.raises(InputError, match="tool"):
            check_tool(labels)
