"""Past attempts as jobs that can be replayed."""

from dataclasses import replace
from typing import Any

from observed import observation

from planner.core.records import Observation
from planner.core.retry import Retry
from planner.memory import heldout
from planner.memory.fitting import fit
from planner.memory.heldout import Asked, Evidence, HeldOut
from planner.memory.model import Prediction
from planner.replay.past import PastJob, Workload, workload

SAID = Prediction(
    point_mb=90.0,
    request_mb=120,
    wall_s=30.0,
    time_limit_s=600,
    rows=5,
    level=None,
    reason="",
    outside_range=False,
)
DAY_S = 86_400
RETRY = Retry(200.0)


def row(number: int, peak_mb: float = 100.0, **fields: Any) -> Observation:
    return observation(number, peak_mb, {"length_mb": 10.0 * number}, **fields)


def held(*rows: Observation, prediction: Prediction | None = SAID) -> list[HeldOut]:
    return [HeldOut(observation=one, prediction=prediction, retry=RETRY) for one in rows]


def jobs(*rows: Observation) -> tuple[PastJob, ...]:
    found, _ = workload(held(*rows))
    assert found is not None
    return found.jobs


def test_a_job_keeps_what_it_used_apart_from_what_was_expected() -> None:
    (job,) = jobs(row(1, 100.0, wall_s=25.0, cpus=3, limit_mb=400))
    assert (job.peak_mb, job.wall_s, job.cpus, job.recorded_mb) == (100.0, 25.0, 3, 400)
    assert (job.request_mb, job.predicted_mb, job.predicted_s) == (120, 90.0, 30.0)


def test_jobs_go_in_the_order_of_submission_and_from_chromosome_1_on() -> None:
    rows = [
        row(1, task="b.chr10", sample="b", chromosome="10", submit_s=5),
        row(2, task="b.chrX", sample="b", chromosome="X", submit_s=5),
        row(3, task="b.chr2", sample="b", chromosome="2", submit_s=5),
        row(4, task="a.chr7", sample="a", chromosome="7", submit_s=9),
    ]
    assert [job.name for job in jobs(*rows)] == ["b.chr2", "b.chr10", "b.chrX", "a.chr7"]


def test_a_task_that_ran_twice_is_two_jobs() -> None:
    assert [job.name for job in jobs(row(1, task="x"), row(2, task="x"), row(3, task="y"))] == ["x#1", "x#2", "y"]


def test_without_a_run_time_a_job_is_left_out_and_counted() -> None:
    found, left_out = workload(held(row(1), row(2, wall_s=None), row(3, wall_s=0.0)))
    assert found is not None
    assert len(found.jobs) == 1
    assert left_out == {"no run time recorded": 2}
    assert workload(held(row(2, wall_s=None))) == (None, {"no run time recorded": 1})
    assert workload([]) == (None, {})


def test_one_mem_for_all_and_the_first_guess_follow_the_peaks_unless_given() -> None:
    rows = held(row(1, 100.0), row(2, 200.0), row(3, 1000.0))
    found, _ = workload(rows)
    assert found is not None
    assert (found.uniform_mb, found.first_mb) == (1100, 220)
    given, _ = workload(rows, uniform_mb=64, first_mb=32)
    assert given is not None
    assert (given.uniform_mb, given.first_mb) == (64, 32)


def test_after_a_kill_a_step_above_the_largest_known_peak_is_asked_for_then_double() -> None:
    job = PastJob(name="x", peak_mb=1.0, wall_s=1.0, retry=RETRY)
    assert job.retry_mb(150.0) == 260.0
    assert job.retry_mb(260.0) == 520.0


def test_a_job_asks_after_a_kill_what_a_plan_of_its_model_asks() -> None:
    rows = [
        observation(
            n,
            100.0 * n,
            {"length_mb": float(n)},
            task=f"s{n}",
            sample=f"s{n}",
            submit_s=n * DAY_S,
            end_s=n * DAY_S + 60,
        )
        for n in range(1, 9)
    ]
    asked = Asked(tool="beagle", feature_names=("length_mb",))
    found, _ = workload(heldout.predict(rows, asked, evidence=Evidence.EARLIER)[0])
    assert found is not None
    known = fit(rows[:-1], tool="beagle", feature_names=("length_mb",))
    assert found.jobs[-1].retry_mb(300.0) == known.retry().after(300.0) == 910.0


def test_the_scheduler_is_told_predictions_and_a_number_from_the_largest_down() -> None:
    first, second = jobs(row(1), row(2))
    work = Workload(
        jobs=(replace(first, predicted_mb=50.0), second, replace(second, name="third")), uniform_mb=1, first_mb=1
    )
    told = [(one.size, one.position, one.predicted_mb) for one in work.works()]
    assert told == [(50, 2, 50), (90, 1, 90), (90, 1, 90)]


def test_where_nothing_was_predicted_lengths_tell_the_jobs_apart() -> None:
    found, _ = workload(held(row(1), row(2), prediction=None))
    assert found is not None
    assert found.unknown == 2
    assert [one.size for one in found.works()] == [10.0, 20.0]
    bare = replace(found, jobs=tuple(replace(job, length_mb=None) for job in found.jobs))
    assert [one.size for one in bare.works()] == [1.0, 1.0]


def test_limits_count_as_recorded_only_when_every_job_has_one() -> None:
    found, _ = workload(held(row(1), row(2)))
    assert found is not None
    assert found.recorded
    partly, _ = workload(held(row(1), row(2, limit_mb=None)))
    assert partly is not None
    assert not partly.recorded
