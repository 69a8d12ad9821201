"""Filling memory: exact subsets, the greedy one, batches for nodes. HiGHS is the oracle."""

from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.schedule import knapsack

TASKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 50)), max_size=9)


def optimum(mem: list[int], values: list[int], capacity: int) -> float:
    """Return the best value as HiGHS finds it."""
    if not mem:
        return 0.0
    model: Any = highspy.Highs()
    model.setOptionValue("output_flag", False)
    for value in values:
        model.addCol(-float(value), 0.0, 1.0, 0, [], [])
    model.changeColsIntegrality(len(mem), list(range(len(mem))), [highspy.HighsVarType.kInteger] * len(mem))
    model.addRow(-highspy.kHighsInf, float(capacity), len(mem), list(range(len(mem))), [float(m) for m in mem])
    model.run()
    return -float(model.getInfo().objective_function_value)


@given(TASKS, st.integers(0, 150))
@settings(deadline=None, max_examples=60)
def test_the_fullest_subset_is_as_full_as_the_optimum(tasks: list[tuple[int, int]], capacity: int) -> None:
    mem = [m for m, _ in tasks]
    chosen = knapsack.fill(mem, capacity, step_mb=1)
    assert len(set(chosen)) == len(chosen)
    assert sum(mem[task] for task in chosen) == pytest.approx(optimum(mem, mem, capacity))


@given(TASKS, st.integers(0, 150))
@settings(deadline=None, max_examples=60)
def test_the_most_valuable_subset_is_worth_the_optimum(tasks: list[tuple[int, int]], capacity: int) -> None:
    mem, values = [m for m, _ in tasks], [v for _, v in tasks]
    chosen = knapsack.most_valuable(mem, values, capacity, step_mb=1)
    assert sum(mem[task] for task in chosen) <= capacity
    assert sum(values[task] for task in chosen) == pytest.approx(optimum(mem, values, capacity))


@given(st.lists(st.tuples(st.floats(0.1, 900), st.floats(0, 90)), max_size=12), st.floats(1, 2000), st.floats(1, 130))
@settings(deadline=None, max_examples=60)
def test_whatever_is_chosen_fits_however_coarse_the_steps(
    tasks: list[tuple[float, float]], capacity: float, step: float
) -> None:
    mem, values = [m for m, _ in tasks], [v for _, v in tasks]
    for chosen in (
        knapsack.fill(mem, capacity, step_mb=step),
        knapsack.most_valuable(mem, values, capacity, step_mb=step),
        knapsack.greedy(mem, values, capacity),
    ):
        assert sum(mem[task] for task in chosen) <= capacity * (1 + 1e-9)


@given(TASKS, st.integers(1, 150))
@settings(deadline=None, max_examples=60)
def test_greedy_is_worth_at_least_half_of_the_optimum(tasks: list[tuple[int, int]], capacity: int) -> None:
    mem, values = [m for m, _ in tasks], [v for _, v in tasks]
    chosen = knapsack.greedy(mem, values, capacity)
    assert 2 * sum(values[task] for task in chosen) >= optimum(mem, values, capacity) - 1e-6


def test_of_equally_full_subsets_the_one_of_earlier_tasks_is_taken() -> None:
    assert knapsack.fill([5, 3, 2, 5], 5, step_mb=1) == [0]
    assert knapsack.fill([3, 2, 5, 5], 5, step_mb=1) == [0, 1]


def test_tasks_that_need_nothing_are_always_taken() -> None:
    assert knapsack.fill([0.0, 7.0, 0.0], 5, step_mb=1) == [0, 2]


def test_a_multiple_of_the_step_is_not_rounded_up() -> None:
    assert knapsack.fill([0.1 * 3, 0.7], 1.0, step_mb=0.1) == [0, 1]


def test_beyond_the_stated_size_the_greedy_subset_is_returned() -> None:
    rng = np.random.default_rng(1)
    mem, values = rng.uniform(100, 9000, 700).tolist(), rng.uniform(1, 9, 700).tolist()
    assert knapsack.EXACT_CELLS < 700 * 500_000
    assert knapsack.most_valuable(mem, values, 500_000, step_mb=1) == knapsack.greedy(mem, values, 500_000)


@pytest.mark.parametrize("bad", [lambda: knapsack.fill([1], 5, step_mb=0), lambda: knapsack.fill([-1], 5)])
def test_nonsense_is_refused(bad: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must"):
        bad()


def test_a_value_per_task_is_needed() -> None:
    with pytest.raises(ValueError, match="a memory and a value"):
        knapsack.most_valuable([1, 2], [1], 5)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=30), st.integers(1, 6), st.booleans())
@settings(deadline=None, max_examples=50)
def test_batches_hold_every_task_once_within_memory_and_number(
    tasks: list[tuple[float, float]], most: int, by_memory: bool
) -> None:
    mem, values = [m for m, _ in tasks], None if by_memory else [v for _, v in tasks]
    found = knapsack.batches(mem, 100, values=values, most=most, step_mb=1)
    assert sorted(task for batch in found for task in batch) == list(range(len(tasks)))
    for batch in found:
        assert len(batch) <= most
        assert sum(mem[task] for task in batch) <= 100 * (1 + 1e-9)


def test_a_batch_is_filled_by_what_tasks_are_worth_or_by_memory_alone() -> None:
    mem = [6, 4, 5, 4.5]
    assert knapsack.batches(mem, 10, step_mb=0.5)[0] == [0, 1]
    assert knapsack.batches(mem, 10, values=[6, 4, 45, 40.5], step_mb=0.5)[0] == [2, 3]


def test_many_tasks_are_batched_greedily() -> None:
    rng = np.random.default_rng(1)
    mem = rng.uniform(100, 9000, 3 * knapsack.EXACT_TASKS).tolist()
    found = knapsack.batches(mem, 64_000, step_mb=64)
    assert sum(len(batch) for batch in found) == len(mem)
    assert len(found) <= 1.1 * sum(mem) / 64_000


def test_a_task_that_no_node_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="a task needs 80 MB, a node has 64"):
        knapsack.batches([10, 80], 64)
