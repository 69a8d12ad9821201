"""Mode dynamic on a real Slurm: one allocation, its tasks as steps, nothing lost or run twice whatever dies."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest
from cluster import Cluster
from pipelines import Pipeline

from planner.runner.records import RunningRecords

pytestmark = pytest.mark.cluster
CHROMOSOMES = [f"s1.chr{c}" for c in range(1, 23)]

# like HOLD of the pipelines, smaller and quicker; some tasks have a way of their own
WILFUL = """
import fcntl, glob, os, signal, subprocess, sys, time
chromosome, name = int(sys.argv[1]), sys.argv[2]
busy = open(f"busy/{name}", "a")
fcntl.flock(busy, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where another attempt is at work
open(f"out/{name}.started", "a").write("x\\n")
if chromosome == 20:
    os._exit(137)
if chromosome == 19:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if chromosome == 18:
    hold = "import time; x = bytearray(25 << 20); time.sleep(1.2)"
    children = [subprocess.Popen([sys.executable, "-c", hold], start_new_session=True) for _ in range(2)]
    assert not any(child.wait() for child in children)
held = bytearray((260 if chromosome == 17 else 20 + 3 * (23 - chromosome)) << 20)
time.sleep(1.2)
while len(glob.glob("out/*.done")) >= 4 and not os.path.exists("go"):
    time.sleep(0.1)
open(f"out/{name}.done", "a").write("x\\n")
"""
COMMAND = "python3 wilful.py {chromosome} {task}"


def wait_until(happens: Callable[[], object], timeout_s: float = 360) -> None:
    deadline = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def lines(pipeline: Pipeline, suffix: str) -> dict[str, int]:
    """Return how often each task wrote a line into its file."""
    found = {path.name.removesuffix(suffix): path for path in (pipeline.folder / "out").glob(f"*{suffix}")}
    return {name: len(path.read_text().split()) for name, path in found.items()}


def attempts(pipeline: Pipeline) -> list[dict[str, object]]:
    kept = pipeline.latest() / "local.jsonl"
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


def salloc(
    pipeline: Pipeline, script: str, *options: str, check: bool = True, env: dict[str, str] | None = None
) -> str:
    argv = ["salloc", "--quiet", "--acctg-freq=task=1", *options, "bash", "-c", script]
    done = pipeline.run(*argv, check=check, env=env)
    return done.stdout + done.stderr


def test_22_tasks_in_two_fifths_of_their_memory_survive_whatever_dies(cluster: Cluster) -> None:
    pipeline = Pipeline(cluster, mode="dynamic", command=COMMAND, formula="30 + 0.3 * length_mb")
    pipeline.write("wilful.py", WILFUL)
    pipeline.run("mkdir", "busy")
    # the tasks hold about 1 600 MB together; each allocation has 640
    pipeline.write("site.toml", (pipeline.folder / "site.toml").read_text().replace("mem_mb = 4000", "mem_mb = 640"))
    pipeline.ready()
    pipeline.chromplan("submit")
    job = pipeline.manifest()[0].split("\t")[1]
    wait_until(lambda: len(lines(pipeline, ".done")) >= 4)

    # kill -9 of the driver, which is the batch script: the allocation goes, and every step with it
    pipeline.run("scancel", "--batch", "--signal=KILL", job)
    cluster.wait(job)
    killed = {row["task"]: row["state"] for row in pipeline.json("status")}
    assert Counter(killed.values())["planned"] >= 8
    # killed between its last line and its end: that it had completed could not be known, so it runs again
    kept = RunningRecords(pipeline.latest())
    cut_short = {one.task for one in kept.records() if not kept.ended(one.job_id)} & set(lines(pipeline, ".done"))
    # killed behind the attempt's record, while it removed what was kept of the task: that it had completed is known
    cut_short -= {row["task"] for row in attempts(pipeline)}

    pipeline.run("touch", "go")
    # kill -9 of a second driver, in an allocation that lives on: the third takes its tasks over
    out = salloc(
        pipeline,
        "chromplan drive & driver=$!; before=$(ls out/*.done | wc -l)\n"
        "until [ $(ls out/*.done | wc -l) -gt $((before + 2)) ]; do sleep 0.1; done\n"
        "kill -9 $driver; wait $driver; ls out > at_the_kill; cp rounds/*/local.jsonl known; chromplan drive",
        *("--nodes=1", "--ntasks=8", "--mem=640M"),
    )
    assert "21 of 22 tasks completed, 1 failed; next: chromplan next" in out, (out, attempts(pipeline))
    outcomes = Counter((row["task"], row["outcome"]) for row in attempts(pipeline))
    once = dict.fromkeys(set(CHROMOSOMES) - {"s1.chr20"}, 1)
    assert Counter(task for (task, outcome), _ in outcomes.items() if outcome == "completed") == once
    assert all(count == 1 for (_, outcome), count in outcomes.items() if outcome == "completed")
    assert outcomes["s1.chr20", "failed"] == 1
    assert outcomes["s1.chr17", "oom"] >= 1
    # the same of the second driver's tasks, but for those whose steps lived on
    at_the_kill = {name.removesuffix(".done") for name in (pipeline.folder / "at_the_kill").read_text().split()}
    known = {json.loads(line)["task"] for line in (pipeline.folder / "known").read_text().splitlines()}
    done = lines(pipeline, ".done")
    again = {task for task in at_the_kill - known - cut_short if done.get(task) == 2}
    assert done == once | dict.fromkeys(cut_short | again, 2)
    assert pipeline.json("next")["tasks"] == []


def test_nothing_is_started_that_cannot_end_in_time_and_the_next_round_goes_on(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="1,2,21,22")
    walls = {1: 600, 2: 590, 21: 2, 22: 2}
    rows = [f"{c},{mb},100,{walls[c]}\n" for c, mb in ((1, 249.25), (2, 243.2), (21, 48.13), (22, 51.3))]
    pipeline.write("earlier.csv", "chromosome,length_mb,peak_rss_mb,wall_s\n" + "".join(rows))
    pipeline.chromplan("history", "import", "earlier.csv", "--tool", "hold")
    pipeline.ready()
    out = salloc(pipeline, "chromplan drive", "--time=1", "--ntasks=4", "--mem=1000M")
    assert (
        "has too little time left for the remaining tasks\n2 of 4 tasks completed, 2 not run; next: chromplan next"
        in out
    )
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}
    plan = pipeline.json("next")
    assert [(task["task"], task["attempt"]) for task in plan["tasks"]] == [("s1.chr1", 1), ("s1.chr2", 1)]


def test_what_is_cut_short_is_no_failure_and_runs_again(omk_cluster: Cluster) -> None:
    command = (
        "echo $$ >> out/{task}.pids; trap '' TERM; until test -e go; do sleep 0.1; done; echo x >> out/{task}.done"
    )
    pipeline = Pipeline(omk_cluster, mode="dynamic", command=command, chromosomes="20-22")
    pipeline.ready()
    pipeline.chromplan("submit")
    job = pipeline.manifest()[0].split("\t")[1]
    wait_until(lambda: len(lines(pipeline, ".pids")) == 3)
    # a round belongs to one allocation at a time
    refused = salloc(pipeline, "chromplan drive", "--ntasks=1", "--mem=400M", check=False)
    assert f"is job {job}'s, which waits or runs" in refused or "another chromplan is at work" in refused
    wait_until(lambda: {row["state"] for row in pipeline.json("status")} == {"RUNNING"})
    assert pipeline.json("next")["tasks"] == []

    # the job is requeued, and starts again: Slurm would have it wait two minutes
    pipeline.run("scontrol", "requeue", job)
    wait_until(lambda: {row["state"] for row in pipeline.json("status")} == {"PENDING"})
    pipeline.run("scontrol", "update", f"JobId={job}", "StartTime=now")
    # a start that Slurm lost is a further one
    wait_until(lambda: min(lines(pipeline, ".pids").values()) >= 2)

    # the whole job is cancelled: Slurm tells steps and driver to end, then ends them
    pipeline.run("scancel", job)
    omk_cluster.wait(job)
    assert not (pipeline.latest() / "local.jsonl").exists()
    pipeline.chromplan("ingest")

    # Ctrl-C, in an allocation by hand; then the rest
    out = salloc(
        pipeline,
        "before=$(cat out/*.pids | wc -l); chromplan drive & driver=$!\n"
        "until [ $(cat out/*.pids | wc -l) -ge $((before + 3)) ]; do sleep 0.1; done\n"
        "kill -INT $driver; wait $driver; echo exit $?; squeue --noheader --steps --jobs=$SLURM_JOB_ID --format=%j\n"
        "touch go; chromplan drive",
        *("--ntasks=3", "--mem=1000M"),
    )
    stopped, _, after = out.partition("exit 130\n")
    assert "stopping what runs (3 tasks)" in stopped
    assert "0 of 3 tasks completed; go on with: chromplan drive" in stopped
    assert "s1.chr" not in after.partition("1/3")[0].replace("interrupted", "")
    assert "3 of 3 tasks completed" in after
    assert {row["outcome"] for row in attempts(pipeline)} == {"completed"}
    assert lines(pipeline, ".done") == {"s1.chr20": 1, "s1.chr21": 1, "s1.chr22": 1}


def test_a_signal_that_slurm_did_not_take_is_sent_again(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", command="touch out/{task}; sleep 600")
    pipeline.ready()
    said = "scancel: error: Kill job error on job step id $2: No error"
    once = f'[ -e once ] || {{ touch once; echo "{said}" >&2; exit 1; }}; exec "$real" "$@"'
    out = salloc(
        pipeline,
        "chromplan drive & driver=$!; until test -e out/s1.chr22; do sleep 0.1; done\n"
        "kill -INT $driver; wait $driver; echo exit $?; squeue --noheader --steps --jobs=$SLURM_JOB_ID --format=%j",
        *("--ntasks=1", "--mem=1000M"),
        env=pipeline.intercept("scancel", once),
    )
    assert (pipeline.folder / "once").exists()
    stopped, _, after = out.partition("exit 130\n")
    assert "go on with: chromplan drive" in stopped, out
    assert "s1.chr22" not in after


def test_two_nodes_share_the_work_and_in_a_pool_the_memory(omk_cluster: Cluster) -> None:
    # each waits until all run at once: they do so on two nodes only, and only because they share the memory
    command = "echo x >> out/{task}; until [ $(ls out | wc -l) = 6 ]; do sleep 0.1; done; sleep 1.5"
    pipeline = Pipeline(
        omk_cluster,
        mode="dynamic",
        command=command,
        chromosomes="17-22",
        formula="90 + 0 * length_mb",
        submit="nodes = 2\npool = true",
    )
    site = (pipeline.folder / "site.toml").read_text()
    pipeline.write("site.toml", site.replace("mem_mb = 4000", "mem_mb = 600").replace("cores = 8", "cores = 3"))
    pipeline.ready()
    pipeline.chromplan("submit")
    job = pipeline.manifest()[0].split("\t")[1]
    omk_cluster.wait(job)
    assert {row["outcome"] for row in pipeline.json("status")} == {"completed"}
    rows = omk_cluster.sacct(job, fields=("JobName", "NodeList"))
    nodes = Counter(row["NodeList"] for row in rows if row["JobName"].startswith("s1."))
    assert nodes == {"n1": 3, "n2": 3}


def test_a_step_that_holds_the_allocation_is_no_place_for_a_drive(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22")
    pipeline.ready()
    refused = salloc(pipeline, "srun --ntasks=1 chromplan drive", "--mem=200M", check=False)
    assert "error: step " in refused
    assert "hint: start drive from a batch script or from salloc, not with srun" in refused
    tiny = salloc(pipeline, "chromplan drive", "--mem=20M", check=False)
    assert "the largest" in tiny or "a node of this allocation has 20 MB" in tiny
