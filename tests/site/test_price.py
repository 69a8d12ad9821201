"""What a job is billed, by Slurm's TRESBillingWeights."""

import pytest

from planner.core.errors import InputError
from planner.site import detect, loads
from planner.site.price import CORES, Weights, parse


@pytest.mark.parametrize(
    ("text", "cpus", "mem_mb", "units"),
    [
        ("CPU=1.0,Mem=0.25G", 4, 8192, 6),
        ("mem=.25", 1, 8192, 2048),  # the two examples of Slurm's manual
        ("Mem=.25G", 1, 8192, 2),
        ("CPU=0.1", 30, 100, 3),
        ("CPU=1,Mem=1T", 1, 1024**2 * 3, 4),
        ("CPU=2,GRES/gpu=100,billing=7", 1, 100, 2),
        ("Node=5,CPU=1", 2, 100, 7),
    ],
)
def test_a_job_is_billed_the_sum_of_its_weighted_shares(text: str, cpus: int, mem_mb: int, units: int) -> None:
    assert parse(text).units(cpus=cpus, mem_mb=mem_mb, nodes=1, by_largest=False) == units


def test_or_the_largest_of_them() -> None:
    weights = parse("CPU=1.0,Mem=0.25G")
    assert weights.units(cpus=4, mem_mb=8192, nodes=1, by_largest=True) == 4
    assert weights.units(cpus=1, mem_mb=8192, nodes=1, by_largest=True) == 2


def test_without_weights_a_core_is_a_unit() -> None:
    assert Weights(cpu=1.0) == CORES
    assert CORES.units(cpus=7, mem_mb=10**6, nodes=2, by_largest=False) == 7


@pytest.mark.parametrize("text", ["", "CPU", "CPU=", "CPU=-1", "CPU=1;Mem=2", "=1", "CPU=1.0X", "CPU=1,,Mem=1"])
def test_what_is_no_list_of_weights_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="TRESBillingWeights"):
        parse(text)


CLUSTER = """Configuration data as of 2026-11-01T00:00:00
PriorityFlags           = {flags}

PartitionName=main
   State=UP TotalCPUs=16 MaxTime=1-00:00:00 Default=YES
   TRESBillingWeights={weights}

NodeName=n1 CPUTot=16 RealMemory=64000 State=IDLE Partitions=main
"""


def test_weights_and_how_they_are_added_are_found_on_a_cluster() -> None:
    site = detect(CLUSTER.format(flags="MAX_TRES", weights="CPU=1.0,Mem=0.25G"))
    (main,) = site.partitions
    assert (main.billing_weights, site.billing_by_largest) == ("CPU=1.0,Mem=0.25G", True)
    assert site.billed(main, cpus=1, mem_mb=40_960) == 10
    other = detect(CLUSTER.format(flags="", weights="CPU=1.0,Mem=0.25G"))
    assert other.billed(other.partitions[0], cpus=1, mem_mb=40_960) == 11


def test_a_cluster_without_weights_bills_cores() -> None:
    site = detect(CLUSTER.format(flags="", weights="(null)"))
    assert not site.has_price(site.partitions[0])
    assert site.billed(site.partitions[0], cpus=3, mem_mb=40_960) == 3


def test_a_wrong_weight_in_a_site_file_is_named() -> None:
    text = """
name = "a"
description = "a"
source = "a"
as_of = 2026-01-01
[[partitions]]
name = "main"
cores = 1
mem_mb = 1000
billing_weights = "much"
"""
    with pytest.raises(InputError, match=r"billing_weights.*TRESBillingWeights"):
        loads(text)
