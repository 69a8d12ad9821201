"""Tasks far beyond what their predictions rest on, and formulas that measurements contradict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import observed
import plans
import pytest
from formulas import small

from planner.core.records import Outcome
from planner.formula import prior
from planner.memory import fitting
from planner.plan import build
from planner.plan.document import Plan
from planner.plan.inputs import Earlier
from planner.plan.requests import REACH

LARGEST_MB = 600.0
OF_SMALL_RUNS = small(largest_mb=LARGEST_MB)
GIVEN = {"n_samples": 100.0, "window": 40.0}


def plan(*, times: float = 1000.0, seen: Sequence[tuple[dict[str, float], float]] = (), **changes: Any) -> Plan:
    """Return a plan of tasks so many times as long as the rows of the formula that it starts from.

    ``seen`` holds features and measured peaks.
    """
    memory = {"formula": None, **changes.pop("memory", {})}
    found = plans.inputs(plans.config(memory=memory, submit=changes.pop("submit", {})))
    tasks = [replace(task, features={**GIVEN, "length_mb": times * task.features["length_mb"]}) for task in found.tasks]
    fitted = fitting.fit(
        [observed.observation(n, peak_mb, features) for n, (features, peak_mb) in enumerate(seen)],
        tool="beagle",
        feature_names=tuple(tasks[0].features),
    )
    known = prior.learn("impute", OF_SMALL_RUNS, list(seen))
    return build.plan(replace(found, tasks=tasks, model=fitted, prior=known, **changes))


def started(outcome: Outcome | None, *names: str, request_mb: int = 4800) -> dict[str, Earlier]:
    return {
        name: Earlier(
            round=1,
            attempts=1,
            outcome=outcome,
            request_mb=request_mb,
            time_limit_s=7200,
            killed_mb=request_mb if outcome is Outcome.OOM else 0,
        )
        for name in names
    }


def row(length_mb: float) -> dict[str, float]:
    return {**GIVEN, "length_mb": length_mb}


def test_within_its_rows_a_formula_plans_everything_at_once() -> None:
    found = plan(times=1.0)
    assert len(found.tasks) == 22
    assert found.notes == []


def test_far_beyond_its_rows_a_pilot_goes_first_and_asks_within_reach_of_the_largest_peak() -> None:
    found = plan()
    assert [task.task for task in found.tasks] == ["chr21", "chr14", "chr6"]
    assert {task.request_mb for task in found.tasks} == {REACH * 600}
    assert all("limited to 8 x 600 MB, the largest peak it is based on" in task.reason for task in found.tasks)
    assert all("outside" in task.reason for task in found.tasks)
    assert found.notes == [
        "some tasks are far larger than any measured: a few of them go first, 'chromplan next' plans the rest"
    ]
    assert {left.reason for left in found.left_out} == {"waits for the pilot's results"}


@pytest.mark.parametrize("change", [{"memory": {"pilot": 0}}, {"submit": {"mode": "dynamic"}}])
def test_without_a_pilot_requests_are_held_all_the_same(change: dict[str, Any]) -> None:
    found = plan(**change)
    assert len(found.tasks) == 22
    assert max(task.request_mb for task in found.tasks) == REACH * 600


def test_a_file_that_does_not_say_its_largest_peak_has_it_by_its_calibration() -> None:
    of_old_file = prior.learn("impute", small(), [])
    assert 500 < of_old_file.largest_mb < 1000


def test_a_pilot_that_was_killed_runs_again_with_more_before_the_others() -> None:
    found = plan(earlier=started(Outcome.OOM, "chr21") | started(Outcome.COMPLETED, "chr14", "chr6"))
    assert [(task.task, task.request_mb, task.attempt) for task in found.tasks] == [("chr21", 9600, 2)]
    assert len(found.left_out) == 19


def test_what_the_pilot_used_widens_the_reach() -> None:
    used = [(row(length_mb), 40 * length_mb**0.5) for length_mb in (48_000.0, 107_000.0, 171_000.0)]
    found = plan(seen=used, earlier=started(Outcome.COMPLETED, "chr21", "chr14", "chr6"))
    assert len(found.tasks) == 19
    assert max(task.request_mb for task in found.tasks) <= REACH * used[-1][1]


def test_a_model_alone_is_held_within_reach_too() -> None:
    fitted = fitting.fit(
        observed.observations([1.0, 2.0, 3.0, 4.0] * 4, [100.0, 200.0, 300.0, 400.0] * 4),
        tool="beagle",
        feature_names=("length_mb",),
    )
    found = plans.plan(plans.config(memory={"formula": None}), model=fitted)
    assert all(task.request_mb <= REACH * 400 for task in found.tasks)


@pytest.mark.parametrize("times", [0.1, 10.0])
def test_a_formula_that_the_first_measurements_contradict_is_let_go_and_the_reasons_say_so(times: float) -> None:
    lengths = (48.0, 107.0, 171.0)
    used = [(row(mb), times * OF_SMALL_RUNS.bound(row(mb), 0.5).point_mb) for mb in lengths]
    found = plan(times=1.0, seen=used)
    said = f"formula impute no longer used: what was measured is {times:g} times what it predicts"
    assert all(said in task.reason for task in found.tasks)


def test_a_formula_of_another_shape_is_let_go() -> None:
    points = [OF_SMALL_RUNS.bound(row(mb), 0.5).point_mb for mb in (48.0, 107.0, 171.0)]
    used = [(row(mb), point**2 / 100) for mb, point in zip((48.0, 107.0, 171.0), points, strict=True)]
    assert prior.learn("impute", OF_SMALL_RUNS, used).let_go


@pytest.mark.parametrize("times", [0.5, 1.0, 1.9])
def test_another_level_alone_moves_a_formula_and_does_not_discredit_it(times: float) -> None:
    used = [(row(mb), times * OF_SMALL_RUNS.bound(row(mb), 0.5).point_mb) for mb in (48.0, 107.0, 171.0)]
    known = prior.learn("impute", OF_SMALL_RUNS, used)
    assert known.asked
    assert not known.let_go


def test_a_right_formula_is_hardly_ever_let_go() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    lengths = rng.uniform(48.0, 249.0, size=(500, 5))
    noise = rng.normal(0.0, 0.1, size=lengths.shape)
    let_go = sum(
        bool(
            prior.learn(
                "impute",
                OF_SMALL_RUNS,
                [
                    (row(mb), OF_SMALL_RUNS.bound(row(mb), 0.5).point_mb * float(np.exp(e)))
                    for mb, e in zip(one, off, strict=True)
                ],
            ).let_go
        )
        for one, off in zip(lengths.tolist(), noise.tolist(), strict=True)
    )
    assert let_go <= 10
