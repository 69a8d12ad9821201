"""Requeues by an administrator and by preemption: further attempts of the same task, and nothing of them is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import slurm_processes as processes
from cluster import Cluster, Node

pytestmark = pytest.mark.cluster

PREEMPTION = "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\nPartitionName=urgent Nodes=ALL PriorityTier=10"
SCRIPT = """#!/bin/bash
#SBATCH --array=21-22 --mem=100M --time=10 --requeue -o own.%a.out
echo "$SLURM_RESTART_COUNT" >> "began.$SLURM_ARRAY_TASK_ID"
[ -n "$SLURM_RESTART_COUNT" ] || sleep 600
sleep 4
echo "chr$SLURM_ARRAY_TASK_ID" > "done.$SLURM_ARRAY_TASK_ID"
"""


def test_an_administrator_and_a_more_urgent_job_requeue_tasks(start_cluster: Callable[..., Cluster]) -> None:
    nodes = [Node(cpus=1, mem_mb=1000), Node(cpus=1, mem_mb=1000)]
    cluster = start_cluster(nodes=nodes, extra=PREEMPTION)
    work = cluster.user_dir("scripts")

    def run(*argv: str) -> str:
        return cluster.run(argv, cwd=work).stdout.strip()

    def written(pattern: str) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(Path(work).glob(pattern))}

    cluster.run(["tee", "patient.sh"], cwd=work, stdin=SCRIPT)
    job = run("chromplan", "sbatch", "--no-history", "patient.sh")
    processes.wait_until(lambda: len(written("began.*")) == 2, "both to begin", timeout_s=60, pause_s=0.2)
    cluster.administrate("scontrol", "requeue", f"{job}_21")
    node = run("squeue", "-h", "-j", f"{job}_22", "-o", "%N")
    urgent = run(
        "sbatch", "--parsable", "-p", "urgent", "-w", node, "--mem=1000", "-o", "/dev/null", "--wrap", "sleep 2"
    )
    cluster.wait(urgent)

    # while they wait they are in flight: nothing is planned beside them
    assert json.loads(run("chromplan", "next", "--json", "-C", "patient"))["tasks"] == []
    cluster.wait_until_idle()
    cluster.wait(f"{job}_21", f"{job}_22")
    assert written("done.*") == {"done.21": "chr21\n", "done.22": "chr22\n"}
    assert written("began.*") == {"began.21": "\n1\n", "began.22": "\n1\n"}
    run("chromplan", "ingest", "-C", "patient")
    rows = json.loads(run("chromplan", "status", "--json", "-C", "patient"))
    assert {(row["task"], row["outcome"], row["job_id"]) for row in rows} == {
        ("chr21", "completed", f"{job}_21"),
        ("chr22", "completed", f"{job}_22"),
    }
    assert json.loads(run("chromplan", "next", "--json", "-C", "patient"))["tasks"] == []
