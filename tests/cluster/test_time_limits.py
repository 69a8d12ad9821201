"""Mode array: each element with a time limit of its own, where the cluster takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cluster import Cluster
from pipelines import Pipeline

from planner.core import units

pytestmark = pytest.mark.cluster
REFUSE_TIMES = """
function slurm_job_submit(job, part_list, uid)
    return slurm.SUCCESS
end
function slurm_job_modify(job, rec, part_list, uid)
    if job.time_limit ~= slurm.NO_VAL then return slurm.ERROR end
    return slurm.SUCCESS
end
"""


def timed(cluster: Cluster, **settings: Any) -> Pipeline:
    """Return a pipeline whose tasks took half a minute per Mb before: from 24 minutes to two hours."""
    pipeline = Pipeline(cluster, time="08:00:00", **settings)
    pipeline.remember(minutes=0.5)
    pipeline.ready()
    return pipeline


def planned(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    return {task["task"]: task for task in json.loads((pipeline.latest() / "plan.json").read_text())["tasks"]}


def given(pipeline: Pipeline) -> dict[str, tuple[float | None, float | None]]:
    """Return the memory (MiB) and time limit (s) of each task, as slurmctld has them."""
    printed = pipeline.run("squeue", "-h", "--noconvert", "--states=all", "--array", "-o", "%F_%K|%m|%l").stdout
    found = {name: (mem, limit) for name, mem, limit in (line.split("|") for line in printed.split())}
    rows = [line.split("\t") for line in pipeline.manifest()]
    return {task: (units.parse_mem_mb(found[job][0]), units.parse_duration_s(found[job][1])) for task, job, *_ in rows}


def in_minutes(seconds: float) -> float:
    return -(-seconds // 60) * 60


@pytest.mark.parametrize("how", ["chromplan", "submit.sh"])
def test_each_element_has_its_own_memory_and_time_limit_by_one_scontrol(omk_cluster: Cluster, how: str) -> None:
    pipeline = timed(omk_cluster)
    argv = ["chromplan", "submit"] if how == "chromplan" else ["bash", "rounds/r001/submit.sh"]
    pipeline.run(*argv, env=pipeline.counting("scontrol"))
    assert [call.partition(" ")[0] for call in pipeline.calls("scontrol")] == ["show", "", "release"]
    wanted = {name: (task["request_mb"], in_minutes(task["time_limit_s"])) for name, task in planned(pipeline).items()}
    assert given(pipeline) == wanted
    assert len({limit for _, limit in wanted.values()}) > 10
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert set(pipeline.ran().values()) == {1}


@pytest.fixture(scope="module")
def keeps_times(clusters: Any) -> Iterator[Cluster]:
    """A cluster where nobody may change a time limit."""
    running = clusters.start(job_submit_lua=REFUSE_TIMES)
    yield running
    running.stop()


@pytest.mark.parametrize("how", ["chromplan", "submit.sh"])
def test_where_time_limits_are_refused_memory_is_given_all_the_same(keeps_times: Cluster, how: str) -> None:
    pipeline = timed(keeps_times, chromosomes="1,8,22")
    argv = ["chromplan", "submit"] if how == "chromplan" else ["bash", "rounds/r001/submit.sh"]
    said = pipeline.run(*argv).stderr
    assert ("2 of 2 elements keep the array's time limit: theirs was refused" in said) == (how == "chromplan")
    plan = planned(pipeline)
    longest_s = in_minutes(max(task["time_limit_s"] for task in plan.values()))
    assert given(pipeline) == {name: (task["request_mb"], longest_s) for name, task in plan.items()}
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert {line.split("\t")[5] for line in pipeline.manifest()} == {"array.sh"}


@pytest.mark.slow
def test_a_step_that_passes_its_own_limit_is_a_timeout_and_the_others_go_on(omk_cluster: Cluster) -> None:
    command = "[ {chromosome} != 22 ] || sleep 200; echo done >> out/{sample}.chr{chromosome}"
    pipeline = Pipeline(omk_cluster, mode="packed", chromosomes="20-22", time="00:01:00", command=command)
    pipeline.ready()
    pipeline.chromplan("submit")
    outcomes = {task: row["outcome"] for task, row in pipeline.finish().items()}
    assert outcomes == {"s1.chr20": "completed", "s1.chr21": "completed", "s1.chr22": "timeout"}
