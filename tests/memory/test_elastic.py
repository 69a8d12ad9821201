"""Peaks that follow the memory they are given are no evidence of need."""

import math

import numpy as np
import plans
import pytest
from observed import observation

from planner.actions.learning import learnable
from planner.core.java import heap_mb
from planner.core.records import Observation, Outcome, Quality
from planner.memory import fitting
from planner.memory.elastic import as_needed, follow_limits, needed


def attempt(chromosome: int, round_number: int, peak_mb: float, limit_mb: int, **changes: object) -> Observation:
    fields = {
        "task": f"s{round_number}.chr{chromosome}",
        "sample": f"s{round_number}",
        "chromosome": str(chromosome),
        "limit_mb": limit_mb,
        "job_id": f"{round_number}_{chromosome}",
        "submit_s": 1000 * round_number,
    }
    return observation(chromosome, peak_mb, {"length_mb": 250.0 - 9 * chromosome}, **fields | changes)


def rounds(limits: tuple[int, ...], share: float) -> list[Observation]:
    """A heap that fills: every task holds so large a share of its limit, each chromosome a little less."""
    noise = np.random.default_rng(3)
    return [
        attempt(c, n, share * limit * (1 - 0.01 * c) * noise.uniform(0.97, 1.0), limit)
        for n, limit in enumerate(limits)
        for c in range(1, 23)
    ]


def needs(limits: tuple[int, ...]) -> list[Observation]:
    """Memory that a task needs, whatever it was given."""
    noise = np.random.default_rng(4)
    return [
        attempt(c, n, (1800 - 60 * c) * noise.uniform(0.9, 1.1), m) for n, m in enumerate(limits) for c in range(1, 23)
    ]


def test_a_heap_that_fills_whatever_it_is_given_is_recognised() -> None:
    assert follow_limits(rounds((4000, 3000), 0.95))
    assert follow_limits(rounds((2000, 3000), 0.95))


@pytest.mark.parametrize("limits", [(4000, 3000), (2000, 2300, 4000)])
def test_what_a_task_needs_is_not_taken_for_it(limits: tuple[int, ...]) -> None:
    rows = needs(limits)
    assert not follow_limits(rows)
    assert needed(rows) == rows


def test_one_round_tells_nothing() -> None:
    assert not follow_limits(rounds((4000,), 0.95))


def test_reruns_after_a_kill_had_more_because_they_needed_more() -> None:
    first = needs((2000,))
    killed = [attempt(c, 1, 1500, 1500, outcome=Outcome.OOM, quality=Quality.CENSORED) for c in range(1, 12)]
    reruns = [attempt(c, 1, 2900, 3000) for c in range(1, 12)]
    assert follow_limits([*first, *reruns])
    assert not follow_limits([*first, *reruns], killed)


def test_the_leanest_run_that_ended_well_says_what_is_enough() -> None:
    found = needed(rounds((4000, 2000, 3000), 0.9))
    assert max(row.peak_mb or 0 for row in found) <= 0.85 * 2000


def test_a_kill_is_evidence_of_need() -> None:
    killed = [attempt(7, 3, 1900, 1900, outcome=Outcome.OOM, quality=Quality.CENSORED)]
    found = needed(rounds((4000, 2000), 0.95), killed)
    assert {row.peak_mb for row in found if row.chromosome == "7"} == {1900}
    assert all(row.peak_mb < 1900 for row in found if row.chromosome == "8" and row.peak_mb)


def test_requests_for_a_heap_that_fills_come_down_and_settle_instead_of_climbing() -> None:
    """Peaks are 97 % of what was given, and the task would run with 1000 MB: round after round asks for less."""
    history = rounds((4000, 3400), 0.97)
    totals = []
    for number in range(2, 7):
        fitted = fitting.fit(as_needed(history)[0], tool="beagle", feature_names=("length_mb",))
        asked = {c: fitted.predict({"length_mb": 250.0 - 9 * c}).request_mb for c in range(1, 23)}
        totals.append(sum(asked.values()))
        for c, limit in asked.items():
            if limit < 1000:
                history.append(attempt(c, number, limit, limit, outcome=Outcome.OOM, quality=Quality.CENSORED))
            else:
                history.append(attempt(c, number, 0.97 * limit, limit))
    assert totals[0] < 22 * 3400
    assert totals == sorted(totals, reverse=True)


def test_a_log_of_the_heap_says_at_once_what_is_enough() -> None:
    told = [attempt(c, 0, 3900 - c, 4000, heap_kept_mb=400.0) for c in range(1, 23)]
    learnt, changed = as_needed(told)
    assert changed
    assert all(heap_mb(math.ceil(row.peak_mb or 0)) >= 1.5 * 400 for row in learnt)
    assert all((row.peak_mb or 0) < 800 for row in learnt)
    killed = attempt(7, 1, 900, 900, outcome=Outcome.OOM, quality=Quality.CENSORED)
    by_chromosome = {row.chromosome: row.peak_mb for row in as_needed([*told, killed])[0] if row is not killed}
    assert (by_chromosome["7"], by_chromosome["8"]) == (900, learnt[7].peak_mb)


def test_a_log_never_raises_a_peak() -> None:
    told = [attempt(c, 0, 500 - c, 4000, heap_kept_mb=400.0) for c in range(1, 23)]
    assert as_needed(told) == (told, False)


@pytest.mark.parametrize(("heap", "noted"), [("{java_heap_mb}", True), ("4000", False)])
def test_only_a_command_whose_heap_follows_the_request_is_asked(heap: str, noted: bool) -> None:
    config = plans.config(pipeline={"command": f"java -Xmx{heap}m -jar x.jar {{chromosome}}"})
    history = rounds((4000, 3000), 0.95)
    learnt, notes = learnable(config, history)
    assert bool(notes) is noted
    assert (list(learnt) == history) is not noted
