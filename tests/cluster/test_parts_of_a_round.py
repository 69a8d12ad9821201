"""A pipeline that a site takes only in parts: each part follows the one before by itself, until every task is done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest
import slurm_processes as processes
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
MOST_QUEUED, ARRAY_SIZE = 8, 5
# the first attempt of chr3 holds more than it asks for; chr5 fails as long as nobody has mended it
COMMAND = """
until [ -e go ]; do sleep 0.2; done
if [ {chromosome} = 3 ]; then python3 hold.py 150 {sample} {chromosome}; exit; fi
if [ {chromosome} = 5 ] && [ ! -e mended ]; then exit 3; fi
echo done >>out/{sample}.chr{chromosome}
"""


@pytest.fixture
def limited(start_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster that takes few jobs of its user at once, and short arrays."""
    cluster = start_cluster(extra=f"AccountingStorageEnforce=limits\nMaxArraySize={ARRAY_SIZE}")
    mine = ("sacctmgr", "--immediate")
    cluster.administrate(*mine, "add", "account", "lab", f"cluster={cluster.name}")
    cluster.administrate(
        *(*mine, "add", "user", cluster.person.name, "account=lab", f"cluster={cluster.name}"),
        f"MaxSubmitJobs={MOST_QUEUED}",
    )
    return cluster


def queued(pipeline: Pipeline) -> list[str]:
    return pipeline.run("squeue", "-r", "-h", "-o", "%i|%j|%T").stdout.split()


def submitted(pipeline: Pipeline) -> int:
    return len(list(pipeline.folder.glob("rounds/*/submission.json")))


def latest(pipeline: Pipeline) -> dict[str, str]:
    """Return the last outcome of each task."""
    rows = sorted(pipeline.json("status", "--all"), key=lambda row: row["round"])
    return {row["task"]: row["outcome"] or row["state"] for row in rows}


def test_the_parts_follow_each_other_to_the_end_past_a_kill_a_failure_and_a_cancel(limited: Cluster) -> None:
    pipeline = Pipeline(
        limited,
        site=f"max_submit = {MOST_QUEUED}\nmax_array_size = {ARRAY_SIZE}",
        chromosomes="1-22",
        formula="100",
        command=COMMAND,
    )
    pipeline.ready()
    pipeline.chromplan("submit", "--then-next")
    first = json.loads((pipeline.latest() / "plan.json").read_text())
    assert 0 < len(first["tasks"]) < 22
    assert len(queued(pipeline)) <= MOST_QUEUED
    said = pipeline.chromplan("status")
    assert "16 not planned yet" in said, said
    cancelled = next(task["task"] for task in first["tasks"] if task["chromosome"] not in ("3", "5"))
    pipeline.chromplan("cancel", cancelled)
    pipeline.write("go", "")
    processes.wait_until(lambda: submitted(pipeline) > 1, "the second part", timeout_s=600, pause_s=0.5)
    looked = pipeline.run("chromplan", "watch", "--interval", "1", check=False)
    assert looked.returncode == 0, looked.stderr
    processes.wait_until(lambda: not queued(pipeline), "the last part to end", timeout_s=600, pause_s=1)
    pipeline.chromplan("ingest")
    found = latest(pipeline)
    assert len(found) == 22, found
    assert Counter(found.values()) == {"completed": 20, "failed": 1, "cancelled": 1}, found
    assert (found["s1.chr5"], found[cancelled]) == ("failed", "cancelled")
    pipeline.write("mended", "")
    pipeline.chromplan("next", "--submit", "--then-next", "--retry-failed")
    processes.wait_until(lambda: not queued(pipeline), "what failed to run again", timeout_s=600, pause_s=1)
    pipeline.chromplan("ingest")
    assert set(latest(pipeline).values()) == {"completed"}
    assert pipeline.ran() == {f"s1.chr{number}": 1 for number in range(1, 23)}
