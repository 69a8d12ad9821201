"""Mode het on a real Slurm: one job over nodes of two sizes."""

from __future__ import annotations

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


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
