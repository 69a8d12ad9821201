"""The decision: which waiting tasks may start now."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.schedule.dynamic import decide as dynamic
from planner.schedule.dynamic.options import DynamicOptions
from planner.schedule.dynamic.state import Done, Node, Overflow, Running, Sharing, Start, State, Waiting, Work

NODE = Node(name="node", mem_mb=100.0)


def work(name: str, size: float, *, mb: float | None = None, cpus: int = 1, tool: str = "") -> Work:
    return Work(name=name, size=size, predicted_mb=mb, cpus=cpus, tool=tool, tested=True)


def sized(*sizes: float, mb: float = 40.0) -> list[Work]:
    """Tasks whose predictions follow their sizes; ``mb`` for size 1."""
    return [work(f"t{k}", size, mb=mb * (0.1 + 0.9 * size)) for k, size in enumerate(sizes)]


def state(works: list[Work], **changes: Any) -> State:
    known: dict[str, Any] = {"now_s": 0.0, "nodes": (NODE,), "waiting": tuple(Waiting(work=one) for one in works)}
    return State(**known | changes)


def names(starts: list[Start]) -> list[str]:
    return [start.name for start in starts]


def running(one: Work, **changes: Any) -> Running:
    known: dict[str, Any] = {"work": one, "node": "node", "start_s": 0.0}
    return Running(**known | changes)


def done(one: Work, peak: float) -> Done:
    return Done(work=one, peak_mb=peak, wall_s=100 * one.size)


def foreseen(one: Work, factor: float = 1.0) -> Done:
    """Return the end of a task whose peak was so many times its prediction."""
    return done(one, factor * (one.predicted_mb or 0))


def test_the_largest_tasks_start_first_and_leave_room_for_being_wrong() -> None:
    starts = dynamic.decide(state(sized(1.0, 0.9, 0.8, 0.5, 0.3)))
    assert names(starts)[:2] == ["t0", "t1"]
    assert "t2" not in names(starts)  # 40 + 36 + 33 MB of 100


def test_nothing_waits_nothing_starts() -> None:
    assert dynamic.decide(state([])) == []


def test_a_larger_task_that_does_not_fit_is_passed_over() -> None:
    big, *rest = sized(1.0, 0.95, 0.2, 0.2)
    starts = dynamic.decide(state(rest, running=(running(big), running(work("x", 0.6, mb=26.0)))))
    assert names(starts) == ["t2"]


def test_measured_peaks_let_more_run_beside_each_other_than_predictions_do() -> None:
    works = sized(*[0.5] * 12, mb=36.0)  # 20 MB each
    before = dynamic.decide(state(works))
    after = dynamic.decide(state(works[4:], done=tuple(foreseen(one) for one in works[:4])))
    assert len(after) >= len(before)


def test_peaks_above_the_predictions_make_it_start_fewer() -> None:
    works = sized(*[0.5] * 12, mb=24.0)
    as_predicted = dynamic.decide(state(works[4:], done=tuple(foreseen(one) for one in works[:4])))
    larger = dynamic.decide(state(works[4:], done=tuple(foreseen(one, 1.6) for one in works[:4])))
    assert len(larger) < len(as_predicted)


def test_memory_that_is_known_counts_exactly() -> None:
    one, two, third = sized(1.0, 0.9, 0.2, mb=40.0)
    # 89 MB known, 11.2 MB expected: no room
    near = state([third], running=(running(one, peak_mb=46.0), running(two, peak_mb=43.0)))
    assert dynamic.decide(near) == []
    # 83 MB known: room, and as unknown memory it would not be
    known = state([third], running=(running(one, peak_mb=43.0), running(two, peak_mb=40.0)))
    assert names(dynamic.decide(known)) == ["t2"]
    unknown = state([third], running=(running(one, seen_mb=43.0), running(two, seen_mb=40.0)))
    assert dynamic.decide(unknown) == []


def test_a_task_that_already_uses_more_than_expected_counts_with_what_it_uses() -> None:
    one, two = sized(0.5, 0.5, mb=60.0)
    assert names(dynamic.decide(state([two], running=(running(one),)))) == ["t1"]
    assert dynamic.decide(state([two], running=(running(one, seen_mb=75.0),))) == []


def test_a_task_alone_may_always_run() -> None:
    assert names(dynamic.decide(state(sized(1.0, mb=250.0)))) == ["t0"]


def test_cores_limit_too() -> None:
    works = [replace(one, cpus=2) for one in sized(0.5, 0.4, 0.3, mb=10.0)]
    starts = dynamic.decide(state(works, nodes=(Node(name="node", mem_mb=1000.0, cores=5),)), DynamicOptions(scout=0.0))
    assert names(starts) == ["t0", "t1"]


def test_nothing_starts_while_all_cores_are_taken() -> None:
    busy = running(replace(work("busy", 0.1, mb=1.0), cpus=4))
    node = (Node(name="node", mem_mb=1000.0, cores=5),)
    two = replace(work("two", 0.1, mb=1.0), cpus=2)
    assert dynamic.decide(state([two], nodes=node, running=(busy,))) == []
    assert names(dynamic.decide(state([two, work("one", 0.1, mb=1.0)], nodes=node, running=(busy,)))) == ["one"]


def test_a_task_with_more_cores_than_any_node_has_does_not_start() -> None:
    assert (
        dynamic.decide(state([work("wide", 1.0, mb=1.0, cpus=9)], nodes=(Node(name="n", mem_mb=9.0, cores=8),))) == []
    )


def test_without_predictions_and_peaks_the_smallest_start_at_the_share_their_size_suggests() -> None:
    works = [work(f"t{k}", size) for k, size in enumerate((1.0, 0.6, 0.25, 0.2))]
    # shares of the node: 1, .64, .325, .28
    assert names(dynamic.decide(state(works))) == ["t3", "t2"]
    # until one has completed
    assert dynamic.decide(state(works[:2], running=(running(works[2]), running(works[3])))) == []


def test_without_predictions_the_first_peaks_tell_the_rest() -> None:
    works = [work(f"t{k}", size) for k, size in enumerate((1.0, 0.9, 0.5, 0.25, 0.2))]
    starts = dynamic.decide(state(works[:3], done=(done(works[3], 6.5), done(works[4], 5.6))))
    assert names(starts) == ["t0", "t1", "t2"]  # about 20 MB for the largest


def test_a_small_task_goes_first_as_a_scout_unless_memory_is_watched() -> None:
    works = sized(1.0, 0.9, 0.8, 0.2, mb=20.0)
    assert names(dynamic.decide(state(works)))[0] == "t3"
    assert names(dynamic.decide(state(works, watched=True)))[0] == "t0"
    assert names(dynamic.decide(state(works), DynamicOptions(scout=0.0)))[0] == "t0"


def test_a_killed_task_waits_for_a_completion_unless_nothing_runs() -> None:
    one, two = sized(0.5, 0.5, mb=20.0)
    held = (Waiting(work=one, kills=1, held=True),)
    assert dynamic.decide(state([], waiting=held, running=(running(two),))) == []
    assert names(dynamic.decide(state([], waiting=held))) == ["t0"]


def timed(name: str, mb: float, seconds: float) -> Work:
    return replace(work(name, mb, mb=mb), predicted_s=seconds)


def test_with_limits_a_killed_task_goes_first_and_nothing_starts_that_would_keep_it_waiting() -> None:
    busy = running(timed("busy", 50.0, 60.0), limit_mb=50.0, seen_mb=50.0)
    killed = Waiting(work=timed("killed", 70.0, 30.0), kills=1, limit_mb=70.0)
    short, long = (
        Waiting(work=timed(name, 20.0, seconds), limit_mb=20.0) for name, seconds in (("short", 20.0), ("long", 90.0))
    )
    one = state([], waiting=(long, short, killed), running=(busy,), sharing=Sharing.LIMITS, now_s=10.0)
    assert names(dynamic.decide(one)) == ["short"]
    patient = replace(one, waiting=(long, short, replace(killed, kills=0)))
    assert names(dynamic.decide(patient)) == ["long", "short"]
    assert names(dynamic.decide(replace(one, running=())))[0] == "killed"


def test_without_durations_a_killed_task_keeps_nobody_waiting() -> None:
    busy = running(work("busy", 0.5, mb=50.0), limit_mb=50.0)
    killed = Waiting(work=work("killed", 0.7, mb=70.0), kills=1, limit_mb=70.0)
    other = Waiting(work=work("other", 0.2, mb=20.0), limit_mb=20.0)
    one = state([], waiting=(other, killed), running=(busy,), sharing=Sharing.LIMITS, now_s=1e6)
    assert names(dynamic.decide(one)) == ["other"]


def test_tasks_that_were_too_much_together_are_expected_to_need_more() -> None:
    works = sized(*[0.5] * 6, mb=44.0)  # 24 MB each, 3 fit
    together = state(works[2:], running=tuple(map(running, works[:2])))
    assert dynamic.decide(together) != []
    exceeded = replace(together, overflows=(Overflow(names=("t0", "t1", "t2"), mem_mb=100.0),))
    assert dynamic.decide(exceeded) == []


def test_an_overflow_that_measured_peaks_explain_changes_nothing() -> None:
    works = sized(*[0.5] * 6, mb=54.0)
    ended = state(works[2:], done=(done(works[0], 60.0), done(works[1], 60.0)))
    explained = replace(ended, overflows=(Overflow(names=("t0", "t1"), mem_mb=100.0),))
    assert dynamic.decide(explained) == dynamic.decide(ended)


def test_with_limits_each_task_gets_one_and_they_fit_together() -> None:
    starts = dynamic.decide(state(sized(1.0, 0.9, 0.5, 0.4), sharing=Sharing.LIMITS))
    assert all(start.limit_mb is not None and start.limit_mb > 0 for start in starts)
    assert sum(start.limit_mb or 0 for start in starts) <= 100
    assert {start.name: start.limit_mb or 0 for start in starts}["t0"] > 40


def test_where_many_share_a_node_caution_goes_to_the_tasks_that_cost_least() -> None:
    def safety(mb: float) -> list[float]:
        works = [replace(one, predicted_s=100 * one.size) for one in sized(1.0, 0.2, mb=mb)]
        limits = {start.name: start.limit_mb for start in dynamic.decide(state(works, sharing=Sharing.LIMITS))}
        return [(limits[one.name] or 0) / (one.predicted_mb or 1) for one in works]

    large, small = safety(mb=10.0)
    assert 1 < large < small
    few_large, few_small = safety(mb=50.0)
    assert few_small / few_large < small / large


def test_limits_are_chosen_where_tasks_are_expected_to_take_no_time() -> None:
    works = [replace(one, predicted_s=0.0) for one in sized(0.5, 0.4)]
    assert len(dynamic.decide(state(works, sharing=Sharing.LIMITS))) == 2


def test_a_limit_that_was_too_low_grows_by_at_least_30_percent() -> None:
    works = sized(0.5, 0.4)
    killed = state(works, sharing=Sharing.LIMITS, overflows=(Overflow(names=("t0",), mem_mb=30.0),))
    limits = {start.name: start.limit_mb or 0 for start in dynamic.decide(killed)}
    assert limits["t0"] >= 39


def test_running_limits_count_whatever_is_known_of_the_task() -> None:
    one, two = sized(0.9, 0.5)
    held = state([two], running=(running(one, limit_mb=90.0, peak_mb=20.0),), sharing=Sharing.LIMITS)
    assert dynamic.decide(held) == []


def test_limits_decided_elsewhere_are_kept_and_may_fill_the_node_to_the_last_megabyte() -> None:
    works = [work(f"t{k}", size) for k, size in enumerate((0.2, 1.0, 0.5))]
    given = tuple(Waiting(work=one, limit_mb=mb) for one, mb in zip(works, (30.1, 45.2, 24.7), strict=True))
    starts = dynamic.decide(state([], waiting=given, sharing=Sharing.LIMITS))
    assert [(start.name, start.limit_mb) for start in starts] == [("t1", 45.2), ("t2", 24.7), ("t0", 30.1)]


def test_a_task_goes_to_the_node_with_least_room_to_spare() -> None:
    nodes = (Node(name="fat", mem_mb=200.0), Node(name="thin", mem_mb=60.0))
    starts = dynamic.decide(state(sized(1.0, 0.2, mb=100.0), nodes=nodes), DynamicOptions(scout=0.0))
    assert [(start.name, start.node) for start in starts] == [("t0", "fat"), ("t1", "thin")]


def test_an_idle_thin_node_is_no_place_for_a_task_that_might_not_fit() -> None:
    nodes = (Node(name="fat", mem_mb=200.0), Node(name="thin", mem_mb=60.0))
    busy = running(work("x", 1.0, mb=190.0), node="fat")
    assert dynamic.decide(state([work("y", 0.3, mb=58.0)], nodes=nodes, running=(busy,))) == []


def test_tools_learn_apart() -> None:
    small = [work(f"a{k}", 0.5, mb=8.0, tool="a") for k in range(3)]
    wrong = [work(f"b{k}", 0.5, mb=10.0, tool="b") for k in range(6)]
    seen = tuple(done(one, 60.0) for one in wrong[:4])
    starts = dynamic.decide(state([*small, *wrong[4:]], done=seen))
    assert {"a0", "a1", "a2"} <= set(names(starts))
    assert len({"b4", "b5"} & set(names(starts))) <= 1


def test_a_tool_never_seen_starts_its_smallest_beside_the_others() -> None:
    known = sized(0.3, mb=30.0)
    new = [work("n0", 1.0, tool="new"), work("n1", 0.2, tool="new")]
    assert names(dynamic.decide(state([*new, *known]), DynamicOptions(scout=0.0))) == ["t0", "n1"]


def test_an_overflow_of_several_tools_is_nobodys_in_particular() -> None:
    a, b = work("a", 0.5, mb=30.0, tool="a"), work("b", 0.5, mb=30.0, tool="b")
    plain = state([a, b])
    mixed = replace(plain, overflows=(Overflow(names=("a", "b"), mem_mb=100.0),))
    assert dynamic.decide(mixed) == dynamic.decide(plain)


def test_predicted_durations_decide_the_order() -> None:
    long, short = (
        replace(work("long", 0.5, mb=20.0), predicted_s=900.0),
        replace(work("short", 0.6, mb=24.0), predicted_s=5.0),
    )
    assert names(dynamic.decide(state([short, long]))) == ["long", "short"]


@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(1.0, 120.0), st.integers(1, 4)), min_size=1, max_size=25),
    st.integers(0, 6),
    st.sampled_from(list(Sharing)),
)
@settings(deadline=None, max_examples=80)
def test_an_idle_node_never_stays_idle_and_cores_are_kept(
    tasks: list[tuple[float, float, int]], seen: int, sharing: Sharing
) -> None:
    works = [work(f"t{k}", size, mb=mb, cpus=cpus) for k, (size, mb, cpus) in enumerate(tasks)]
    ended = tuple(foreseen(one, 1.1) for one in works[:seen])
    one = state(works[seen:], done=ended, nodes=(Node(name="node", mem_mb=100.0, cores=6),), sharing=sharing)
    starts = dynamic.decide(one)
    assert bool(starts) == bool(one.waiting)
    assert len(set(names(starts))) == len(starts)
    cpus = {task.work.name: task.work.cpus for task in one.waiting}
    assert sum(cpus[name] for name in names(starts)) <= 6


def test_the_same_state_gives_the_same_decision() -> None:
    one = state(sized(1.0, 0.9, 0.5, 0.4, 0.3))
    assert dynamic.decide(one) == dynamic.decide(one)


@pytest.mark.parametrize("alpha", [0.001, 0.2])
def test_more_risk_starts_no_fewer(alpha: float) -> None:
    works = sized(*[0.5] * 10, mb=30.0)
    careful = dynamic.decide(state(works), DynamicOptions(alpha=0.0005))
    assert len(dynamic.decide(state(works), DynamicOptions(alpha=alpha))) >= len(careful)


def untested(works: list[Work]) -> list[Work]:
    return [replace(one, tested=False) for one in works]


def test_predictions_that_nothing_has_tested_may_be_half_of_what_is_needed() -> None:
    works = untested(sized(*[0.5] * 10, mb=20.0))
    starts = dynamic.decide(state(works))
    told = {one.name: one.predicted_mb or 0 for one in works}
    assert 0 < 2 * sum(told[start.name] for start in starts) <= NODE.mem_mb
    assert len(starts) < len(dynamic.decide(state(sized(*[0.5] * 10, mb=20.0))))


def test_a_task_that_untested_predictions_would_let_run_alone_waits_for_a_scout() -> None:
    """Were they double what is needed, it would keep half a node empty for as long as it runs."""
    most, half = untested(sized(1.0, 0.6, 0.1, mb=75.0)), untested(sized(1.0, 0.6, 0.1, mb=60.0))
    assert names(dynamic.decide(state(most)))[0] == "t2"
    assert names(dynamic.decide(state(half))) == ["t0"]
    more_than_a_node = untested(sized(1.0, 0.6, 0.1, mb=150.0))
    assert names(dynamic.decide(state(more_than_a_node))) == ["t0"]


def test_the_first_peak_ends_the_doubt() -> None:
    first, *rest = untested(sized(*[0.5] * 10, mb=20.0))
    assert len(dynamic.decide(state(rest, done=(foreseen(first),)))) > len(dynamic.decide(state([first, *rest])))


def test_with_limits_an_untested_prediction_gets_room_to_be_wrong() -> None:
    (start,) = dynamic.decide(state(untested(sized(0.5, mb=20.0)), sharing=Sharing.LIMITS))
    assert (start.limit_mb or 0) > 2 * 20 * 0.55


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_predictions_that_are_all_off_by_the_same_factor_are_moved_to_what_was_measured(factor: float) -> None:
    seen, *rest = untested(sized(0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, mb=60.0 / factor))
    peak_mb = (seen.predicted_mb or 0) * factor
    starts = dynamic.decide(state(rest, done=(foreseen(seen, factor),)))
    assert 0.4 * NODE.mem_mb < peak_mb * len(starts) <= NODE.mem_mb


def test_predictions_of_another_shape_are_let_go() -> None:
    """Nothing predicted, nothing different: what was measured decides alone."""
    works = [work(f"t{k}", 0.2 + 0.1 * k, mb=40.0 / 4**k) for k in range(6)]
    ended = tuple(done(one, 60 * one.size) for one in works[:4])
    plain = [replace(one, predicted_mb=None) for one in works]
    without = dynamic.decide(state(plain[4:], done=tuple(done(one, 60 * one.size) for one in plain[:4])))
    assert dynamic.decide(state(works[4:], done=ended)) == without


def test_predictions_that_follow_no_line_in_the_size_stand_for_it() -> None:
    """Tasks of equal size, of which one was predicted to need ten times as much."""
    small = [work(f"s{k}", 1.0, mb=8.0) for k in range(9)]
    big = work("big", 1.0, mb=60.0)
    starts = names(dynamic.decide(state([*small, big])))
    assert "big" in starts
    assert len(starts) <= 4  # 60 and three times 8 MB of 100, and room for being wrong
