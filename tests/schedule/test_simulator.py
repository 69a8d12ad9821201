"""The environment of the dynamic benchmark: its cases, its rules, and the schedule made in hindsight."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference import hindsight
from benchmarks.reference.cases import NODES, Preset, benchmark_case, without_predictions
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic import simulator
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.simulator import Case, Simulated
from planner.schedule.dynamic.state import Node, Sharing, Start, State, Work
from planner.schedule.listing import Dispatch, Machine, list_schedule

simulate = partial(simulator.simulate, nodes=NODES)


def case(mem: list[float], wall: list[float], peak_at: list[list[float]] | None = None) -> Case:
    works = tuple(Work(name=str(k), size=m, position=k, predicted_mb=m) for k, m in enumerate(mem))
    shares = tuple(tuple(row) for row in peak_at) if peak_at else ((0.5,),) * len(mem)
    return Case(works=works, true_mb=tuple(mem), wall_s=tuple(wall), peak_at=shares)


def at_once(state: State) -> list[Start]:
    """Start everything that may start."""
    idle = not state.running
    return [Start(name=task.work.name, node="node") for task in state.waiting if idle or not task.held]


def within(limit: float) -> Callable[[State], list[Start]]:
    def decide(state: State) -> list[Start]:
        return [Start(name=task.work.name, node="node", limit_mb=limit * 2**task.kills) for task in state.waiting][:1]

    return decide


def spans(run: Simulated) -> list[tuple[str, float, float, bool]]:
    return [(span.name, span.start_s, span.end_s, span.killed) for span in run.spans]


def test_the_case_draws_noise_peaks_and_predictions_in_the_stated_order() -> None:
    rng = np.random.default_rng([1234, 400])
    e, time_noise = rng.standard_normal(22), rng.standard_normal(22)
    shares, g, each = rng.random((22, 40)), rng.standard_normal(), rng.standard_normal(22)
    x = np.linspace(1, 0.25, 22)
    mean = 40 * (0.1 + 0.9 * x)
    found = benchmark_case(Preset.P, 0.4, 1234)
    assert np.allclose(found.true_mb, mean * (1 + 0.08 * np.clip(e, -3, 3)))
    assert np.allclose(found.wall_s, 250 * x * (1 + 0.05 * np.clip(time_noise, -3, 3)))
    assert np.allclose(found.peak_at, shares)
    assert np.allclose([work.predicted_mb or 0 for work in found.works], mean * (1 + 0.1 * g) * (1 + 0.05 * each))


def test_the_genome_preset_has_the_lengths_of_the_autosomes() -> None:
    works = benchmark_case(Preset.G, 0.4, 1000).works
    assert works[0].size == 1.0
    assert works[20].size == pytest.approx(48129895 / 249250621)
    assert [work.position for work in works] == list(range(1, 23))


def test_without_predictions_only_the_predictions_are_gone() -> None:
    full = benchmark_case(Preset.P, 0.4, 1)
    blind = without_predictions(full)
    assert (blind.true_mb, blind.wall_s, blind.peak_at) == (full.true_mb, full.wall_s, full.peak_at)
    assert {work.predicted_mb for work in blind.works} == {None}


def test_a_task_that_peaks_while_the_sum_is_too_large_is_killed_and_runs_again_after_a_completion() -> None:
    run = simulate(case([60, 60], [10, 10], [[0.5, 0.5], [0.9]]), at_once)
    assert spans(run) == [("0", 0, 5, True), ("1", 0, 10, False), ("0", 10, 20, False)]
    assert (run.makespan_s, run.overcommits) == (20, 1)


def test_tasks_share_the_cores_that_there_are() -> None:
    # three on two cores advance at two thirds of their speed, two of them at full speed
    run = simulate(case([1, 1, 1], [10, 20, 20]), at_once, cores=2)
    assert [(name, round(end, 9), killed) for name, _, end, killed in spans(run)] == [
        ("0", 15, False),
        ("1", 25, False),
        ("2", 25, False),
    ]


def test_a_killed_task_leaves_its_share_of_the_cores_to_the_others_and_loses_what_it_had() -> None:
    run = simulate(case([60, 60], [10, 10], [[0.5, 0.5], [0.9]]), at_once, cores=1)
    assert [(name, round(end, 9), killed) for name, _, end, killed in spans(run)] == [
        ("0", 10, True),
        ("1", 15, False),
        ("0", 25, False),
    ]


def test_how_long_a_task_took_counts_the_wait_for_cores() -> None:
    seen: list[State] = []

    def watched(state: State) -> list[Start]:
        seen.append(state)
        return at_once(state)

    simulate(case([60, 60], [10, 10], [[0.5, 0.5], [0.9]]), watched, cores=1)
    assert [done.wall_s for done in seen[-1].done] == [pytest.approx(15)]


@given(st.integers(1, 40))
def test_no_more_than_the_cores_can_do_is_done(cores: int) -> None:
    found = benchmark_case(Preset.P, 0.2, 7)
    run = simulate(found, at_once, cores=cores)
    assert run.makespan_s >= (1 - 1e-9) * max(sum(found.wall_s) / cores, *found.wall_s)
    if cores >= len(found.works):
        assert run == simulate(found, at_once)


def test_a_sum_that_is_too_large_harms_nobody_whose_peak_is_over() -> None:
    # 0 peaks at once, then 1 and 2 peak when 0 has ended
    run = simulate(case([50, 40, 40], [4, 10, 10], [[0.0], [0.6], [0.7]]), at_once)
    assert run.overcommits == 1
    later = simulate(case([20, 40, 45], [4, 10, 10], [[0.0], [0.6], [0.7]]), at_once)
    assert later.overcommits == 1
    assert [span.name for span in later.spans if span.killed] == ["0"]


def test_a_task_alone_is_never_killed_in_a_pool() -> None:
    assert simulate(case([97], [10]), at_once).overcommits == 0


def test_with_limits_a_task_is_killed_at_its_own_peak_and_comes_back() -> None:
    run = simulate(case([60], [10], [[0.25, 0.5]]), within(40), sharing=Sharing.LIMITS)
    assert spans(run) == [("0", 0, 2.5, True), ("0", 2.5, 12.5, False)]


def test_what_is_killed_may_be_left_at_that() -> None:
    both = case([60, 20], [10, 4])
    run = simulate(both, within(40), sharing=Sharing.LIMITS, again=lambda killed: killed.work.name != "0")
    assert spans(run) == [("0", 0, 5, True), ("1", 5, 9, False)]


def test_nodes_do_not_share_memory() -> None:
    def apart(state: State) -> list[Start]:
        return [Start(name=task.work.name, node=f"n{task.work.name}") for task in state.waiting]

    nodes = [Node(name="n0", mem_mb=100.0), Node(name="n1", mem_mb=100.0)]
    assert simulate(case([80, 80], [10, 10]), apart, nodes=nodes).makespan_s == 10


@pytest.mark.parametrize("live", [False, True])
def test_peaks_are_known_at_once_only_when_memory_is_watched(live: bool) -> None:
    seen: list[tuple[float, float | None]] = []

    def two_first(state: State) -> Sequence[Start]:
        seen.extend((state.now_s, run.peak_mb) for run in state.running)
        assert state.watched == live
        return [start for start in at_once(state) if start.name != "2" or state.done]

    simulate(case([30, 10, 5], [10, 2, 1], [[0.5], [0.5], [0.5]]), two_first, live=live)
    if live:  # called at 1 s too, when task 1 peaks
        assert (1, 10) in seen
    else:
        assert {peak for _, peak in seen} == {None}


def test_a_policy_that_never_starts_anything_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="2 tasks wait"):
        simulate(case([1, 2], [1, 1]), lambda _: [])


@given(st.integers(60000, 10**6), st.sampled_from([0.2, 0.4, 0.6, 0.8]), st.booleans(), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_task_completes_once_and_nothing_beats_the_area_bound(
    seed: int, size: float, prior: bool, live: bool, pool: bool
) -> None:
    one = benchmark_case(Preset.P, size, seed)
    sharing = Sharing.POOL if pool else Sharing.LIMITS
    run = simulate(one if prior else without_predictions(one), dynamic.decide, live=live, sharing=sharing)
    completed = [span.name for span in run.spans if not span.killed]
    assert sorted(completed) == sorted(work.name for work in one.works)
    if not run.overcommits:
        assert run.makespan_s >= 0.999 * hindsight.area_bounds([one])[0]


@given(st.integers(60000, 10**6), st.sampled_from(list(Policy)), st.integers(2, 5))
@settings(deadline=None, max_examples=25)
def test_cores_are_never_exceeded(seed: int, policy: Policy, cores: int) -> None:
    def decide(state: State) -> list[Start]:
        starts = dynamic.decide(state, DynamicOptions(policy=policy))
        assert len(state.running) + len(starts) <= cores
        return starts

    simulate(benchmark_case(Preset.P, 0.2, seed), decide, nodes=[Node(name="node", mem_mb=100.0, cores=cores)])


@given(st.integers(60000, 10**6))
@settings(deadline=None, max_examples=15)
def test_limits_on_a_node_never_add_up_to_more_than_it_has(seed: int) -> None:
    def decide(state: State) -> list[Start]:
        starts = dynamic.decide(state)
        for node in state.nodes:
            held = [run.limit_mb or 0 for run in state.running if run.node == node.name]
            held += [start.limit_mb or 0 for start in starts if start.node == node.name]
            assert sum(held) <= node.mem_mb * (1 + 1e-6)
        return starts

    nodes = [Node(name="a", mem_mb=100.0), Node(name="b", mem_mb=80.0)]
    simulate(benchmark_case(Preset.P, 0.4, seed), decide, sharing=Sharing.LIMITS, nodes=nodes)


def test_the_schedule_in_hindsight_is_one_that_can_be_run() -> None:
    """With two tasks at a time there is nothing to search: the figure is the list schedule's."""
    one = case([60.0, 55.0, 45.0, 30.0], [5.0, 4.0, 3.0, 2.0])
    orders = [(0, 3, 1, 2), (1, 2, 0, 3), (0, 1, 2, 3), (2, 1, 0, 3)]
    best = min(
        list_schedule(o, one.true_mb, one.wall_s, Machine(cap_mb=100.0, dispatch=Dispatch.FIRST_FIT)).makespan
        for o in orders
    )
    assert hindsight.makespans([one])[0] == pytest.approx(best)


def test_hindsight_does_not_depend_on_the_company_and_respects_the_area_bound() -> None:
    cases = [benchmark_case(Preset.P, 0.4, seed) for seed in range(60000, 60004)]
    together = hindsight.makespans(cases, moves=20)
    assert together[3] == pytest.approx(hindsight.makespans([cases[3]], moves=20)[0])
    assert all(best >= bound for best, bound in zip(together, hindsight.area_bounds(cases), strict=True))
    assert hindsight.makespans([]) == []


def test_searching_longer_finds_nothing_worse() -> None:
    cases = [benchmark_case(Preset.P, 0.4, seed) for seed in range(60000, 60004)]
    short, long = hindsight.makespans(cases, moves=5), hindsight.makespans(cases, moves=60)
    assert sum(long) < sum(short)


def test_a_task_that_never_fits_has_no_hindsight() -> None:
    with pytest.raises(ValueError, match="exceeds the capacity"):
        hindsight.makespans([case([120.0], [1.0])])
