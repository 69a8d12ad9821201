"""Requests of many array elements: few values, none much more than what was asked."""

import itertools
from dataclasses import replace

import plans
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import observation

from planner.core.indices import MOST_UPDATES
from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.memory.fitting import fit
from planner.plan import build, ranges
from planner.plan.document import Plan
from planner.plan.overheads import JOB_SCRIPT_MB
from planner.schedule import tiers
from planner.scripts.jobs import jobs
from planner.scripts.options import MOST_SPLIT, Update, as_updated, records, updates
from planner.site import Adjusted

REQUESTS = st.lists(st.integers(1, 10**6), max_size=80)


def many(samples: int = 100, **site: int) -> Plan:
    named = [Sample(name=f"s{number}", columns={}) for number in range(samples)]
    of = plans.config(submit={"mode": "array"}, memory={"pilot": 0})
    return plans.plan(of, at=plans.site(**site), samples=named)


@given(REQUESTS, st.floats(0.001, 0.5))
def test_no_request_in_a_narrow_tier_is_raised_by_more_than_the_step(mem_mb: list[int], step: float) -> None:
    tier = tiers.narrow(mem_mb, step=step)
    for one in set(tier):
        inside = [mb for mb, at in zip(mem_mb, tier, strict=True) if at == one]
        assert max(inside) <= (1 + step) * min(inside)


@given(REQUESTS, st.floats(0.001, 0.5))
def test_narrow_tiers_are_as_few_as_the_step_allows(mem_mb: list[int], step: float) -> None:
    tops: list[int] = []  # no two of these can share a tier
    for mb in sorted(mem_mb, reverse=True):
        if not tops or tops[-1] > (1 + step) * mb:
            tops.append(mb)
    assert len(set(tiers.narrow(mem_mb, step=step))) == len(tops)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(60, 10**6)), max_size=80))
def test_each_element_still_asks_for_at_least_what_it_needs(asked: list[tuple[int, int]]) -> None:
    needs = [Adjusted(mem_mb=mem_mb, cpus=1, wall_s=wall_s) for mem_mb, wall_s in asked]
    given_ = ranges.rounded(needs)
    for need, got in zip(needs, given_, strict=True):
        assert need.mem_mb <= got.mem_mb <= (1 + ranges.STEP) * need.mem_mb
        assert need.wall_s <= got.wall_s <= max(one.wall_s for one in needs)
        assert bool(got.reasons) == (got.mem_mb > need.mem_mb)
    assert len({(one.mem_mb, one.wall_s) for one in given_}) == len({one.mem_mb for one in given_})


@given(st.data(), st.lists(st.integers(1, 9), max_size=40))
def test_those_that_ask_for_the_same_follow_each_other(data: st.DataObject, mem_mb: list[int]) -> None:
    chosen = data.draw(st.permutations(range(len(mem_mb))))
    found = ranges.in_turn(chosen, mem_mb)
    assert sorted(found) == sorted(chosen)
    changes = sum(mem_mb[one] != mem_mb[other] for one, other in itertools.pairwise(found))
    assert changes == max(0, len(set(mem_mb)) - 1)


def test_a_round_of_many_tasks_needs_few_updates_and_says_what_each_task_got_more() -> None:
    plan = many()
    found = updates(plan, jobs(plan))
    assert len(plan.tasks) == 2200
    assert len(found) <= 25  # 22 chromosomes, in three arrays
    assert sorted((one.script, element) for one in found for element in one.elements) == sorted(
        (job.script, job.element(task)) for job in jobs(plan) for task in job.tasks
    )
    raised = [task for task in plan.tasks if "more to share an update" in task.reason]
    assert raised
    assert all("MB more to share an update" in task.reason for task in raised)


def test_every_element_of_a_range_gets_what_its_task_asks_for() -> None:
    plan = many()
    asked = {(job.script, job.element(task)): task for job in jobs(plan) for task in job.tasks}
    for one in updates(plan, jobs(plan)):
        tasks = [asked[one.script, element] for element in one.elements]
        assert {task.request_mb for task in tasks} == {one.mem_mb}


@pytest.mark.parametrize(("largest_mb", "array_size"), [(256_000, 100_001), (20_000, 1001)])
def test_a_hundred_thousand_elements_need_at_most_300_updates(largest_mb: int, array_size: int) -> None:
    # a thousand sizes from 100 MB on; an array begins within a range, and a range goes on in the next array
    mem_mb = [round(100 * (largest_mb / 100) ** (number / 999)) for number in range(1000)]
    tier_count = len(set(tiers.narrow(mem_mb, step=ranges.STEP)))
    assert tier_count + 100_000 // min(MOST_SPLIT, array_size) <= MOST_UPDATES


def test_few_tasks_keep_exactly_their_own_memory() -> None:
    plan = many(samples=13)
    assert len(plan.tasks) == 286
    assert len(updates(plan, jobs(plan))) == 286
    assert not any("share an update" in task.reason for task in plan.tasks)


def test_what_is_left_of_an_array_is_updated_last_and_stays_one_record() -> None:
    def update(script: str, *elements: int) -> Update:
        return Update(script=script, elements=elements, mem_mb=1, time_limit=None, nice=0)

    found = [update("a", 1, 2, 3), update("b", 1), update("a", 4), update("b", 2, 3)]
    assert [one.script + str(one.elements) for one in as_updated(found)] == ["b(1,)", "a(4,)", "b(2, 3)", "a(1, 2, 3)"]
    assert records(found) == 2 + 2


def test_modes_without_updates_round_nothing() -> None:
    named = [Sample(name=f"s{number}", columns={}) for number in range(20)]
    of = plans.config(submit={"mode": "tiers"}, memory={"pilot": 0})
    plan = plans.plan(of, samples=named)
    assert plan.mode is Mode.TIERS
    assert not any("share an update" in task.reason for task in plan.tasks)


def test_requests_of_many_tasks_from_a_history_rest_on_few_predictions() -> None:
    seen = [
        observation(n, 100 + 8 * mb, {"length_mb": mb}) for n, mb in enumerate((5.0, 20.0, 60.0, 130.0, 250.0, 90.0))
    ]
    model = fit(seen, tool="beagle", feature_names=("length_mb",))
    of = plans.inputs(
        plans.config(submit={"mode": "array"}), samples=[Sample(name=f"s{n}", columns={}) for n in range(40)]
    )
    tasks = [
        replace(task, features={"length_mb": place / 4 + task.features["length_mb"] / 1e3})
        for place, task in enumerate(of.tasks, 20)
    ]
    plan = build.plan(replace(of, tasks=tasks, model=model))
    assert len(plan.tasks) == 880
    assert len({task.predicted_mb for task in plan.tasks}) < 440
    for task in plan.tasks[::80]:
        # of the task itself, and of one that is larger by the rounding
        alone_mb, larger_mb = (
            model.predict({"length_mb": share * task.features["length_mb"]}).request_mb + JOB_SCRIPT_MB
            for share in (1.0, 1.012)
        )
        assert 0.97 * alone_mb <= task.request_mb <= 1.04 * max(alone_mb, larger_mb)
