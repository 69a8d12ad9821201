"""A task as a job of its own: what a partition's rules make of it, and what that is billed."""

from typing import Any

import plans
import pytest

from planner.core.records import Task
from planner.plan.own_jobs import own_job
from planner.plan.requests import SizedTask
from planner.site import Partition


def sized(**changes: Any) -> SizedTask:
    """Return a task of one CPU that is expected to run for 100 s."""
    task = Task(name="S:1", tool="beagle", sample="S", chromosome="1", cpus=1, features={})
    values: dict[str, Any] = {
        "size": 1.0,
        "mem_mb": 1000,
        "predicted_mb": 900.0,
        "wall_s": 100.0,
        "time_limit_s": 600,
        "reason": "",
    }
    return SizedTask(**{"task": task, **values, **changes})


def partition(**changes: Any) -> Partition:
    values: dict[str, Any] = {
        "name": "main",
        "nodes": 4,
        "cores": 16,
        "mem_mb": 64_000,
        "max_time": "01:00:00",
        "default": True,
    }
    return Partition(**{**values, **changes})


def test_a_task_is_billed_for_its_request_while_it_runs() -> None:
    at = partition(billing_weights="CPU=1.0,Mem=1.0G")
    job = own_job(plans.site(partitions=(at,)), at, sized(mem_mb=2048))
    assert (job.fits, job.mem_mb, job.cpus, job.billed_s) == (True, 2048, 1, 300.0)


def test_the_minimum_of_a_partition_is_billed() -> None:
    at = partition(min_cores=4)
    job = own_job(plans.site(partitions=(at,)), at, sized())
    assert (job.cpus, job.billed_s) == (4, 400.0)


def test_where_jobs_get_whole_nodes_all_cores_are_billed() -> None:
    at = partition()
    job = own_job(plans.site(partitions=(at,), mem_policy="whole_node"), at, sized())
    assert (job.fits, job.mem_mb, job.billed_s) == (True, at.cap_mb, 1600.0)


@pytest.mark.parametrize(
    "more", [{"mem_mb": 64_001}, {"time_limit_s": 3601}, {"wall_s": 3601.0}], ids=["memory", "limit", "duration"]
)
def test_what_a_partition_does_not_offer_does_not_fit(more: dict[str, Any]) -> None:
    at = partition()
    assert not own_job(plans.site(partitions=(at,)), at, sized(**more)).fits


def test_memory_that_is_rounded_up_above_the_node_does_not_fit() -> None:
    at = partition(mem_mb=1000, cores=16)
    task = sized(mem_mb=1000)
    three = sized(mem_mb=1000, task=Task(name="S:1", tool="b", sample="S", chromosome="1", cpus=3, features={}))
    site = plans.site(partitions=(at,), mem_policy="mem_per_cpu")
    assert own_job(site, at, task).fits
    assert not own_job(site, at, three).fits


def test_an_unknown_duration_has_no_price() -> None:
    at = partition()
    assert own_job(plans.site(partitions=(at,)), at, sized(wall_s=None)).billed_s == 0
