"""Attempts of accounting become what was submitted: arrays, heterogeneous jobs, jobs of a loop."""

from pathlib import Path

import past_arrays
import pytest
from past_arrays import Job, arrays, killed

from planner.advice.arrays import gather
from planner.core.job_ids import parse_job_id
from planner.core.records import Outcome, Quality
from planner.history.sacct.read import read_text

FIXTURES = Path(__file__).parent.parent / "history" / "fixtures"


def test_elements_of_an_array_are_one_thing_in_the_order_of_their_indices() -> None:
    (array,) = arrays(*(Job(id=f"7_{index}") for index in (10, 2, 1)))
    assert (array.kind, array.job_id, array.name) == ("array", "7", "impute.sh")
    assert array.indices == (1, 2, 10)


def test_jobs_of_a_loop_are_one_thing_whatever_numbers_their_names_have() -> None:
    named = ["s1.chr1", "s1.chr2", "s1.chrX"]
    (array,) = arrays(*(Job(id=str(number), name=name) for number, name in enumerate(named, start=7)))
    assert (array.kind, array.name) == ("jobs", "s#.chr#")
    assert [one.chromosome for one in array.elements] == ["1", "2", "X"]


def test_jobs_of_other_names_are_other_things() -> None:
    found = arrays(Job(id="7", name="phase"), Job(id="8", name="impute"))
    assert [(one.kind, one.name) for one in found] == [("job", "phase"), ("job", "impute")]


def test_a_requeued_element_is_one_element_with_all_its_attempts() -> None:
    first = killed(Job(id="7_1", submit_s=past_arrays.SUBMIT_S))
    again = Job(id="7_1", submit_s=past_arrays.SUBMIT_S + 2000, start_s=past_arrays.SUBMIT_S + 2100, peak_mb=9000)
    (array,) = arrays(first, again)
    (element,) = array.elements
    assert [one.outcome for one in element.attempts] == [Outcome.OOM, Outcome.COMPLETED]
    assert (element.peak_mb, element.quality) == (9000, Quality.SAMPLED)
    assert len(element.killed) == 1


def test_of_a_killed_element_only_a_lower_bound_is_known() -> None:
    ((element,),) = (one.elements for one in arrays(killed(Job(id="7_1", limit_mb=5000))))
    assert (element.peak_mb, element.quality, element.measured) == (5000, Quality.CENSORED, None)


def test_components_of_a_heterogeneous_job_are_one_thing() -> None:
    (array,) = gather(read_text((FIXTURES / "het.txt").read_text(), poll_s=1).attempts)[:1]
    assert array.kind == "het job"
    assert [one.label for one in array.elements][:2] == ["+0", "+1"]


@pytest.mark.parametrize(
    ("wanted", "labels"), [("7", ["1", "2", "3"]), ("7_2", ["2"]), ("7_[1,3]", ["1", "3"]), ("7_[2-3]", ["2", "3"])]
)
def test_elements_can_be_chosen(wanted: str, labels: list[str]) -> None:
    read = read_text(past_arrays.text(*(Job(id=f"{job}_{index}") for job in (7, 8) for index in (1, 2, 3))))
    (array,) = gather(read.attempts, [parse_job_id(wanted)])
    assert [one.label for one in array.elements] == labels


def test_the_limit_is_that_of_the_attempt_which_shows_the_peak() -> None:
    first = killed(Job(id="7_1", limit_mb=5000))
    later_s = past_arrays.SUBMIT_S + 2000
    again = Job(id="7_1", submit_s=later_s, start_s=later_s + 100, peak_mb=7000, limit_mb=10_000)
    ((element,),) = (one.elements for one in arrays(first, again))
    assert (element.peak_mb, element.limit_mb) == (7000, 10_000)
    ((element,),) = (one.elements for one in arrays(first, killed(again)))
    assert (element.peak_mb, element.limit_mb) == (10_000, 10_000)
