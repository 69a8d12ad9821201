"""``chromplan plan --when`` on a real Slurm: a small task finds a gap where one ``--mem`` for all has to wait."""

from __future__ import annotations

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


def test_a_small_task_would_start_now_and_one_mem_for_all_would_wait(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="1,21,22", formula="10 * length_mb", mode="array")
    # what is left on both nodes holds chr22 (about 510 MB), and not chr1
    for node, mem_mb in (("n1", 7000), ("n2", 3000)):
        omk_cluster.sbatch("sleep 600", "-w", node, f"--mem={mem_mb}", "--time=30")
    pipeline.until(lambda: pipeline.run("squeue", "-h", "-t", "R", "-o", "%i").stdout.count("\n") == 2)
    found = pipeline.json("plan", "--when")
    assert [one["asking"] for one in found] == ["one --mem", "its own", "its own", "its own"]
    assert [one["tasks"] for one in found] == [3, 3, 2, 1]
    everywhere, largest, *_, smallest = found
    assert everywhere["start_s"] == pytest.approx(largest["start_s"], abs=120)
    assert largest["wait_s"] > 600
    assert smallest["wait_s"] < 60
    assert not (pipeline.folder / "rounds").exists()
    shown = pipeline.chromplan("plan", "--when")
    assert shown.splitlines()[0].startswith("asking  ")
    assert len(shown.splitlines()) == 6
    assert shown.endswith("each on its own, in the queue as it is now: sbatch --test-only\n")
