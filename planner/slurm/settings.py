"""Settings of this cluster's slurmctld that chromplan depends on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from planner.core.errors import FailureError
from planner.core.sampling import POLL_S
from planner.site.facts import acctg_freq_s, read
from planner.slurm.calls import Patience, run


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Settings read from ``scontrol show config``.

    Attributes
    ----------
    computes_priority : bool
        priority/multifactor: ``Nice`` sets the order, and a held job stays held. Under priority/basic, setting ``Nice``
        would release the job, and the order of release counts instead.
    goes_by_list : bool
        sched/builtin: jobs start in the order of slurmctld's list. An element that is updated takes the place of its
        array, and the rest of the array moves to the end.
    has_weights : bool
        Whether any priority weight is set: without one all priorities are equal, whatever ``Nice`` is.
    max_array_size : int or None
        The highest array index plus one.
    max_job_count : int or None
        How many jobs slurmctld holds at once; each element of an array counts as one.
    hides_jobs : bool
        Whether users see only their own jobs (``PrivateData=jobs``).
    poll_s : float
        Interval of memory sampling for jobs that do not set their own, s; Slurm's default when sampling is off.
    """

    computes_priority: bool
    goes_by_list: bool
    has_weights: bool
    max_array_size: int | None
    max_job_count: int | None
    hides_jobs: bool = False
    poll_s: float = POLL_S


def settings(*, cluster: str | None = None, patience: Patience | None = None) -> Settings:
    """Return the cluster's settings, with one ``scontrol show config``."""
    return read_settings(run(["scontrol", "show", "config"], cluster=cluster, patience=patience))


def hides_jobs_of(user: int, *, cluster: str | None = None) -> bool:
    """Whether Slurm may hide the jobs of a user (by id) from us; True also when Slurm does not answer."""
    if os.getuid() in (0, user):
        return False
    try:
        return settings(cluster=cluster).hides_jobs
    except FailureError:
        return True


def read_settings(text: str) -> Settings:
    """Return the settings from the output of ``scontrol show config``."""
    return parse(read(text).config)


def parse(config: Mapping[str, str]) -> Settings:
    """Return the settings that matter to a submission, from name -> value."""
    weights = [value for name, value in config.items() if name.startswith("PriorityWeight")]
    return Settings(
        computes_priority=config.get("PriorityType") == "priority/multifactor",
        goes_by_list=config.get("SchedulerType") == "sched/builtin",
        has_weights=any(value.strip() not in ("0", "(null)", "") for value in weights),
        max_array_size=_count(config.get("MaxArraySize")),
        max_job_count=_count(config.get("MaxJobCount")),
        hides_jobs="jobs" in config.get("PrivateData", "").split(","),
        poll_s=acctg_freq_s(config) or POLL_S,
    )


def _count(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None
