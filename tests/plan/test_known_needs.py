"""Tasks that no feature tells apart ask for what they needed themselves when they last ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import observed
import plans
import pytest

from planner.core.records import Observation, Outcome
from planner.plan import build
from planner.plan.requests import known_needs


def ran(number: int, peak_mb: float | None, *, limit_mb: int = 1000, **changes: Any) -> Observation:
    one = observed.observation(number, peak_mb or 0.0, {})
    return replace(one, **{"task": "S1", "peak_mb": peak_mb, "limit_mb": limit_mb, "submit_s": number} | changes)


@pytest.mark.parametrize(
    ("history", "needs_mb"),
    [
        ([ran(1, 100.0)], 110.0),
        ([ran(1, 300.0), ran(2, 100.0)], 110.0),
        # a heap fills what it is given: that was enough, and must not grow from run to run
        ([ran(1, 995.0)], 1000.0),
        ([ran(1, 100.0), ran(2, 500.0, outcome=Outcome.OOM)], 550.0),
        ([ran(1, 500.0, outcome=Outcome.OOM), ran(2, 600.0)], 660.0),
        ([ran(1, 100.0), ran(2, 40.0, outcome=Outcome.CANCELLED), ran(3, None)], 110.0),
    ],
)
def test_the_last_run_counts(history: list[Observation], needs_mb: float) -> None:
    assert known_needs(reversed(history)) == {"S1": pytest.approx(needs_mb)}


def test_a_request_is_raised_to_it_and_says_so() -> None:
    found = plans.inputs(plans.config(memory={"formula": None, "default_mb": 500, "pilot": 0}))
    plan = build.plan(replace(found, known_mb={"chr3": 700.2, "chr4": 300.0}))
    tasks = {task.task: task for task in plan.tasks}
    assert {task.request_mb for task in plan.tasks} == {tasks["chr3"].request_mb, tasks["chr4"].request_mb}
    assert tasks["chr3"].request_mb - tasks["chr4"].request_mb == 701 - 500
    assert tasks["chr3"].reason.endswith("raised to the 701 MB that it needed before")
    assert "needed before" not in tasks["chr4"].reason
