"""What an engine is told: a plan's requests, attempt by attempt, or those of a history's model."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import observed
import plans
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.actions.fitting import fit
from planner.core import levels
from planner.core.records import Outcome
from planner.core.retry import DOUBLE, FIRST_STEP, Retry
from planner.core.samples import Sample
from planner.export.rules import (
    ANY,
    ATTEMPTS,
    Ceiling,
    Rule,
    RuleTask,
    bare,
    document,
    memory_by_attempt,
    of_history,
    of_plan,
    time_by_attempt,
)
from planner.plan import build
from planner.plan.inputs import Earlier
from planner.site import Partition

SAMPLES = [Sample(name=name, columns={"sample": name}) for name in ("NA1", "NA2")]


def task(chromosome: str, sample: str = "", *mem_mb: int, cpus: int = 1) -> RuleTask:
    return RuleTask(sample=sample, chromosome=chromosome, cpus=cpus, mem_mb=mem_mb, time_s=(600, 1200))


def test_the_first_attempt_asks_for_what_the_plan_asks_for() -> None:
    plan = plans.plan()
    rule = of_plan(plan)
    assert rule.name == plan.name
    assert [one.mem_mb[0] for one in rule.tasks] == [one.request_mb for one in plan.tasks]
    assert [one.time_s[0] for one in rule.tasks] == [one.time_limit_s for one in plan.tasks]
    assert {one.reason for one in rule.tasks} == {one.reason for one in plan.tasks}


def test_a_second_attempt_asks_for_what_the_next_round_would_ask_for_after_a_kill() -> None:
    model = observed.fitted()
    config = plans.config(memory={"formula": None})
    inputs = replace(plans.inputs(config), model=model)
    inputs = replace(
        inputs, tasks=[replace(one, features=dict.fromkeys(model.feature_names, 60.0)) for one in inputs.tasks]
    )
    first = build.plan(inputs)
    told = {one.chromosome: one.mem_mb for one in of_plan(first).tasks}
    for attempt in range(1, ATTEMPTS):
        killed = {
            one.task: Earlier(
                round=attempt,
                attempts=attempt,
                outcome=Outcome.OOM,
                request_mb=told[one.chromosome][attempt - 1],
                time_limit_s=600,
                killed_mb=told[one.chromosome][attempt - 1],
            )
            for one in first.tasks
        }
        patient = config.memory.model_copy(update={"max_attempts": 9})
        again = build.plan(replace(inputs, config=config.model_copy(update={"memory": patient}), earlier=killed))
        assert {one.chromosome: one.request_mb for one in again.tasks} == {
            place: asked[attempt] for place, asked in told.items()
        }
    assert first.largest_peak_mb == model.largest_mb


@given(
    st.integers(1, 10**6),
    st.floats(0, 10**6),
    st.integers(1, 10**6),
    st.integers(0, 1000),
)
def test_memory_grows_from_kill_to_kill_up_to_the_largest_node(
    first_mb: int, largest_mb: float, cap_mb: int, overhead_mb: int
) -> None:
    asked = memory_by_attempt(first_mb, Retry(largest_mb), Ceiling(mem_mb=cap_mb), overhead_mb=overhead_mb)
    assert len(asked) == ATTEMPTS
    assert asked[0] == min(first_mb + overhead_mb, cap_mb)
    assert all(later > one or later == cap_mb for one, later in pairwise(asked))


def test_a_kill_just_below_the_largest_peak_is_not_answered_by_doubling() -> None:
    assert memory_by_attempt(999, Retry(1000.0), Ceiling())[1] == FIRST_STEP * 1000
    assert memory_by_attempt(999, DOUBLE, Ceiling())[1] == 2 * 999


def test_time_doubles_up_to_the_longest_limit() -> None:
    assert time_by_attempt(3600, Ceiling(time_s=10_000)) == (3600, 7200, 10_000, 10_000)


def test_requests_end_at_the_partition_of_the_plan() -> None:
    small = Partition(name="main", nodes=1, cores=4, mem_mb=6000, headroom_mb=500, max_time="03:00:00", default=True)
    rule = of_plan(plans.plan(at=plans.site(partitions=(small,))))
    assert rule.ceiling == Ceiling(mem_mb=5500, time_s=3 * 3600)
    assert {one.mem_mb[-1] for one in rule.tasks} == {5500}
    assert {one.time_s for one in rule.tasks} == {(7200, 10_800, 10_800, 10_800)}


def test_what_was_not_planned_gets_the_largest_of_what_it_may_be() -> None:
    rule = Rule(
        name="impute",
        tasks=[task("1", "NA1", 50, 65), task("1", "NA2", 60, 78, cpus=2), task("2", "NA1", 40, 90)],
    )
    table = rule.table()
    assert table["1"]["NA1"].mem_mb == (50, 65)
    assert table["1"][ANY].mem_mb == (60, 78)
    assert table["1"][ANY].cpus == 2
    assert table[ANY]["NA1"].mem_mb == (50, 90)
    assert table[ANY][ANY].mem_mb == (60, 90)


def test_the_document_has_every_task_of_every_sample() -> None:
    plan = plans.plan(plans.config(pipeline={"samples": ["NA1", "NA2"]}), samples=SAMPLES)
    rules = document([of_plan(plan, name="phase", overhead_mb=100)])["rules"]
    assert isinstance(rules, dict)
    assert set(rules) == {"phase"}
    for one in plan.tasks:
        assert rules["phase"][one.chromosome][one.sample]["mem_mb"][0] == one.request_mb + 100


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("chr7", "7"),
        ("Chr20:1-500", "20:1-500"),
        ("chr", "chr"),
        ("X", "X"),
        ("chromosome1", "chromosome1"),
        ("Chromosome", "Chromosome"),
    ],
)
def test_chromosomes_stand_there_without_chr(name: str, told: str) -> None:
    assert bare(name) == told


def test_a_history_without_a_plan_is_sized_by_its_model() -> None:
    rows = observed.observations([10.0, 20.0, 30.0, 40.0, 50.0], [110.0, 205.0, 315.0, 390.0, 510.0])
    rows = [replace(one, sample="", chromosome=str(n), cpus=3) for n, one in enumerate(rows, start=1)]
    names = tuple(rows[0].features)
    model = fit(rows, names)
    rule = of_history(rows, model, overhead_mb=20)
    assert [one.chromosome for one in rule.tasks] == ["1", "2", "3", "4", "5"]
    for one, row in zip(rule.tasks, rows, strict=True):
        asked = model.predict(row.features)
        assert one.mem_mb == memory_by_attempt(asked.request_mb, model.retry(), Ceiling(), overhead_mb=20)
        assert one.cpus == 3
        assert one.reason == asked.reason


def test_the_last_features_of_a_task_count_and_an_attempt_without_them_does_not() -> None:
    rows = observed.observations([10.0, 20.0, 30.0, 40.0], [110.0, 205.0, 315.0, 390.0])
    rows = [replace(one, sample="", chromosome="7", submit_s=n) for n, one in enumerate(rows, start=1)]
    model = fit(rows, tuple(rows[0].features))
    rule = of_history([*rows, replace(rows[0], features={}, chromosome="9", submit_s=9)], model)
    (only,) = rule.tasks
    assert only.mem_mb[0] == model.predict(rows[-1].features).request_mb


def test_text_among_the_features_tells_tasks_apart_too() -> None:
    rows = [
        replace(
            observed.observation(n, 100.0 * factor + n, {"length_mb": float(n), **levels.kept("panel", panel)}),
            task=f"{panel}.chr{n}",
            chromosome=str(n),
            sample=panel,
            limit_mb=5000,
        )
        for n in range(1, 12)
        for panel, factor in (("small", 1), ("large", 9))
    ]
    rule = of_history(rows, fit(rows, ("length_mb", "panel")))
    asked = {(one.sample, one.chromosome): one.mem_mb[0] for one in rule.tasks}
    assert len(asked) == 22
    assert asked["large", "5"] > 900 > 500 > asked["small", "5"]


def test_tasks_that_no_feature_tells_apart_ask_for_what_they_needed() -> None:
    rows = [
        replace(observed.observation(n, peak_mb, {}), task=f"chr{n}", chromosome=str(n), sample="", limit_mb=5000)
        for n, peak_mb in enumerate((100.0, 110.0, 105.0, 900.0), start=1)
    ]
    rule = of_history(rows, fit(rows, ()))
    assert {one.chromosome: one.mem_mb[0] for one in rule.tasks}["4"] >= 990
