"""The paper's policy, with its options."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.reference.cases import NODES, Preset, benchmark_case, without_predictions
from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.paper import Init, Packer, PaperOptions
from planner.schedule.dynamic.simulator import simulate
from planner.schedule.dynamic.state import Done, Node, Running, Sharing, State, Waiting, Work

NODE = Node(name="node", mem_mb=100.0)
PLAIN = PaperOptions(bias=None)


def work(number: int, mb: float | None = None, *, size: float | None = None, cpus: int = 1) -> Work:
    """Chromosome ``number``; sizes fall with the number."""
    return Work(name=f"chr{number}", size=size or 1 - number / 40, position=number, predicted_mb=mb, cpus=cpus)


def state(works: list[Work], **changes: Any) -> State:
    known: dict[str, Any] = {"now_s": 0.0, "nodes": (NODE,), "waiting": tuple(Waiting(work=one) for one in works)}
    return State(**known | changes)


def done(one: Work, peak: float) -> Done:
    return Done(work=one, peak_mb=peak, wall_s=1.0)


def start(one: State, options: PaperOptions = PLAIN) -> set[str]:
    return {s.name for s in dynamic.decide(one, DynamicOptions(policy=Policy.PAPER, paper=options))}


@pytest.mark.parametrize(("init", "first"), [(Init.LARGEST, "chr1"), (Init.SMALLEST, "chr22"), (Init.MIXED, "chr1")])
def test_without_predictions_the_first_tasks_run_alone(init: Init, first: str) -> None:
    works = [work(k) for k in range(1, 23)]
    assert start(state(works), replace(PLAIN, init=init)) == {first}


def test_mixed_goes_on_with_the_smallest() -> None:
    works = [work(k) for k in range(2, 23)]
    assert start(state(works, done=(done(work(1), 40.0),)), replace(PLAIN, init=Init.MIXED)) == {"chr2"}
    assert start(state(works), replace(PLAIN, init=Init.MIXED)) == {"chr2"}


def test_a_batch_starts_only_when_the_last_one_has_ended() -> None:
    one = state([work(3)], done=(done(work(1), 40), done(work(2), 38)))
    assert start(one) == {"chr3"}
    assert start(replace(one, running=(Running(work=work(4), node="node", start_s=0.0),))) == set()


def test_the_knapsack_fills_the_node_fuller_than_the_greedy_packer() -> None:
    # 50 MB at chromosome 1, 2 MB less for each number
    seen = (done(work(1), 50.0), done(work(2), 48.0))
    one = state([work(3), work(4), work(8)], done=seen)  # 46, 44, 36
    assert start(one, replace(PLAIN, packer=Packer.GREEDY)) == {"chr8", "chr4"}
    assert start(one) == {"chr3", "chr4"}


def test_the_greedy_packer_takes_the_smallest_and_so_the_most_tasks() -> None:
    seen = (done(work(1), 50.0), done(work(2), 48.0))
    one = state([work(3), work(9), work(11), work(12)], done=seen)  # 46, 34, 30, 28
    assert start(one, replace(PLAIN, packer=Packer.GREEDY)) == {"chr9", "chr11", "chr12"}


def test_the_bias_is_a_percentile_of_the_residuals_that_falls_as_tasks_complete() -> None:
    seen = tuple(done(work(k), 52.0 - 2 * k + (3 if k % 2 else -3)) for k in range(1, 9))
    one = state([work(13), work(14), work(15), work(16), work(17)], done=seen)
    assert len(start(one)) > len(start(one, replace(PLAIN, bias=(0.99, 0.99))))


def test_predictions_count_as_observations_of_what_has_not_run() -> None:
    works = [work(k, 52.0 - 2 * k) for k in range(1, 23)]
    assert len(start(state(works))) >= 2  # no sequential start


def test_a_kill_makes_a_task_count_for_more() -> None:
    seen = (done(work(1), 50.0), done(work(2), 48.0))
    one = state([], waiting=(Waiting(work=work(3)), Waiting(work=work(4))), done=seen)  # 46 + 44
    assert start(one) == {"chr3", "chr4"}
    killed = replace(one, waiting=(Waiting(work=work(3), kills=1), Waiting(work=work(4))))
    assert len(start(killed)) == 1


def test_a_slope_of_the_wrong_sign_gives_the_mean() -> None:
    seen = (done(work(21), 20.0), done(work(22), 24.0))  # the smaller one needed more
    one = state([work(k) for k in range(1, 21)], done=seen)
    assert len(start(one)) == 4  # 22 MB each, not nothing


def test_no_prediction_lies_below_half_of_the_smallest_peak() -> None:
    seen = (done(work(1), 90.0), done(work(2), 60.0))  # falls by 30 per number: negative from chromosome 5 on
    one = state([work(k) for k in range(10, 20)], done=seen)
    assert len(start(one)) == 3


def test_the_degree_is_no_higher_than_the_observations_determine() -> None:
    seen = (done(work(1), 50.0), done(work(2), 48.0))
    one = state([work(3), work(4)], done=seen)
    assert start(one, replace(PLAIN, degree=3)) == start(one)


def test_a_curve_is_fitted_when_asked_for() -> None:
    seen = tuple(done(work(k), 90.0 - 0.18 * k * k) for k in (1, 5, 10, 15))
    one = state([work(20), work(21)], done=seen)  # truly 18 + 10.6; as a line about 38 + 36
    assert start(one, replace(PLAIN, degree=2)) == {"chr20", "chr21"}


def test_a_task_that_is_expected_to_fit_nowhere_runs_alone() -> None:
    assert start(state([work(1, 130.0), work(2, 120.0)])) == {"chr2"}


def test_cores_limit_a_batch() -> None:
    works = [work(k, 10.0 - 0.1 * k, cpus=2) for k in range(1, 8)]
    assert len(start(state(works, nodes=(Node(name="node", mem_mb=100.0, cores=5),)))) == 2


def test_a_task_with_more_cores_than_a_node_has_does_not_start() -> None:
    node = (Node(name="node", mem_mb=100.0, cores=2),)
    assert start(state([work(1, 10.0, cpus=3)], nodes=node)) == set()
    assert start(state([work(1, 10.0, cpus=3), work(2, 130.0)], nodes=node)) == {"chr2"}


def test_the_first_tasks_run_on_the_largest_node() -> None:
    nodes = (Node(name="thin", mem_mb=10.0), NODE)
    (first,) = dynamic.decide(state([work(1)], nodes=nodes), DynamicOptions(policy=Policy.PAPER, paper=PLAIN))
    assert first.node == "node"


def test_every_node_gets_a_batch() -> None:
    works = [work(k, 62.0 - 2 * k) for k in range(1, 6)]
    one = state(works, nodes=(NODE, Node(name="other", mem_mb=70.0)))
    starts = dynamic.decide(one, DynamicOptions(policy=Policy.PAPER, paper=PLAIN))
    assert {s.node for s in starts} == {"node", "other"}
    assert len({s.name for s in starts}) == len(starts)


def test_with_limits_a_task_is_held_to_its_prediction() -> None:
    works = [work(k, 52.0 - 2 * k) for k in range(1, 6)]
    starts = dynamic.decide(state(works, sharing=Sharing.LIMITS), DynamicOptions(policy=Policy.PAPER, paper=PLAIN))
    limits = {s.name: s.limit_mb for s in starts}
    assert all(limits[f"chr{k}"] == pytest.approx(52 - 2 * k) for k in range(1, 6) if f"chr{k}" in limits)


def test_the_published_ablation_is_reproduced_in_order() -> None:
    """Bias trades time for fewer kills, smallest first and predictions gain time; 30 seeds, the rest in benchmarks/."""

    def mean(options: PaperOptions, *, prior: bool) -> tuple[float, float]:
        runs = []
        for seed in range(70000, 70030):
            case = benchmark_case(Preset.P, 0.4, seed)
            case = case if prior else without_predictions(case)
            runs.append(
                simulate(
                    case, lambda s: dynamic.decide(s, DynamicOptions(policy=Policy.PAPER, paper=options)), nodes=NODES
                )
            )
        return sum(run.makespan_s for run in runs) / 30, sum(run.overcommits for run in runs) / 30

    plain = mean(PaperOptions(init=Init.LARGEST, bias=None), prior=False)
    biased = mean(PaperOptions(init=Init.LARGEST), prior=False)
    smallest = mean(PaperOptions(), prior=False)
    complete = mean(PaperOptions(), prior=True)
    assert biased[1] < plain[1]
    assert complete[0] < smallest[0] < biased[0]
    assert complete[1] < smallest[1]
