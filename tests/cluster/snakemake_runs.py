"""Real Snakemake with its Slurm plugin on the test cluster, as its ordinary user runs it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from cluster import Cluster

PLUGIN = "snakemake_executor_plugin_slurm"


def installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("snakemake", PLUGIN))


def write(cluster: Cluster, folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        cluster.run(["tee", name], cwd=folder, stdin=text)


def run(cluster: Cluster, folder: Path, *options: str, jobs: int = 8) -> str:
    """Run the workflow of a folder, asking Slurm every few seconds; return what it said."""
    argv = ["python3", "-m", "snakemake", "--executor", "slurm", "--jobs", str(jobs), "--latency-wait", "60"]
    pace = ["--seconds-between-status-checks", "2", "--slurm-init-seconds-before-status-checks", "2"]
    tidy = ["--slurm-keep-successful-logs", "--default-resources", "slurm_account=root", "slurm_partition=main"]
    # --retries, not the rule's own: those would be tried within the same job
    argv += ["--retries", "3", *pace, *tidy, *options]
    # the plugin takes SLURM_CONF out of its jobs' environment: real clusters do without
    srun = f'#!/bin/sh\nSLURM_CONF={cluster.home}/slurm.conf exec /usr/bin/srun "$@"\n'
    cluster.run(["mkdir", "-p", "bin"], cwd=folder)
    cluster.run(["tee", "bin/srun"], cwd=folder, stdin=srun)
    cluster.run(["chmod", "+x", "bin/srun"], cwd=folder)
    path = f"{folder}/bin:{cluster.environment()['PATH']}"
    done = cluster.run(argv, cwd=folder, env={"PATH": path}, check=False, timeout_s=1500)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    return said


def jobs_of(folder: Path) -> dict[str, tuple[str, str]]:
    """Return the rule and the chromosome of every job of a folder's workflow, by its id, as its log's path says."""
    paths = folder.glob(".snakemake/slurm_logs/rule_*/*/*.log")
    return {path.stem: (path.parts[-3].removeprefix("rule_"), path.parts[-2]) for path in paths}


def requested(cluster: Cluster, folder: Path) -> list[tuple[str, str, int]]:
    """Return rule and chromosome of every job, sorted, and the memory that Slurm was asked for, MiB."""
    jobs = jobs_of(folder)
    cluster.wait(*jobs)
    rows = cluster.sacct(*jobs, fields=("JobID", "ReqMem"))
    asked_kib = {row["JobID"]: float(row["ReqMem"].rstrip("Kcn")) for row in rows if row["JobID"] in jobs}
    return sorted((*jobs[job], int(kib) >> 10) for job, kib in asked_kib.items())
