"""Slurm's backfill: a task goes ahead of others if, by the time limits, it delays none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schedule.listing import Dispatch, Machine, Schedule, list_schedule

tasks = st.lists(
    st.tuples(st.integers(1, 600), st.integers(1, 100), st.integers(1, 8), st.integers(0, 300)), min_size=1, max_size=40
)


def run(
    mem_mb: list[int], wall_s: list[float], limit_s: list[float], *, nodes: int = 1, cpus: list[int] | None = None
) -> Schedule:
    machine = Machine(cap_mb=600, cores=8, nodes=nodes, dispatch=Dispatch.BACKFILL)
    return list_schedule(range(len(mem_mb)), mem_mb, wall_s, machine, cpus=cpus, limit_s=limit_s)


def test_a_task_whose_limit_ends_in_time_goes_ahead() -> None:
    assert run([300, 400, 300], [10, 10, 10], [10, 10, 10]).start_s == (0, 10, 0)


def test_a_task_whose_limit_would_delay_one_before_it_waits_though_it_would_end_in_time() -> None:
    # the second is promised a start after 500 s, when the first must have ended; the third may last longer
    assert run([300, 400, 300], [10, 10, 10], [500, 600, 600]).start_s == (0, 10, 20)


def test_a_task_that_fits_beside_the_one_before_it_goes_ahead_whatever_its_limit() -> None:
    assert run([300, 400, 200], [10, 10, 10], [500, 600, 9000]).start_s == (0, 10, 0)


def test_promises_are_kept_on_each_node() -> None:
    # the third and fourth are promised one node each, so the fifth delays one of them wherever it goes
    found = run([400, 400, 500, 500, 200], [10, 20, 10, 10, 1], [500, 500, 500, 500, 600], nodes=2)
    assert found.start_s == (0, 0, 10, 20, 20)


def test_cores_are_promised_as_memory_is() -> None:
    assert run([1, 1, 1], [10, 10, 10], [500, 600, 600], cpus=[4, 8, 4]).start_s == (0, 10, 20)


def test_a_limit_shorter_than_the_duration_counts_as_the_duration() -> None:
    assert run([300, 400, 300], [10, 10, 30], [1, 1, 1]).start_s == (0, 10, 20)


@given(tasks, st.integers(1, 4))
def test_no_node_ever_holds_more_than_it_has(load: list[tuple[int, int, int, int]], nodes: int) -> None:
    mem_mb, wall_s, cpus, more_s = (list(column) for column in zip(*load, strict=True))
    limit_s = [float(wall + more) for wall, more in zip(wall_s, more_s, strict=True)]
    found = run(mem_mb, [float(wall) for wall in wall_s], limit_s, nodes=nodes, cpus=cpus)
    for instant in found.start_s:
        running = [i for i, start in enumerate(found.start_s) if start <= instant < start + wall_s[i]]
        assert sum(mem_mb[i] for i in running) <= nodes * 600
        assert sum(cpus[i] for i in running) <= nodes * 8
    assert found.makespan <= sum(wall_s)


@given(tasks)
def test_on_one_node_none_waits_longer_than_if_all_ran_to_their_limits_in_order(
    load: list[tuple[int, int, int, int]],
) -> None:
    mem_mb, wall_s, _, more_s = (list(column) for column in zip(*load, strict=True))
    limit_s = [float(wall + more) for wall, more in zip(wall_s, more_s, strict=True)]
    found = run(mem_mb, [float(wall) for wall in wall_s], limit_s)
    in_order = list_schedule(range(len(load)), mem_mb, limit_s, Machine(cap_mb=600, cores=8))
    assert all(start <= latest for start, latest in zip(found.start_s[:20], in_order.start_s[:20], strict=True))


def test_many_tasks_take_hardly_longer_for_ends_that_count_as_one() -> None:
    wall_s = [100.0 + task % 97 for task in range(5000)]
    found = run([150] * 5000, wall_s, wall_s, nodes=5)
    # alike in memory, they run in their order, twenty at once
    exact = list_schedule(range(5000), [150] * 5000, wall_s, Machine(slots=20))
    assert found.makespan == pytest.approx(exact.makespan, rel=0.01)
