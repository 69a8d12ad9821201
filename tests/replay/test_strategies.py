"""Ways to ask for memory, on past jobs whose course can be worked out by hand."""

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.core.retry import Retry
from planner.plan.document import Target
from planner.replay.past import PastJob, Workload
from planner.replay.replay import replay
from planner.replay.shared_node import Course, HeldMemory, most_running, steps
from planner.replay.strategies import LIMITED, Strategy, run
from planner.replay.together import allocation
from planner.site import Partition, Site


def target(nodes: int = 1, mem_mb: int = 250, cores: int = 8, *, max_running: int | None = None, **site: Any) -> Target:
    partition = Partition(name="p", nodes=nodes, cores=cores, mem_mb=mem_mb, default=True)
    known = {"name": "here", "description": "d", "source": "s", "as_of": datetime.date(2026, 1, 1)}
    return Target(
        site=Site(**known | {"partitions": (partition,)} | site),
        partition=partition,
        account=None,
        max_running=max_running,
    )


def job(name: str, peak_mb: float = 100.0, wall_s: float = 10.0, **known: Any) -> PastJob:
    expected: dict[str, Any] = {
        "request_mb": 110,
        "predicted_mb": 100.0,
        "predicted_s": 10.0,
        "retry": Retry(0.0),
    }
    return PastJob(name=name, peak_mb=peak_mb, wall_s=wall_s, **expected | known)


def work(*jobs: PastJob, uniform_mb: int = 120, first_mb: int = 100) -> Workload:
    return Workload(jobs=jobs, uniform_mb=uniform_mb, first_mb=first_mb)


def course(strategy: Strategy, what: Workload, where: Target, seed: int = 0) -> Course:
    return run(strategy, what, where, np.random.default_rng(seed))


def attempts(found: Course, name: str) -> list[tuple[float | None, bool]]:
    return [(span.limit_mb, span.killed) for span in found.spans if span.name == name]


def test_one_mem_for_all_lets_as_many_run_as_it_fits() -> None:
    found = course(Strategy.UNIFORM, work(*map(job, "abcd")), target())
    assert (found.makespan_s, found.killed, found.reserved_mb_s) == (20, 0, 4 * 120 * 10)


def test_a_low_guess_is_doubled_at_once_and_its_time_is_lost_and_paid_for() -> None:
    found = course(Strategy.DOUBLING, work(job("a", 150.0), job("b")), target(mem_mb=1000))
    assert attempts(found, "a") == [(100, True), (200, False)]
    lost_s = next(span.end_s for span in found.spans if span.killed)
    assert 0 < lost_s < 10
    assert found.makespan_s == pytest.approx(lost_s + 10)
    assert found.reserved_mb_s == pytest.approx(100 * lost_s + 200 * 10 + 100 * 10)


def test_no_request_is_above_what_a_node_has() -> None:
    found = course(Strategy.DOUBLING, work(job("a", 240.0)), target())
    assert attempts(found, "a") == [(100, True), (200, True), (250, False)]


def test_an_array_gives_each_its_own_memory_largest_cost_first() -> None:
    jobs = [job("small", 40.0, request_mb=50, predicted_mb=45.0), job("large", 190.0, request_mb=200)]
    found = course(Strategy.ARRAY, work(*jobs), target(mem_mb=220))
    assert [(span.name, span.start_s, span.limit_mb) for span in found.spans] == [("large", 0, 200), ("small", 10, 50)]


def test_what_an_array_lost_to_memory_goes_into_the_next_round() -> None:
    jobs = [job("a", 150.0), job("b"), job("long", wall_s=60.0)]
    found = course(Strategy.ARRAY, work(*jobs), target(mem_mb=1000))
    again = next(span for span in found.spans if span.name == "a" and not span.killed)
    assert again.start_s == 60
    assert again.limit_mb == 220  # no larger peak was known: double


def test_where_nothing_was_known_the_array_asks_for_what_everybody_asks_for() -> None:
    found = course(Strategy.ARRAY, work(job("a", request_mb=None, predicted_mb=None, predicted_s=None)), target())
    assert attempts(found, "a") == [(120, False)]


def test_the_recorded_limits_are_replayed() -> None:
    found = course(Strategy.RECORDED, work(job("a", recorded_mb=180), job("b", recorded_mb=90)), target(mem_mb=1000))
    assert attempts(found, "a") == [(180, False)]
    assert attempts(found, "b") == [(90, True), (180, False)]


def test_peaks_known_beforehand_waste_nothing() -> None:
    what = work(job("a", 150.0), job("b", 30.0, 4.0))
    found = course(Strategy.KNOWN, what, target())
    assert (found.killed, found.reserved_mb_s) == (0, what.used_mb_s)


def test_cores_the_number_of_jobs_and_a_strict_queue_limit_too() -> None:
    what = work(*(job(name, cpus=4) for name in "abcd"))
    assert most_running(course(Strategy.UNIFORM, what, target(mem_mb=9999)).spans) == 2
    assert most_running(course(Strategy.UNIFORM, what, target(mem_mb=9999, cores=99, max_running=3)).spans) == 3
    known = work(job("a", 150.0), job("b", 150.0, 9.0), job("c", 50.0, 8.0))
    overtaken = course(Strategy.KNOWN, known, target())
    assert next(span.start_s for span in overtaken.spans if span.name == "c") == 0
    strict = course(Strategy.KNOWN, known, target(scheduler="builtin"))
    assert next(span.start_s for span in strict.spans if span.name == "c") == 10


def test_the_rules_of_the_site_hold_for_every_job() -> None:
    raised = course(Strategy.ARRAY, work(job("a")), target(min_mem_mb=200))
    assert attempts(raised, "a") == [(200, False)]
    whole = course(Strategy.UNIFORM, work(*map(job, "abc")), target(nodes=2, mem_policy="whole_node"))
    assert (whole.makespan_s, whole.reserved_mb_s) == (20, 3 * 250 * 10)
    packed = course(Strategy.PACKED, work(*map(job, "abc")), target(mem_mb=1000, mem_policy="whole_node"))
    assert packed.held[0].mem_mb == 1000


def test_packed_tasks_hold_the_memory_of_their_job_until_the_last_has_ended() -> None:
    jobs = [job("a"), job("b", wall_s=30.0)]
    found = course(Strategy.PACKED, work(*jobs), target(mem_mb=1000))
    (held,) = found.held
    assert (held.start_s, held.end_s) == (0, 30)
    assert held.mem_mb > 2 * 110  # the batch script needs some, too
    assert found.reserved_mb_s == held.mem_mb * 30


def test_what_was_killed_as_a_step_is_packed_anew() -> None:
    found = course(Strategy.PACKED, work(job("a", 150.0), job("b")), target(mem_mb=1000))
    assert attempts(found, "a") == [(110, True), (220, False)]
    assert [held.start_s for held in found.held] == [0, 10]
    assert found.makespan_s == 20


def test_steps_keep_their_order_and_the_memory_of_their_job() -> None:
    jobs = [job(str(k), request_mb=200 - k) for k in range(6)]
    found = course(Strategy.PACKED, work(*jobs), target(mem_mb=700, cores=3))
    for span in found.spans:
        beside = sum(o.limit_mb or 0 for o in found.spans if o.start_s <= span.start_s < o.end_s)
        assert beside <= found.held[0].mem_mb
    assert [span.start_s for span in sorted(found.spans, key=lambda s: int(s.name))] == sorted(
        span.start_s for span in found.spans
    )


@pytest.mark.parametrize("strategy", [Strategy.PAPER, Strategy.DYNAMIC])
def test_an_allocation_is_held_whole_until_the_end(strategy: Strategy) -> None:
    what = work(*(job(str(k)) for k in range(9)))
    where = target(nodes=2, mem_mb=1000)
    found = course(strategy, what, where)
    batch = allocation(what.jobs, [110] * 9, where)
    assert found.held == (HeldMemory(start_s=0.0, end_s=found.makespan_s, mem_mb=batch.nodes * batch.mem_mb),)
    assert batch.mem_mb > batch.pool_mb  # the driver needs some, too


def test_in_an_allocation_limits_are_learnt_and_what_was_killed_gets_twice_its_own() -> None:
    jobs = [job(str(k), 100.0 if k else 190.0, 10.0 + k) for k in range(9)]
    found = course(Strategy.DYNAMIC, work(*jobs), target(mem_mb=1500, cores=3))
    (first, killed), (second, again) = attempts(found, "0")
    assert (killed, again) == (True, False)
    assert second == pytest.approx(2 * (first or 0))
    last = max(found.spans, key=lambda span: span.start_s)
    assert 100 < (last.limit_mb or 0) < 190


def test_a_task_that_the_allocation_is_too_small_for_gets_a_larger_one_in_the_next_round() -> None:
    found = course(Strategy.DYNAMIC, work(job("a", 200.0)), target(mem_mb=1000))
    assert len(found.held) == 2
    assert found.held[0].end_s == found.held[1].start_s
    assert found.held[1].mem_mb > found.held[0].mem_mb
    assert attempts(found, "a") == [(110, True), (220, False)]


JOBS = st.lists(
    st.tuples(st.floats(10, 240), st.floats(1, 100), st.integers(1, 4), st.floats(0.4, 1.6)), min_size=1, max_size=12
)


@given(JOBS, st.sampled_from(list(Strategy)), st.integers(1, 3), st.integers(0, 99))
@settings(deadline=None, max_examples=120)
def test_every_job_completes_once_and_no_limit_of_its_own_is_passed(
    drawn: list[tuple[float, float, int, float]], strategy: Strategy, nodes: int, seed: int
) -> None:
    jobs = [
        job(
            str(k),
            peak,
            wall,
            cpus=cpus,
            request_mb=round(off * peak) + 1,
            predicted_mb=off * peak,
            predicted_s=wall,
            recorded_mb=200,
        )
        for k, (peak, wall, cpus, off) in enumerate(drawn)
    ]
    what = work(*jobs)
    found = course(strategy, what, target(nodes=nodes, mem_mb=1000, cores=4), seed)
    done = [span for span in found.spans if not span.killed]
    assert sorted(span.name for span in done) == sorted(one.name for one in jobs)
    assert found.makespan_s >= max(one.wall_s for one in jobs)
    if strategy in LIMITED:
        assert found.reserved_mb_s >= what.used_mb_s * (1 - 1e-9)
        peaks = {one.name: one.peak_mb for one in jobs}
        assert all(span.killed == (peaks[span.name] > (span.limit_mb or 0)) for span in found.spans)


def test_the_same_seed_gives_the_same_figures() -> None:
    what = work(job("a", 150.0), job("b", 130.0), job("c"))
    one, again, other = (
        replay(what, target(mem_mb=1000), runs=3, seed=seed, strategies=[Strategy.DOUBLING])[0] for seed in (1, 1, 2)
    )
    assert one == again
    assert one.makespan_s != other.makespan_s
    assert len(set(one.makespans_s)) == 3


def test_without_a_kill_chance_decides_nothing() -> None:
    (found,) = replay(work(*map(job, "ab")), target(), runs=5, strategies=[Strategy.UNIFORM])
    assert found.makespans_s == [10] * 5


def test_a_strategy_that_the_nodes_refuse_says_why_and_the_others_go_on() -> None:
    where = target(mem_mb=250, cores=2)
    found = replay(work(job("a", 240.0, request_mb=240)), where, runs=2)
    by_name = {one.strategy: one for one in found}
    assert "do not fit on a node" in by_name[Strategy.PACKED].refused
    assert by_name[Strategy.ARRAY].refused == ""
    per_core = target(cores=2, mem_policy="cpus_only", mem_per_core_default_mb=50)
    (refused,) = replay(work(job("a")), per_core, runs=1, strategies=[Strategy.UNIFORM])
    assert "would ask for" in refused.refused


def test_recorded_limits_are_left_out_where_they_are_not_known() -> None:
    where = target(mem_mb=1000)
    known, unknown = work(job("a", recorded_mb=200)), work(job("a"))
    assert Strategy.RECORDED in [one.strategy for one in replay(known, where, runs=1)]
    assert Strategy.RECORDED not in [one.strategy for one in replay(unknown, where, runs=1)]


@pytest.mark.parametrize(
    ("big", "words"), [(job("vast", 400.0), "job vast used 400 MB"), (job("wide", cpus=9), "job wide has 9 cores")]
)
def test_a_job_that_no_node_holds_is_named(big: PastJob, words: str) -> None:
    with pytest.raises(InputError, match=words):
        replay(work(job("a"), big), target(), runs=1)


def test_what_is_wasted_is_what_was_reserved_beyond_the_need() -> None:
    what = work(*map(job, "ab"))
    (found,) = replay(what, target(), runs=1, strategies=[Strategy.UNIFORM])
    assert found.reserved_gb_h == pytest.approx(2 * 120 * 10 / 1024 / 3600)
    assert found.wasted_gb_h == pytest.approx(2 * 20 * 10 / 1024 / 3600)
    assert found.at_once == 2


def test_a_job_waits_until_its_first_start_and_half_of_them_wait_at_most_the_median() -> None:
    what = work(*map(job, "abc"))
    (found,) = replay(what, target(mem_mb=120), runs=1, strategies=[Strategy.UNIFORM])
    assert sorted(found.courses[0].waits_s) == [0.0, 10.0, 20.0]
    assert found.wait_s == 10.0
    killed = work(job("a", recorded_mb=60), job("b", recorded_mb=200))
    (found,) = replay(killed, target(mem_mb=400), runs=1, strategies=[Strategy.RECORDED])
    assert found.courses[0].killed == 1
    assert found.wait_s == 0.0


def test_memory_over_time_is_the_sum_of_the_pieces() -> None:
    pieces = [HeldMemory(start_s=1, end_s=4, mem_mb=2.0), HeldMemory(start_s=2, end_s=4, mem_mb=3.0)]
    assert steps(pieces) == ([0, 1, 2, 4], [0, 2, 5, 0])
    assert steps([]) == ([0], [0])


def test_a_workload_that_nothing_is_known_of_runs_under_every_strategy() -> None:
    blind = [replace(job(str(k), 50.0), request_mb=None, predicted_mb=None, predicted_s=None) for k in range(4)]
    found = replay(work(*blind), target(mem_mb=1000), runs=2)
    assert [one.refused for one in found] == [""] * 7
