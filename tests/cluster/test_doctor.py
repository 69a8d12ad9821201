"""What doctor says of a real cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


def told(pipeline: Pipeline, *options: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, dict[str, Any]]]:
    done = pipeline.run("chromplan", "doctor", "--json", *options, env=env, check=False)
    return done.returncode, {one["about"]: one for one in json.loads(done.stdout)}


def test_the_test_cluster_is_fine_and_may_be_tried(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    code, found = told(pipeline, "--try", env={"SBATCH_EXPORT": "NONE"})
    assert code == 0
    assert found["Slurm"]["level"] == found["accounting"]["level"] == "fine"
    assert found["memory is enforced"]["found"] == "by Slurm's samples"
    assert found["waiting jobs may be changed"]["found"] == "yes, tried"
    assert found["environment"]["found"] == "SBATCH_EXPORT"
    assert pipeline.run("squeue", "-h").stdout == ""
    assert not list(pipeline.folder.glob(".chromplan-doctor*"))


def test_without_slurm_doctor_says_so(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    code, found = told(pipeline, env=pipeline.without_slurm())
    assert code == 1
    assert found["Slurm"]["found"] == "no sbatch on the PATH"
    assert "run --local" in found["Slurm"]["means"]


def test_accounting_that_is_down_will_not_work(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    with omk_cluster.accounting.down():
        code, found = told(pipeline)
    assert code == 1
    assert found["accounting"]["level"] == "wrong"
