"""Searches under every model, objective and limit: what they promise for any tasks."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.schedule.order.problem import LEAST_EPS, Model, Objective, Problem
from planner.schedule.order.search import Found, HillClimb, search

QUICK = settings(deadline=None, max_examples=60)


@st.composite
def problems(draw: st.DrawFn, least: int = 1, most: int = 9) -> Problem:
    size = draw(st.integers(least, most))
    numbers = st.lists(st.floats(0.1, 100) | st.integers(1, 5).map(float), min_size=size, max_size=size)
    mem, wall = draw(numbers), draw(numbers)
    cpus = draw(st.none() | st.lists(st.integers(1, 4), min_size=size, max_size=size))
    return Problem(
        mem_mb=mem,
        wall_s=wall,
        cpus=cpus,
        slots=draw(st.none() | st.integers(1, 5)),
        cap_mb=draw(st.none() | st.floats(1, 3).map(lambda slack: slack * max(mem))),
        cores=draw(st.none() | st.integers(4, 8)),
        model=draw(st.sampled_from(Model)),
        objective=draw(st.sampled_from(Objective)),
        eps=draw(st.sampled_from([0.0, 0.02, 0.3])),
    )


def value(problem: Problem, found: Found) -> float:
    return found.makespan if problem.objective is Objective.MAKESPAN else found.peak


@given(problems(), st.sampled_from([None, HillClimb(), HillClimb(swaps=1, restarts=2)]))
@QUICK
def test_a_search_keeps_every_limit_and_is_never_worse_than_the_natural_order(
    problem: Problem, climb: HillClimb | None
) -> None:
    found = search(problem, climb=climb, evaluations=600)
    assert sorted(found.order) == list(range(problem.size))
    run, natural = problem.run(found.order), problem.run(range(problem.size))
    assert (run.peak, run.makespan) == (found.peak, found.makespan)
    if problem.cap_mb is not None:
        assert run.peak <= problem.cap_mb * (1 + 1e-8)
    area = sum(used * (end - start) for (start, used), (end, _) in itertools.pairwise(run.profile))
    assert area == pytest.approx(float((problem.mem * problem.wall).sum()))
    limit = problem.makespan_limit(found.best_makespan)
    assert found.best_makespan <= found.makespan <= limit * (1 + 1e-9)
    if problem.objective is Objective.MAKESPAN:
        assert found.makespan <= natural.makespan * (1 + 2e-8)
    elif natural.makespan <= limit:
        # sums of memory in another order differ in their last bits
        assert found.peak <= natural.peak * (1 + 1e-9)
    assert found.lower_bound <= value(problem, found)


@given(problems(most=6))
@QUICK
def test_what_is_proved_is_the_best_of_all_orders(problem: Problem) -> None:
    found = search(problem, evaluations=600, prove=True)
    runs = [problem.run(order) for order in itertools.permutations(range(problem.size))]
    limit = problem.makespan_limit(min(run.makespan for run in runs))
    makespan = problem.objective is Objective.MAKESPAN
    best = min(run.makespan if makespan else run.peak for run in runs if makespan or run.makespan <= limit)
    assert found.lower_bound <= best * (1 + 1e-6)
    if found.proved:
        assert value(problem, found) <= best * (1 + 3e-6)


@given(problems(), st.integers(0, 5))
@QUICK
def test_the_same_seed_gives_the_same_order(problem: Problem, seed: int) -> None:
    assert search(problem, seed=seed, evaluations=400) == search(problem, seed=seed, evaluations=400)


@given(problems(least=2), st.integers(0, 99))
@QUICK
def test_many_orders_at_once_come_to_what_each_comes_to_alone(problem: Problem, seed: int) -> None:
    orders = np.argsort(np.random.default_rng(seed).random((problem.size, 8)), axis=0)
    scores = problem.evaluator(wants_peak=True)(orders)
    for column in range(8):
        run = problem.run(orders[:, column].tolist())
        assert scores.makespan[column] == pytest.approx(run.makespan)
        # tasks that end in the same instant may be counted one after the other
        assert scores.peak[column] >= run.peak * (1 - 1e-9)
        assert scores.soft[column] >= scores.peak[column] * (1 - 1e-9)


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("limits", [{"slots": 4}, {"cap_mb": 900.0}, {"cores": 8, "slots": 6}])
def test_hundreds_of_tasks_keep_their_limits_and_need_less(model: Model, limits: dict[str, float]) -> None:
    rng = np.random.default_rng(7)
    mem, wall = rng.uniform(50, 300, 150), rng.uniform(10, 90, 150)
    objective = Objective.MAKESPAN if "cap_mb" in limits else Objective.PEAK
    problem = Problem(
        mem_mb=mem.tolist(),
        wall_s=wall.tolist(),
        cpus=[1 + i % 3 for i in range(150)] if "cores" in limits else None,
        model=model,
        objective=objective,
        **limits,  # type: ignore[arg-type]
    )
    natural, found = problem.run(range(150)), search(problem, evaluations=4000)
    assert sorted(found.order) == list(range(150))
    before, after = (natural.makespan, found.makespan) if "cap_mb" in limits else (natural.peak, found.peak)
    assert after < before


def test_an_eps_below_the_least_counts_as_the_least() -> None:
    tight = Problem(mem_mb=[1, 2], wall_s=[1, 2], slots=1, objective=Objective.PEAK_EPS, eps=0.0)
    assert tight.makespan_limit(100.0) == 100.0 * (1 + LEAST_EPS)


def test_an_interrupt_gives_the_best_so_far() -> None:
    def interrupt(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    problem = Problem(mem_mb=list(range(1, 21)), wall_s=list(range(1, 21)), slots=4, objective=Objective.PEAK)
    found = search(problem, evaluations=50_000, report=interrupt)
    assert found.interrupted
    assert found.evaluations < 50_000
    assert found.peak <= problem.run(range(20)).peak


def test_no_tasks_cannot_be_ordered() -> None:
    with pytest.raises(ValueError, match="no tasks"):
        search(Problem(mem_mb=[], wall_s=[], slots=2))
