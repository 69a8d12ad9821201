"""Mode packed: which node each task goes to."""

import plans
import pytest

from planner.core.modes import Mode
from planner.plan.document import Plan
from planner.plan.overheads import batch_mb
from planner.scripts import render
from planner.site import Partition

# 22 requests from 1 063 to 5 086 MB
THIN = Partition(name="thin", nodes=3, cores=8, mem_mb=3000)
FAT = Partition(name="fat", nodes=1, cores=16, mem_mb=16_000, qos="large")


def packed(*partitions: Partition, **submit: object) -> Plan:
    config = plans.config(submit={"mode": Mode.PACKED} | submit)
    return plans.plan(config, at=plans.site(partitions=partitions))


def places(plan: Plan) -> dict[str, str]:
    names = [batch.partition.name if batch.partition else "" for batch in plan.batches]
    return {task.task: names[task.batch or 0] for task in plan.tasks}


def test_large_tasks_go_to_large_nodes_and_the_others_to_small_ones_at_once() -> None:
    plan = packed(THIN, FAT)
    reserve_mb = batch_mb(1)
    assert places(plan) == {
        task.task: "fat" if task.request_mb + reserve_mb > THIN.cap_mb else "thin" for task in plan.tasks
    }
    assert [batch.partition.name for batch in plan.batches if batch.partition] == ["thin"] * 3 + ["fat"]


def test_each_batch_asks_for_what_its_own_node_has() -> None:
    plan = packed(THIN, FAT)
    for batch in plan.batches:
        assert batch.partition is not None
        assert batch.mem_mb <= batch.partition.cap_mb
        assert batch.slots * batch.cpus <= batch.partition.cores
        script = render.render(plan)[f"batch-{batch.batch + 1}.sh"]
        assert f"#SBATCH --partition={batch.partition.name}\n" in script
        assert ("#SBATCH --qos=large\n" in script) == (batch.partition.name == "fat")


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_over_all_node_types_no_more_run_than_may(k: int) -> None:
    assert sum(batch.slots for batch in packed(THIN, FAT, max_running=k).batches) <= k


def test_a_default_partition_that_holds_everything_is_used_alone() -> None:
    large = FAT.model_copy(update={"default": True})
    assert set(places(packed(THIN, large)).values()) == {""}


def test_a_named_partition_is_used_alone() -> None:
    assert set(places(packed(THIN, FAT, partition="fat")).values()) == {""}


def test_a_task_that_fits_the_small_node_but_not_beside_its_script_goes_to_the_large_one() -> None:
    snug = Partition(name="snug", nodes=8, cores=8, mem_mb=5100)
    plan = packed(snug, FAT)
    assert [task for task, place in places(plan).items() if place == "fat"] == ["chr1"]
