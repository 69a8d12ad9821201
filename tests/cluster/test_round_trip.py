"""The round trip on a real Slurm: plan, one array, kills recognised, a second round, a better third plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster

SITE = """
name = "private"
description = "the test cluster"
source = "tests/cluster"
as_of = 2026-01-01
headroom_mb = 100

[[partitions]]
name = "main"
nodes = 2
cores = 8
mem_mb = 4000
default = true
"""

# what a task holds grows with its chromosome: 40 + 1.1 x length MB, and the interpreter's own 10
WORK = """
import sys, time
mb = 40 + 1.1 * float(sys.argv[1])
held = []
while len(held) < mb:
    held.append(bytearray(1 << 20))
    if len(held) % 20 == 0:
        time.sleep(0.05)
time.sleep(2.5)
open(f"out/{sys.argv[2]}.chr{sys.argv[3]}", "a").write("done\\n")
"""

CONFIG = """
[pipeline]
name = "trip"
tool = "hold"
genome = "GRCh37"
samples = ["{sample}"]
command = "python3 work.py $(awk -v c={{chromosome}} '$1 == c {{print $2}}' lengths.tsv) {{sample}} {{chromosome}}"
time = "00:05:00"

[memory]
formula = "230 + 0.3 * length_mb"

[submit]
site = "./site.toml"
mode = "{mode}"
"""


class Pipeline:
    """A project on the test cluster, worked on as its ordinary user."""

    def __init__(self, cluster: Cluster, *, mode: str = "array") -> None:
        from planner import genome

        self.cluster = cluster
        self.folder = cluster.user_dir("trip")
        self.mode = mode
        lengths = genome.lengths("GRCh37")
        table = "".join(f"{c}\t{length / 1e6}\n" for c, length in lengths.items())
        for name, text in {"work.py": WORK, "site.toml": SITE, "lengths.tsv": table}.items():
            self.write(name, text)
        self.run("mkdir", "out")
        self.sample("s1")

    def write(self, name: str, text: str) -> None:
        self.cluster.run(["tee", name], cwd=self.folder, stdin=text)

    def sample(self, name: str) -> None:
        self.write("chromplan.toml", CONFIG.format(sample=name, mode=self.mode))

    def run(self, *argv: str, env: dict[str, str] | None = None, check: bool = True) -> Any:
        return self.cluster.run(argv, cwd=self.folder, env=env, check=check)

    def chromplan(self, *argv: str, env: dict[str, str] | None = None) -> str:
        return str(self.run("chromplan", *argv, env=env).stdout)

    def json(self, *argv: str) -> Any:
        return json.loads(self.chromplan(*argv, "--json"))

    def go(self) -> dict[str, dict[str, Any]]:
        """Submit the latest round, wait for its end, and return its tasks' standing."""
        self.chromplan("submit")
        return self.finish()

    def finish(self) -> dict[str, dict[str, Any]]:
        manifest = (self.latest() / "manifest.tsv").read_text().splitlines()[1:]
        self.cluster.wait(*(line.split("\t")[1] for line in manifest), timeout_s=120)
        number = int(self.latest().name[1:])
        return {row["task"]: row for row in self.json("status") if row["round"] == number}

    def latest(self) -> Path:
        return max((self.folder / "rounds").glob("r*"))

    def counting(self, program: str) -> dict[str, str]:
        """Return an environment in which every call of a Slurm command is counted in calls-PROGRAM."""
        real = str(self.run("which", program).stdout).strip()
        self.write(f"bin-{program}", f'#!/bin/sh\necho "$@" >> {self.folder}/calls-{program}\nexec {real} "$@"\n')
        self.run("mkdir", "-p", f"{program}.d")
        self.run("sh", "-c", f"mv bin-{program} {program}.d/{program} && chmod +x {program}.d/{program}")
        return {"PATH": f"{self.folder}/{program}.d:{self.cluster.environment()['PATH']}"}

    def calls(self, program: str) -> int:
        return len((self.folder / f"calls-{program}").read_text().splitlines())

    def ran(self) -> dict[str, int]:
        """How often each task ran to its end."""
        return {path.name: len(path.read_text().splitlines()) for path in (self.folder / "out").iterdir()}


@pytest.fixture
def pipeline(cluster: Cluster) -> Pipeline:
    return Pipeline(cluster)


@pytest.fixture
def simple(omk_cluster: Cluster) -> Callable[..., Pipeline]:
    return lambda **options: Pipeline(omk_cluster, **options)


@pytest.mark.cluster
def test_two_killed_tasks_finish_in_round_2_and_the_next_sample_asks_for_less(pipeline: Pipeline) -> None:
    pipeline.chromplan("plan")
    pipeline.chromplan("render")
    first = pipeline.go()
    assert len(first) == 22
    # one array, each element with its own memory
    jobs = {row["job_id"].split("_")[0] for row in first.values()}
    assert len(jobs) == 1
    rows = pipeline.cluster.sacct(*jobs, fields=("JobID", "ReqMem"))
    asked = {row["JobID"]: row["ReqMem"] for row in rows if "." not in row["JobID"]}
    assert {asked[row["job_id"]] for row in first.values()} == {f"{row['request_mb']}M" for row in first.values()}
    assert len(set(asked.values())) > 15
    # the two largest need more than the formula says
    outcomes = {task: row["outcome"] for task, row in first.items()}
    assert [task for task, outcome in outcomes.items() if outcome != "completed"] == ["s1.chr1", "s1.chr2"]
    assert {outcomes["s1.chr1"], outcomes["s1.chr2"]} == {"oom"}

    plan = pipeline.json("next")
    assert {task["task"] for task in plan["tasks"]} == {"s1.chr1", "s1.chr2"}
    assert all(task["request_mb"] > first[task["task"]]["request_mb"] for task in plan["tasks"])
    second = pipeline.go()
    assert {row["outcome"] for row in second.values()} == {"completed"}
    assert {row["quality"] for row in second.values()} == {"measured"}
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in range(1, 23)}

    pipeline.chromplan("next")
    pipeline.sample("s2")
    third = pipeline.json("plan")
    assert len(third["tasks"]) == 22
    assert third["total_request_mb"] < sum(row["request_mb"] for row in first.values())
    pipeline.chromplan("render")
    assert {row["outcome"] for row in pipeline.go().values()} == {"completed"}
