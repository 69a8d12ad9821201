"""Runs that others handed on: counted apart, and let go where one's own contradict them."""

from __future__ import annotations

from dataclasses import replace

import observed
import pytest

from planner.core.records import SHARED, Observation
from planner.memory import fitting, model, saved

SIZES = [20.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, 250.0]


def runs(level: float, sizes: list[float], *, shared: bool = False) -> list[Observation]:
    found = observed.observations(
        sizes, [level * (100 + 10 * size) * (1 + 0.02 * (n % 3)) for n, size in enumerate(sizes)]
    )
    if not shared:
        return found
    return [replace(one, source=SHARED, job_id=f"shared:{n}", task=f"shared-{n}") for n, one in enumerate(found)]


def fit(rows: list[Observation]) -> model.MemoryModel:
    return fitting.fit(rows, tool=rows[0].tool, feature_names=tuple(rows[0].features))


def test_a_reason_says_how_many_runs_are_one_s_own() -> None:
    fitted = fit([*runs(1.0, SIZES[:4]), *runs(1.05, SIZES * 4, shared=True)])
    reason = fitted.predict(dict.fromkeys(fitted.feature_names, 90.0)).reason
    assert "4 of your runs, 32 shared" in reason
    assert (
        "4 of your runs, 32 shared" in saved.loads(saved.dumps(fitted)).predict({fitted.feature_names[0]: 90.0}).reason
    )
    alone = fit(runs(1.0, SIZES))
    assert "8 observations" in alone.predict(dict.fromkeys(alone.feature_names, 90.0)).reason


@pytest.mark.parametrize("level", [0.5, 2.0])
def test_where_others_runs_contradict_one_s_own_these_count(level: float) -> None:
    own = runs(1.0, SIZES[:5])
    both = fit([*own, *runs(level, SIZES * 6, shared=True)])
    assert both.shared == 0
    assert both.skipped == {"shared, but contradicted by your own runs": 48}
    features = dict.fromkeys(both.feature_names, 90.0)
    assert both.predict(features).request_mb == fit(own).predict(features).request_mb


def test_two_runs_of_one_s_own_contradict_nobody() -> None:
    assert fit([*runs(1.0, SIZES[:2]), *runs(3.0, SIZES, shared=True)]).shared == len(SIZES)


def test_others_runs_alone_are_a_start() -> None:
    assert fit(runs(2.0, SIZES, shared=True)).rows == len(SIZES)
