"""What an order comes to: starts, makespan, peak, profile, under both models and every limit."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import genomes
from planner.schedule.listing import Dispatch, Machine, Schedule, by_cost, list_schedule

GRCH37 = [bp / 1e6 for bp in list(genomes.lengths("GRCh37").values())[:22]]
NATURAL = list(range(22))


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[int], list[float], list[float], list[int]]:
    size = draw(st.integers(1, 12))
    numbers = st.lists(st.floats(0.1, 100), min_size=size, max_size=size)
    cpus = draw(st.lists(st.integers(1, 4), min_size=size, max_size=size))
    return draw(st.permutations(range(size))), draw(numbers), draw(numbers), cpus


def integral(schedule: Schedule) -> float:
    return sum(used * (end - start) for (start, used), (end, _) in itertools.pairwise(schedule.profile))


def running_sum(schedule: Schedule, wall_s: list[float], weights: list[float], instant: float) -> float:
    return sum(
        weight
        for start, wall, weight in zip(schedule.start_s, wall_s, weights, strict=True)
        if start <= instant < start + wall
    )


@pytest.mark.parametrize(("slots", "peak"), [(2, 492.45), (3, 690.47), (5, 1062.54), (7, 1392.80), (10, 1815.91)])
def test_natural_order_has_the_peaks_the_paper_prints(slots: int, peak: float) -> None:
    assert round(list_schedule(NATURAL, GRCH37, GRCH37, Machine(slots=slots)).peak, 2) == peak
    assert (
        round(list_schedule(NATURAL, GRCH37, GRCH37, Machine(slots=slots, dispatch=Dispatch.LOCKSTEP)).peak, 2) == peak
    )


def test_the_next_task_starts_when_the_first_slot_falls_free() -> None:
    schedule = list_schedule([0, 1, 2], [1, 2, 4], [5, 3, 4], Machine(slots=2))
    assert schedule.start_s == (0, 0, 3)
    assert schedule.makespan == 7
    assert schedule.peak == 5
    assert schedule.profile == ((0, 3), (3, 5), (5, 4), (7, 0))


def test_lockstep_waits_for_the_whole_batch() -> None:
    schedule = list_schedule([0, 1, 2], [1, 2, 4], [5, 3, 4], Machine(slots=2, dispatch=Dispatch.LOCKSTEP))
    assert schedule.start_s == (0, 0, 5)
    assert schedule.makespan == 9
    assert schedule.peak == 4


def test_strict_order_keeps_a_small_task_behind_a_large_one_that_does_not_fit() -> None:
    schedule = list_schedule([0, 1, 2], [6, 6, 2], [4, 4, 1], Machine(cap_mb=10))
    assert schedule.start_s == (0, 4, 4)


def test_first_fit_lets_the_small_task_ahead() -> None:
    schedule = list_schedule([0, 1, 2], [6, 6, 2], [4, 4, 1], Machine(cap_mb=10, dispatch=Dispatch.FIRST_FIT))
    assert schedule.start_s == (0, 4, 0)


def test_tasks_that_fill_the_cap_exactly_fit_whatever_the_rounding() -> None:
    assert list_schedule([0, 1, 2], [0.1, 0.2, 0.3], [1, 1, 1], Machine(cap_mb=0.6)).makespan == 1


def test_cores_are_a_limit_too() -> None:
    assert list_schedule([0, 1, 2], [1, 1, 1], [2, 2, 2], Machine(cores=4), cpus=[2, 2, 1]).start_s == (0, 0, 2)


def test_by_cost_puts_the_largest_product_first_and_keeps_ties_in_order() -> None:
    assert by_cost([1, 6, 2, 3], [6, 1, 4, 2]) == [2, 0, 1, 3]


def test_no_tasks_take_no_time() -> None:
    assert list_schedule([], [], []) == Schedule(start_s=(), makespan=0, peak=0, profile=())


@pytest.mark.parametrize(
    ("order", "mem", "limits"),
    [
        ([0, 0], [1, 1], {}),
        ([0], [1, 1], {}),
        ([0, 1], [1, -1], {}),
        ([0, 1], [1, float("nan")], {}),
        ([0, 1], [1, 9], {"cap_mb": 5}),
        ([0, 1], [1, 1], {"cores": 0}),
        ([0, 1], [1, 1], {"slots": 0}),
    ],
)
def test_an_order_that_cannot_run_is_refused(order: list[int], mem: list[float], limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"order|memory|slot|exceeds"):
        list_schedule(order, mem, [1.0] * len(mem), Machine(**limits))


@given(problems(), st.integers(1, 5), st.floats(1, 3), st.sampled_from(Dispatch))
@settings(deadline=None, max_examples=200)
def test_no_limit_is_ever_exceeded_and_the_profile_integrates_to_the_work(
    problem: tuple[list[int], list[float], list[float], list[int]], slots: int, slack: float, dispatch: Dispatch
) -> None:
    order, mem, wall, cpus = problem
    cap = max(mem) * slack
    schedule = list_schedule(order, mem, wall, Machine(slots=slots, cap_mb=cap, cores=6, dispatch=dispatch), cpus=cpus)
    for start in schedule.start_s:
        assert running_sum(schedule, wall, [1.0] * len(order), start) <= slots
        assert running_sum(schedule, wall, [float(count) for count in cpus], start) <= 6
        assert running_sum(schedule, wall, mem, start) <= schedule.peak * (1 + 1e-9) <= cap * (1 + 1e-8)
    assert integral(schedule) == pytest.approx(sum(m * d for m, d in zip(mem, wall, strict=True)))
    assert schedule.makespan == max(s + d for s, d in zip(schedule.start_s, wall, strict=True))


@given(problems(), st.integers(1, 5))
@settings(deadline=None, max_examples=100)
def test_strict_dispatch_never_starts_a_task_before_one_ahead_of_it(
    problem: tuple[list[int], list[float], list[float], list[int]], slots: int
) -> None:
    order, mem, wall, _ = problem
    starts = list_schedule(order, mem, wall, Machine(slots=slots, cap_mb=max(mem) * 1.5)).start_s
    assert [starts[task] for task in order] == sorted(starts)


@given(problems(), st.floats(1, 3))
@settings(deadline=None, max_examples=100)
def test_sorting_a_first_fit_schedule_by_its_starts_gives_a_strict_order_no_longer(
    problem: tuple[list[int], list[float], list[float], list[int]], slack: float
) -> None:
    order, mem, wall, _ = problem
    cap = max(mem) * slack
    loose = list_schedule(order, mem, wall, Machine(cap_mb=cap, dispatch=Dispatch.FIRST_FIT))
    by_start = sorted(range(len(order)), key=lambda task: loose.start_s[task])
    assert list_schedule(by_start, mem, wall, Machine(cap_mb=cap)).makespan <= loose.makespan * (1 + 1e-9)


@given(problems(), st.floats(1, 3))
@settings(deadline=None, max_examples=100)
def test_first_fit_leaves_nothing_waiting_that_fits(
    problem: tuple[list[int], list[float], list[float], list[int]], slack: float
) -> None:
    order, mem, wall, _ = problem
    cap = max(mem) * slack
    schedule = list_schedule(order, mem, wall, Machine(cap_mb=cap, dispatch=Dispatch.FIRST_FIT))
    for instant, used in schedule.profile:
        waiting = [mem[task] for task in order if schedule.start_s[task] > instant]
        assert not waiting or used + min(waiting) > cap


def test_between_two_tasks_in_one_place_there_may_be_a_gap_which_nobody_waits_for_in_the_end() -> None:
    found = list_schedule([0, 1, 2], [1.0] * 3, [10.0, 20.0, 5.0], Machine(slots=2, gap=3.0))
    assert found.start_s == (0.0, 0.0, 13.0)
    assert found.makespan == 20.0
    assert list_schedule([0, 1], [1.0] * 2, [10.0, 10.0], Machine(slots=1, gap=3.0)).makespan == 23.0
