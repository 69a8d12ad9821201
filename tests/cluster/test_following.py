"""A round followed on a real Slurm: tasks that fail, are killed, run out of time, are held, are cancelled."""

from __future__ import annotations

import pytest
from cluster import Cluster
from pipelines import Pipeline

from planner.core import units
from planner.core.memory_time import unit_for

pytestmark = pytest.mark.cluster
OFTEN = "query_interval_s = 1"
# 20 fails, 21 is killed for memory, 22 waits for a gate
TROUBLE = (
    "case {chromosome} in "
    "20) echo starting; echo 'cannot open ref.vcf' >&2; echo; exit 3;; "
    "21) exec python3 hold.py 900 {sample} {chromosome};; "
    "*) touch started; until test -e go; do sleep 0.2; done;; esac"
)
FOR_EVER = "touch started {chromosome}.started; sleep 600"


def job_of(pipeline: Pipeline, task: str) -> str:
    return next(line.split("\t")[1] for line in pipeline.manifest() if line.startswith(f"{task}\t"))


def submitted(pipeline: Pipeline, *options: str) -> None:
    pipeline.ready()
    pipeline.chromplan("submit", *options)


def test_status_tells_why_tasks_failed_and_where_their_logs_are(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", site=OFTEN, command=TROUBLE)
    submitted(pipeline)
    omk_cluster.wait(*(job_of(pipeline, f"s1.chr{name}") for name in (20, 21)))
    pipeline.run("bash", "-c", "until test -e started; do sleep 0.1; done")
    said = pipeline.chromplan("status")
    assert "0 of 3 tasks done, 1 failed, 1 oom, 1 running" in said
    assert "failed: s1.chr20: cannot open ref.vcf\n  rounds/r001/logs/" in said
    assert "oom: s1.chr21\n  rounds/r001/logs/" in said
    rows = {row["task"]: row for row in pipeline.json("status", "--failed")}
    assert set(rows) == {"s1.chr20", "s1.chr21"}
    assert rows["s1.chr20"]["last_line"] == "cannot open ref.vcf"
    assert [row["task"] for row in pipeline.json("status", "--running")] == ["s1.chr22"]
    assert pipeline.json("status", "--pending") == []
    # the log itself, by the task's name, and by the region where there is one sample
    assert "cannot open ref.vcf" in pipeline.chromplan("logs", "s1.chr20", "-n", "4").splitlines()
    assert len(pipeline.chromplan("logs", "s1.chr20", "-n", "1").splitlines()) == 1
    assert "starting" in pipeline.chromplan("logs", "chr20", "--all")
    assert pipeline.chromplan("logs", "20", "--path").strip() == rows["s1.chr20"]["log"]
    unknown = pipeline.run("chromplan", "logs", "s1.ch20", check=False)
    assert unknown.returncode == 2
    assert "did you mean" in unknown.stderr
    assert "s1.chr20" in unknown.stderr
    pipeline.run("touch", "go")
    assert pipeline.finish()["s1.chr22"]["outcome"] == "completed"


def test_status_tells_what_a_running_task_holds_so_far(omk_cluster: Cluster) -> None:
    hold = 'python3 -c \'held = bytearray(60 << 20); open("started", "w"); import time; time.sleep(600)\''
    pipeline = Pipeline(omk_cluster, chromosomes="22", command=hold)
    submitted(pipeline)
    looks = "until test -e started && chromplan status --json | grep -q '\"held_mb\": [6-9]'; do sleep 0.3; done"
    pipeline.run("timeout", "300", "bash", "-c", looks)
    (row,) = pipeline.json("status")
    assert (row["state"], row["outcome"]) == ("RUNNING", None)
    assert 60 < row["held_mb"] < 152
    assert "so far" in pipeline.chromplan("status")


def test_one_sacct_one_sstat_and_two_squeue(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", command=FOR_EVER)
    submitted(pipeline)
    pipeline.run("bash", "-c", "until test -e started; do sleep 0.1; done")
    for program, calls in (("sacct", 1), ("squeue", 2), ("sstat", 1)):
        pipeline.chromplan("status", env=pipeline.counting(program))
        assert len(pipeline.calls(program)) == calls


@pytest.mark.parametrize("mode", ["array", "jobs"])
def test_a_held_job_is_not_watched_for_ever(omk_cluster: Cluster, mode: str) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21,22", site=OFTEN, mode=mode, command="true {chromosome}")
    pipeline.ready()
    held = 'case "$*" in *release*) exit 0;; esac; exec "$real" "$@"' if mode == "array" else 'exec "$real" "$@"'
    if mode == "jobs":
        for script in ("s1.chr21", "s1.chr22"):
            pipeline.run("sed", "-i", "2i #SBATCH --hold", f"rounds/r001/jobs/{script}.sh")
    pipeline.chromplan("submit", env=pipeline.intercept("scontrol", held))
    job = job_of(pipeline, "s1.chr22").partition("_")[0]
    watched = pipeline.run("timeout", "300", "chromplan", "watch", check=False)
    assert watched.returncode == 1
    assert "2 tasks wait: held" in watched.stdout
    assert "error: 2 tasks would wait for ever" in watched.stderr
    assert job in watched.stderr
    assert "scontrol release" in watched.stderr
    assert {(row["reason"], row["stuck"]) for row in pipeline.json("status")} == {("JobHeldUser", True)}
    pipeline.run("scontrol", "release", *{line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()})
    assert pipeline.chromplan("watch").splitlines()[-2] == "2 of 2 tasks done"


def test_a_dependency_that_is_never_satisfied_is_not_watched_for_ever(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", site=OFTEN, mode="jobs", command="true {chromosome}")
    pipeline.write("fails.sh", "#!/bin/bash\nexit 1\n")
    failed = pipeline.run("sbatch", "--parsable", "fails.sh").stdout.strip()
    omk_cluster.wait(failed)
    pipeline.ready()
    pipeline.run("sed", "-i", f"2i #SBATCH --dependency=afterok:{failed}", "rounds/r001/jobs/s1.chr22.sh")
    pipeline.chromplan("submit")
    watched = pipeline.run("timeout", "300", "chromplan", "watch", check=False)
    assert watched.returncode == 1
    assert "the job that it depends on did not complete" in watched.stderr
    assert "chromplan cancel" in watched.stderr


def test_nodes_that_are_down_are_told(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", command="true {chromosome}")
    omk_cluster.administrate("scontrol", "update", "partition=main", "state=down")
    try:
        submitted(pipeline)
        looks = "until chromplan status | grep -q 'its partition is down'; do sleep 0.3; done"
        pipeline.run("timeout", "300", "bash", "-c", looks)
    finally:
        omk_cluster.administrate("scontrol", "update", "partition=main", "state=up")
    assert pipeline.finish()["s1.chr22"]["outcome"] == "completed"


def test_cancel_ends_only_the_jobs_of_the_project_and_next_records_it(omk_cluster: Cluster) -> None:
    other = Pipeline(omk_cluster, chromosomes="22", command=FOR_EVER, name="other")
    submitted(other)
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", command=FOR_EVER)
    submitted(pipeline, "--then-next")
    pipeline.run("bash", "-c", 'until [ "$(ls *.started | wc -l)" = 3 ]; do sleep 0.1; done')
    one = pipeline.chromplan("cancel", "chr20", "--yes")
    assert one.startswith("cancelled 1 task (1 running) of job ")
    omk_cluster.wait(job_of(pipeline, "s1.chr20"))
    said = pipeline.chromplan("cancel", "--yes")
    assert said.startswith("cancelled 2 tasks (2 running) of job ")
    assert "which would go on with the next round" in said
    assert {row["outcome"] for row in pipeline.finish().values()} == {"cancelled"}
    assert "nothing to cancel" in pipeline.chromplan("cancel", "--yes")
    assert pipeline.json("next")["tasks"] == []
    assert len(pipeline.json("next", "--retry-failed")["tasks"]) == 3
    assert pipeline.json("status", "--pending") == []
    assert [row["state"] for row in other.json("status")] == ["RUNNING"]


def test_without_accounting_for_a_while_what_runs_is_shown_and_can_be_cancelled(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21-22", command="sleep 600; : {chromosome}")
    pipeline.ready()
    pipeline.chromplan("submit")
    silent = pipeline.intercept("sacct", 'echo "sacct: error: Slurm\'s database is away" >&2; exit 1')
    seen = pipeline.run("chromplan", "status", env=silent)
    assert "database is away; this is what squeue knows" in seen.stderr
    assert {one["state"] for one in pipeline.json("status")} <= {"PENDING", "RUNNING"}
    assert "cancelled 2 tasks" in pipeline.chromplan("cancel", "--yes", env=silent)
    assert {row["outcome"] for row in pipeline.finish().values()} == {"cancelled"}
    both = {"PATH": f"{pipeline.folder}/sacct.d:{pipeline.intercept('squeue', 'exit 1')['PATH']}"}
    pipeline.chromplan("next", "--retry-failed", "--submit")
    refused = pipeline.run("chromplan", "status", env=both, check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 2)


def test_tasks_that_share_a_job_are_cancelled_together(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", mode="packed", command=FOR_EVER)
    submitted(pipeline)
    pipeline.run("bash", "-c", "until test -e started; do sleep 0.1; done")
    refused = pipeline.run("chromplan", "cancel", "chr20", "--yes", check=False)
    assert refused.returncode == 2
    assert "is a step of job" in refused.stderr
    assert pipeline.chromplan("cancel", "--yes").startswith("cancelled 3 tasks (")
    pipeline.finish()


@pytest.mark.parametrize("mode", ["array", "tiers", "jobs", "packed"])
def test_what_was_cancelled_before_it_began_was_cancelled(omk_cluster: Cluster, mode: str) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", mode=mode)
    omk_cluster.administrate("scontrol", "update", "partition=main", "state=down")
    try:
        submitted(pipeline)
        assert "(3 waiting)" in pipeline.chromplan("cancel", "--yes")
    finally:
        omk_cluster.administrate("scontrol", "update", "partition=main", "state=up")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"cancelled"}
    assert pipeline.ran() == {}
    assert pipeline.json("next")["tasks"] == []


def test_a_task_out_of_time_is_told(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", time="00:01:00", command="echo reading chunk 7; sleep 600")
    submitted(pipeline)
    assert pipeline.finish()["s1.chr22"]["outcome"] == "timeout"
    assert "timeout: s1.chr22: reading chunk 7\n" in pipeline.chromplan("status")


@pytest.mark.parametrize("mode", ["array", "packed"])
def test_what_was_saved_is_what_slurm_says_was_reserved(omk_cluster: Cluster, mode: str) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="1,20-22", mode=mode, command="sleep 2 {chromosome}e-3")
    submitted(pipeline)
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    jobs = {line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}
    rows = omk_cluster.sacct(*jobs, fields=("JobID", "AllocTRES", "ElapsedRaw"))
    reserved_mb_s = sum(
        (units.parse_mem_mb(row["AllocTRES"].partition("mem=")[2].partition(",")[0]) or 0) * int(row["ElapsedRaw"])
        for row in rows
        if "." not in row["JobID"]
    )
    said = next(line for line in pipeline.chromplan("next").splitlines() if line.startswith("reserved "))
    assert said.startswith(f"reserved {unit_for(reserved_mb_s).text(reserved_mb_s)} for 4 tasks done")
