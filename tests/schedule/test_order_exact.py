"""Exact partitions and bounds by linear programming, against enumeration and against each other."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import genomes
from planner.schedule.listing import Dispatch, Machine, Schedule, list_schedule
from planner.schedule.order import bounds
from planner.schedule.order import exact as orderexact
from planner.schedule.order import lp as orderlp
from planner.schedule.order.batch import Floats
from planner.schedule.order.problem import Objective, Problem

GRCH37 = np.array([bp / 1e6 for bp in list(genomes.lengths("GRCh37").values())[:22]])
weights = st.lists(st.integers(1, 60), min_size=2, max_size=6).map(lambda values: np.array(values, dtype=float))


def run(order: Sequence[int], mem: Floats, wall: Floats, machine: Machine) -> Schedule:
    return list_schedule(order, mem.tolist(), wall.tolist(), machine)


def every_order(size: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(size)))


@given(weights, st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_shortest_makespan_is_that_of_the_best_of_all_orders(wall: Floats, slots: int) -> None:
    known = float(wall.sum()) + 1
    least = orderexact.shortest(wall, slots, known=known, bound=0.0)
    best = min(run(order, wall, wall, Machine(slots=slots)).makespan for order in every_order(len(wall)))
    assert least.bound == pytest.approx(best)
    assert least.bins is not None
    order = orderexact.slots_to_order(least.bins, wall.tolist())
    assert run(order, wall, wall, Machine(slots=slots)).makespan == pytest.approx(best)


@given(weights, st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_lowest_batches_are_those_of_the_best_of_all_orders(mem: Floats, slots: int) -> None:
    known = float(mem.sum()) + 1
    least = orderexact.lowest_batches(mem, slots, known=known, bound=0.0)
    best = min(
        run(order, mem, mem, Machine(slots=slots, dispatch=Dispatch.LOCKSTEP)).peak for order in every_order(len(mem))
    )
    assert least.bound == pytest.approx(best)
    assert least.bins is not None
    order = orderexact.batches_to_order(least.bins)
    assert run(order, mem, mem, Machine(slots=slots, dispatch=Dispatch.LOCKSTEP)).peak == pytest.approx(best)


def test_a_search_that_runs_out_of_effort_keeps_a_true_bound() -> None:
    given_up = orderexact.shortest(GRCH37, 5, known=602.0, bound=100.0, effort=30_000)
    assert 100 <= given_up.bound <= 576.236975


@pytest.mark.parametrize(("slots", "makespan"), [(5, 576.236975), (7, 413.069535), (10, 296.085138)])
def test_the_shortest_makespans_of_the_autosomes_are_proved(slots: int, makespan: float) -> None:
    assert orderexact.shortest(GRCH37, slots, known=700.0, bound=0.0).bound == pytest.approx(makespan, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=2, max_size=6), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_no_order_under_a_cap_is_shorter_than_the_programs_bound(tasks: list[tuple[int, int]], slots: int) -> None:
    mem, wall = (np.array(column, dtype=float) for column in zip(*tasks, strict=True))
    cap = float(mem.max()) * 1.5
    bound = orderlp.cap_makespan_bound(mem, wall, cap, slots)
    best = min(run(order, mem, wall, Machine(slots=slots, cap_mb=cap)).makespan for order in every_order(len(mem)))
    assert max(wall.max(), (mem * wall).sum() / cap) * (1 - 1e-6) <= max(bound, wall.max())
    assert bound <= best * (1 + 1e-9)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=3, max_size=6),
    st.integers(2, 3),
    st.sampled_from([0.0, 0.05, 0.2, np.inf]),
)
@settings(deadline=None, max_examples=40)
def test_no_order_within_the_makespan_has_a_lower_peak_than_the_programs_bound(
    tasks: list[tuple[int, int]], slots: int, eps: float
) -> None:
    mem, wall = (np.array(column, dtype=float) for column in zip(*tasks, strict=True))
    problem = Problem(mem_mb=mem.tolist(), wall_s=wall.tolist(), slots=slots, objective=Objective.PEAK_EPS, eps=eps)
    runs = [problem.run(order) for order in every_order(len(mem))]
    limit = problem.makespan_limit(min(each.makespan for each in runs))
    best = min(each.peak for each in runs if each.makespan <= limit)
    before = problem.peak_bound(limit)
    bound = orderlp.slot_peak_bound(mem, wall, problem.slot_count, makespan_limit=limit, known=best, bound=before)
    assert before <= bound <= best * (1 + 1e-9)


def test_two_slots_within_two_percent_are_proved_by_the_program() -> None:
    limit = 1440.516653 * 1.02
    simple = bounds.slot_peak_bound(GRCH37, GRCH37, 2, limit)
    bound = orderlp.slot_peak_bound(GRCH37, GRCH37, 2, makespan_limit=limit, known=333.554126, bound=simple)
    assert bound > 333.55 > simple
