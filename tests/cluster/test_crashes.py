"""Killed at any file or process event, a command that is repeated leaves every task run once, and recorded once.

``make crash`` tries every event of every command in every mode; here some are tried, the same ones each time.
CHROMPLAN_CRASHES=N tries every N-th event, N+K from the K-th on; CHROMPLAN_CRASH=SIGINT (or SIGHUP, SIGTERM) ends the
command by another signal, CHROMPLAN_CRASH=group with all that it started, CHROMPLAN_CRASH=full lets the disk be full
from the event on.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from pipelines import QUICK_COMMAND, Pipeline

pytestmark = pytest.mark.cluster
TRIALS = Path(__file__).parent / "crash_trials.py"
TASKS = ("20", "21", "22")
# "random" tries random kills alone
_every, _, _first = os.environ.get("CHROMPLAN_CRASHES", "0").replace("random", "0").partition("+")
EVERY = int(_every)
FIRST = int(_first or (EVERY + 1) // 2)
HOW = os.environ.get("CHROMPLAN_CRASH", "SIGKILL")
MODES = ("array", "tiers", "jobs", "packed")
# what is tried without CHROMPLAN_CRASHES: some events of the commands that start tasks
SAMPLE = {
    ("submit", "array", "SIGKILL"): 19,
    ("submit", "jobs", "SIGKILL"): 31,
    ("next --submit", "tiers", "SIGKILL"): 47,
    ("submit", "array", "SIGINT"): 11,
    ("submit", "tiers", "group"): 23,
    ("submit", "jobs", "full"): 17,
}
SCRIPT = """#!/bin/bash
#SBATCH --job-name=imp --array=20-22 --mem=100M --time=5
echo done >> out/chr$SLURM_ARRAY_TASK_ID
"""


def base(cluster: Cluster, command: str, mode: str) -> Pipeline:
    """Return a project that is as far as the command takes it from there."""
    pipeline = Pipeline(cluster, mode=mode, chromosomes="20-22", formula="60 + length_mb", name=f"base-{mode}")
    if command == "sbatch":
        pipeline.write("imp.sh", SCRIPT)
        return pipeline
    if command == "cancel":
        pipeline.configure(command="sleep 600; " + QUICK_COMMAND)
    if command in ("next --submit", "next", *LOOKING):
        # the smallest task goes first, and is what there is to record
        text = (pipeline.folder / "chromplan.toml").read_text()
        pilot = "1" if command.startswith("next") else "0"
        pipeline.write(
            "chromplan.toml", text.replace('formula = "60 + length_mb"', f"default_mb = 90\npilot = {pilot}")
        )
    if command in ("fit", "history import"):
        rows = [f"{name},{40 + 60 / name:.0f},{300 / name:.0f},{250 / name:.0f}" for name in range(1, 20)]
        pipeline.write("past.csv", "\n".join(["chromosome,peak_mb,wall_s,length_mb", *rows, ""]))
    if command == "fit":
        pipeline.chromplan(*ARGUMENTS["history import"])
    if command != "plan":
        pipeline.chromplan("plan")
    if command not in ("plan", "render"):
        pipeline.chromplan("render")
    if command in ("next --submit", "next", *LOOKING):
        pipeline.chromplan("submit")
        pipeline.cluster.wait(*(line.split("\t")[1] for line in pipeline.manifest()))
    return pipeline


# what is done once all has ended
LOOKING = ("ingest", "watch", "advise")
# in each copy: the jobs are its own
BEFORE = {"cancel": [["submit"]]}
FURTHER: dict[str, list[list[str]]] = {
    "plan": [["render"], ["submit"]],
    "render": [["submit"]],
    "next": [["submit"]],
    "fit": [["submit"]],
    "history import": [["submit"]],
}
ARGUMENTS = {
    "history import": ["history", "import", "past.csv", "--tool", "hold", "--feature", "length_mb=length_mb"],
    "cancel": ["cancel", "--yes"],
    "advise": ["advise", "--html", "page.html"],
    "sbatch": ["sbatch", "--no-history", "--site", "site.toml", "--mode", "{mode}", "imp.sh"],
}


def try_out(
    cluster: Cluster, command: str, mode: str, *, stride: int, first: int, how: str = "SIGKILL", then_next: bool = False
) -> dict[str, Any]:
    """Kill a command at every ``stride``-th event from one on, repeat it, and return what went wrong."""
    before = base(cluster, command, mode)
    work = cluster.user_dir("crashes")
    argv = [word.format(mode=mode) for word in ARGUMENTS.get(command, command.split())]
    spec = {
        "base": str(before.folder),
        "work": str(work / "trials"),
        "argv": [*argv[:1], *(["--then-next"] if then_next else []), *argv[1:]],
        "stride": stride,
        "first": first,
        "workers": 6,
        "before": BEFORE.get(command, []),
        "then": FURTHER.get(command, []),
        "cancelled": command == "cancel",
        "how": how,
        "tasks": [f"s1.chr{c}" if command != "sbatch" else f"chr{c}" for c in TASKS],
    }
    before.write("spec.json", json.dumps(spec))
    began_s = time.monotonic()
    done = cluster.run(
        ["python3", TRIALS, before.folder / "spec.json"],
        cwd=work,
        check=False,
        timeout_s=6000,
        env={"TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    name = f"{command}{' --then-next' if then_next else ''} {mode}"
    took_s = time.monotonic() - began_s
    print(
        f"{name}: {found['killed']} kills among {found['events']} events, {len(found['wrong'])} wrong, {took_s:.0f} s"
    )
    for at, said in found["wrong"].items():
        print(f"killed at event {at}:", *said, sep="\n  ")
    return found


@pytest.mark.parametrize(("command", "mode", "how"), SAMPLE)
@pytest.mark.skipif(EVERY > 0, reason="all of them are tried")
def test_some_kills(omk_cluster: Cluster, command: str, mode: str, how: str) -> None:
    stride = SAMPLE[command, mode, how]
    found = try_out(omk_cluster, command, mode, stride=stride, first=(stride + 1) // 2, how=how)
    assert found["killed"] > 0
    assert found["wrong"] == {}


@pytest.mark.parametrize("then_next", [False, True], ids=["", "then-next"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "command",
    [
        "submit",
        "next --submit",
        "sbatch",
        "ingest",
        "next",
        "plan",
        "render",
        "fit",
        "history import",
        "cancel",
        "watch",
        "advise",
    ],
)
@pytest.mark.skipif(EVERY == 0, reason="'make crash' tries every event")
def test_every_kill(omk_cluster: Cluster, command: str, mode: str, then_next: bool) -> None:
    if then_next and command not in ("submit", "next --submit", "sbatch"):
        pytest.skip("it submits nothing")
    if mode != "array" and command in ("plan", "render", "fit", "history import", "advise"):
        pytest.skip("it does the same in every mode")
    if command == "sbatch" and mode == "packed":
        pytest.skip("a script of one's own is a job of its own")
    found = try_out(omk_cluster, command, mode, stride=EVERY, first=FIRST, how=HOW, then_next=then_next)
    assert found["wrong"] == {}
