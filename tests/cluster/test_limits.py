"""The site's limits on a real Slurm: long arrays, full queues, K at once, submissions that died after the release."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from cluster import Cluster, Node
from pipelines import Pipeline

from planner.core import units

pytestmark = pytest.mark.cluster
ALL = {f"s1.chr{c}": 1 for c in range(1, 23)}
STAMP = 'echo "$(date +%s.%N) $CHROMPLAN_TASK {}" >> times'
# no task ends before a second one has started: two run together for certain, and a third would be seen
TWO = "until [ $(grep -c start times) -gt 1 ]; do sleep 0.1; done"
NAP = f"{STAMP.format('start')}; {TWO}; sleep 0.6; {STAMP.format('end')}"


def most_running(pipeline: Pipeline) -> int:
    """Return how many tasks ran together, by their own clock."""
    running = most = 0
    for line in sorted((pipeline.folder / "times").read_text().splitlines()):
        running += 1 if line.endswith("start") else -1
        most = max(most, running)
    return most


def started(pipeline: Pipeline) -> list[str]:
    """Return when Slurm started each task, in the plan's order; two at once may say it in the other."""
    ids = [line.split("\t")[1] for line in pipeline.manifest()]
    rows = pipeline.cluster.sacct(*ids, fields=("JobID", "Start"))
    when = {row["JobID"]: row["Start"] for row in rows}
    return [when[job_id] for job_id in ids]


def submit(pipeline: Pipeline, **env: Any) -> None:
    pipeline.ready()
    pipeline.chromplan("submit", **env)


@pytest.mark.parametrize(
    ("mode", "site"), [("jobs", ""), ("array", "max_array_size = 3"), ("tiers", "max_array_size = 4")]
)
def test_never_more_than_k_run_at_once_and_each_in_its_turn(omk_cluster: Cluster, mode: str, site: str) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode, site=site, chromosomes="1-7", submit="max_running = 2", command=NAP)
    submit(pipeline)
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert most_running(pipeline) == 2
    if mode == "array":  # the parts one after the other, each in order
        started_s = started(pipeline)
        assert started_s == sorted(started_s)


HUNDRED = str([f"s{i}" for i in range(100)]).replace("'", '"')


def given_memory(pipeline: Pipeline) -> dict[str, float | None]:
    """Return what each element asks for, MiB, as the queue shows it."""
    arrays = {line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}
    queue = pipeline.run("squeue", "-r", "-h", "--noconvert", "-o", "%F_%K|%m", "-j", ",".join(sorted(arrays))).stdout
    return {line.partition("|")[0]: units.parse_mem_mb(line.partition("|")[2]) for line in queue.split()}


def job_records(pipeline: Pipeline) -> list[str]:
    """Return slurmctld's records of the project's jobs, a line each; other jobs may be forgotten meanwhile."""
    lines = pipeline.run("scontrol", "show", "job", "-o").stdout.splitlines()
    return [line for line in lines if f" WorkDir={pipeline.folder} " in line]


def wanted_memory(pipeline: Pipeline) -> dict[str, int]:
    return {row.split("\t")[1]: int(row.split("\t")[3]) for row in pipeline.manifest()}


def test_2200_elements_get_their_own_memory_by_ranges_in_one_scontrol(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, samples=HUNDRED, command="sleep 300  # {task}")
    pipeline.ready()
    said = pipeline.run("chromplan", "submit", env=pipeline.counting("scontrol")).stderr
    told = re.search(r"(\d+) updates for 2200 elements, of which Slurm then keeps (\d+) job records", said)
    assert told
    assert int(told[1]) <= 25  # 22 chromosomes in three arrays: MaxArraySize is 1001
    # one process for all updates, one for all releases; what a busy slurmctld does not answer is asked again
    assert set(pipeline.calls("scontrol")) == {"show config", ""}
    assert given_memory(pipeline) == wanted_memory(pipeline)
    # tasks may have begun, and every one that runs is a record of its own
    records = job_records(pipeline)
    begun = [line for line in records if "JobState=PENDING" not in line]
    assert int(told[2]) <= len(records) <= int(told[2]) + len(begun)
    assert int(told[2]) < 2200


@pytest.mark.parametrize("priority", ["basic", "multifactor"])
def test_ranges_start_in_the_plans_order(start_cluster: Callable[..., Cluster], priority: str) -> None:
    cluster = start_cluster(priority=priority, nodes=[Node(cpus=1, mem_mb=4000)], extra="PriorityWeightJobSize=1000")
    pipeline = Pipeline(cluster, samples=HUNDRED, chromosomes="19-22", command="sleep 600  # {task}")
    submit(pipeline)
    queue = pipeline.run("squeue", "-r", "-h", "-t", "PD", "-o", "%F_%K|%Q").stdout.split()
    priority_of = {line.partition("|")[0]: int(line.partition("|")[2]) for line in queue}
    planned = [row.split("\t")[1] for row in pipeline.manifest() if row.split("\t")[1] in priority_of]
    assert len(planned) > 390
    in_turn = [priority_of[element] for element in planned]
    assert in_turn == sorted(in_turn, reverse=True)


def test_the_submit_script_gives_memory_by_ranges_too(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, samples=HUNDRED, chromosomes="17-22", command="sleep 300  # {task}")
    pipeline.ready()
    pipeline.run("bash", "rounds/r001/submit.sh")
    assert len(wanted_memory(pipeline)) == 600
    assert given_memory(pipeline) == wanted_memory(pipeline)
    held = pipeline.run("squeue", "-r", "-h", "-o", "%r", "-j", pipeline.manifest()[0].split("\t")[1].partition("_")[0])
    assert "JobHeldUser" not in held.stdout


def test_a_submit_killed_after_the_release_runs_nothing_twice(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, site="max_array_size = 12")
    pipeline.ready()
    after_release = '"$real" "$@"; code=$?; [ "$1" != release ] || { sleep 3; kill -9 "$PPID"; }; exit $code'
    killed = pipeline.run("chromplan", "submit", env=pipeline.intercept("scontrol", after_release), check=False)
    assert killed.returncode != 0
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.ran() == ALL


def test_where_an_element_may_not_be_released_what_waits_goes_out_anew(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="19-22", submit="max_running = 1")
    pipeline.ready()
    denied = 'echo "${2##*,}: Access/permission denied" >&2; "$real" release "${2%,*}"; exit 1'
    all_but_one = f'[ "$1" != release ] || {{ {denied}; }}; exec "$real" "$@"'
    said = pipeline.run("chromplan", "submit", env=pipeline.intercept("scontrol", all_but_one))
    assert "Access/permission denied" in said.stderr
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.ran() == {f"s1.chr{k}": 1 for k in range(19, 23)}


def test_a_release_whose_answer_was_lost_is_taken(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="19-22", submit="max_running = 1")
    pipeline.ready()
    lost = (
        '[ "$1" != release ] || { "$real" "$@"; echo "19_1: Access/permission denied" >&2; exit 1; }; exec "$real" "$@"'
    )
    pipeline.run("chromplan", "submit", env=pipeline.intercept("scontrol", lost))
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}


def test_what_the_queue_does_not_take_goes_with_the_next_round(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, site="max_submit = 17")
    submit(pipeline)
    assert len(pipeline.finish()) == 15
    assert len(pipeline.json("next")["tasks"]) == 7
    pipeline.chromplan("submit")
    pipeline.finish()
    assert pipeline.ran() == ALL


def test_submissions_keep_the_sites_distance(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="jobs", site='submit_rate = "1/s"', chromosomes="20-22")
    pipeline.ready()
    pipeline.chromplan("submit", env=pipeline.intercept("sbatch", 'date +%s.%N >> when; exec "$real" "$@"'))
    when = [float(line) for line in (pipeline.folder / "when").read_text().split()]
    assert len(when) == 3
    assert all(later - earlier > 0.99 for earlier, later in itertools.pairwise(when)), when
    pipeline.finish()


def test_the_submit_script_chains_the_parts(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(
        omk_cluster, site="max_array_size = 3", chromosomes="1-7", submit="max_running = 3", command=NAP
    )
    pipeline.ready()
    pipeline.run("bash", "rounds/r001/submit.sh")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert most_running(pipeline) <= 3


@pytest.mark.parametrize(
    ("mode", "scripts"), [("array", ["array.sh", "tier-4.sh"]), ("jobs", ["jobs/s1.chr1.sh"]), ("het", ["het.sh"])]
)
def test_a_script_of_each_kind_is_tried_and_nothing_submitted(
    omk_cluster: Cluster, mode: str, scripts: list[str]
) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode)
    pipeline.ready()
    said = pipeline.chromplan("submit", "--test-only")
    assert said.splitlines() == [f"{script}: would be taken" for script in scripts]
    assert not (pipeline.latest() / "submission.json").exists()


def test_what_slurm_would_refuse_is_said_before_it_is_submitted(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, formula="20000 + length_mb", mode="jobs", chromosomes="22")
    pipeline.write("site.toml", (pipeline.folder / "site.toml").read_text().replace("4000", "64000"))
    pipeline.ready()
    refused = pipeline.run("chromplan", "submit", "--test-only", check=False)
    assert refused.returncode == 1
    assert "jobs/s1.chr22.sh: refused: " in refused.stdout
    assert "Requested node configuration is not available" in refused.stdout
