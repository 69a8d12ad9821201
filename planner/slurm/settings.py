"""Settings of this cluster's slurmctld that change what chromplan does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.core.sampling import POLL_S
from planner.site.facts import acctg_freq_s, read
from planner.slurm.calls import Patience, run


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Of ``scontrol show config``.

    Attributes
    ----------
    computes_priority : bool
        priority/multifactor: ``Nice`` counts, and leaves a held job held. Under priority/basic it would release it, and
        the order of the release counts.
    goes_by_list : bool
        sched/builtin: jobs start in the order of slurmctld's list, where an element of an array takes the place of the
        array when it is updated, and the rest of the array goes to the end.
    has_weights : bool
        Whether any factor counts: where none does, all priorities are the same, whatever ``Nice`` says.
    max_array_size : int or None
        The highest array index plus one.
    max_job_count : int or None
        Jobs that slurmctld holds at once, each element of an array being one.
    poll_s : float
        How often memory is sampled where a job says nothing; Slurm's default where it never is.
    """

    computes_priority: bool
    goes_by_list: bool
    has_weights: bool
    max_array_size: int | None
    max_job_count: int | None
    poll_s: float = POLL_S


def settings(*, cluster: str | None = None, patience: Patience | None = None) -> Settings:
    """Return how the cluster is set up: one ``scontrol show config``."""
    return read_settings(run(["scontrol", "show", "config"], cluster=cluster, patience=patience))


def read_settings(text: str) -> Settings:
    """Return the settings that ``scontrol show config`` printed, among other things."""
    return parse(read(text).config)


def parse(config: Mapping[str, str]) -> Settings:
    """Return what these settings mean to a submission."""
    weights = [value for name, value in config.items() if name.startswith("PriorityWeight")]
    return Settings(
        computes_priority=config.get("PriorityType") == "priority/multifactor",
        goes_by_list=config.get("SchedulerType") == "sched/builtin",
        has_weights=any(value.strip() not in ("0", "(null)", "") for value in weights),
        max_array_size=_count(config.get("MaxArraySize")),
        max_job_count=_count(config.get("MaxJobCount")),
        poll_s=acctg_freq_s(config) or POLL_S,
    )


def _count(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None
