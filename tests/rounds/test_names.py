"""Tasks are found by the names that people type."""

import pytest

from planner.core.errors import InputError
from planner.rounds import names
from planner.rounds.progress import TaskStatus


def status(task: str, sample: str) -> TaskStatus:
    return TaskStatus(
        task=task,
        sample=sample,
        round=1,
        state="planned",
        outcome=None,
        request_mb=100,
        time_limit_s=60,
        peak_mb=None,
        quality=None,
        wall_s=None,
        job_id=None,
    )


FOUND = [status("a_b-c8687a08.chr21", "a b"), status("a_b-c8687a08.chr22", "a b"), status("S1.chr21", "S1")]


@pytest.mark.parametrize(
    ("typed", "task"),
    [
        ("S1.chr21", "S1.chr21"),
        ("22", "a_b-c8687a08.chr22"),
        ("chr22", "a_b-c8687a08.chr22"),
        ("a b.chr21", "a_b-c8687a08.chr21"),
    ],
)
def test_a_task_is_found_by_its_name_its_region_or_its_sample_as_given(typed: str, task: str) -> None:
    assert names.find_task(typed, FOUND) == task


@pytest.mark.parametrize(("typed", "said"), [("chr21", "2 tasks end like this"), ("", "'': no such task")])
def test_what_names_no_task_is_said(typed: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        names.find_task(typed, FOUND)


def test_without_a_task_it_is_said_what_to_run() -> None:
    with pytest.raises(InputError) as refused:
        names.find_task("chr21", [])
    assert refused.value.hint == "run 'chromplan plan' first"
