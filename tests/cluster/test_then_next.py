"""The next round submits itself: a last job waits for the others and goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
import slurm_processes as processes
from cluster import Cluster
from pipelines import HOLD_COMMAND, Pipeline

pytestmark = pytest.mark.cluster


def queued(pipeline: Pipeline) -> list[str]:
    """Return the jobs of this project's folder that have not ended."""
    jobs = pipeline.run("squeue", "-h", "-o", "%F|%j|%Z").stdout.splitlines()
    return [job for job in jobs if job.endswith(f"|{pipeline.folder}")]


def until_all_is_over(pipeline: Pipeline) -> None:
    processes.wait_until(lambda: not queued(pipeline), "the last round to end", timeout_s=120, pause_s=1)


def journal(pipeline: Pipeline, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pipeline.folder / f"rounds/r{number:03d}/submission.json").read_text())
    return found


def follow_ups(pipeline: Pipeline, number: int) -> list[str]:
    return [job["job_id"] for job in journal(pipeline, number)["jobs"] if job["script"] == "next.sh"]


def test_rounds_follow_each_other_until_every_task_is_done(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="1,20,22", formula="180 + 0.3 * length_mb", command=HOLD_COMMAND)
    pipeline.ready()
    said = pipeline.run("chromplan", "submit", "--then-next").stderr
    (first,) = follow_ups(pipeline, 1)
    assert f"job {first} goes on with the next round" in said
    until_all_is_over(pipeline)
    pipeline.chromplan("ingest")
    rows = pipeline.json("status")
    assert {row["task"]: row["outcome"] for row in rows if row["round"] == 1} == {
        "s1.chr1": "oom",
        "s1.chr20": "completed",
        "s1.chr22": "completed",
    }
    assert pipeline.ran() == dict.fromkeys(("s1.chr1", "s1.chr20", "s1.chr22"), 1)
    # each round but none after the last had its job that goes on
    rounds = sorted(path.parent.name for path in pipeline.folder.glob("rounds/*/submission.json"))
    assert len(rounds) > 1
    assert [len(follow_ups(pipeline, int(name[1:]))) for name in rounds] == [1] * len(rounds)
    logs = "".join(path.read_text() for path in pipeline.folder.glob(f"rounds/{rounds[-1]}/logs/*.next_*.out"))
    assert "nothing is left to run" in logs


THEN = """
[then]
tool = "join"
by = "all"
command = "for part in $CHROMPLAN_PARTS; do cat out/$part; done >> joined"

[then.memory]
default_mb = 100
"""


def test_a_last_step_runs_once_after_all_regions_though_one_was_killed(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(
        omk_cluster, chromosomes="1,20,22", formula="180 + 0.3 * length_mb", command=HOLD_COMMAND, submit=THEN
    )
    pipeline.ready()
    pipeline.chromplan("submit", "--then-next")
    pipeline.chromplan("submit", "--then-next")
    until_all_is_over(pipeline)
    assert pipeline.ran() == dict.fromkeys(("s1.chr1", "s1.chr20", "s1.chr22"), 1)
    assert (pipeline.folder / "joined").read_text() == 3 * "done\n"
    plan = json.loads((pipeline.latest() / "plan.json").read_text())
    assert [task["task"] for task in plan["tasks"]] == ["s1.all.join"]
    assert len(list((pipeline.folder / "rounds").glob("*/submission.json"))) == 3


def test_a_submit_killed_behind_its_last_sbatch_has_one_job_that_goes_on(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", command="sleep 600")
    pipeline.ready()
    steps = '"$real" "$@"; case $* in *next.sh) kill -9 "$PPID" ;; esac'
    argv = ("chromplan", "submit", "--then-next")
    assert pipeline.run(*argv, env=pipeline.intercept("sbatch", steps), check=False).returncode != 0
    pipeline.chromplan("submit")
    assert [job.split("|")[0] for job in queued(pipeline) if ".next|" in job] == follow_ups(pipeline, 1)


def test_what_was_submitted_already_may_still_be_followed_once(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", command="sleep 600", mode="jobs")
    pipeline.ready()
    pipeline.chromplan("submit")
    assert follow_ups(pipeline, 1) == []
    for _ in range(2):
        pipeline.chromplan("submit", "--then-next")
    assert len(queued(pipeline)) == 2
    (follow_up,) = follow_ups(pipeline, 1)
    waits = pipeline.run("squeue", "-h", "-j", follow_up, "-o", "%E").stdout
    assert f"afterany:{pipeline.manifest()[0].split()[1]}" in waits


def test_while_accounting_is_late_the_rounds_are_not_given_up(omk_cluster: Cluster) -> None:
    held = {"21": 220.0, "22": 60.0}
    pipeline = Pipeline(omk_cluster, chromosomes="21-22", command=HOLD_COMMAND, held_mb=held, formula="150")
    pipeline.ready()
    pipeline.chromplan("submit")
    omk_cluster.wait(*(line.split("\t")[1] for line in pipeline.manifest()))
    pipeline.write("late", "")
    late = pipeline.intercept("sacct", f'[ ! -e {pipeline.folder}/late ] || exit 0; exec "$real" "$@"')
    assert "recorded: 2 not ended yet" in pipeline.chromplan("next", "--submit", "--then-next", env=late)
    assert [job.split("|")[0] for job in queued(pipeline)] == follow_ups(pipeline, 1)
    pipeline.run("rm", "late")
    until_all_is_over(pipeline)
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}
