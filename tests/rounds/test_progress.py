"""What the next plan knows of a task from the attempts before."""

import pytest

from planner.core.records import Outcome
from planner.rounds import progress
from planner.rounds.progress import TaskStatus


def attempt(outcome: Outcome | None, *, wall_s: float | None, number: int = 1) -> TaskStatus:
    return TaskStatus(
        task="chr1",
        sample="",
        round=number,
        state="",
        outcome=outcome,
        request_mb=100 * number,
        time_limit_s=600,
        peak_mb=None,
        quality=None,
        wall_s=wall_s,
        job_id=f"{number}_0",
    )


@pytest.mark.parametrize(
    ("outcome", "wall_s", "limit_s"),
    [
        (Outcome.TIMEOUT, 7211.4, 7212),  # in an array or a tier whose limit was longer than its own
        (Outcome.TIMEOUT, 590.0, 600),
        (Outcome.TIMEOUT, None, 600),
        (Outcome.OOM, 7211.4, 600),
    ],
)
def test_what_ran_out_of_time_had_at_least_as_long_as_it_ran(
    outcome: Outcome, wall_s: float | None, limit_s: int
) -> None:
    assert progress.earlier([attempt(outcome, wall_s=wall_s)])["chr1"].time_limit_s == limit_s


def test_the_last_attempt_counts_and_all_are_counted() -> None:
    found = progress.earlier([attempt(Outcome.OOM, wall_s=5), attempt(None, wall_s=None, number=2)])["chr1"]
    assert (found.round, found.attempts, found.outcome, found.request_mb) == (2, 2, None, 200)
