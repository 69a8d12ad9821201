"""Whatever happens to one of Slurm's commands, each of ours ends well or with two lines, and every task runs once.

The first commands of ours that call the Slurm command get the fault, at their first call. Some faults are tried; with
CHROMPLAN_EVERY_FAULT=1 each one in each of Slurm's commands.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
TASKS = {"s1.chr21": 1, "s1.chr22": 1}
# three of our processes get the fault, each once
ONCE_EACH = """
for number in 1 2 3; do
  if [ ! -e "$0.seen.$PPID" ] && mkdir "$0.$number" 2>/dev/null; then touch "$0.seen.$PPID"; {fault}; fi
done
exec "$real" "$@"
"""
FAULTS = {
    "killed before": "kill -KILL $$",
    "crashed after": '"$real" "$@" >/dev/null; kill -SEGV $$',
    "killed in a script of the site's": '"$real" "$@" >/dev/null; exit 137',
    "no answer": '"$real" "$@" >/dev/null; exit 0',
    "nothing done, and no answer": "exit 0",
    "the half of its answer": 'said=$("$real" "$@"); printf %s "${said:0:$((${#said} / 2))}"; exit 0',
    "half the lines": 'said=$("$real" "$@"); head -n $(($(wc -l <<<"$said") / 2)) <<<"$said"; exit 0',
    "another language": "echo 'Fehler: Verbindungsaufbau abgelehnt' >&2; exit 1",
    "no file handles": 'echo "$(basename "$0"): error: Too many open files" >&2; exit 1',
}
PROGRAMS = ("sbatch", "scontrol", "squeue", "sacct", "sinfo", "sstat")
SOME = [
    ("sbatch", "crashed after", "array"),
    ("squeue", "the half of its answer", "array"),
    ("scontrol", "killed before", "array"),
    ("sacct", "half the lines", "packed"),
]
ALL = [
    *((program, fault, "array") for program in PROGRAMS for fault in FAULTS),
    *((program, fault, "packed") for program in ("sbatch", "squeue", "sacct") for fault in FAULTS),
    *(("scancel", fault, "cancel") for fault in FAULTS),
]


def tell(pipeline: Pipeline, env: dict[str, str], *argv: str, tries: int = 1) -> Any:
    """Give a command of ours until it succeeds; each time that it does not, it says so in two lines."""
    for _ in range(tries):
        done = pipeline.run("chromplan", *argv, env=env, check=False)
        if done.returncode == 0:
            return done
        assert done.returncode == 1, (argv, done.stderr)
        error, hint = done.stderr.splitlines()[-2:]
        assert error.startswith("error: "), (argv, done.stderr)
        assert hint.startswith("hint: "), (argv, done.stderr)
    return done


@pytest.mark.parametrize(("program", "fault", "mode"), ALL if os.environ.get("CHROMPLAN_EVERY_FAULT") else SOME)
def test_every_task_runs_once(omk_cluster: Cluster, program: str, fault: str, mode: str) -> None:
    is_cancelled = mode == "cancel"
    command = "sleep 600 # {chromosome}" if is_cancelled else "echo done >> out/{sample}.chr{chromosome}"
    pipeline = Pipeline(
        omk_cluster, chromosomes="21-22", mode="array" if is_cancelled else mode, command=command, name="faulty"
    )
    pipeline.ready()
    env = pipeline.intercept(program, ONCE_EACH.format(fault=FAULTS[fault]))
    done = tell(pipeline, env, "submit", tries=5)
    assert done.returncode == 0, done.stderr
    tell(pipeline, env, "status")
    if is_cancelled:
        done = tell(pipeline, env, "cancel", "--yes", tries=5)
        assert done.returncode == 0, done.stderr
        cancelled = [line.split("\t")[1] for line in pipeline.manifest()]
        pipeline.until(lambda: not pipeline.run("squeue", "-h", "-r", "-o", "%i", "-j", ",".join(cancelled)).stdout)
        return
    pipeline.cluster.wait(*(line.split("\t")[1] for line in pipeline.manifest()), timeout_s=300)
    for words in (("status",), ("ingest",), ("next",)):
        tell(pipeline, env, *words, tries=5)
    pipeline.until(lambda: "nothing is left to run" in tell(pipeline, env, "next").stdout)
    assert pipeline.ran() == TASKS
    rows = pipeline.json("history", "show")
    assert {(row["task"], row["outcome"]) for row in rows} == {(task, "completed") for task in TASKS}, rows
    assert len(rows) == len(TASKS), rows
    assert pipeline.latest().name == "r001"
    mine = pipeline.run("squeue", "-h", "-o", "%i %Z").stdout.splitlines()
    assert not [line for line in mine if line.endswith(f" {pipeline.folder}")]
