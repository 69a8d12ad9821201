"""Real Snakemake with its Slurm plugin: jobs ask Slurm for what the plan asks for, and for more after a kill."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SNAKEFILE = """
from chromplan_resources import chromplan

CHROMOSOMES = ["20", "21", "22"]

rule all:
    input: expand("out/{chrom}.imputed", chrom=CHROMOSOMES)

rule phase:
    output: "out/{chrom}.phased"
    resources:
        mem_mb=chromplan("phase"),
        runtime=chromplan("phase", "runtime"),
    shell: "python3 hold.py phase {wildcards.chrom} {resources.mem_mb} && touch {output}"

rule impute:
    input: "out/{chrom}.phased"
    output: "out/{chrom}.imputed"
    resources:
        mem_mb=chromplan("impute", array=ARRAY),
        runtime=chromplan("impute", "runtime"),
    shell: "touch {output}"
"""
# the first attempt of chromosome 21 holds twice what it may, until it is killed
HOLD = """
import pathlib, sys, time
rule, chromosome, mem_mb = sys.argv[1], sys.argv[2], int(sys.argv[3])
tried = pathlib.Path(f"out/{rule}.{chromosome}.tried")
if chromosome == "21" and not tried.exists():
    tried.touch()
    held = bytearray(2 * mem_mb << 20)
    time.sleep(600)
"""
RUNS = "tool,chromosome,peak_mb,wall_s,limit_mb\n" + "".join(
    f"{tool},{n},{base + 5 * n},{3000 + n},4000\n"
    for tool, base in (("phase", 300), ("impute", 400))
    for n in range(1, 23)
)


def installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("snakemake", "snakemake_executor_plugin_slurm"))


@pytest.fixture
def folder(omk_cluster: Cluster) -> Path:
    if not installed():
        pytest.skip("snakemake-executor-plugin-slurm is not installed: pip install '.[pipelines]'")
    return omk_cluster.user_dir("snakemake")


def write(cluster: Cluster, folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        cluster.run(["tee", name], cwd=folder, stdin=text)


def snakemake(cluster: Cluster, folder: Path, *options: str) -> str:
    """Run the workflow as a person does, asking Slurm every few seconds; return what it said."""
    argv = ["python3", "-m", "snakemake", "--executor", "slurm", "--jobs", "8", "--latency-wait", "60"]
    pace = ["--seconds-between-status-checks", "2", "--slurm-init-seconds-before-status-checks", "2"]
    tidy = ["--slurm-keep-successful-logs", "--default-resources", "slurm_account=root", "slurm_partition=main"]
    # --retries, not the rule's own: those would be tried within the same job
    argv += ["--retries", "2", *pace, *tidy, *options]
    # the plugin takes SLURM_CONF out of its jobs' environment: real clusters do without
    srun = f'#!/bin/sh\nSLURM_CONF={cluster.home}/slurm.conf exec /usr/bin/srun "$@"\n'
    cluster.run(["mkdir", "bin"], cwd=folder)
    cluster.run(["tee", "bin/srun"], cwd=folder, stdin=srun)
    cluster.run(["chmod", "+x", "bin/srun"], cwd=folder)
    path = f"{folder}/bin:{cluster.environment()['PATH']}"
    done = cluster.run(argv, cwd=folder, env={"PATH": path}, check=False, timeout_s=1500)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    return said


def requested(cluster: Cluster, folder: Path) -> list[tuple[str, str, int]]:
    """Return rule and chromosome of every job, as its log's path says, and the memory that Slurm was asked for, MiB."""
    logs = {path.stem: path.parts[-3:-1] for path in folder.glob(".snakemake/slurm_logs/rule_*/*/*.log")}
    cluster.wait(*logs)
    rows = cluster.sacct(*logs, fields=("JobID", "ReqMem"))
    asked_kib = {row["JobID"]: float(row["ReqMem"].rstrip("Kcn")) for row in rows if row["JobID"] in logs}
    return sorted(
        (rule.removeprefix("rule_"), chromosome, int(asked_kib[job]) >> 10) for job, (rule, chromosome) in logs.items()
    )


def planned(folder: Path) -> Any:
    return json.loads((folder / "chromplan.json").read_text())["rules"]


def test_every_job_asks_for_what_the_plan_asks_for_and_a_killed_one_for_what_the_model_does(
    omk_cluster: Cluster, folder: Path
) -> None:
    write(omk_cluster, folder, {"Snakefile": SNAKEFILE.replace("ARRAY", "False"), "hold.py": HOLD, "runs.csv": RUNS})
    omk_cluster.run(["mkdir", "out"], cwd=folder)
    omk_cluster.run(["chromplan", "history", "import", "runs.csv"], cwd=folder)
    omk_cluster.run(["chromplan", "export", "--to", "snakemake"], cwd=folder)
    snakemake(omk_cluster, folder)
    asked = planned(folder)
    expected = [
        (rule, chrom, asked[rule][chrom][""]["mem_mb"][0])
        for rule in ("phase", "impute")
        for chrom in ("20", "21", "22")
    ]
    again = ("phase", "21", asked["phase"]["21"][""]["mem_mb"][1])
    assert requested(omk_cluster, folder) == sorted([*expected, again])


def test_all_jobs_of_an_array_get_the_largest_request_of_the_rule(omk_cluster: Cluster, folder: Path) -> None:
    write(omk_cluster, folder, {"Snakefile": SNAKEFILE.replace("ARRAY", "True"), "runs.csv": RUNS})
    omk_cluster.run(["mkdir", "out"], cwd=folder)
    omk_cluster.run(["touch", *(f"out/{chrom}.phased" for chrom in ("20", "21", "22"))], cwd=folder)
    omk_cluster.run(["chromplan", "history", "import", "runs.csv"], cwd=folder)
    omk_cluster.run(["chromplan", "export", "--to", "snakemake"], cwd=folder)
    snakemake(omk_cluster, folder, "--slurm-array-jobs", "impute", "--slurm-disable-memory-fudge")
    jobs = [path.stem for path in folder.glob(".snakemake/slurm_logs/rule_impute/**/*_*.log")]
    omk_cluster.wait(*jobs)
    rows = omk_cluster.sacct(*jobs, fields=("JobID", "ReqMem"))
    asked = [int(float(row["ReqMem"].rstrip("Kcn"))) >> 10 for row in rows if row["JobID"] in jobs]
    assert asked == [planned(folder)["impute"][""][""]["mem_mb"][0]] * 3
