"""``chromplan watch`` on a real Slurm."""

from __future__ import annotations

import time

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster

MEND = "next: correct what went wrong, then chromplan next --retry-failed"
OFTEN = "query_interval_s = 1"
GATE = "until test -e go; do sleep 0.2; done"
# opens the gate when the first look is over
FIRST_LOOK = 'echo >> looks; "$real" "$@"; code=$?; touch go; exit "$code"'


def test_it_tells_what_ends_and_ends_with_the_last_task(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", site=OFTEN, command=f"{GATE}; test {{chromosome}} != 21")
    pipeline.ready()
    pipeline.chromplan("submit")
    env = pipeline.intercept("sacct", FIRST_LOOK)
    began_s = time.monotonic()
    said = pipeline.chromplan("watch", env=env).splitlines()
    took_s = time.monotonic() - began_s
    assert "0 of 3 tasks done, " in said[0]
    assert sorted(line.split()[1:3] for line in said[1:-2] if line[0].isdigit() and " s1.chr" in line) == [
        ["s1.chr20:", "completed,"],
        ["s1.chr21:", "failed,"],
        ["s1.chr22:", "completed,"],
    ]
    assert said[-2:] == ["2 of 3 tasks done, 1 failed", MEND]
    # no more often than the site allows: once a second
    assert (pipeline.folder / "looks").read_text().count("\n") <= 1 + took_s
    # nothing is recorded, and there is nothing left to wait for
    assert "1 failed" in pipeline.chromplan("ingest")
    assert pipeline.chromplan("watch").splitlines()[-1] == MEND


def test_it_goes_on_with_the_rounds_that_follow_each_other(omk_cluster: Cluster) -> None:
    command = f"{GATE}; echo done >> out/{{sample}}.chr{{chromosome}}"
    pipeline = Pipeline(omk_cluster, chromosomes="1,2", site=OFTEN + "\nmax_submit = 1", command=command)
    pipeline.ready()
    pipeline.chromplan("submit", "--then-next")
    said = pipeline.chromplan("watch", env=pipeline.intercept("sacct", FIRST_LOOK))
    assert "s1.chr2: submitted in round 2 as " in said or "s1.chr2: completed" in said
    assert "2 of 2 tasks done" in said
    assert pipeline.ran() == {"s1.chr1": 1, "s1.chr2": 1}


def test_interrupted_it_leaves_the_jobs_alone(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", command="touch started; sleep 600")
    pipeline.ready()
    pipeline.chromplan("submit")
    # once, when the first look is over and the task runs; what bash runs in the background would ignore SIGINT
    watch = "env --default-signal=INT chromplan watch"
    interrupt = f"{watch} & until test -e go && test -e started; do sleep 0.1; done; kill -INT $!; wait $!"
    stopped = pipeline.run("bash", "-c", interrupt, env=pipeline.intercept("sacct", FIRST_LOOK), check=False)
    assert (stopped.returncode, stopped.stderr) == (130, "no longer watching; the jobs go on\n")
    (job,) = (row["job_id"] for row in pipeline.json("status"))
    assert pipeline.run("squeue", "-h", "-j", job, "-o", "%T").stdout.strip() == "RUNNING"


def test_a_database_that_does_not_answer_for_a_while_is_asked_again(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", site=OFTEN, command=GATE)
    pipeline.ready()
    pipeline.chromplan("submit")
    # from the second call on, for longer than one question is tried again
    silent = "[ -e failed ] || touch failed go; [ $(($(date +%s) - $(stat -c %Y failed))) -ge 20 ]"
    second = f'[ $(wc -l < asked) -lt 2 ] || {{ {silent} || {{ echo "Connection refused" >&2; exit 1; }}; }}'
    said = pipeline.chromplan("watch", env=pipeline.intercept("sacct", f'echo >> asked; {second}; exec "$real" "$@"'))
    assert "sacct: Connection refused; looking again later" in said
    assert "1 of 1 task done" in said
