"""List scheduling on several nodes: a task runs on one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schedule.listing import Dispatch, Machine, list_schedule

TWO = Machine(cap_mb=600, cores=8, nodes=2, dispatch=Dispatch.FIRST_FIT)


def test_a_task_does_not_use_what_is_left_over_on_two_nodes() -> None:
    found = list_schedule([0, 1, 2], [400, 400, 300], [10, 10, 10], TWO)
    assert found.start_s == (0, 0, 10)
    assert found.peak == 800


def test_a_small_task_goes_to_the_node_with_least_room_for_it() -> None:
    found = list_schedule([0, 1, 2], [400, 200, 600], [10, 10, 10], TWO)
    assert found.start_s == (0, 0, 0)


def test_cores_are_those_of_a_node() -> None:
    found = list_schedule([0, 1, 2], [1, 1, 1], [10, 10, 10], TWO, cpus=[5, 5, 5])
    assert found.start_s == (0, 0, 10)


def test_a_task_larger_than_a_node_is_refused() -> None:
    with pytest.raises(ValueError, match="task 0 alone"):
        list_schedule([0], [700], [1], TWO)


tasks = st.lists(st.tuples(st.integers(1, 600), st.integers(1, 100), st.integers(1, 8)), min_size=1, max_size=30)


@given(tasks, st.integers(1, 5))
def test_no_node_ever_holds_more_than_it_has(load: list[tuple[int, int, int]], nodes: int) -> None:
    mem_mb, wall_s, cpus = zip(*load, strict=True)
    machine = Machine(cap_mb=600, cores=8, nodes=nodes, dispatch=Dispatch.FIRST_FIT)
    found = list_schedule(range(len(load)), mem_mb, wall_s, machine, cpus=cpus)
    for instant in found.start_s:
        running = [i for i, start in enumerate(found.start_s) if start <= instant < start + wall_s[i]]
        assert sum(mem_mb[i] for i in running) <= nodes * 600
        assert sum(cpus[i] for i in running) <= nodes * 8
    # a node is never left idle while a task waits
    assert found.makespan <= sum(wall_s)
