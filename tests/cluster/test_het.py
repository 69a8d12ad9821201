"""Mode het on a real Slurm: one job over nodes of two sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster import Cluster
from pipelines import HOLD_COMMAND, Pipeline

from planner import units

pytestmark = pytest.mark.cluster
TWO_PARTITIONS = "PartitionName=fat Nodes=n1\nPartitionName=thin Nodes=n2"
SITE = """
name = "private"
description = "the test cluster"
source = "tests/cluster"
as_of = 2026-01-01
acctg_freq_s = 1

[[partitions]]
name = "thin"
nodes = 1
cores = 8
mem_mb = 256
default = true

[[partitions]]
name = "fat"
nodes = 1
cores = 8
mem_mb = 4000
"""


def test_tasks_run_as_steps_of_their_component_and_a_killed_one_runs_again(
    start_cluster: Callable[..., Cluster],
) -> None:
    cluster = start_cluster(extra=TWO_PARTITIONS)
    settings = {"formula": "240 + 0.1 * length_mb", "chromosomes": "1,2,8,20,22", "command": HOLD_COMMAND}
    pipeline = Pipeline(cluster, mode="het", **settings)
    pipeline.write("site.toml", SITE)
    pipeline.ready()
    pipeline.chromplan("submit")
    first = pipeline.finish()
    # chromosomes 1 and 2 hold more than the formula says
    assert {task: row["outcome"] for task, row in first.items()} == {
        "s1.chr1": "oom",
        "s1.chr2": "oom",
        "s1.chr8": "completed",
        "s1.chr20": "completed",
        "s1.chr22": "completed",
    }
    job = first["s1.chr1"]["job_id"].partition("+")[0]
    assert {row["job_id"] for row in first.values()} == {f"{job}+0", f"{job}+1"}
    assert {row["quality"] for row in first.values() if row["outcome"] == "completed"} == {"measured"}
    rows = cluster.sacct(job, fields=("JobID", "JobName", "AllocTRES", "NodeList"))
    steps = {row["JobName"]: row for row in rows if row["JobName"] in first}
    assert {task: row["NodeList"] for task, row in steps.items()} == {
        task: "n1" if task in ("s1.chr1", "s1.chr2") else "n2" for task in first
    }
    limits = {
        task: units.parse_mem_mb(dict(t.split("=") for t in row["AllocTRES"].split(","))["mem"])
        for task, row in steps.items()
    }
    assert limits == {task: row["request_mb"] for task, row in first.items()}
    while pipeline.json("next")["tasks"]:
        pipeline.chromplan("submit")
        pipeline.finish()
    assert pipeline.ran() == dict.fromkeys(first, 1)


def test_each_task_has_a_node_of_its_own_where_there_are_enough(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="het", chromosomes="21,22")
    pipeline.ready()
    killed = pipeline.intercept("sbatch", '"$real" "$@"; kill -9 "$PPID"')
    assert pipeline.run("chromplan", "submit", env=killed, check=False).returncode != 0
    pipeline.chromplan("submit")
    ended = pipeline.finish()
    assert {row["outcome"] for row in ended.values()} == {"completed"}
    assert len({row["job_id"] for row in ended.values()}) == 2
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}


def test_more_components_than_nodes_are_refused_before_anything_is_submitted(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="het", chromosomes="20-22")
    site = (pipeline.folder / "site.toml").read_text()
    pipeline.write("site.toml", site.replace("nodes = 2", "nodes = 3"))
    pipeline.ready()
    refused = pipeline.run("chromplan", "submit", env=pipeline.counting("sbatch"), check=False)
    assert refused.returncode == 1
    assert "3 components need a node each in main; 2 take jobs there" in refused.stderr
    assert not (pipeline.folder / "sbatch.calls").exists()
