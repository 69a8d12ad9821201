"""Partitions of a cluster and the account that pays, as site files describe them."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from planner.core import units
from planner.core.documents import Document, Option
from planner.site.fields import BillingWeights, Count, Duration, MiB, MiBOrZero, OptionOrEmpty


class Account(Document):
    """Who pays for the jobs."""

    required: bool = False
    """Whether jobs without ``--account`` are refused."""
    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Environment variable that holds the account when the pipeline names none."""
    max_time: dict[str, Duration] = Field(default_factory=dict)
    """Shorter time limits of accounts whose name contains the key."""


class Partition(Document):
    """Nodes of one kind, with the limits on jobs there."""

    name: Option
    """The planner's name for it; unique within the site."""
    partition: OptionOrEmpty | None = None
    """Value of ``--partition`` when it is not the name: a comma list, or ``""`` where the site chooses."""
    nodes: Count | None = None
    """Number of nodes; none if unknown."""
    cores: Count
    """Cores of one node that jobs may use."""
    mem_mb: MiB
    """Memory of one node that jobs may use, MiB: Slurm's RealMemory less MemSpecLimit."""
    max_time: Duration | None = None
    """Longest time limit; none if there is no limit or it is unknown."""
    min_cores: Count | None = None
    """Fewest cores that a job here must request."""
    min_mem_mb: MiB | None = None
    """Least memory that a job here must request, MiB."""
    mem_per_core_max_mb: MiB | None = None
    """MiB per core above which cores are added (and billed), when it differs from the site's."""
    mem_per_core_default_mb: MiB | None = None
    """MiB per core for a job that requests no memory, if it differs from the site's."""
    mem_default_mb: MiB | None = None
    """MiB for a job that requests no memory, if that does not depend on its cores."""
    qos: Option | None = None
    constraint: Option | None = None
    clusters: Option | None = None
    """Cluster to submit to, if it is not that of the login node."""
    gres: Option | None = None
    default: bool = False
    """Preferred whenever the need fits."""
    opt_in: bool = False
    """Used only when named."""
    headroom_mb: MiBOrZero = 0
    """MiB of a node that are never requested; by default, the site's."""
    billing_weights: BillingWeights | None = None
    """Slurm's TRESBillingWeights, ``CPU=1.0,Mem=0.25G``; without them a core is a unit."""

    @property
    def max_time_s(self) -> float:
        """Longest time limit in seconds; infinite when there is none."""
        return math.inf if self.max_time is None else (units.parse_duration_s(self.max_time) or math.inf)

    @property
    def cap_mb(self) -> int:
        """The most a task may ask for, MiB: the node less its headroom."""
        return self.mem_mb - self.headroom_mb

    @property
    def option(self) -> str:
        """Value of ``--partition``; empty when the option is left out."""
        return self.name if self.partition is None else self.partition


def with_headroom(partition: object, headroom_mb: object) -> object:
    """Return a partition, or its fields as read, with the site's headroom where it has none of its own."""
    if isinstance(partition, Partition) and "headroom_mb" not in partition.model_fields_set:
        return partition.model_copy(update={"headroom_mb": headroom_mb})
    if isinstance(partition, dict):
        return {"headroom_mb": headroom_mb} | partition
    return partition


def with_limit(partition: Partition, limits: list[str]) -> Partition:
    """Return a partition whose longest time limit is at most the shortest of these limits."""
    shortest = min(limits, key=lambda text: units.parse_duration_s(text) or math.inf, default=None)
    if shortest is None or (units.parse_duration_s(shortest) or math.inf) >= partition.max_time_s:
        return partition
    return partition.model_copy(update={"max_time": shortest})
