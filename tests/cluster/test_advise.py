"""``chromplan advise`` on a live Slurm: somebody's array that chromplan had nothing to do with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster import Cluster

pytestmark = pytest.mark.cluster
SCRIPT = """#!/bin/bash
#SBATCH --array=1-6 --mem=200 --job-name=hold.sh --acctg-freq=task=1
hold='import sys, time; block = b"x" * (int(sys.argv[1]) << 20); time.sleep(4)'
[ "$SLURM_ARRAY_TASK_ID" -ne 6 ] || sleep 3 # a kill in its first second costs nothing by accounting's clock
python3 -c "$hold" "$((SLURM_ARRAY_TASK_ID == 6 ? 400 : 15 * SLURM_ARRAY_TASK_ID))"
exit 0
"""


def advised(cluster: Cluster, *arguments: str) -> dict[str, Any]:
    said = cluster.run(["chromplan", "advise", *arguments, "--poll", "1", "--json"], cwd=cluster.user_dir("advise"))
    (array,) = json.loads(said.stdout)["arrays"]
    assert isinstance(array, dict)
    return array


def test_an_array_is_advised_on_by_its_id_and_by_its_name(cluster: Cluster) -> None:
    work = cluster.user_dir("advise")
    job_id = cluster.sbatch(SCRIPT, cwd=work)
    cluster.wait(*(f"{job_id}_{index}" for index in range(1, 7)))
    array = advised(cluster, job_id)
    assert array["outcomes"] == {"completed": 5, "oom": 1}
    assert array["asked_mb"] == [200, 200]
    peaks = [one["peak_mb"] for one in array["elements"]]
    assert peaks == sorted(peaks)
    assert [one["quality"] for one in array["elements"]] == ["sampled"] * 5 + ["censored"]
    assert {one["way"] for one in array["ways"]} >= {"as asked", "one --mem", "tiers", "each its own"}
    assert array["next_time"]["directives"][0].startswith("#SBATCH --mem=")
    # what submitted it is kept by sacct
    assert array["next_time"]["chromplan_sbatch"] == "chromplan sbatch"  # the script came from standard input
    assert array["memory_gb_h"]["killed"] > 0
    assert array["core_h"]["reserved"] > 0
    assert advised(cluster, "--name", "hold.sh", "--since", "now-1hours")["elements"] == array["elements"]
    shown = cluster.run(["chromplan", "advise", f"{job_id}_6", "--poll", "1"], cwd=work).stdout
    assert shown.startswith(f"array {job_id} hold.sh, 1 x 200 MB: 1 oom\n")
