"""How far the rounds are, counted in tasks."""

from attempts import attempt

from planner.core.records import Outcome
from planner.rounds.tally import tally


def test_tasks_are_counted_and_attempts_apart() -> None:
    found = [
        attempt(1, outcome=Outcome.OOM),
        attempt(2, outcome=Outcome.COMPLETED),
        attempt(3, outcome=Outcome.FAILED),
        attempt(4, state="RUNNING"),
        attempt(5),
        attempt(1, outcome=Outcome.COMPLETED, round=2),
    ]
    assert tally(found).sentence() == "2 of 5 tasks done, 1 failed, 1 running, 1 waiting (6 attempts)"


def test_a_killed_task_that_is_planned_again_is_planned() -> None:
    again = attempt(1, round=2, job_id=None, state="planned")
    assert tally([attempt(1, outcome=Outcome.OOM), again]).sentence() == "0 of 1 task done, 1 planned"


def test_what_is_done_stays_done_whatever_a_later_attempt_says() -> None:
    found = [attempt(1, outcome=Outcome.COMPLETED), attempt(1, outcome=Outcome.CANCELLED, round=2)]
    assert tally(found).counts == {"done": 1}


def test_tasks_left_to_a_later_round_count_unless_they_are_known() -> None:
    counted = tally([attempt(1, outcome=Outcome.COMPLETED), attempt(2)], later=["chr2", "chr3", "chr4"])
    assert counted.sentence() == "1 of 4 tasks done, 1 waiting, 2 not planned yet"
