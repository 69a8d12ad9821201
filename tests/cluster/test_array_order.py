"""Mode array starts the tasks in the plan's order, whatever orders the queue, and under the user's own indices."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cluster import Cluster, Node
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
CHROMOSOMES = "1,3,8,12,16,19,22,X"
# the costliest first: that is neither the order of the indices nor its reverse
FORMULA = "100 + max(length_mb - 120, 120 - length_mb)"
PLANNED = ["chr1", "chr3", "chr22", "chr19", "chrX", "chr16", "chr8", "chr12"]
INDEX = {"chr1": 1, "chr3": 3, "chr8": 8, "chr12": 12, "chr16": 16, "chr19": 19, "chr22": 22, "chrX": 23}


def started(cluster: Cluster, *argv: str, site: str = "", submit: str = "") -> list[str]:
    """Submit eight tasks to a cluster of one core, and return them in the order in which they started."""
    pipeline = Pipeline(
        cluster,
        chromosomes=CHROMOSOMES,
        command="bash say.sh {chromosome}",
        formula=FORMULA,
        site=site,
        submit=submit,
    )
    pipeline.write("say.sh", 'echo "$CHROMPLAN_TASK $SLURM_ARRAY_TASK_ID" >> started\n')
    pipeline.ready()
    assert [
        task["task"].removeprefix("s1.") for task in json.loads((pipeline.latest() / "plan.json").read_text())["tasks"]
    ] == PLANNED
    said = pipeline.run(*argv)
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert all(line.split("\t")[5].startswith("array") for line in pipeline.manifest()), (said.stdout, said.stderr)
    lines = [line.split() for line in (pipeline.folder / "started").read_text().splitlines()]
    if not site:
        assert {task.removeprefix("s1."): int(index) for task, index in lines} == INDEX
        ids = {row.split("\t")[0].removeprefix("s1."): row.split("\t")[1] for row in pipeline.manifest()}
        assert {task: int(job_id.partition("_")[2]) for task, job_id in ids.items()} == INDEX
    return [task.removeprefix("s1.") for task, _ in lines]


@pytest.mark.parametrize(
    ("scheduler", "priority"),
    [("backfill", "basic"), ("backfill", "multifactor"), ("builtin", "basic"), ("builtin", "multifactor")],
)
def test_an_array_starts_in_the_plans_order(
    start_cluster: Callable[..., Cluster], scheduler: str, priority: str
) -> None:
    # one core: what starts when is the queue's order and nothing else
    one_core = start_cluster(
        scheduler=scheduler, priority=priority, nodes=[Node(cpus=1, mem_mb=4000)], extra="PriorityWeightJobSize=1000"
    )
    assert started(one_core, "chromplan", "submit") == PLANNED
    assert started(one_core, "bash", "rounds/r001/submit.sh") == PLANNED
    assert started(one_core, "chromplan", "submit", site="max_array_size = 5") == PLANNED, "in two parts"
    assert started(one_core, "chromplan", "submit", submit="max_running = 1") == PLANNED, "with a throttle"


def test_where_no_priority_has_a_weight_the_round_says_that_elements_start_by_index(
    start_cluster: Callable[..., Cluster],
) -> None:
    pipeline = Pipeline(start_cluster(priority="multifactor"), chromosomes="20-22")
    pipeline.ready()
    assert "no factor of this cluster's priorities has a weight" in pipeline.run("chromplan", "submit").stderr
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
