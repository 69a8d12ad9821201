"""Lower bounds: no order of all orders comes below them, ties and all."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import genomes
from planner.schedule.order import bounds
from planner.schedule.order.problem import Model, Objective, Problem

GRCH37 = np.array([bp / 1e6 for bp in list(genomes.lengths("GRCh37").values())[:22]])
tables = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6)


def columns(tasks: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    mem, wall = (np.array(column, dtype=float) for column in zip(*tasks, strict=True))
    return mem, wall


def every_run(problem: Problem) -> list[tuple[float, float]]:
    runs = [problem.run(order) for order in itertools.permutations(range(problem.size))]
    return [(run.peak, run.makespan) for run in runs]


@given(tables, st.integers(1, 4), st.sampled_from(Model), st.sampled_from([0.0, 0.1, 0.5, np.inf]))
@settings(deadline=None, max_examples=250)
def test_no_order_within_the_makespan_has_a_peak_below_the_bound(
    tasks: list[tuple[int, int]], slots: int, model: Model, eps: float
) -> None:
    mem, wall = columns(tasks)
    problem = Problem(mem_mb=mem.tolist(), wall_s=wall.tolist(), slots=slots, model=model, objective=Objective.PEAK)
    runs = every_run(problem)
    limit = min(makespan for _, makespan in runs) * (1 + eps)
    best = min(peak for peak, makespan in runs if makespan <= limit)
    assert problem.peak_bound(limit) <= best * (1 + 1e-9)


@given(tables, st.integers(1, 4), st.sampled_from(Model), st.sampled_from([1.0, 1.3, 2.0, None]))
@settings(deadline=None, max_examples=150)
def test_no_order_within_the_limits_is_shorter_than_the_bound(
    tasks: list[tuple[int, int]], slots: int, model: Model, slack: float | None
) -> None:
    mem, wall = columns(tasks)
    cap = None if slack is None else slack * float(mem.max())
    problem = Problem(mem_mb=mem.tolist(), wall_s=wall.tolist(), slots=slots, model=model, cap_mb=cap)
    assert problem.makespan_bound() <= min(makespan for _, makespan in every_run(problem)) * (1 + 1e-9)


def test_two_tasks_that_end_together_leave_a_slot_empty() -> None:
    # the two small ones end together, and the large one runs alone
    problem = Problem(mem_mb=[1, 1, 2], wall_s=[1, 1, 1], slots=2, objective=Objective.PEAK)
    assert problem.run([0, 1, 2]).peak == 2
    assert problem.peak_bound(np.inf) == 2


def test_several_tasks_may_start_in_the_last_instant() -> None:
    problem = Problem(mem_mb=[1, 1, 3, 3, 4, 4], wall_s=[1] * 6, slots=4, objective=Objective.PEAK)
    assert problem.run(range(6)).peak == 8
    assert problem.peak_bound(np.inf) <= 8 * (1 + 1e-9)


@pytest.mark.parametrize(("slots", "least"), [(2, 321.27), (3, 433.2)])
def test_the_bound_on_the_peak_alone_is_far_above_what_one_task_and_its_company_need(slots: int, least: float) -> None:
    trivial = GRCH37.max() + np.sort(GRCH37)[: slots - 1].sum()
    assert bounds.slot_peak_bound(GRCH37, GRCH37, slots) > max(least, trivial)
