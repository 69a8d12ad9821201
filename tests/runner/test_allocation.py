"""The allocation a drive finds itself in, and what one asks for in mode dynamic."""

import time
from pathlib import Path

import plans
import pytest

from planner import slurm
from planner.cli import main
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.plan.overheads import DRIVER_MB, SRUN_MB
from planner.runner import allocation
from planner.runner.allocation import Allocation, Deadline
from planner.schedule.dynamic.state import Node
from planner.scripts import render
from planner.site import Partition

# Slurm 22.05, scontrol --details show job with SLURM_TIME_FORMAT=%s, shortened
DETAILS = """\
JobId=25 JobName=trip
   JobState=RUNNING Reason=None Dependency=(null)
   StartTime=1795670051 EndTime=1795670351 Deadline=N/A
   NodeList=n[1-2],fat
   NumNodes=3 NumCPUs=14 NumTasks=14 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   JOB_GRES=(null)
     Nodes=n[1-2] CPU_IDs=0-2,5 Mem=1000 GRES=
     Nodes=fat CPU_IDs=0-5 Mem=64000 GRES=gpu:0
   MinCPUsNode=1 MinMemoryNode=1000M MinTmpDiskNode=0
"""


def two(here: str | None = "n1", *, mem_mb: int = 1000, end_s: float | None = None) -> Allocation:
    nodes = tuple(Node(name=name, mem_mb=mem_mb, cores=4) for name in ("n1", "n2"))
    return Allocation(job_id="25", nodes=nodes, here=here, end_s=end_s)


def test_nodes_memory_and_cpus_are_read_from_slurmctld() -> None:
    found = allocation.parse(DETAILS, job_id="25", here="n2")
    assert [(node.name, node.mem_mb, node.cores) for node in found.nodes] == [
        ("n1", 1000, 4),
        ("n2", 1000, 4),
        ("fat", 64000, 6),
    ]
    assert (found.here, found.end_s) == ("n2", 1795670351)


def test_a_login_node_is_not_part_of_the_allocation_and_a_limit_may_be_missing() -> None:
    found = allocation.parse(DETAILS.replace("1795670351", "Unknown"), job_id="25", here="login1")
    assert (found.here, found.end_s) == (None, None)


def test_a_job_without_nodes_does_not_run() -> None:
    with pytest.raises(FailureError, match="job 25 has no nodes"):
        allocation.parse("JobId=25\n   JobState=COMPLETED", job_id="25", here=None)


def test_the_driver_takes_its_share_where_it_runs_only() -> None:
    share_mb = DRIVER_MB + 8 * SRUN_MB
    memory = [node.mem_mb for node in two().for_tasks(slots=None, cpus=1, mem_mb=None)]
    assert memory == [1000 - share_mb, 1000]
    assert [node.mem_mb for node in two(None).for_tasks(slots=None, cpus=1, mem_mb=None)] == [1000, 1000]


def test_less_memory_and_fewer_tasks_may_be_asked_for() -> None:
    nodes = two(None).for_tasks(slots=2, cpus=2, mem_mb=700)
    assert [(node.mem_mb, node.cores) for node in nodes] == [(700, 2), (700, 2)]


def test_an_allocation_of_which_slurm_knows_no_memory_needs_to_be_told() -> None:
    with pytest.raises(InputError, match="does not say how much memory"):
        two(mem_mb=0).for_tasks(slots=None, cpus=1, mem_mb=None)
    assert two(None, mem_mb=0).for_tasks(slots=None, cpus=1, mem_mb=500)[0].mem_mb == 500
    planned = two(None, mem_mb=0).for_tasks(slots=None, cpus=1, mem_mb=None, otherwise_mb=800)
    assert planned[0].mem_mb == 800


def test_an_allocation_too_small_for_the_driver_is_refused() -> None:
    with pytest.raises(InputError, match="the driver itself needs"):
        two(mem_mb=100).for_tasks(slots=None, cpus=1, mem_mb=None)


def test_a_time_limit_is_asked_for_again_when_it_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def details(job_id: str) -> str:
        asked.append(job_id)
        return DETAILS.replace("1795670351", str(int(now[0]) + 5000))

    now = [time.time()]
    monkeypatch.setattr(slurm, "job_details", details)
    monkeypatch.setattr(time, "time", lambda: now[0])
    deadline = Deadline(two(end_s=now[0] + 100))
    assert deadline() == now[0] + 100
    now[0] += 30
    assert deadline() == int(now[0]) + 5000
    assert len(asked) == 1
    now[0] += 30
    deadline()
    assert len(asked) == 1


def test_outside_an_allocation_drive_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    config = plans.CONFIG.replace('"1-22"', '"20-22"') + '\n[submit]\nmode = "dynamic"\n'
    (tmp_path / "chromplan.toml").write_text(config)
    for command, code in ((["plan"], 0), (["render"], 0), (["drive"], 2)):
        with pytest.raises(SystemExit) as ended:
            main([*command, "-C", str(tmp_path)])
        assert ended.value.code == code
    error, hint = capsys.readouterr().err.strip().splitlines()[-2:]
    assert error == "error: drive works inside a Slurm allocation, and this is not one"
    assert hint.startswith("hint: salloc --mem=8G --cpus-per-task=4 chromplan drive")


def test_the_allocation_asks_for_the_tasks_the_driver_and_its_sruns() -> None:
    plan = plans.plan(plans.config(submit={"mode": Mode.DYNAMIC, "nodes": 3}))
    (batch,) = plan.batches
    # 22 tasks on 16 cores each
    assert (batch.nodes, batch.slots) == (2, 16)
    assert batch.mem_mb == batch.pool_mb + DRIVER_MB + 32 * SRUN_MB
    assert {task.batch for task in plan.tasks} == {0}
    script = render.render(plan)["drive.sh"]
    for line in ("--nodes=2", "--ntasks=32", "--ntasks-per-node=16", f"--mem={batch.mem_mb}M"):
        assert f"#SBATCH {line}\n" in script


def test_no_more_memory_than_ends_the_round_as_soon() -> None:
    config = plans.config(submit={"mode": Mode.DYNAMIC})
    one = Partition(name="main", nodes=1, cores=16, mem_mb=640_000, max_time="3-00:00:00", default=True)
    (batch,) = plans.plan(config, at=plans.site(partitions=(one,))).batches
    # nothing is known of durations: what the 16 largest tasks need together is enough
    assert batch.pool_mb < 90_000


def test_a_task_that_fits_on_no_node_beside_its_driver_is_refused() -> None:
    small = Partition(name="main", nodes=1, cores=4, mem_mb=5200, max_time="3-00:00:00", default=True)
    config = plans.config(submit={"mode": Mode.DYNAMIC}, memory={"formula": "5100 * length_mb / length_mb"})
    with pytest.raises(InputError, match=r"and its driver .* do not fit on a node"):
        plans.plan(config, at=plans.site(partitions=(small,)))


def test_there_is_no_pilot_where_the_round_itself_teaches() -> None:
    config = plans.config(submit={"mode": Mode.DYNAMIC}, memory={"formula": None, "default_mb": 4000})
    assert len(plans.plan(config).tasks) == 22
