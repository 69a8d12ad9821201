"""Differences between a site file and the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.site.model import Site
from planner.site.partition import Partition

_SITE_FIELDS = (
    "mem_policy",
    "mem_per_core_default_mb",
    "mem_per_core_max_mb",
    "max_array_size",
    "scheduler",
    "priority",
    "acctg_freq_s",
    "acctg_counts_shared",
)
_PARTITION_FIELDS = ("cores", "mem_mb", "max_time", "nodes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One field that the file and the cluster give differently.

    Attributes
    ----------
    field : str
        Its name in the file: ``max_array_size``, ``partitions[long].mem_mb``.
    file, cluster : str, int or None
        Its value in each; None when it is not given.
    meaning : str
        The consequence, if it is not obvious; otherwise empty.
    """

    field: str
    file: str | int | None
    cluster: str | int | None
    meaning: str = ""


def compare(site: Site, found: Site) -> list[Difference]:
    """Return the differences between ``site`` (a file) and ``found`` (the cluster, from `detect`).

    Only detectable fields are compared, not accounts, minimum requests, rates and modules. A partition of the file is
    compared with those nodes of the same partition whose memory is nearest.
    """
    differences = [
        Difference(field=name, file=getattr(site, name), cluster=getattr(found, name))
        for name in _SITE_FIELDS
        if name in found.model_fields_set and getattr(site, name) != getattr(found, name)
    ]
    for partition in site.partitions:
        candidates = _same(partition, found)
        if candidates:
            nearest = min(candidates, key=lambda p: (abs(p.mem_mb - partition.mem_mb), abs(p.cores - partition.cores)))
            differences += _fields(partition, nearest)
        else:
            lost = "jobs sent there would be refused"
            differences.append(_presence(partition.name, file="present", cluster=None, meaning=lost))
    return differences + list(_missing(site, found))


def _same(partition: Partition, found: Site) -> Sequence[Partition]:
    if partition.option == "":
        return [p for p in found.partitions if p.default] or found.partitions
    names = partition.option.split(",")
    return [p for p in found.partitions if p.option in names]


def _fields(partition: Partition, nearest: Partition) -> Iterator[Difference]:
    for name in _PARTITION_FIELDS:
        file, cluster = getattr(partition, name), getattr(nearest, name)
        if name == "max_time":
            differ = partition.max_time_s != nearest.max_time_s
        else:
            differ = file != cluster and not (name == "nodes" and file is None)
        if differ:
            field = f"partitions[{partition.name}].{name}"
            yield Difference(field=field, file=file, cluster=cluster, meaning=_meaning(name, partition, nearest))


def _meaning(name: str, partition: Partition, nearest: Partition) -> str:
    if name == "mem_mb" and partition.cap_mb > nearest.mem_mb:
        return f"a request above {nearest.mem_mb}M would wait forever"
    if name == "mem_mb" and partition.mem_mb < nearest.mem_mb:
        return "the rest is never asked for"
    if name == "max_time" and partition.max_time_s > nearest.max_time_s:
        return "a longer time limit would be refused or wait forever"
    if name == "cores" and partition.cores > nearest.cores:
        return "a request for more would wait forever"
    return ""


def _missing(site: Site, found: Site) -> Iterator[Difference]:
    known = {name for partition in site.partitions for name in partition.option.split(",")}
    if "" in known:  # the site chooses among its partitions itself
        return
    for name in dict.fromkeys(p.option for p in found.partitions if not p.opt_in):
        if name not in known:
            yield _presence(name, file=None, cluster="present", meaning="never used")


def _presence(name: str, *, file: str | None, cluster: str | None, meaning: str) -> Difference:
    return Difference(field=f"partitions[{name}]", file=file, cluster=cluster, meaning=meaning)
