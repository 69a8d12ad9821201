"""Real Snakemake with its Slurm plugin: jobs ask Slurm for what the plan asks for, and for more after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import snakemake_runs
from cluster import Cluster
from snakemake_runs import requested, write

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


@pytest.fixture
def folder(omk_cluster: Cluster) -> Path:
    if not snakemake_runs.installed():
        pytest.skip("snakemake-executor-plugin-slurm is not installed: pip install '.[pipelines]'")
    return omk_cluster.user_dir("snakemake")


def planned(folder: Path) -> Any:
    return json.loads((folder / "chromplan.json").read_text())["rules"]


def test_every_job_asks_for_what_the_plan_asks_for_and_a_killed_one_for_what_the_model_does(
    omk_cluster: Cluster, folder: Path
) -> None:
    write(omk_cluster, folder, {"Snakefile": SNAKEFILE.replace("ARRAY", "False"), "hold.py": HOLD, "runs.csv": RUNS})
    omk_cluster.run(["mkdir", "out"], cwd=folder)
    omk_cluster.run(["chromplan", "history", "import", "runs.csv"], cwd=folder)
    omk_cluster.run(["chromplan", "export", "--to", "snakemake"], cwd=folder)
    snakemake_runs.run(omk_cluster, folder)
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
    snakemake_runs.run(omk_cluster, folder, "--slurm-array-jobs", "impute", "--slurm-disable-memory-fudge")
    jobs = [path.stem for path in folder.glob(".snakemake/slurm_logs/rule_impute/**/*_*.log")]
    omk_cluster.wait(*jobs)
    rows = omk_cluster.sacct(*jobs, fields=("JobID", "ReqMem"))
    asked = [int(float(row["ReqMem"].rstrip("Kcn"))) >> 10 for row in rows if row["JobID"] in jobs]
    assert asked == [planned(folder)["impute"][""][""]["mem_mb"][0]] * 3
