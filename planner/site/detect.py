"""Detection of a site from the output of Slurm's commands."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from planner.core import units
from planner.core.documents import validate
from planner.core.errors import InputError
from planner.core.wording import count
from planner.site.facts import SINFO_FORMAT, Facts, acctg_freq_s, is_gone, is_set, read
from planner.site.model import Site
from planner.site.partition import Partition

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("scontrol", "show", "config"),
    ("scontrol", "show", "partition"),
    ("scontrol", "show", "node"),
)
_FALLBACK = ("sinfo", "-o", SINFO_FORMAT)
_HINT = "save what these print: " + "; ".join(" ".join(command) for command in COMMANDS)

# RealMemory of nodes of one kind differs a little; the smallest value is used for all
_SAME_MEMORY = 1.05


@dataclass(frozen=True, kw_only=True, slots=True)
class _Nodes:
    """Nodes of one kind in one partition."""

    partition: str
    cores: int
    mem_mb: int
    count: int
    gpu: bool


def query(run: Callable[[Sequence[str]], str]) -> str:
    """Return the text for `detect` from the cluster, with three calls, or four if nodes are private.

    Parameters
    ----------
    run : callable
        Runs a command and returns what it prints.
    """
    texts = [run(command) for command in COMMANDS]
    if "NodeName=" not in texts[-1]:
        texts.append(run(_FALLBACK))
    return "\n".join(texts)


def detect(*texts: str, name: str | None = None, as_of: datetime.date | None = None) -> Site:
    """Return the site that the output of Slurm's commands describes.

    Slurm does not report accounts, minimum requests, rates and modules: add them to the file by hand.

    Parameters
    ----------
    *texts : str
        Output of ``scontrol show config``, ``show partition``, ``show node`` (with or without ``-o``) and ``sinfo``, in
        any order and mixture. Nodes are needed: from ``scontrol show node``, or from a ``sinfo`` with CPUS and MEMORY.
    name : str, optional
        The site's name; by default Slurm's ClusterName.
    as_of : date, optional
        The day of the texts, if they do not contain it; by default today.

    Raises
    ------
    InputError
        When the texts hold no usable partition, or a record is broken.
    """
    facts = sum((read(text) for text in texts), Facts())
    nodes = _from_nodes(facts) if facts.nodes else _from_rows(facts)
    described = _described(facts)
    partitions = _partitions(nodes, described, facts.config)
    if not partitions:
        raise InputError("no partition with usable nodes in the text", _HINT)
    if all(partition.opt_in for partition in partitions):
        partitions = [partition.model_copy(update={"opt_in": False}) for partition in partitions]
    date = datetime.date.fromisoformat(facts.as_of) if facts.as_of else as_of or _today()
    found = name or facts.config.get("ClusterName") or "cluster"
    version = facts.config.get("SLURM_VERSION")
    size = f", {count(len(facts.nodes), 'node')}" if facts.nodes else ""
    values = {
        "name": found,
        "description": f"Slurm cluster {facts.config.get('ClusterName', found)}{size}",
        "source": f"scontrol and sinfo{f' of Slurm {version}' if version else ''}",
        "as_of": date,
        "partitions": partitions,
    }
    return validate(values | _settings(facts, partitions, described), Site, path="detected site")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _described(facts: Facts) -> dict[str, Mapping[str, str]]:
    """Return partition -> its fields, named as scontrol names them."""
    if facts.partitions:
        return {record["PartitionName"]: record for record in facts.partitions}
    found: dict[str, Mapping[str, str]] = {}
    if not facts.rows:
        return {partition: {} for record in facts.nodes for partition in _members(record)}
    for row in facts.rows:
        partition = row["PARTITION"]
        found[partition.removesuffix("*")] = {
            "Default": "YES" if partition.endswith("*") else "NO",
            "MaxTime": row.get("TIMELIMIT", ""),
            "State": row.get("AVAIL", "up").upper(),
            "OverSubscribe": row.get("OVERSUBSCRIBE", ""),
        }
    return found


def _from_nodes(facts: Facts) -> list[_Nodes]:
    found = []
    for record in facts.nodes:
        where = f"node {record['NodeName']}"
        if is_gone(record.get("State", "")):
            continue
        mem_mb = _number(record, "RealMemory", where) - _number(record, "MemSpecLimit", where, default=0)
        nodes = _Nodes(
            partition="",
            cores=_node_cores(record, where),
            mem_mb=mem_mb,
            count=1,
            gpu="gpu" in record.get("Gres", ""),
        )
        found += [replace(nodes, partition=partition) for partition in _members(record)]
    return found


def _members(record: Mapping[str, str]) -> list[str]:
    return [name for name in record.get("Partitions", "").split(",") if is_set(name)]


def _node_cores(record: Mapping[str, str], where: str) -> int:
    if "CPUEfctv" in record:  # since Slurm 22.05; what is left after CoreSpecCount
        return _number(record, "CPUEfctv", where)
    special = _number(record, "CoreSpecCount", where, default=0) * _number(record, "ThreadsPerCore", where, default=1)
    return _number(record, "CPUTot", where) - special


def _from_rows(facts: Facts) -> list[_Nodes]:
    found = []
    for row in facts.rows:
        if "MEMORY" not in row or "CPUS" not in row:
            raise InputError("sinfo printed no CPUS and MEMORY columns, and there is no scontrol show node", _HINT)
        where = f"sinfo, partition {row['PARTITION']}"
        if is_gone(row.get("STATE", "")):
            continue
        found.append(
            _Nodes(
                partition=row["PARTITION"].removesuffix("*"),
                cores=_number(row, "CPUS", where),
                mem_mb=_number(row, "MEMORY", where),
                count=_number(row, "NODES", where, default=1),
                gpu="gpu" in row.get("GRES", ""),
            )
        )
    return found


def _partitions(
    nodes: Sequence[_Nodes], described: Mapping[str, Mapping[str, str]], config: Mapping[str, str]
) -> list[Partition]:
    found = []
    for name, record in described.items():
        if record.get("State", "UP") != "UP":
            continue
        limited = [_limited(n, record, config) for n in nodes if n.partition == name]
        kinds = _kinds([n for n in limited if n.cores > 0 and n.mem_mb > 0])
        found += [
            _partition(label, kind, record, config) for label, kind in zip(_labels(name, kinds), kinds, strict=True)
        ]
    return found


def _labels(name: str, kinds: Sequence[_Nodes]) -> list[str]:
    """Return a label per kind of node in a partition: empty for a single kind, else its memory, or all differences."""
    if len(kinds) <= 1:
        return [name] * len(kinds)
    short = [f"{name}-{kind.mem_mb // 1000}G" for kind in kinds]
    if len(set(short)) == len(kinds) and all(kind.mem_mb >= 1000 for kind in kinds):
        return short
    return [f"{name}-{kind.cores}c-{kind.mem_mb}M{'-gpu' if kind.gpu else ''}" for kind in kinds]


def _limited(nodes: _Nodes, record: Mapping[str, str], config: Mapping[str, str]) -> _Nodes:
    """Reduce nodes to what the partition allows to be used of each."""
    where = f"partition {nodes.partition}"
    mem_mb, cores = nodes.mem_mb, nodes.cores
    limits = record if is_set(record.get("MaxMemPerNode")) or is_set(record.get("MaxMemPerCPU")) else config
    if is_set(limits.get("MaxMemPerNode")):
        mem_mb = min(mem_mb, _number(limits, "MaxMemPerNode", where))
    if is_set(record.get("MaxCPUsPerNode")):
        cores = min(cores, _number(record, "MaxCPUsPerNode", where))
    return replace(nodes, mem_mb=mem_mb, cores=cores)


def _kinds(nodes: Iterable[_Nodes]) -> list[_Nodes]:
    """Merge nodes with the same cores and nearly the same memory, smallest memory first."""
    merged: list[_Nodes] = []
    for _, group in groupby(sorted(nodes, key=lambda n: (n.gpu, n.cores, n.mem_mb)), key=lambda n: (n.gpu, n.cores)):
        kind: _Nodes | None = None
        for n in group:
            if kind is not None and n.mem_mb <= kind.mem_mb * _SAME_MEMORY:
                kind = replace(kind, count=kind.count + n.count)
                merged[-1] = kind
            else:
                kind = n
                merged.append(kind)
    return sorted(merged, key=lambda n: (n.gpu, n.mem_mb, n.cores))


def _partition(label: str, kind: _Nodes, record: Mapping[str, str], config: Mapping[str, str]) -> Partition:
    name = kind.partition
    restricted = any(record.get(key, "ALL") != "ALL" for key in ("AllowGroups", "AllowAccounts", "AllowQos"))
    hidden = any(record.get(key) == "YES" for key in ("Hidden", "RootOnly", "ReqResv"))
    values: dict[str, object] = {
        "name": label,
        "partition": None if label == name else name,
        "nodes": kind.count,
        "cores": kind.cores,
        "mem_mb": kind.mem_mb,
        "max_time": _max_time(record),
        "default": record.get("Default") == "YES",
        "opt_in": restricted or hidden or kind.gpu,
    }
    if is_set(record.get("MaxMemPerCPU")):
        values["mem_per_core_max_mb"] = _number(record, "MaxMemPerCPU", f"partition {name}")
    if is_set(record.get("DefMemPerCPU")):
        values["mem_per_core_default_mb"] = _number(record, "DefMemPerCPU", f"partition {name}")
    else:
        defaults = record if is_set(record.get("DefMemPerNode")) else config
        if is_set(defaults.get("DefMemPerNode")):
            values["mem_default_mb"] = _number(defaults, "DefMemPerNode", f"partition {name}")
    if is_set(record.get("TRESBillingWeights")):
        values["billing_weights"] = record["TRESBillingWeights"]
    values = {key: value for key, value in values.items() if value not in (None, False)}
    return validate(values, Partition, path=f"detected partition {name}")


def _max_time(record: Mapping[str, str]) -> str | None:
    text = record.get("MaxTime", "")
    if not is_set(text):
        return None
    try:
        # sinfo truncates times to ten characters: 14-00:00:0
        return units.format_duration(units.parse_duration_s(text) or math.inf)
    except ValueError:
        raise InputError(f"partition time limit {text!r} is not a duration", "is the text complete? " + _HINT) from None


def _settings(
    facts: Facts, partitions: Sequence[Partition], described: Mapping[str, Mapping[str, str]]
) -> dict[str, object]:
    """Return the site's fields that follow from the cluster's configuration."""
    config, where = facts.config, "scontrol show config"
    usual = [partition for partition in partitions if not partition.opt_in]
    exclusive = all("EXCLUSIVE" in described[p.option].get("OverSubscribe", "") for p in usual)
    if not config:
        return {"mem_policy": "whole_node"} if exclusive else {}
    whole = exclusive or config.get("SelectType") == "select/linear"
    counted = "MEMORY" in config.get("SelectTypeParameters", "").upper()
    values: dict[str, object] = {
        "mem_policy": "whole_node" if whole else "mem" if counted else "cpus_only",
        "max_array_size": _number(config, "MaxArraySize", where, default=1001),
        **({"max_job_count": _number(config, "MaxJobCount", where)} if is_set(config.get("MaxJobCount")) else {}),
        "scheduler": "builtin" if config.get("SchedulerType") == "sched/builtin" else "backfill",
        "priority": "basic" if config.get("PriorityType") == "priority/basic" else "multifactor",
        "acctg_freq_s": _acctg_freq_s(config, where),
        "acctg_counts_shared": _acctg_counts_shared(config),
    }
    if "MAX_TRES" in config.get("PriorityFlags", "").upper():
        values["billing_by_largest"] = True
    if is_set(config.get("DefMemPerCPU")):
        values["mem_per_core_default_mb"] = _number(config, "DefMemPerCPU", where)
    elif values["mem_policy"] == "cpus_only":
        values["mem_per_core_default_mb"] = max(1, min(p.mem_mb // p.cores for p in usual))
    if is_set(config.get("MaxMemPerCPU")):
        values["mem_per_core_max_mb"] = _number(config, "MaxMemPerCPU", where)
    return values


def _acctg_freq_s(config: Mapping[str, str], where: str) -> int:
    try:
        return acctg_freq_s(config)
    except ValueError:
        return _number(config, "JobAcctGatherFrequency", where)


def _acctg_counts_shared(config: Mapping[str, str]) -> bool:
    """Whether Slurm sums resident sizes, counting shared pages once per process, and does not kill by that sum.

    If it kills by the sum (OverMemoryKill), a request must cover the sum.
    """
    params = {word.strip().lower() for word in config.get("JobAcctGatherParams", "").split(",")}
    sums = config.get("JobAcctGatherType", "").endswith("linux")
    return sums and not params & {"usepss", "noshared", "overmemorykill"}


def _number(record: Mapping[str, str], key: str, where: str, default: int | None = None) -> int:
    text = record.get(key)
    if text is None and default is not None:
        return default
    # sinfo prints the least of several values with a +
    digits = (text or "").removesuffix("+")
    if not digits.isascii() or not digits.isdigit():
        raise InputError(f"{where}: {key} is {text!r}, not a number", "is the text complete? " + _HINT)
    return int(digits)
