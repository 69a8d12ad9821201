"""What waits in a round and what may start: limits that are learnt, time that runs out."""

import math

import plans
import pytest

from planner.core.records import Outcome
from planner.plan.document import PlannedTask
from planner.runner.launch import Attempt, Bounds, Foreknown, Limits, Scheduling, Seen
from planner.runner.queue import TaskQueue
from planner.runner.runs import Run
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.paper import PaperOptions
from planner.schedule.dynamic.state import Node


def tasks(*predicted_mb: float | None, wall_s: float | None = None, request_mb: int | None = None) -> list[PlannedTask]:
    config = plans.config(pipeline={"chromosomes": f"1-{len(predicted_mb)}"})
    planned = plans.plan(config).tasks
    return [
        task.model_copy(update={"predicted_mb": mb, "request_mb": request_mb or math.ceil(mb or 150), "wall_s": wall_s})
        for task, mb in zip(sorted(planned, key=lambda task: int(task.chromosome)), predicted_mb, strict=True)
    ]


def ended(task: str, outcome: Outcome, *, peak_mb: float = 100.0, limit_mb: int = 200, wall_s: float = 10.0) -> Run:
    return Run(
        task=task,
        job_id=f"7.{task}.1",
        outcome=outcome,
        exit_code=0,
        peak_mb=peak_mb,
        limit_mb=limit_mb,
        wall_s=wall_s,
        start_s=0,
        end_s=10,
        evidence="",
    )


def agenda(planned: list[PlannedTask], *before: Run, limits: Limits = Limits.LEARNT, mem_mb: int = 1000) -> TaskQueue:
    bounds = Bounds(nodes=(Node(name="n1", mem_mb=mem_mb, cores=8),), limits=limits, overhead_mb=8)
    found = TaskQueue(planned, before, bounds)
    found.fill(())
    return found


def limits_of(found: TaskQueue, *running: tuple[Attempt, float, Seen], left_s: float = math.inf) -> dict[str, int]:
    starts = found.take(running, now_s=0.0, left_s=left_s)
    return {one.task.task: found.limit_mb(one, start) for one, start in starts}


def test_a_limit_is_the_prediction_and_the_doubt_about_it() -> None:
    (limit_mb,) = limits_of(agenda(tasks(100.0))).values()
    assert 108 < limit_mb < 160


def test_until_the_round_teaches_a_request_that_history_chose_is_the_limit() -> None:
    planned = tasks(100.0, 100.0, request_mb=123)
    assert limits_of(agenda(planned)) == {"chr1": 123, "chr2": 123}
    (limit_mb,) = limits_of(agenda(planned, ended("chr1", Outcome.COMPLETED, peak_mb=130))).values()
    assert limit_mb > 123


def test_what_completed_as_predicted_narrows_the_limits_of_the_others() -> None:
    predicted = [100.0 + i for i in range(12)]
    planned = tasks(*predicted)
    done = [ended(task.task, Outcome.COMPLETED, peak_mb=mb) for task, mb in zip(planned, predicted[:10], strict=False)]
    fresh = limits_of(agenda(planned, mem_mb=9999))
    later = limits_of(agenda(planned, *done, mem_mb=9999))
    assert set(later) == {"chr11", "chr12"}
    assert all(later[name] < fresh[name] for name in later)


def test_a_running_task_that_holds_more_than_predicted_raises_the_limits_of_those_that_wait() -> None:
    planned = tasks(100.0, 100.0)
    attempt = Attempt(task=planned[0], job_id="7.chr1.1", request_mb=300, limit_mb=300, node="n1")

    def limit_mb(seen_mb: float) -> int:
        found = agenda(planned)
        found.fill(["chr1"])
        return limits_of(found, (attempt, 0.0, Seen(held_mb=seen_mb, peak_mb=seen_mb)))["chr2"]

    assert limit_mb(50.0) == limit_mb(0.0)
    assert limit_mb(200.0) > 1.2 * limit_mb(0.0)


def test_a_killed_task_gets_twice_what_it_had_and_at_least_what_it_used() -> None:
    planned = tasks(100.0)
    assert limits_of(agenda(planned, ended("chr1", Outcome.OOM, limit_mb=140))) == {"chr1": 280}
    assert limits_of(agenda(planned, ended("chr1", Outcome.OOM, limit_mb=140, peak_mb=300))) == {"chr1": 330}
    assert limits_of(agenda(planned, ended("chr1", Outcome.OOM, limit_mb=140), mem_mb=200)) == {"chr1": 200}


def test_what_an_earlier_round_was_killed_at_counts_whatever_this_one_learns() -> None:
    first, again = tasks(100.0, 100.0, request_mb=400)
    again = again.model_copy(update={"attempt": 2})
    done = ended(first.task, Outcome.COMPLETED, peak_mb=100)
    assert limits_of(agenda([first, again], done)) == {"chr2": 400}


def test_limits_together_stay_within_the_node() -> None:
    assert sum(limits_of(agenda(tasks(*[100.0] * 8))).values()) <= 1000


def test_without_predictions_the_smallest_tasks_start_and_teach() -> None:
    planned = tasks(*[None] * 22)
    first = limits_of(agenda(planned))
    assert "chr1" not in first
    assert {"chr21", "chr22"} <= set(first)
    assert sum(first.values()) <= 1000
    after = agenda(
        planned, ended("chr21", Outcome.COMPLETED, peak_mb=40), ended("chr22", Outcome.COMPLETED, peak_mb=42)
    )
    assert len(limits_of(after)) > len(first)


def test_a_feature_that_all_tasks_share_does_not_hide_which_is_the_smallest() -> None:
    planned = [
        task.model_copy(update={"features": task.features | {"n_ref_samples": 2504.0}}) for task in tasks(*[None] * 22)
    ]
    assert {"chr21", "chr22"} <= set(limits_of(agenda(planned))) <= {"chr19", "chr20", "chr21", "chr22"}


@pytest.mark.parametrize(("left_s", "starts"), [(130.0, True), (120.0, False), (-1.0, False)])
def test_a_task_starts_only_when_it_can_be_expected_to_end(left_s: float, starts: bool) -> None:
    found = agenda(tasks(100.0, wall_s=100.0))
    assert bool(limits_of(found, left_s=left_s)) is starts
    assert len(found.waiting) == 1 - starts


def test_without_a_predicted_duration_the_slowest_so_far_tells() -> None:
    planned = tasks(100.0, 200.0)
    done = ended("chr1", Outcome.COMPLETED, wall_s=50.0)
    assert not limits_of(agenda(planned, done), left_s=100.0)
    assert limits_of(agenda(planned, done), left_s=130.0)


def by_the_paper(planned: list[PlannedTask], *before: Run, foreknown: Foreknown, limits: Limits) -> dict[str, int]:
    options = DynamicOptions(policy=Policy.PAPER, paper=PaperOptions(bias=None))
    bounds = Bounds(
        nodes=(Node(name="n1", mem_mb=1000, cores=8),),
        limits=limits,
        scheduling=Scheduling(options=options, foreknown=foreknown),
    )
    found = TaskQueue(planned, before, bounds)
    found.fill(())
    return limits_of(found)


def test_the_papers_scheduler_begins_with_the_smallest_task_alone_where_nothing_is_known() -> None:
    for limits in (Limits.POOL, Limits.LEARNT, Limits.REQUESTS):
        given = by_the_paper(tasks(400.0, 300.0, 200.0), foreknown=Foreknown.NONE, limits=limits)
        assert given == {"chr3": 1000}


@pytest.mark.parametrize(("foreknown", "expected_mb"), [(Foreknown.POINT, 100), (Foreknown.CONSERVATIVE, 160)])
def test_the_papers_scheduler_takes_predictions_or_requests_for_what_has_not_run(
    foreknown: Foreknown, expected_mb: int
) -> None:
    planned = tasks(100.0, 100.0, request_mb=160)
    given = by_the_paper(planned, foreknown=foreknown, limits=Limits.LEARNT)
    assert given == pytest.approx({"chr1": expected_mb, "chr2": expected_mb}, abs=1)


def test_the_papers_scheduler_waits_for_its_batch_and_learns_from_it() -> None:
    planned = tasks(100.0, 90.0, 80.0)
    attempt = Attempt(task=planned[0], job_id="7.chr1.1", request_mb=100, limit_mb=100, node="n1")
    options = DynamicOptions(policy=Policy.PAPER, paper=PaperOptions(bias=None))
    bounds = Bounds(nodes=(Node(name="n1", mem_mb=1000, cores=8),), scheduling=Scheduling(options=options))
    found = TaskQueue(planned, (), bounds)
    found.fill(["chr1"])
    assert limits_of(found, (attempt, 0.0, Seen(held_mb=50, peak_mb=50))) == {}
    found.ended(ended("chr1", Outcome.COMPLETED, peak_mb=300.0))
    assert min(limits_of(found).values()) > 90


def test_in_a_pool_predictions_that_no_history_has_tested_leave_room_for_more() -> None:
    def started(planned: list[PlannedTask], *, doubts: bool) -> int:
        bounds = Bounds(nodes=(Node(name="n1", mem_mb=1000, cores=8),), limits=Limits.POOL, doubts=doubts)
        found = TaskQueue(planned, (), bounds)
        found.fill(())
        return len(limits_of(found))

    untested, of_history = tasks(*[100.0] * 8), tasks(*[100.0] * 8, request_mb=140)
    assert started(untested, doubts=True) < started(untested, doubts=False)
    assert started(of_history, doubts=True) == started(of_history, doubts=False)
