"""What a plan says that it reserves is what Slurm was asked for, in every mode, on nodes of two sizes."""

from __future__ import annotations

import pytest
from cluster import Cluster
from pipelines import Pipeline

from planner.core import units
from planner.plan.document import Plan
from planner.report.reserved import reservations
from planner.report.savings import savings

pytestmark = pytest.mark.cluster
TWO_TYPES = """
[[partitions]]
name = "thin"
nodes = 1
cores = 8
mem_mb = 900

[[partitions]]
name = "fat"
nodes = 1
cores = 8
mem_mb = 3000
"""


def asked_of_slurm_mb(cluster: Cluster, jobs: set[str]) -> list[int]:
    """Return what each job, element or component was asked for, on all its nodes, as Slurm's queue has it, MiB."""
    argv = ["squeue", "--noheader", "--noconvert", "--states=all", "--array", "--format=%i|%m|%D"]
    rows = [line.strip().split("|") for line in cluster.run(argv).stdout.splitlines()]
    of_round = [(mem, int(nodes)) for job, mem, nodes in rows if job.replace("+", "_").partition("_")[0] in jobs]
    return sorted(round(units.parse_mem_mb(mem) or 0) * nodes for mem, nodes in of_round)


@pytest.mark.parametrize("mode", ["array", "tiers", "jobs", "packed", "het", "dynamic"])
def test_22_tasks_reserve_what_their_plan_says(two_types: Cluster, mode: str) -> None:
    pipeline = Pipeline(two_types, mode=mode)
    site = (pipeline.folder / "site.toml").read_text().partition("[[partitions]]")[0]
    pipeline.write("site.toml", site + TWO_TYPES)
    pipeline.remember(minutes=0.001)
    compared = {row["mode"]: row for row in pipeline.json("plan", "--compare")}
    pipeline.ready()
    pipeline.chromplan("submit")
    ended = pipeline.finish()
    assert {row["outcome"] for row in ended.values()} == {"completed"}

    plan = Plan.load(pipeline.latest() / "plan.json")
    jobs = {line.split("\t")[1].replace("+", "_").partition("_")[0] for line in pipeline.manifest()}
    asked_mb = asked_of_slurm_mb(two_types, jobs)
    assert asked_mb == sorted(one.mem_mb for one in reservations(plan))
    assert sum(asked_mb) == savings(plan).reserved_mb == compared[mode]["reserved_mb"]
    assert pipeline.ran() == {f"s1.chr{number}": 1 for number in range(1, 23)}
