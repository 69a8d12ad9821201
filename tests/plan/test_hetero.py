"""Mode het: which node each task goes to, and what is refused before anything is submitted."""

import plans
import pytest

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.plan.document import Plan
from planner.site import Partition

THIN = Partition(name="thin", nodes=3, cores=8, mem_mb=3000, default=True)
FAT = Partition(name="fat", nodes=1, cores=16, mem_mb=64_000)


def het(*partitions: Partition, submit: dict[str, object] | None = None, **site: object) -> Plan:
    config = plans.config(submit={"mode": Mode.HET} | (submit or {}))
    return plans.plan(config, at=plans.site(partitions=partitions or (THIN, FAT), **site))


def place_of(plan: Plan) -> dict[str, str]:
    names = [batch.partition.name for batch in plan.batches if batch.partition]
    return {task.task: names[task.batch] for task in plan.tasks if task.batch is not None}


def test_large_chromosomes_go_to_the_fat_node_and_the_others_to_thin_ones() -> None:
    plan = het()
    assert plan.mode is Mode.HET
    assert {task for task, place in place_of(plan).items() if place == "fat"} == {
        task.task for task in plan.tasks if task.request_mb > 3000
    }
    assert len(plan.batches) == 4


def test_no_component_asks_for_more_than_its_node_has() -> None:
    for batch in het().batches:
        assert batch.partition is not None
        assert batch.mem_mb <= batch.partition.cap_mb
        assert batch.slots * batch.cpus <= batch.partition.cores


def test_only_component_0_has_memory_for_the_script() -> None:
    first, *others = het().batches
    assert first.mem_mb > first.pool_mb
    assert all(batch.mem_mb == batch.pool_mb for batch in others)


def test_where_there_is_a_node_for_each_every_task_has_its_own_component() -> None:
    plan = het(Partition(name="many", nodes=30, cores=4, mem_mb=8000))
    assert len(plan.batches) == 22
    assert {batch.slots for batch in plan.batches} == {1}


def test_components_share_k_out() -> None:
    plan = het(submit={"max_running": 8})
    assert sum(batch.slots for batch in plan.batches) <= 8


def test_when_one_node_holds_everything_the_plan_is_packed_and_says_so() -> None:
    plan = het(Partition(name="one", nodes=1, cores=64, mem_mb=128_000))
    assert plan.mode is Mode.PACKED
    assert "one node holds all tasks: mode packed instead of a heterogeneous job" in plan.notes


def test_without_backfill_it_is_refused() -> None:
    with pytest.raises(InputError, match="only backfill starts such jobs"):
        het(scheduler="builtin")


def test_as_an_array_it_is_refused() -> None:
    with pytest.raises(InputError, match="a heterogeneous job cannot be an array"):
        het(options=("--array=1-2",))


@pytest.mark.parametrize("limits", [{"submit": {"max_running": 1}}, {"max_submit": 3}])
def test_more_components_than_may_run_or_wait_are_refused(limits: dict[str, object]) -> None:
    with pytest.raises(InputError, match="components, each a job"):
        het(**limits)  # type: ignore[arg-type]


def test_a_partition_that_is_named_is_the_only_one() -> None:
    plan = het(THIN, FAT.model_copy(update={"nodes": 2}), submit={"partition": "fat", "qos": "high"})
    assert set(place_of(plan).values()) == {"fat"}
    assert {batch.partition.qos for batch in plan.batches if batch.partition} == {"high"}
