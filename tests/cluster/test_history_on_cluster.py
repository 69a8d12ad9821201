"""``chromplan history collect`` and the two forms of sacct's output, against a live Slurm."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from accounts import read_json
from cluster import Cluster

from planner.history.sacct.read import JobAttempt, read_text

pytestmark = pytest.mark.cluster
SCRIPT = """#!/bin/bash
#SBATCH --array=1-3 --mem=150 --acctg-freq=task=1
hold='import sys, time; block = b"x" * (int(sys.argv[1]) << 20); time.sleep(4)'
srun -J "chr$SLURM_ARRAY_TASK_ID" python3 -c "$hold" "$((SLURM_ARRAY_TASK_ID == 3 ? 400 : 40 * SLURM_ARRAY_TASK_ID))"
exit 0
"""


def numbers(attempts: tuple[JobAttempt, ...]) -> dict[str, dict[str, Any]]:
    """Return what both forms hold; 22.05's JSON has neither UNLIMITED nor the exit status."""
    found = {}
    for attempt in attempts:
        values = asdict(attempt)
        for values_of in (values, *values["steps"]):
            values_of.pop("evidence")
        values.pop("time_limit_s")
        found[attempt.job_id] = values
    return found


def test_collect_records_what_an_array_really_used(cluster: Cluster) -> None:
    work = cluster.user_dir("history")
    job_id = cluster.sbatch(SCRIPT, cwd=work)
    cluster.wait(*(f"{job_id}_{index}" for index in (1, 2, 3)))
    said = cluster.run(["chromplan", "history", "collect", "--job", job_id, "--tool", "hold", "--poll", "1"], cwd=work)
    assert "history: 3 new, 0 updated, 0 unchanged" in said.stdout
    seen = json.loads(cluster.run(["chromplan", "history", "show", "--json"], cwd=work).stdout)
    by_task = {one["task"]: one for one in seen}
    assert [by_task[f"chr{c}"]["outcome"] for c in (1, 2, 3)] == ["completed", "completed", "oom"]
    assert [by_task[f"chr{c}"]["limit_mb"] for c in (1, 2, 3)] == [150, 150, 150]
    assert 40 < by_task["chr1"]["peak_mb"] < 80 < by_task["chr2"]["peak_mb"] < 120
    assert by_task["chr3"]["peak_mb"] >= 150


def test_text_and_json_of_a_live_sacct_say_the_same(omk_cluster: Cluster) -> None:
    from planner.history.sacct import read as sacct

    work = omk_cluster.user_dir("forms")
    job_id = omk_cluster.sbatch(SCRIPT, cwd=work)
    omk_cluster.wait(*(f"{job_id}_{index}" for index in (1, 2, 3)))
    environment = [f"{name}={value}" for name, value in sacct.ENVIRONMENT.items()]
    text = omk_cluster.run(["env", *environment, *sacct.arguments([job_id])], cwd=work).stdout
    document = omk_cluster.run(["sacct", "--json", "-j", job_id], cwd=work).stdout
    from_text, from_json = read_text(text, poll_s=1), read_json(document, poll_s=1)
    assert len(from_text.attempts) == 3
    assert (from_text.skipped, from_json.skipped) == ((), ())
    assert numbers(from_text.attempts) == numbers(from_json.attempts)
