"""What has become of a task: squeue knows what lives, sacct what ended, the task's own records the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cluster import Cluster
from pipelines import HOLD_COMMAND, Pipeline

pytestmark = pytest.mark.cluster
LONG_AGO_S = 1000


def submitted(cluster: Cluster, **settings: Any) -> Pipeline:
    """Return a project whose round went out a quarter of an hour ago, as far as it knows."""
    pipeline = Pipeline(cluster, **{"chromosomes": "21-22", **settings})
    pipeline.ready()
    pipeline.chromplan("submit")
    path = pipeline.latest() / "submission.json"
    journal = json.loads(path.read_text())
    pipeline.write(
        "rounds/r001/submission.json", json.dumps(journal | {"started_s": journal["started_s"] - LONG_AGO_S})
    )
    return pipeline


def ids(pipeline: Pipeline) -> list[str]:
    return [line.split("\t")[1] for line in pipeline.manifest()]


def recorded(pipeline: Pipeline) -> dict[str, str]:
    """Return task -> outcome of what is recorded."""
    return {row["task"]: row["outcome"] for row in pipeline.json("status", "--offline") if row["outcome"]}


def age(pipeline: Pipeline, seconds: int) -> None:
    """Have everything that tasks recorded of themselves look so old."""
    pipeline.run(
        "bash", "-c", f"touch -h -d '{-seconds:+} seconds' rounds/r001/peaks/* rounds/r001/logs/* rounds/r001/turns/*"
    )


@pytest.mark.parametrize("mode", ["array", "jobs", "packed"])
def test_what_squeue_shows_lives_whatever_sacct_says(omk_cluster: Cluster, mode: str) -> None:
    pipeline = submitted(
        omk_cluster, mode=mode, command="while [ ! -e go ]; do sleep 0.1; done; echo done >> out/{task}"
    )
    silent = pipeline.intercept("sacct", "exit 0")
    assert "recorded: 2 not ended yet" in pipeline.chromplan("ingest", env=silent)
    assert "nothing is planned" in pipeline.chromplan("next", env=silent) or pipeline.latest().name == "r001"
    pipeline.run("touch", "go")
    omk_cluster.wait(*dict.fromkeys(ids(pipeline)))
    assert "recorded: 2 completed" in pipeline.chromplan("ingest")
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}


@pytest.mark.parametrize("mode", ["array", "packed"])
def test_where_accounting_is_late_it_is_asked_again_and_in_the_end_the_tasks_own_record_counts(
    omk_cluster: Cluster, mode: str
) -> None:
    pipeline = submitted(omk_cluster, mode=mode, chromosomes="20-22", command="[ {chromosome} != 21 ] || exit 3")
    omk_cluster.wait(*dict.fromkeys(ids(pipeline)))
    silent = pipeline.intercept("sacct", "exit 0")
    assert "recorded: 3 not ended yet" in pipeline.chromplan("ingest", env=silent)
    age(pipeline, 400)
    pipeline.chromplan("ingest", env=silent)
    assert recorded(pipeline) == {"s1.chr20": "completed", "s1.chr21": "failed", "s1.chr22": "completed"}
    assert "nothing new" in pipeline.chromplan("ingest")


@pytest.mark.parametrize("mode", ["array", "packed"])
def test_records_from_the_future_count_where_accounting_says_nothing(omk_cluster: Cluster, mode: str) -> None:
    pipeline = submitted(omk_cluster, mode=mode, chromosomes="20-22", command="[ {chromosome} != 21 ] || exit 3")
    omk_cluster.wait(*dict.fromkeys(ids(pipeline)))
    age(pipeline, -86_400)
    pipeline.chromplan("ingest", env=pipeline.intercept("sacct", "exit 0"))
    assert recorded(pipeline) == {"s1.chr20": "completed", "s1.chr21": "failed", "s1.chr22": "completed"}


@pytest.mark.parametrize("clock_s", [7200, -7200], ids=["set back since", "set forward since"])
def test_a_job_whose_answer_was_lost_is_found_in_accounting_whatever_the_clock_said(
    start_cluster: Callable[..., Cluster], clock_s: int
) -> None:
    # slurmctld forgets it at once
    pipeline = Pipeline(start_cluster(extra="MinJobAge=2"), chromosomes="21-22", mode="packed")
    pipeline.ready()
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", '"$real" "$@"; kill -9 "$PPID"'), check=False)
    path = pipeline.latest() / "submission.json"
    journal = json.loads(path.read_text())
    for job in journal["jobs"]:
        job["asked_s"] += clock_s
    pipeline.write("rounds/r001/submission.json", json.dumps(journal | {"started_s": journal["started_s"] + clock_s}))
    pipeline.until(lambda: pipeline.run("squeue", "-h", "--states=all").stdout == "")
    pipeline.chromplan("submit")
    assert pipeline.run("squeue", "-h", "--states=all").stdout == ""
    pipeline.finish()
    assert "recorded: 2 completed" in pipeline.chromplan("ingest")
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}


def test_a_step_that_accounting_does_not_know_yet_though_its_job_has_ended_is_asked_for_again(
    omk_cluster: Cluster,
) -> None:
    pipeline = submitted(omk_cluster, mode="packed", chromosomes="20-22", command="[ {chromosome} != 21 ] || exit 3")
    (job,) = set(ids(pipeline))
    omk_cluster.wait(job)
    late = pipeline.intercept("sacct", '"$real" "$@" | grep -v \'^[0-9]*[.][0-9]\'')
    assert "recorded: 3 not ended yet" in pipeline.chromplan("ingest", env=late)
    assert "recorded: 2 completed, 1 failed" in pipeline.chromplan("ingest")


def test_a_step_that_accounting_never_knows_ended_as_it_says_itself(omk_cluster: Cluster) -> None:
    pipeline = submitted(omk_cluster, mode="packed", chromosomes="20-22", command="[ {chromosome} != 21 ] || exit 3")
    omk_cluster.wait(*set(ids(pipeline)))
    never = pipeline.intercept("sacct", '"$real" "$@" | grep -v \'^[0-9]*[.][0-9]\'')
    age(pipeline, 400)
    pipeline.chromplan("ingest", env=never)
    assert recorded(pipeline) == {"s1.chr20": "completed", "s1.chr21": "failed", "s1.chr22": "completed"}


def test_a_task_that_slurm_killed_and_calls_completed_was_killed(omk_cluster: Cluster) -> None:
    held = {"21": 220.0, "22": 60.0}
    pipeline = submitted(omk_cluster, mode="packed", command=HOLD_COMMAND, held_mb=held, formula="150")
    omk_cluster.wait(*set(ids(pipeline)))
    # as after 'srun: error: Timed out waiting for job step to complete'; before, it was either cancelled by a signal
    # or failed with 137, which sacct calls 9:0, when its shell saw the command die before it died itself
    wrong = pipeline.intercept(
        "sacct", '"$real" "$@" | sed -E "s/CANCELLED by [0-9]+|FAILED/COMPLETED/; s/\\b(0:9|9:0)\\b/0:0/g"'
    )
    pipeline.chromplan("ingest", env=wrong)
    assert recorded(pipeline) == {"s1.chr21": "oom", "s1.chr22": "completed"}
    (killed,) = [row for row in pipeline.json("status", "--offline") if row["task"] == "s1.chr21"]
    assert "step" in killed["evidence"]
    assert "COMPLETED, exit 0:0; " in killed["evidence"]
    assert "log: exceeded memory limit" in killed["evidence"]


def test_a_step_that_slurm_killed_was_killed_though_accounting_has_lost_its_limit(omk_cluster: Cluster) -> None:
    held = {"21": 220.0, "22": 60.0}
    pipeline = submitted(omk_cluster, mode="packed", command=HOLD_COMMAND, held_mb=held, formula="150")
    omk_cluster.wait(*set(ids(pipeline)))
    # a step that slurmctld did not live to record whole: its job's limit stands in
    lost = pipeline.intercept("sacct", '"$real" "$@" | sed "s/mem=153600K/mem=557056K/g"')
    pipeline.chromplan("ingest", env=lost)
    assert recorded(pipeline) == {"s1.chr21": "oom", "s1.chr22": "completed"}


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("array", "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job $SLURM_JOB_ID"),
        ("packed", "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job $SLURM_JOB_ID"),
        ("array", "srun: error: Unable to create step for job $SLURM_JOB_ID: Job/step already completing or completed"),
    ],
    ids=["array", "packed", "given up"],
)
def test_a_task_whose_srun_found_no_controller_has_not_failed_and_runs_in_the_next_round(
    omk_cluster: Cluster, mode: str, said: str
) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21-22", mode=mode)
    away = f'echo "{said}" >&2; exit 1'
    once = f'case $* in *s1.chr21*) mkdir {pipeline.folder}/once && {{ {away}; }} ;; esac; exec "$real" "$@"'
    env = pipeline.intercept("srun", once)
    pipeline.ready()
    pipeline.chromplan("submit", env=env)
    omk_cluster.wait(*dict.fromkeys(ids(pipeline)))
    pipeline.chromplan("next", "--submit", env=env)
    assert recorded(pipeline) == {"s1.chr21": "infra", "s1.chr22": "completed"}
    pipeline.finish()
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}


@pytest.mark.parametrize("mode", ["array", "packed"])
@pytest.mark.parametrize(
    ("left", "outcome"),
    # its parent writes the record
    [("kill -KILL $PPID; exit 1", "infra"), (":", "completed"), ("exit 3", "failed")],
    ids=["no end", "exit code 0", "exit code 3"],
)
def test_a_task_whose_launch_slurmd_did_not_outlive_has_not_failed_unless_it_says_so_itself(
    omk_cluster: Cluster, mode: str, left: str, outcome: str
) -> None:
    command = "echo $SLURM_STEP_ID >step.{chromosome}; echo done >>out/s1.chr{chromosome}\n"
    command += f"if [ {{chromosome}} = 21 ]; then {left}; fi"
    pipeline = Pipeline(omk_cluster, chromosomes="21-22", mode=mode, command=command)
    # it starts the step all the same, and does not hear how it ends
    said = "launch for StepId=$SLURM_JOB_ID.$step failed on node n1: Connection reset by peer"
    unheard = f'"$real" "$@"; step=$(cat {pipeline.folder}/step.21); echo "srun: error: Task {said}" >&2; exit 104'
    env = pipeline.intercept("srun", f'case $* in *s1.chr21*) {unheard} ;; esac; exec "$real" "$@"')
    pipeline.ready()
    pipeline.chromplan("submit", env=env)
    omk_cluster.wait(*dict.fromkeys(ids(pipeline)))
    pipeline.chromplan("ingest")
    assert recorded(pipeline) == {"s1.chr21": outcome, "s1.chr22": "completed"}


def test_a_step_that_failed_with_no_exit_code_ended_as_it_says_itself_or_runs_again(omk_cluster: Cluster) -> None:
    # its parent writes the record
    command = "if [ {chromosome} = 21 ]; then kill -KILL $PPID; fi"
    pipeline = submitted(omk_cluster, mode="packed", command=command)
    omk_cluster.wait(*set(ids(pipeline)))
    # as after a slurmd that was killed
    unheard = pipeline.intercept(
        "sacct", '"$real" "$@" | sed "/[.][0-9]/s/\x1f[A-Z]*\x1f[0-9]*:[0-9]*/\x1fFAILED\x1f0:0/"'
    )
    pipeline.chromplan("ingest", env=unheard)
    assert recorded(pipeline) == {"s1.chr21": "infra", "s1.chr22": "completed"}


def test_without_accounting_rounds_are_followed_and_resumed(start_cluster: Callable[..., Cluster]) -> None:
    cluster = start_cluster(extra="AccountingStorageType=accounting_storage/none")
    held = {"20": 60.0, "21": 220.0, "22": 60.0}
    pipeline = Pipeline(cluster, chromosomes="20-22", command=HOLD_COMMAND, held_mb=held, formula="150", mode="jobs")
    pipeline.ready()
    killed = pipeline.intercept("sbatch", '"$real" "$@"; kill -9 "$PPID"')
    pipeline.run("chromplan", "submit", env=killed, check=False)
    pipeline.chromplan("submit")
    pipeline.until(lambda: len(recorded_now(pipeline)) == 3)
    assert recorded(pipeline) == {"s1.chr20": "completed", "s1.chr21": "oom", "s1.chr22": "completed"}
    pipeline.chromplan("next", "--submit")
    pipeline.until(lambda: recorded_now(pipeline).get("s1.chr21") == "completed")
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in (20, 21, 22)}


def recorded_now(pipeline: Pipeline) -> dict[str, str]:
    pipeline.chromplan("ingest")
    return recorded(pipeline)


def test_a_task_that_was_submitted_twice_runs_once_and_is_recorded_as_the_job_that_ran_it(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="jobs", chromosomes="21-22")
    pipeline.ready()
    first = pipeline.run("sbatch", "--parsable", "rounds/r001/jobs/s1.chr22.sh").stdout.strip()
    omk_cluster.wait(first)
    pipeline.chromplan("submit")
    omk_cluster.wait(*ids(pipeline))
    assert "2 completed" in pipeline.chromplan("ingest")
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}
    assert {line.split("\t")[0]: line.split("\t")[1] for line in pipeline.manifest()}["s1.chr22"] == first
    assert "2 of 2 tasks done" in pipeline.chromplan("status")


def test_a_job_that_slurm_starts_again_finds_its_own_turn_and_goes_on(omk_cluster: Cluster) -> None:
    command = "if [ ! -e begun.{task} ]; then touch begun.{task}; sleep 100; fi; echo done >> out/{task}"
    pipeline = submitted(omk_cluster, chromosomes="22", mode="jobs", command=command)
    (job,) = ids(pipeline)
    pipeline.until(lambda: (pipeline.folder / "begun.s1.chr22").exists())
    pipeline.run("scontrol", "update", f"JobId={job}", "Requeue=1")
    pipeline.run("scontrol", "requeue", job)
    pipeline.until(
        lambda: pipeline.run("scontrol", "update", f"JobId={job}", "StartTime=now", check=False).returncode == 0
    )
    omk_cluster.wait(job, timeout_s=200)
    assert pipeline.ran() == {"s1.chr22": 1}
    pipeline.chromplan("ingest")
    assert recorded(pipeline) == {"s1.chr22": "completed"}
