"""``chromplan site`` against a live Slurm."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cluster import Cluster, Node

from planner.site import loads


def test_detect_describes_the_cluster_and_check_agrees_with_it(omk_cluster: Cluster) -> None:
    work = omk_cluster.user_dir()
    text = omk_cluster.run(["chromplan", "site", "detect"], cwd=work).stdout
    site = loads(text)
    assert {(p.option, p.nodes, p.mem_mb) for p in site.partitions} == {("main", 1, 4000), ("main", 1, 8000)}
    assert (site.mem_policy, site.max_array_size, site.acctg_freq_s) == ("mem", 1001, 1)
    (work / "here.toml").write_text(text)
    assert "agrees with the cluster" in omk_cluster.run(["chromplan", "site", "check", "here.toml"], cwd=work).stdout


def test_check_tells_of_memory_that_no_node_has(omk_cluster: Cluster) -> None:
    work = omk_cluster.user_dir()
    text = omk_cluster.run(["chromplan", "site", "detect"], cwd=work).stdout
    (work / "here.toml").write_text(text.replace("mem_mb = 8000", "mem_mb = 9000"))
    done = omk_cluster.run(["chromplan", "site", "check", "here.toml", "--json"], cwd=work, check=False)
    assert done.returncode == 1
    assert [d["meaning"] for d in json.loads(done.stdout)] == ["a request above 8000M would wait forever"]


def test_a_request_of_the_largest_node_is_accepted_and_one_above_it_is_not(omk_cluster: Cluster) -> None:
    """The cap that detection finds is the one that Slurm enforces."""
    work = omk_cluster.user_dir()
    cap_mb = loads(omk_cluster.run(["chromplan", "site", "detect"], cwd=work).stdout).cap_mb()

    def accepted(mem_mb: int) -> bool:
        argv = ["sbatch", "--test-only", f"--mem={mem_mb}M", "--wrap=true"]
        return omk_cluster.run(argv, cwd=work, check=False).returncode == 0

    assert accepted(cap_mb)
    assert not accepted(cap_mb + 1)


@pytest.fixture
def limited(start_cluster: Callable[..., Cluster]) -> Cluster:
    extra = "PartitionName=small Nodes=ALL MaxMemPerNode=3000\nPartitionName=lean Nodes=ALL MaxMemPerCPU=1000"
    return start_cluster(nodes=[Node(cpus=8, mem_mb=8000)], extra=extra)


def test_limits_of_partitions_are_the_ones_slurm_enforces(limited: Cluster) -> None:
    work = limited.user_dir()
    site = loads(limited.run(["chromplan", "site", "detect"], cwd=work).stdout)
    assert (site.cap_mb("small"), site.cap_mb("main")) == (3000, 8000)

    fitting = limited.sbatch("sleep 0.1", "--partition=small", "--mem=3000M")
    waiting = limited.sbatch("sleep 0.1", "--partition=small", "--mem=3001M")
    costly = limited.sbatch("sleep 0.1", "--partition=lean", "--mem=2500M")
    limited.wait(fitting, costly)
    # one MiB too much is accepted, and never starts
    reason = limited.run(["squeue", "-h", "-j", waiting, "-o", "%T %r"], cwd=work).stdout.split()
    assert reason in (["PENDING", "MaxMemPerLimit"], ["PENDING", "PartitionConfig"])
    # memory above the most per core costs cores, as many as adjust says
    rows = limited.sacct(costly, fields=("JobID", "AllocCPUS"))
    assert int(rows[0]["AllocCPUS"]) == site.adjust(site.partition("lean"), 2500).cpus == 3


@pytest.mark.parametrize("flags", ["", "PriorityFlags=MAX_TRES"])
def test_slurm_bills_what_the_detected_weights_say(start_cluster: Callable[..., Cluster], flags: str) -> None:
    billed = "PartitionName=billed Nodes=ALL TRESBillingWeights=CPU=1.5,Mem=2.5G"
    cluster = start_cluster(nodes=[Node(cpus=8, mem_mb=8000)], priority="multifactor", extra=f"{billed}\n{flags}")
    site = loads(cluster.run(["chromplan", "site", "detect"], cwd=cluster.user_dir()).stdout)
    asked = [(1, 3000), (4, 500), (3, 1000), (2, 100)]
    jobs = {
        cluster.sbatch("true", "--partition=billed", f"--cpus-per-task={cpus}", f"--mem={mem_mb}M"): (cpus, mem_mb)
        for cpus, mem_mb in asked
    }
    cluster.wait(*jobs)
    rows = {row["JobID"]: row["AllocTRES"] for row in cluster.sacct(*jobs, fields=["JobID", "AllocTRES"])}
    for job_id, (cpus, mem_mb) in jobs.items():
        units = site.billed(site.partition("billed"), cpus=cpus, mem_mb=mem_mb)
        assert f"billing={units}," in f"{rows[job_id]},", rows
