"""The static order used for real: batches run in the order that ends soonest, scripts keep it, --mem is its peak."""

import re

import plans
import pytest
from observed import fitted

from planner.core.modes import BatchPacker, Mode
from planner.plan.document import Plan
from planner.plan.overheads import BATCH_SCRIPT_MB, JOB_SCRIPT_MB, SRUN_MB, STEP_SHELLS_MB
from planner.schedule.listing import Machine, by_cost, list_schedule
from planner.scripts import render
from planner.site import Partition


def packed(nodes: int = 1, mem_mb: int = 24_000) -> Plan:
    partition = Partition(name="main", nodes=nodes, cores=16, mem_mb=mem_mb, max_time="3-00:00:00", default=True)
    return plans.plan(
        plans.config(submit={"mode": Mode.PACKED, "packer": BatchPacker.LPT}),
        at=plans.site(partitions=(partition,)),
        model=fitted(),
    )


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_batch_ends_no_later_than_by_memory_and_time_and_here_sooner(nodes: int) -> None:
    plan = packed(nodes)
    sooner = []
    for batch in plan.batches:
        tasks = [task for task in plan.tasks if task.batch == batch.batch]
        wall = [task.wall_s or 0.0 for task in tasks]
        mem = [task.request_mb + batch.srun_mb for task in tasks]
        room = plan.target.partition.cap_mb - (batch.mem_mb - batch.pool_mb)
        costly = list_schedule(by_cost(mem, wall), mem, wall, Machine(slots=batch.slots, cap_mb=room))
        kept = list_schedule(range(len(tasks)), mem, wall, Machine(slots=batch.slots, cap_mb=room))
        assert [task.start_s for task in tasks] == pytest.approx(list(kept.start_s))
        assert kept.makespan <= costly.makespan
        sooner.append(kept.makespan < costly.makespan)
    assert any(sooner) or nodes == 2


def test_the_memory_of_a_batch_is_the_peak_of_its_order_with_sruns_and_the_scripts_own_share() -> None:
    plan = packed()
    (batch,) = plan.batches
    mem, wall = [task.request_mb + SRUN_MB for task in plan.tasks], [task.wall_s or 0.0 for task in plan.tasks]
    peak = list_schedule(range(22), mem, wall, Machine(slots=batch.slots, cap_mb=batch.pool_mb)).peak
    assert batch.pool_mb == peak
    assert batch.mem_mb == peak + BATCH_SCRIPT_MB <= plan.target.partition.cap_mb


def test_the_script_starts_the_tasks_in_the_plans_order() -> None:
    plan = packed()
    text = render.render(plan)["batch-1.sh"]
    started = re.findall(r"^ *start (\d+) \S+ '?(\w+)", text, flags=re.MULTILINE)  # memory, time limit, task
    assert [(int(mem), task) for mem, task in started] == [(task.request_mb, task.task) for task in plan.tasks]
    assert f"#SBATCH --mem={plan.batches[0].mem_mb}M" in text


def test_an_array_runs_by_memory_and_time_with_k_at_once() -> None:
    plan = plans.plan(plans.config(submit={"max_running": 5}), model=fitted())
    costs = [task.request_mb * (task.wall_s or 0.0) for task in plan.tasks]
    assert plan.mode is Mode.ARRAY
    assert costs == sorted(costs, reverse=True)
    assert [task.index for task in plan.tasks] == list(range(22))


def test_the_same_plan_twice_is_the_same_order() -> None:
    assert packed() == packed()


def test_a_step_asks_for_its_own_shells_and_not_for_the_script_of_a_job() -> None:
    array = plans.plan(plans.config(submit={"mode": Mode.ARRAY}), model=fitted())
    alone = {task.task: task for task in array.tasks}
    for step in packed().tasks:
        assert alone[step.task].request_mb - step.request_mb == JOB_SCRIPT_MB - STEP_SHELLS_MB
        assert alone[step.task].reason.endswith(f"{JOB_SCRIPT_MB} MB for the script")
        assert step.reason.endswith(f"{STEP_SHELLS_MB} MB for the script")
