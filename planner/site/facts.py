"""Records of what ``scontrol show config|partition|node`` and ``sinfo`` print; the kind is detected from the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# The header names the columns, as in sinfo's default output.
SINFO_FORMAT = "%P|%a|%l|%D|%c|%m|%t|%G|%h"

_PAIR = re.compile(r"(\S+?)=(\S*)")
_SETTING = re.compile(r"(\S+)\s+= ?(.*)")
_AS_OF = re.compile(r"Configuration data as of (\d{4}-\d{2}-\d{2})")
# Words of a node's state, long and short, that mean it takes no jobs. POWERED_DOWN and pow_dn are not among them: such
# a node is started when a job wants it.
_GONE = {"DOWN", "DRAIN", "DRAINED", "DRAINING", "DRNG", "FAIL", "FAILG", "FAILING", "ERROR"}
_GONE |= {"FUTURE", "FUTR", "INVAL", "UNKNOWN", "UNK"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Records as printed: names and values are Slurm's, nothing is interpreted.

    Attributes
    ----------
    as_of : str
        Day of ``scontrol show config``; empty if it is missing.
    config : mapping
        ``scontrol show config``.
    partitions, nodes : sequence of mapping
        One per ``PartitionName=`` or ``NodeName=`` record.
    rows : sequence of mapping
        Lines of ``sinfo`` by column.
    """

    as_of: str = ""
    config: Mapping[str, str] = field(default_factory=dict)
    partitions: tuple[Mapping[str, str], ...] = ()
    nodes: tuple[Mapping[str, str], ...] = ()
    rows: tuple[Mapping[str, str], ...] = ()

    def __add__(self, other: Facts) -> Facts:
        """Join the records of several texts."""
        return Facts(
            as_of=self.as_of or other.as_of,
            config={**other.config, **self.config},
            partitions=self.partitions + other.partitions,
            nodes=self.nodes + other.nodes,
            rows=self.rows + other.rows,
        )


def read(text: str) -> Facts:
    """Read any mixture of the outputs, in any order; other lines are ignored."""
    as_of = ""
    config: dict[str, str] = {}
    records: dict[str, list[dict[str, str]]] = {"PartitionName": [], "NodeName": []}
    rows: list[dict[str, str]] = []
    columns: list[str] = []
    record: dict[str, str] | None = None
    for line in text.splitlines():
        kind = line.partition("=")[0]
        if found := _AS_OF.match(line):
            as_of, record, columns = found[1], config, []
        elif kind in records:
            record = dict(_PAIR.findall(line))
            records[kind].append(record)
            columns = []
        elif header := _sinfo_header(line):
            record, columns = None, header
        elif columns and line.strip():
            rows.append(_row(line, columns))
        elif record is config and (setting := _SETTING.match(line)):
            config[setting[1]] = setting[2]
        elif record is not None and line.startswith(" "):
            record |= dict(_PAIR.findall(line))
        elif not line.strip():
            columns = []
    return Facts(
        as_of=as_of,
        config=config,
        partitions=tuple(records["PartitionName"]),
        nodes=tuple(records["NodeName"]),
        rows=tuple(rows),
    )


def is_gone(state: str) -> bool:
    """Return whether a node in this state (``IDLE``, ``MIXED+DRAIN``, ``down*`` …) takes no jobs."""
    return any(re.sub(r"\W", "", word).upper() in _GONE for word in state.split("+"))


def is_set(value: str | None) -> bool:
    """Return whether Slurm's value is set: not empty, ``(null)``, ``UNLIMITED``, ``NONE``, ``N/A`` …."""
    return (value or "").upper() not in {"", "(NULL)", "UNLIMITED", "INFINITE", "NONE", "N/A", "N/S", "NO"}


def acctg_freq_s(config: Mapping[str, str]) -> int:
    """Return the interval at which Slurm samples the memory of jobs, s; 0 for never.

    Raises
    ------
    ValueError
        When the setting is not a number.
    """
    if config.get("JobAcctGatherType", "").endswith("none"):
        return 0
    words = config.get("JobAcctGatherFrequency", "30").split(",")
    task = next((word.removeprefix("task=") for word in words if "=" not in word or word.startswith("task=")), "30")
    return int(task.removesuffix(" sec"))


def _sinfo_header(line: str) -> list[str]:
    columns = _cells(line)
    # NODES may be NODES(A/I/O/T)
    return columns if "PARTITION" in columns and any(c.startswith(("NODE", "MEMORY")) for c in columns) else []


def _row(line: str, columns: Iterable[str]) -> dict[str, str]:
    return dict(zip(columns, _cells(line), strict=False))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")] if "|" in line else line.split()
