"""Whatever the user's environment tells Slurm's commands, a round goes as without it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import interference
import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
TRIALS = Path(__file__).parent / "interference_trials.py"
SETTINGS = {family: interference.variables(family) for family in interference.FAMILIES}


@pytest.mark.parametrize("hostile", SETTINGS.values(), ids=SETTINGS)
def test_a_round_goes_as_without_it(omk_cluster: Cluster, hostile: dict[str, str]) -> None:
    goes_as_without(omk_cluster, hostile, "chromplan", "submit")


def test_the_submission_in_bash_goes_as_without_it(omk_cluster: Cluster) -> None:
    goes_as_without(omk_cluster, interference.VARIABLES, "bash", "rounds/r001/submit.sh")


def goes_as_without(cluster: Cluster, hostile: dict[str, str], *argv: str) -> None:
    pipeline = Pipeline(cluster, chromosomes="20-22", command=": {chromosome}; echo $CHROMPLAN_TASK >> started")
    pipeline.ready()
    pipeline.run(*argv, env=hostile)
    ended = pipeline.finish()
    assert {row["outcome"] for row in ended.values()} == {"completed"}
    assert sorted(line.split()[0] for line in (pipeline.folder / "started").read_text().splitlines()) == sorted(ended)
    assert len({line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}) == 1, "one array, no tiers"
    assert "3 completed" in pipeline.chromplan("ingest", env=hostile)


def test_steps_go_as_without_it(omk_cluster: Cluster) -> None:
    for mode in ("packed", "dynamic"):
        pipeline = Pipeline(omk_cluster, mode=mode, chromosomes="20-22")
        pipeline.ready()
        pipeline.run("chromplan", "submit", env=interference.VARIABLES)
        assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}


@pytest.mark.skipif(not os.environ.get("CHROMPLAN_EVERY_VARIABLE"), reason="CHROMPLAN_EVERY_VARIABLE=1: takes minutes")
def test_a_round_goes_as_without_each_variable_by_itself(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22")
    pipeline.ready()
    work = omk_cluster.user_dir("interference")
    spec = {
        "base": str(pipeline.folder),
        "work": str(work / "trials"),
        "variables": interference.VARIABLES,
        "tasks": ["s1.chr20", "s1.chr21", "s1.chr22"],
    }
    pipeline.write("spec.json", json.dumps(spec))
    done = omk_cluster.run(
        ["python3", TRIALS, pipeline.folder / "spec.json"],
        cwd=work,
        check=False,
        timeout_s=6000,
        env={"TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = json.loads(done.stdout.splitlines()[-1])
    print(f"{len(interference.VARIABLES)} variables, {len(wrong)} wrong")
    for name, said in wrong.items():
        print(f"{name}:", *said, sep="\n  ")
    assert wrong == {}
