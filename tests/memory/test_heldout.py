"""What would have been predicted for past attempts, none of them knowing its own outcome."""

from dataclasses import replace
from typing import Any

import pytest
from observed import observation

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.memory import heldout
from planner.memory.heldout import Asked, Evidence, HeldOut

ASKED = Asked(tool="beagle", feature_names=("length_mb",))


def past(samples: int = 3, chromosomes: int = 4) -> list[Observation]:
    """Sample after sample, a day apart, each a little larger; an attempt lasts ten minutes."""
    return [
        observation(
            100 * sample + number,
            (100 + 40 * number) * (1 + 0.1 * sample),
            {"length_mb": 50.0 * number},
            task=f"s{sample}.chr{number}",
            sample=f"s{sample}",
            submit_s=86_400 * (sample + 1),
            end_s=86_400 * (sample + 1) + 600,
        )
        for sample in range(samples)
        for number in range(1, chromosomes + 1)
    ]


def predict(rows: list[Observation], **asked: Any) -> list[HeldOut]:
    return heldout.predict(rows, ASKED, **asked)[0]


def said(found: list[HeldOut], sample: str) -> list[object]:
    return [one.prediction for one in found if one.observation.sample == sample]


def changed(rows: list[Observation], sample: str, factor: float = 9.0) -> list[Observation]:
    """Return the rows, one sample's peaks and times quite different."""
    return [
        replace(row, peak_mb=factor * (row.peak_mb or 0), wall_s=factor * (row.wall_s or 0))
        if row.sample == sample
        else row
        for row in rows
    ]


@pytest.mark.parametrize("sample", ["s0", "s2"])
def test_what_a_sample_used_does_not_change_what_was_predicted_for_it(sample: str) -> None:
    rows = past()
    before, after = predict(rows), predict(changed(rows, sample))
    assert said(before, sample) == said(after, sample)
    assert said(before, "s1") != said(after, "s1")


def test_a_task_that_ran_more_than_once_is_left_out_as_a_whole_where_there_is_one_sample() -> None:
    rows = [
        replace(row, sample="", task=f"chr{row.features['length_mb']:.0f}", job_id=f"{row.job_id}.{again}")
        for row in past(samples=1)
        for again in range(2)
    ]
    other = [replace(row, peak_mb=9_000.0) if row.task == "chr50" else row for row in rows]
    before, after = predict(rows), predict(other)
    told = [(a.prediction, b.prediction) for a, b in zip(before, after, strict=True) if a.observation.task == "chr50"]
    assert len(told) == 2
    assert all(a == b for a, b in told)


def test_runs_of_a_single_task_are_left_out_one_by_one() -> None:
    rows = [replace(row, sample="", task="chr1") for row in past(samples=1)]
    assert all(one.prediction is not None and one.prediction.rows == 3 for one in predict(rows))


def test_what_came_later_does_not_change_what_was_predicted() -> None:
    rows = past()
    before = predict(rows, evidence=Evidence.EARLIER)
    after = predict(changed(rows, "s2"), evidence=Evidence.EARLIER)
    assert said(before, "s1") == said(after, "s1")
    assert said(before, "s2") == said(after, "s2")
    assert said(before, "s2") != said(predict(changed(rows, "s1"), evidence=Evidence.EARLIER), "s2")


def test_before_anything_had_ended_nothing_was_known() -> None:
    found = predict(past(), evidence=Evidence.EARLIER)
    assert said(found, "s0") == [None] * 4
    assert all(said(found, "s1"))
    overlapping = [replace(row, submit_s=row.submit_s % 500) for row in past()]
    assert {one.prediction for one in predict(overlapping, evidence=Evidence.EARLIER)} == {None}


def test_without_times_the_past_has_no_order() -> None:
    rows = [replace(row, submit_s=0) for row in past()]
    with pytest.raises(InputError, match=r"task s0.chr1 was submitted"):
        predict(rows, evidence=Evidence.EARLIER)


def test_attempts_without_a_peak_of_their_own_are_neither_predicted_nor_evidence() -> None:
    rows = past()
    killed = observation(900, 5.0, {"length_mb": 50.0}, outcome=Outcome.OOM, quality=Quality.CENSORED)
    found, skipped = heldout.predict([*rows, killed], ASKED)
    assert found == predict(rows)
    assert skipped == {"killed for memory: a lower bound only": 1}


def test_only_what_is_wanted_is_predicted_and_the_rest_still_teaches() -> None:
    rows = past()
    assert predict(rows, wanted=lambda row: row.sample == "s1") == [
        one for one in predict(rows) if one.observation.sample == "s1"
    ]


def test_requests_stay_within_what_the_site_gives() -> None:
    capped, _ = heldout.predict(past(), replace(ASKED, cap_mb=150.0))
    assert max(one.prediction.request_mb for one in capped if one.prediction) == 150


def test_it_says_how_far_it_is_and_nothing_gives_nothing() -> None:
    shares: list[float] = []
    predict(past(), report=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert heldout.predict([], ASKED) == ([], {})
