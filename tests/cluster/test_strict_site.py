"""A site that rewrites what is submitted, hides other people's jobs, and limits how many jobs a user may have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
ALL = {f"s1.chr{name}": 1 for name in (20, 21, 22)}
# its own words for names, no comments, at least 200 MB, and never less than an hour
REWRITES = """
function slurm_job_submit(description, partitions, uid)
    description.comment = ""
    description.name = "site_" .. description.name
    if description.pn_min_memory < 200 then description.pn_min_memory = 200 end
    description.time_limit = 60
    slurm.log_user("your job was adapted to this site")
    return slurm.SUCCESS
end
function slurm_job_modify(description, record, partitions, uid) return slurm.SUCCESS end
return slurm.SUCCESS
"""
# Slurm takes the first job, and its answer is lost
LOST_ONCE = """
if mkdir lost 2>/dev/null; then
    "$real" "$@" >/dev/null
    echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
    exit 1
fi
exec "$real" "$@"
"""
HIDING = "PrivateData=accounts,events,jobs,nodes,usage,users"
QUARTER_OF_AN_HOUR_S = 1000


def test_what_a_site_rewrites_and_whose_answer_was_lost_is_found_and_runs_once(
    start_cluster: Callable[..., Cluster],
) -> None:
    rewriting = start_cluster(job_submit_lua=REWRITES, extra=HIDING)
    for mode in ("array", "jobs"):
        pipeline = Pipeline(rewriting, mode=mode, chromosomes="20-22")
        pipeline.ready()
        pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", LOST_ONCE))
        assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}, mode
        assert pipeline.ran() == ALL, mode
        assert "nothing is left to run" in pipeline.chromplan("next"), mode


@pytest.fixture
def limited(start_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster whose user may have two jobs, waiting and running ones together."""
    cluster = start_cluster(extra="AccountingStorageEnforce=limits")
    mine = ("sacctmgr", "--immediate")
    person = cluster.person.name
    cluster.administrate(*mine, "add", "account", "lab", f"cluster={cluster.name}")
    cluster.administrate(*mine, "add", "user", person, "account=lab", f"cluster={cluster.name}", "MaxSubmitJobs=2")
    return cluster


def test_where_a_limit_cuts_a_submission_short_it_goes_on_once_there_is_room(limited: Cluster) -> None:
    # equal memory would be one tier
    for mode, formula in (("jobs", "100 + length_mb"), ("tiers", "100 + 40 * length_mb")):
        pipeline = Pipeline(limited, mode=mode, chromosomes="20-22", formula=formula)
        pipeline.ready()
        refused = pipeline.run("chromplan", "submit", check=False)
        assert refused.returncode == 1, mode
        assert len(refused.stderr.splitlines()) == 2
        assert "limit" in refused.stderr
        assert len(pipeline.manifest()) == 2
        limited.wait_until_idle()
        pipeline.chromplan("submit")
        assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}, mode
        assert pipeline.ran() == ALL, mode


def test_an_array_above_the_limit_is_refused_whole_and_may_be_planned_in_parts(limited: Cluster) -> None:
    pipeline = Pipeline(limited, chromosomes="20-22")
    pipeline.ready()
    refused = pipeline.run("chromplan", "submit", check=False)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 2
    assert {row["state"] for row in pipeline.json("status")} == {"planned"}
    site = (pipeline.folder / "site.toml").read_text()
    pipeline.write("site.toml", site.replace('name = "private"', 'name = "private"\nmax_submit = 2'))
    pipeline.ready()
    pipeline.chromplan("submit")
    pipeline.finish()
    for _ in range(2):  # one at a time: places are kept for jobs that go on
        pipeline.chromplan("next", "--submit")
        pipeline.finish()
    assert pipeline.ran() == ALL


@contextmanager
def somebody_else(cluster: Cluster) -> Iterator[None]:
    """Have another user of the group work on this cluster for a while."""
    person = cluster.person
    cluster.person = replace(person, name="daemon", uid=1)
    try:
        yield
    finally:
        cluster.person = person


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_jobs_of_another_user_that_the_cluster_hides_are_neither_lost_nor_submitted_again(
    start_cluster: Callable[..., Cluster],
) -> None:
    cluster = start_cluster(extra=HIDING)
    cluster.administrate("scontrol", "update", "PartitionName=main", "State=DOWN")
    pipeline = Pipeline(cluster, mode="jobs", chromosomes="20-22")
    pipeline.ready()
    dies = pipeline.intercept("sbatch", '"$real" "$@"; kill -9 $PPID')
    pipeline.run("chromplan", "submit", env=dies, check=False)
    pipeline.run("bash", "-c", "chmod -R g+rwX . && find . -type d -exec chmod g+s {} +")
    silent = pipeline.intercept("sacct", "exit 0")  # as slurmdbd may, too
    for words in (("submit",), ("next", "--submit"), ("ingest",)):
        with somebody_else(cluster):
            refused = pipeline.run("chromplan", *words, env=silent, check=False)
        assert refused.returncode == 1, words
        said, hint = refused.stderr.splitlines()[-2:]
        assert said.endswith(f"in part, by {cluster.person.name}"), words
        assert hint.startswith(f"hint: only {cluster.person.name} can"), words
    pipeline.chromplan("submit")
    path = pipeline.latest() / "submission.json"
    journal = json.loads(path.read_text())
    pipeline.write(
        "rounds/r001/submission.json", json.dumps(journal | {"started_s": journal["started_s"] - QUARTER_OF_AN_HOUR_S})
    )
    with somebody_else(cluster):
        assert "recorded: 3 not ended yet" in pipeline.chromplan("ingest", env=silent)
    cluster.administrate("scontrol", "update", "PartitionName=main", "State=UP")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert "recorded: 3 completed" in pipeline.chromplan("ingest")
    assert pipeline.ran() == ALL
