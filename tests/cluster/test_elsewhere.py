"""A site whose jobs go to another cluster than the one of the login node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import Cluster
from conftest import Clusters
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def there(clusters: Clusters) -> Iterator[Cluster]:
    """Another cluster, known to the same accounting."""
    running = clusters.start()
    yield running
    running.stop()


@pytest.mark.parametrize("argv", [("chromplan", "submit"), ("bash", "rounds/r001/submit.sh")], ids=["submit", "bash"])
def test_what_is_submitted_to_another_cluster_is_changed_released_and_found_there(
    omk_cluster: Cluster, there: Cluster, argv: tuple[str, ...]
) -> None:
    pipeline = Pipeline(omk_cluster, site=f'clusters = "{there.name}"', chromosomes="17-22", time="08:00:00")
    pipeline.remember(minutes=0.5)
    pipeline.ready()
    pipeline.run(*argv)
    job = pipeline.manifest()[0].split("\t")[1].partition("_")[0]
    there.wait(*(line.split("\t")[1] for line in pipeline.manifest()))
    ended = {row["task"]: row for row in pipeline.json("status")}
    assert {row["state"] for row in ended.values()} == {"completed"}
    asked = pipeline.run("squeue", f"--clusters={there.name}", "-rh", "-t", "all", "-o", "%F_%K|%m", "-j", job).stdout
    assert dict(line.split("|") for line in asked.split()) == {
        row["job_id"]: f"{row['request_mb']}M" for row in ended.values()
    }
    assert len(set(asked.split())) == 6
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in range(17, 23)}


def test_an_interrupted_submission_to_another_cluster_goes_on_there(omk_cluster: Cluster, there: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, site=f'clusters = "{there.name}"', chromosomes="20-22")
    pipeline.ready()
    killed = pipeline.intercept("sbatch", '"$real" "$@"; kill -9 "$PPID"')
    assert pipeline.run("chromplan", "submit", env=killed, check=False).returncode != 0
    pipeline.chromplan("submit")
    there.wait(*(line.split("\t")[1] for line in pipeline.manifest()))
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in range(20, 23)}


def test_history_and_wrap_ask_about_jobs_where_they_ran(omk_cluster: Cluster, there: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, site=f'clusters = "{there.name}"', name="asking")
    pipeline.write("old.sh", "#!/bin/bash\n#SBATCH --array=21-22 --mem=50 --job-name=elsewhere\nsleep 1\n")
    sent = pipeline.run("sbatch", f"--clusters={there.name}", "--parsable", "old.sh").stdout
    there.wait(*(f"{sent.partition(';')[0]}_{index}" for index in (21, 22)))
    argv = ("history", "collect", "--name", "elsewhere", "-S", "now-1hour", "-E", "now", "--tool", "old")
    assert pipeline.chromplan(*argv, "--array-is-chromosome").startswith("sacct: 2 attempts")
    here = pipeline.run("chromplan", *argv, "-M", omk_cluster.name, check=False)
    assert here.stdout.startswith("sacct: 0 attempts")
    assert "2 attempts of jobs called elsewhere" in pipeline.chromplan("wrap", "old.sh")
