"""Whatever a site prints beside Slurm's answers, a round goes as without it."""

from __future__ import annotations

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo", "srun", "sstat")
NOISE = """
echo "Welcome to the cluster: 17 jobs | 3 users"
echo "$(basename "$0"): error: Parsing error at unrecognized key: FastSchedule" >&2
exec "$real" "$@"
"""


def noisy(pipeline: Pipeline) -> dict[str, str]:
    """Return an environment in which each of Slurm's commands prints more than its answer."""
    folders = [pipeline.intercept(program, NOISE)["PATH"].partition(":")[0] for program in COMMANDS]
    return {"PATH": ":".join([*folders, pipeline.cluster.environment()["PATH"]])}


@pytest.mark.parametrize("mode", ["array", "packed", "dynamic"])
def test_a_round_is_submitted_followed_and_recorded(omk_cluster: Cluster, mode: str) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode, chromosomes="20-22")
    env = noisy(pipeline)
    for words in (("plan",), ("render",), ("submit",), ("status",), ("watch",), ("ingest",)):
        pipeline.chromplan(*words, env=env)
    assert pipeline.ran() == {f"s1.chr{name}": 1 for name in (20, 21, 22)}
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.latest().name == "r001"
    assert "nothing is left to run" in pipeline.chromplan("next", env=env)


def test_the_submission_in_bash_too(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22")
    pipeline.ready()
    pipeline.run("bash", "rounds/r001/submit.sh", env=noisy(pipeline))
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert len({line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}) == 1, "one array, no tiers"


def test_a_round_is_cancelled(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", command="sleep 600; : {chromosome}")
    pipeline.ready()
    env = noisy(pipeline)
    pipeline.chromplan("submit", env=env)
    pipeline.chromplan("cancel", "--yes", env=env)
    assert {row["outcome"] for row in pipeline.finish().values()} == {"cancelled"}


def test_the_site_is_detected_as_without_it(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    env = noisy(pipeline)
    assert pipeline.chromplan("site", "detect", env=env) == pipeline.chromplan("site", "detect")
    assert pipeline.run("chromplan", "doctor", env=env, check=False).returncode == (
        pipeline.run("chromplan", "doctor", check=False).returncode
    )
