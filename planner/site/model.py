"""A site: its partitions, and the rules that turn a task's need into a request that the site accepts."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from planner.core import units
from planner.core.documents import Document, Line, Option
from planner.core.errors import InputError
from planner.core.frames import html_table
from planner.core.sampling import POLL_S
from planner.site import price
from planner.site.fields import (
    Count,
    Duration,
    Factor,
    MiB,
    MiBOrZero,
    Rate,
    WholePath,
    interval_s,
)
from planner.site.partition import Account, Partition, with_headroom, with_limit
from planner.site.request import Adjusted, lacks, refusal

MemPolicy = Literal["mem", "mem_per_cpu", "cpus_only", "whole_node"]


FOLLOW_UPS = 2
"""Places in a user's queue that tasks leave: for the job that plans the next round, and the one that it submits."""


class Site(Document):
    """A cluster."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
    description: Line
    source: Line
    """Where these facts come from."""
    as_of: datetime.date
    """The date on which they were true."""
    nominal_mem: bool = False
    """Whether ``mem_mb`` is what the nodes were sold with rather than Slurm's RealMemory, which is a little lower."""
    mem_policy: MemPolicy = "mem"
    """``mem``: --mem; ``mem_per_cpu``: only --mem-per-cpu; ``cpus_only``: memory is not asked for, cores stand for it;
    ``whole_node``: nodes are given whole, memory must not be asked for."""
    mem_per_core_default_mb: MiB | None = None
    """MiB that come with one core: what a job gets that asks for none, and what ``cpus_only`` counts in."""
    mem_per_core_max_mb: MiB | None = None
    """MiB per core above which the site adds cores (and bills them): Slurm's MaxMemPerCPU."""
    min_mem_mb: MiB | None = None
    min_time: Duration | None = None
    headroom_mb: MiBOrZero = 0
    """MiB of every node that are never asked for, unless its partition says otherwise."""
    max_array_size: Count = 1001
    """Slurm's MaxArraySize: the highest array index plus one."""
    max_submit: Count | None = None
    """Jobs (array elements count each) one user may have in the queue; two places are kept for jobs that go on."""
    max_job_count: Count | None = None
    """Slurm's MaxJobCount: jobs of all users that the cluster holds, array elements counted each."""
    submit_rate: Rate | None = None
    """Most submissions allowed: ``6/min``."""
    query_interval_s: Count = 60
    """Shortest time between two queries of the queue, seconds."""
    job_updates: bool = True
    """Whether users may change the memory of their pending jobs (``scontrol update``)."""
    scheduler: Literal["backfill", "builtin"] = "backfill"
    priority: Literal["multifactor", "basic"] = "multifactor"
    acctg_freq_s: Annotated[int, Field(strict=True, ge=0)] = int(POLL_S)
    """Slurm's JobAcctGatherFrequency: seconds between two readings of a job's memory; 0 for none."""
    acctg_counts_shared: bool = False
    """Whether those readings count memory that processes share once for each (``jobacct_gather/linux`` without UsePss
    or NoShared) and nothing is killed by them: a task's own record is then nearer to the truth."""
    billing_by_largest: bool = False
    """Whether only the largest of a job's weighted shares is billed (``PriorityFlags=MAX_TRES``), not their sum."""
    money_per_unit_h: Factor | None = None
    """What a billing unit costs for an hour."""
    currency: Line = "EUR"
    co2_g_per_unit_h: Factor | None = None
    """Grams of CO2 that a billing unit stands for in an hour."""
    clusters: Option | None = None
    options: tuple[Annotated[str, Field(pattern=r"^--[a-z][!-~]*$")], ...] = ()
    """Further ``#SBATCH`` options of every job."""
    history: WholePath | None = None
    """The history (a file, or its folder) that projects here share, if they have none of their own."""
    preamble: tuple[Line, ...] = ()
    """Bash lines before the task: modules, environments."""
    account: Account = Account()
    partitions: Annotated[tuple[Partition, ...], Field(min_length=1)]

    def __repr__(self) -> str:
        return f"<Site {self.name}: {', '.join(partition.name for partition in self.partitions)}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        columns = ("name", "nodes", "cores", "mem_mb", "cap_mb", "max_time")
        rows = [[getattr(partition, name) for name in columns] for partition in self.partitions]
        return html_table(f"{self.name}: {self.description}", columns, rows)

    @model_validator(mode="before")
    @classmethod
    def _share_headroom(cls, values: object) -> object:
        if not isinstance(values, dict) or not isinstance(values.get("partitions"), list | tuple):
            return values
        headroom_mb = values.get("headroom_mb", 0)
        return values | {"partitions": [with_headroom(partition, headroom_mb) for partition in values["partitions"]]}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [partition.name for partition in self.partitions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"partitions: the name {twice[0]!r} is listed twice")
        if all(partition.opt_in for partition in self.partitions):
            raise ValueError("partitions: every one is opt_in, none is left to choose")
        for partition in self.partitions:
            if partition.cap_mb <= 0:
                raise ValueError(f"partitions: {partition.name!r} has no memory left after the headroom")
        if self.mem_policy == "cpus_only" and self.mem_per_core_default_mb is None:
            raise ValueError("mem_policy = 'cpus_only' needs mem_per_core_default_mb")
        return self

    @property
    def submit_interval_s(self) -> float:
        """Seconds to leave between two submissions; 0 when the site sets no rate."""
        return interval_s(self.submit_rate) if self.submit_rate else 0.0

    @property
    def min_time_s(self) -> float:
        """Shortest time limit accepted, seconds."""
        return (units.parse_duration_s(self.min_time) or 0.0) if self.min_time else 0.0

    def partition(self, name: str) -> Partition:
        """Return the partition of that name.

        Raises
        ------
        InputError
            When there is none.
        """
        for partition in self.partitions:
            if partition.name == name:
                return partition
        known = ", ".join(partition.name for partition in self.partitions)
        raise InputError(f"site {self.name} has no partition {name!r}", f"its partitions: {known}")

    def for_account(self, account: str | None, environment: Mapping[str, str]) -> tuple[Self, str | None]:
        """Return the site with the limits of an account, and that account.

        Parameters
        ----------
        account : str or None
            The account the user gave; by default that of the site's environment variable.
        environment : mapping
            Environment variables.

        Raises
        ------
        InputError
            When the site requires an account and none is found.
        """
        found = account or environment.get(self.account.env or "") or None
        if found is None:
            if not self.account.required:
                return self, None
            other = f" or set {self.account.env}" if self.account.env else ""
            raise InputError(f"site {self.name} requires an account", f"give one with account = … (--account){other}")
        limits = [limit for text, limit in self.account.max_time.items() if text.upper() in found.upper()]
        shorter = [with_limit(partition, limits) for partition in self.partitions]
        return self.model_copy(update={"partitions": tuple(shorter)}), found

    @property
    def most_queued(self) -> int | None:
        """The most tasks that a round may queue: the site's limit, and at most half of what the cluster holds."""
        own = self.max_submit and max(1, self.max_submit - FOLLOW_UPS)
        shared = self.max_job_count and max(1, self.max_job_count // 2)
        return min((limit for limit in (own, shared) if limit), default=None)

    @property
    def poll_s(self) -> float:
        """Interval of memory sampling for jobs that do not set their own, s."""
        return self.acctg_freq_s or POLL_S

    def cap_mb(self, partition: str | None = None) -> int:
        """Return the largest memory a task may ask for, MiB: the largest node (of a partition) less the headroom."""
        return max(candidate.cap_mb for candidate in self._candidates(partition))

    def billed(self, partition: Partition, *, cpus: int, mem_mb: int, nodes: int = 1) -> int:
        """Return the billing units of a job in ``partition``, of all its cores, memory (MiB) and nodes."""
        weights = price.parse(partition.billing_weights) if partition.billing_weights else price.CORES
        return weights.units(cpus=cpus, mem_mb=mem_mb, nodes=nodes, by_largest=self.billing_by_largest)

    def has_price(self, partition: Partition) -> bool:
        """Whether the price of jobs here is known in anything but cores."""
        told = (partition.billing_weights, self.money_per_unit_h, self.co2_g_per_unit_h)
        return any(one is not None for one in told)

    def mem_per_core_mb(self, partition: str | None = None) -> int:
        """Return the memory that goes with one core, MiB: the site's default, or the node's share (of a partition)."""
        if self.mem_per_core_default_mb is not None:
            return self.mem_per_core_default_mb
        candidates = self._candidates(partition)
        chosen = next((candidate for candidate in candidates if candidate.default), candidates[0])
        return max(1, chosen.cap_mb // chosen.cores)

    def adjust(self, partition: Partition, mem_mb: int, cpus: int = 1, wall_s: float = 0.0) -> Adjusted:
        """Return the request in ``partition`` that gives a task at least what it needs.

        Pure; the result may exceed the node, which `choose` checks. Minimum rules raise memory, cores and time. With
        ``cpus_only`` and above ``mem_per_core_max_mb`` memory costs cores; ``mem_per_cpu`` rounds up to a whole MiB per
        core; ``whole_node`` gives all a node has.
        """
        reasons = []
        least_mb = max(self.min_mem_mb or 0, partition.min_mem_mb or 0)
        if mem_mb < least_mb:
            reasons.append(f"memory raised to the minimum of {partition.name}, {units.format_mem(least_mb)}")
            mem_mb = least_mb
        if cpus < (partition.min_cores or 0):
            cpus = partition.min_cores or cpus
            reasons.append(f"cpus raised to the minimum of {partition.name}, {cpus}")
        per_core_mb = self._most_per_core_mb(partition)
        if cpus * per_core_mb < mem_mb:
            cpus = math.ceil(mem_mb / per_core_mb)
            reasons.append(f"{cpus} cpus carry {units.format_mem(mem_mb)} at {per_core_mb}M each")
        granted_mb = self._granted_mb(partition, mem_mb, cpus)
        if wall_s < self.min_time_s:
            wall_s = self.min_time_s
            reasons.append(f"time raised to the minimum of {self.name}, {units.format_duration(wall_s)}")
        return Adjusted(mem_mb=granted_mb, cpus=cpus, wall_s=wall_s, reasons=tuple(reasons))

    def choose(
        self, mem_mb: int, cpus: int = 1, wall_s: float = 0.0, partition: str | None = None, *, task: str = "a task"
    ) -> Partition:
        """Return the partition for a need: the default where it fits, else the one that costs least.

        Parameters
        ----------
        mem_mb, cpus, wall_s
            The task's need: MiB, cores, seconds.
        partition : str, optional
            Only this one.
        task : str
            Named in the error.

        Raises
        ------
        InputError
            When no partition holds the need; names the task, the need and the largest node.
        """
        candidates = self._candidates(partition)
        asked = [(p, self.adjust(p, mem_mb, cpus, wall_s)) for p in candidates]
        fitting = [(p, need) for p, need in asked if not lacks(p, need)]
        if not fitting:
            time = f" for {units.format_duration(wall_s)}" if wall_s else ""
            need = f"{task} needs {units.format_mem(mem_mb)} and {cpus} cpu{'s' * (cpus > 1)}{time}"
            raise refusal(self.name, asked, need)
        return min(fitting, key=lambda pair: (not pair[0].default, pair[1].cpus, pair[0].mem_mb, pair[0].max_time_s))[0]

    def cluster(self, partition: str | None) -> str | None:
        """Return the cluster that jobs for a partition go to, where it is not the one of the login node."""
        named = (one.clusters for one in self.partitions if one.name == partition)
        return next(named, None) or self.clusters

    def headers(self, partition: Partition) -> list[str]:
        """Return the site's ``sbatch`` options here besides account, partition, qos, cpus, memory and time."""
        options = {
            "--clusters": partition.clusters or self.clusters,
            "--constraint": partition.constraint,
            "--gres": partition.gres,
        }
        return [*self.options, *(f"{name}={value}" for name, value in options.items() if value)]

    def memory_headers(self, mem_mb: int, cpus: int) -> list[str]:
        """Return the ``sbatch`` options that request memory by the site's policy; none if cores or nodes imply it."""
        if self.mem_policy == "mem":
            return [f"--mem={units.format_mem(mem_mb)}"]
        if self.mem_policy == "mem_per_cpu":
            return [f"--mem-per-cpu={units.format_mem(-(-mem_mb // cpus))}"]
        return []

    def _candidates(self, partition: str | None) -> list[Partition]:
        if partition is not None:
            return [self.partition(partition)]
        return [candidate for candidate in self.partitions if not candidate.opt_in]

    def _most_per_core_mb(self, partition: Partition) -> float:
        if self.mem_policy == "whole_node":
            return math.inf
        if self.mem_policy == "cpus_only":
            return self.mem_per_core_default_mb or math.inf
        return partition.mem_per_core_max_mb or self.mem_per_core_max_mb or math.inf

    def _granted_mb(self, partition: Partition, mem_mb: int, cpus: int) -> int:
        if self.mem_policy == "whole_node":
            return max(mem_mb, partition.cap_mb)
        if self.mem_policy == "mem_per_cpu":
            return -(-mem_mb // cpus) * cpus
        if self.mem_policy == "cpus_only":
            return max(mem_mb, min(cpus * (self.mem_per_core_default_mb or 0), partition.cap_mb))
        return mem_mb
