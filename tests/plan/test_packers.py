"""Modes packed and het: tasks share allocations by knapsack or longest first, whichever comes to less."""

import re
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import plans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import fitted

from planner.core.errors import InputError
from planner.core.modes import BatchPacker, Mode
from planner.plan import packers
from planner.plan.document import Plan
from planner.plan.packers import cheapest, pack
from planner.plan.packing import Load, Packed
from planner.report import savings
from planner.schedule.listing import by_cost
from planner.scripts import render
from planner.scripts.jobs import jobs
from planner.site import Partition

MAIN = Partition(name="main", nodes=2, cores=16, mem_mb=12_000, max_time="3-00:00:00", default=True)


def packed(packer: BatchPacker, *, mode: Mode = Mode.PACKED, timed: bool = True, **submit: object) -> Plan:
    config = plans.config(submit={"mode": mode, "packer": packer} | submit)
    return plans.plan(config, at=plans.site(partitions=(MAIN,)), model=fitted() if timed else None)


def groups(plan: Plan) -> list[list[str]]:
    return [[task.task for task in plan.tasks if task.batch == batch.batch] for batch in plan.batches]


def test_longest_first_deals_to_as_many_jobs_as_there_are_nodes() -> None:
    plan = packed(BatchPacker.LPT)
    assert len(plan.batches) == 2
    assert plan.notes == []


def test_a_batch_of_the_knapsack_runs_at_once_on_a_node() -> None:
    plan = packed(BatchPacker.KNAPSACK)
    assert len(plan.batches) > 2
    for batch in plan.batches:
        tasks = [task for task in plan.tasks if task.batch == batch.batch]
        assert batch.slots == len(tasks) <= MAIN.cores
        assert batch.pool_mb == sum(task.request_mb + batch.srun_mb for task in tasks)
        assert batch.mem_mb <= MAIN.cap_mb
        assert len({task.start_s for task in tasks}) == 1


def test_batches_of_the_knapsack_follow_each_other_on_the_nodes() -> None:
    plan = packed(BatchPacker.KNAPSACK)
    spans = [(task.start_s or 0.0, (task.start_s or 0.0) + (task.wall_s or 0.0), task.batch) for task in plan.tasks]
    for instant, _, _ in spans:
        assert len({batch for start, end, batch in spans if start <= instant < end}) <= 2
    assert plan.makespan_s == pytest.approx(max(end for _, end, _ in spans))


def test_what_is_reserved_counts_a_batch_from_its_own_start() -> None:
    plan = packed(BatchPacker.KNAPSACK)
    held = 0.0
    for batch, names in zip(plan.batches, groups(plan), strict=True):
        held += batch.mem_mb * max(task.wall_s or 0.0 for task in plan.tasks if task.task in names)
    assert savings.savings(plan).reserved_mb_s == pytest.approx(held)


def test_what_comes_to_less_is_taken_and_the_plan_says_what_the_others_come_to() -> None:
    found = {packer: packed(packer) for packer in BatchPacker}
    held = {packer: savings.savings(plan).reserved_mb_s or 0.0 for packer, plan in found.items()}
    spans = {packer: plan.makespan_s or 0.0 for packer, plan in found.items()}
    assert spans[BatchPacker.AUTO] <= 1.1 * min(spans.values())
    assert held[BatchPacker.AUTO] <= max(held.values())
    (note,) = found[BatchPacker.AUTO].notes
    assert re.match(r"packed (longest first|by knapsack of .*): .*\d\d:\d\d:\d\d \(.*; .*\)", note)


def test_without_durations_longest_first_is_taken_unless_the_knapsack_is_asked_for() -> None:
    assert groups(packed(BatchPacker.AUTO, timed=False)) == groups(packed(BatchPacker.LPT, timed=False))
    plan = packed(BatchPacker.KNAPSACK, timed=False)
    assert all(batch.slots == len(names) for batch, names in zip(plan.batches, groups(plan), strict=True))
    assert plan.makespan_s is None


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_no_more_tasks_than_may_run_at_once_however_batches_are_chosen(k: int) -> None:
    plan = packed(BatchPacker.KNAPSACK, max_running=k)
    lanes: dict[str | None, int] = {}
    for job in jobs(plan):
        assert job.batch is not None
        lanes[job.script] = lanes.pop(job.after, 0) if job.after else 0
        lanes[job.script] = max(lanes[job.script], job.batch.slots)
    assert sum(lanes.values()) <= k


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(10, 11_000), st.integers(1, 500)), min_size=1, max_size=25),
    st.sampled_from(list(BatchPacker)),
    st.sampled_from([None, 1, 4]),
)
def test_every_task_is_in_one_batch_that_a_node_holds(
    tasks: Sequence[tuple[int, int]], packer: BatchPacker, most: int | None
) -> None:
    mem, wall = [mb for mb, _ in tasks], [float(s) for _, s in tasks]
    load = Load(mem, wall, [600] * len(mem), [1] * len(mem), True)
    target = packed(BatchPacker.LPT).target.model_copy(update={"max_running": most})
    with patch.object(packers, "_EVALUATIONS", 1_000):  # any order will do here
        found = pack(by_cost(mem, wall), load, target, packer=packer)
    assert sorted(found.batch_of) == list(range(len(mem)))
    for batch in found.batches:
        own = [mem[task] + batch.srun_mb for task, number in found.batch_of.items() if number == batch.batch]
        assert max(own) <= batch.pool_mb < batch.mem_mb <= MAIN.cap_mb
        assert most is None or batch.slots <= most


def test_a_script_counts_each_tasks_srun_beside_it() -> None:
    plan = packed(BatchPacker.KNAPSACK)
    text = render.render(plan)["batch-1.sh"]
    assert f"srun_mb={plan.batches[0].srun_mb}\n" in text
    assert f"free={plan.batches[0].pool_mb} " in text


def test_a_task_that_leaves_no_room_for_its_script_is_refused_by_each_packer() -> None:
    config = plans.config(submit={"mode": Mode.PACKED, "packer": BatchPacker.KNAPSACK})
    tight = plans.site(partitions=(MAIN.model_copy(update={"mem_mb": 5100}),))
    with pytest.raises(InputError, match=r"and its batch script .* do not fit on a node"):
        plans.plan(config, at=tight)


def test_a_packer_in_a_mode_without_allocations_is_said_to_have_no_effect() -> None:
    (note,) = packed(BatchPacker.KNAPSACK, mode=Mode.ARRAY).notes
    assert note.startswith("packer knapsack: only the modes packed and het")


def test_of_ways_that_end_nearly_as_soon_the_one_that_holds_least_is_taken() -> None:
    def way(makespan_s: float, held_mb_s: float) -> Packed:
        return Packed(batches=[], batch_of={}, start_s={}, makespan_s=makespan_s, held_mb_s=held_mb_s)

    assert cheapest({"a": way(100, 900), "b": way(105, 800), "c": way(200, 100)}).held_mb_s == 800


def het(packer: BatchPacker, **thin: Any) -> Plan:
    small = Partition(**{"name": "thin", "nodes": 6, "cores": 8, "mem_mb": 3000, "default": True} | thin)
    fat = Partition(name="fat", nodes=1, cores=16, mem_mb=64_000)
    config = plans.config(submit={"mode": Mode.HET, "packer": packer})
    return plans.plan(config, at=plans.site(partitions=(small, fat)), model=fitted())


def test_components_are_batches_of_the_knapsack_where_the_nodes_suffice() -> None:
    plan = het(BatchPacker.KNAPSACK, nodes=20)
    thin = [b for b in plan.batches if b.partition and b.partition.name == "thin"]
    assert len(thin) < sum(task.batch in {b.batch for b in thin} for task in plan.tasks)
    assert len(plan.batches) < len(het(BatchPacker.LPT, nodes=20).batches)
    assert "longest first" in "".join(het(BatchPacker.AUTO, nodes=20).notes)


def test_where_nodes_are_too_few_for_all_batches_at_once_components_are_dealt() -> None:
    assert groups(het(BatchPacker.KNAPSACK, nodes=1)) == groups(het(BatchPacker.LPT, nodes=1))
