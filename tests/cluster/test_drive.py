"""Mode dynamic on a real Slurm: one allocation, its tasks as steps, nothing lost or run twice whatever dies."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
CHROMOSOMES = [f"s1.chr{c}" for c in range(1, 23)]

# like HOLD of the pipelines, smaller and quicker; some tasks have a way of their own
WILFUL = """
import fcntl, os, signal, subprocess, sys, time
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
open(f"out/{name}.done", "a").write("x\\n")
"""
COMMAND = "python3 wilful.py {chromosome} {task}"


def wait_until(happens: Callable[[], object], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def lines(pipeline: Pipeline, suffix: str) -> dict[str, int]:
    """Return how often each task wrote a line into its file."""
    found = {path.name.removesuffix(suffix): path for path in (pipeline.folder / "out").glob(f"*{suffix}")}
    return {name: len(path.read_text().split()) for name, path in found.items()}


def attempts(pipeline: Pipeline) -> list[dict[str, object]]:
    return [json.loads(line) for line in (pipeline.latest() / "local.jsonl").read_text().splitlines()]


def salloc(pipeline: Pipeline, script: str, *options: str, check: bool = True) -> str:
    argv = ["salloc", "--quiet", "--acctg-freq=task=1", *options, "bash", "-c", script]
    done = pipeline.run(*argv, check=check)
    return done.stdout + done.stderr


def test_22_tasks_in_two_fifths_of_their_memory_survive_whatever_dies(cluster: Cluster) -> None:
    pipeline = Pipeline(cluster, mode="dynamic", command=COMMAND, formula="30 + 0.3 * length_mb")
    pipeline.write("wilful.py", WILFUL)
    pipeline.run("mkdir", "busy")
    # the tasks hold about 1 600 MB together
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

    # kill -9 of a second driver, in an allocation that lives on: the third takes its tasks over
    out = salloc(
        pipeline,
        "chromplan drive & driver=$!; before=$(ls out/*.done | wc -l)\n"
        "until [ $(ls out/*.done | wc -l) -gt $((before + 2)) ]; do sleep 0.1; done\n"
        "kill -9 $driver; wait $driver; chromplan drive",
        *("--nodes=1", "--ntasks=8", "--mem=800M"),
    )
    assert "21 of 22 tasks completed, 1 failed; next: chromplan next" in out, (out, attempts(pipeline))
    outcomes = Counter((row["task"], row["outcome"]) for row in attempts(pipeline))
    assert Counter(task for (task, outcome), _ in outcomes.items() if outcome == "completed") == dict.fromkeys(
        set(CHROMOSOMES) - {"s1.chr20"}, 1
    )
    assert all(count == 1 for (_, outcome), count in outcomes.items() if outcome == "completed")
    assert outcomes["s1.chr20", "failed"] == 1
    assert outcomes["s1.chr17", "oom"] >= 1
    assert lines(pipeline, ".done") == dict.fromkeys(set(CHROMOSOMES) - {"s1.chr20"}, 1)
    assert pipeline.json("next")["tasks"] == []
