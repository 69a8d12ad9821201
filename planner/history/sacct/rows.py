"""Rows of sacct parsed into numbers, from any printed form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from planner.core.job_ids import JobId, parse_job_id
from planner.core.node_lists import expand_nodes
from planner.core.units import NO_VAL, parse_duration_s, parse_mem_mb

# cached: most rows of a long text have the same few states, sizes and times
_cached = lru_cache(maxsize=8192)

COMPLETED = "COMPLETED"
FAILED = "FAILED"
CANCELLED = "CANCELLED"
OUT_OF_MEMORY = "OUT_OF_MEMORY"
REQUEUED = "REQUEUED"

# Source: man sacct, JOB STATE CODES, and slurm.h of 24.11
ENDED = frozenset(
    {COMPLETED, FAILED, CANCELLED, OUT_OF_MEMORY, REQUEUED, "TIMEOUT", "DEADLINE", "REVOKED", "NODE_FAIL", "BOOT_FAIL"}
    | {"PREEMPTED", "LAUNCH_FAILED", "RECONFIG_FAIL"}
)
WAITING = frozenset(
    {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "RESIZING", "STAGE_OUT", "SIGNALING", "STOPPED"}
    | {"REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "UPDATE_DB", "POWER_UP_NODE", "EXPEDITING"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A job's or a step's row.

    Attributes
    ----------
    cancelled_by : str
        The UID in ``CANCELLED by UID``: the user who cancelled it; empty otherwise.
    exit_code, derived_exit_code : (int, int) or None
        Exit status and signal.
    limit_mb : float or None
        ``mem=`` of AllocTRES, else ReqMem; over all nodes.
    max_rss_mb : float or None
        Highest sample of the largest Slurm task of the step: MaxRSS, else ``mem=`` of TRESUsageInMax; None when it was
        never sampled.
    total_rss_mb : float or None
        ``mem=`` of TRESUsageInTot: each Slurm task's own highest sample, summed.
    cpu_s : float or None
        TotalCPU: processor time of all its processes.
    billing : float or None
        ``billing=`` of AllocTRES: the site's billing units while it ran.
    per_cpu : bool
        Whether the memory was requested per CPU, if sacct says so: ``4Gc``.
    submit_line : str
        The command that submitted it.
    """

    id: JobId
    name: str
    state: str
    cancelled_by: str
    exit_code: tuple[int, int] | None
    derived_exit_code: tuple[int, int] | None
    limit_mb: float | None
    max_rss_mb: float | None
    total_rss_mb: float | None
    ntasks: int
    cpus: int
    nodes: tuple[str, ...]
    elapsed_s: float | None
    time_limit_s: float | None
    submit_s: int | None
    start_s: int | None
    end_s: int | None
    work_dir: str
    cpu_s: float | None = None
    billing: float | None = None
    per_cpu: bool = False
    submit_line: str = ""

    @property
    def peak_mb(self) -> float | None:
        """Highest memory of the whole step.

        MaxRSS is that of the largest Slurm task alone. For several tasks it is the sum of their peaks, or, if that is
        missing in the database, MaxRSS times NTasks. Both are upper bounds, as the peaks need not coincide.
        """
        if self.max_rss_mb is None:
            return self.total_rss_mb
        if self.total_rss_mb is not None:
            return max(self.max_rss_mb, self.total_rss_mb)
        return self.max_rss_mb * max(self.ntasks, 1)

    @property
    def attempt_s(self) -> int:
        """The time that tells attempts of a job apart: submit, else start, else end, s since the epoch; else 0."""
        return self.submit_s or self.start_s or self.end_s or 0

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in ENDED


def parse_row(values: Mapping[str, str]) -> Row:
    """Read one row from its columns, named as sacct names them.

    Absent or empty columns are None, not zero.

    Raises
    ------
    ValueError
        When JobID or State is absent or unreadable, or another column has a text that Slurm never prints.
    """
    state, cancelled_by = _state(_required(values, "State"))
    get = values.get
    cpus = _integer(values, "AllocCPUS", "NCPUS") or 1
    nodes = _nodes(get("NodeList", ""))
    node_count = _integer(values, "NNodes", "AllocNodes") or len(nodes) or 1
    return Row(
        id=parse_job_id(_required(values, "JobID")),
        name=get("JobName", ""),
        state=state,
        cancelled_by=cancelled_by,
        exit_code=_exit_code(get("ExitCode", "")),
        derived_exit_code=_exit_code(get("DerivedExitCode", "")),
        limit_mb=_limit_mb(get("AllocTRES", ""), get("ReqMem", ""), cpus, node_count),
        max_rss_mb=_max_rss_mb(values),
        total_rss_mb=_tres_mem_mb(get("TRESUsageInTot", ""), "B"),
        ntasks=_integer(values, "NTasks") or 1,
        cpus=cpus,
        nodes=nodes,
        elapsed_s=_elapsed_s(get("ElapsedRaw", ""), get("Elapsed", "")),
        time_limit_s=_duration_s(get("TimelimitRaw", "") or get("Timelimit", "")),
        submit_s=_instant(get("Submit", "")),
        start_s=_instant(get("Start", "")),
        end_s=_instant(get("End", "")),
        work_dir=get("WorkDir", ""),
        cpu_s=_cpu_s(get("TotalCPU", "")),
        billing=_billing(get("AllocTRES", "")),
        per_cpu=get("ReqMem", "").strip().lower().endswith("c"),
        submit_line=get("SubmitLine", "").strip(),
    )


def _required(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise ValueError(f"no {name} column")
    text = values[name].strip()
    if not text:
        raise ValueError(f"{name} is empty")
    return text


# "3,512" may be either of two numbers
_FROM_SPREADSHEET = re.compile(r"([0-9]+)(?:\.([0-9]+)|,([0-9]{1,2}))? ?(?:([KMGTP])(?:i?B)?)?", re.IGNORECASE)


@_cached
def _state(text: str) -> tuple[str, str]:
    word, _, rest = text.partition(" ")
    word = word.upper()
    known = ENDED | WAITING
    if word.endswith("+"):  # cut off by the default table; "CANCELLED+" had room for the bare word
        matches = [state for state in known if state.startswith(word[:-1])]
        if len(matches) != 1:
            raise ValueError(f"unknown state {text!r}")
        return matches[0], "?" if matches[0] == CANCELLED else ""
    if word not in known:
        raise ValueError(f"unknown state {text!r}")
    return word, rest.removeprefix("by ").strip()


@_cached
def _exit_code(text: str) -> tuple[int, int] | None:
    if not text.strip():
        return None
    code, colon, signal = text.strip().partition(":")
    if not (colon and code.isdecimal() and signal.isdecimal()):
        raise ValueError(f"not an exit code: {text!r}")
    return int(code), int(signal)


def _integer(values: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        text = values.get(name)
        if text and not text.isspace():
            return _number(text, names[0])
    return None


@_cached
def _number(text: str, name: str) -> int | None:
    text = text.strip()
    if text.endswith("?"):
        return None
    if not text.isdecimal():
        raise ValueError(f"{name}: not a number: {text!r}")
    return int(text)


# Slurm prints 0 for "never sampled" as well; no process has a resident size of 0
@_cached
def _used_mb(text: str) -> float | None:
    return parse_mem_mb(_as_slurm_writes(text), default_unit="B") or None


def _as_slurm_writes(size: str) -> str:
    """Return a size without what spreadsheets make of it: ``3,5G``, ``3.5 GiB``, ``NaN``."""
    if size.isalnum() and not size.isalpha():  # by far the most common case
        return size
    match = _FROM_SPREADSHEET.fullmatch(size.strip())
    if match is None:
        return "" if size.strip().lower() == "nan" else size
    whole, after_point, after_comma, unit = match.groups()
    return f"{whole}.{after_point or after_comma or 0}{unit or ''}"


@_cached
def _tres_mem_mb(text: str, default_unit: str) -> float | None:
    return parse_mem_mb(_tres(text, "mem="), default_unit=default_unit) or None


@_cached
def _billing(text: str) -> float | None:
    """Read billing units; None if they are unreadable, as they are no reason to lose a row."""
    try:
        return float(_tres(text, "billing="))
    except ValueError:
        return None


def _tres(text: str, name: str) -> str:
    """Return what a list such as ``billing=2,cpu=2,mem=4G`` says of one thing; empty without it."""
    start = 0 if text.startswith(name) else text.find(f",{name}") + 1
    return text[start + len(name) :].partition(",")[0] if text.startswith(name, start) else ""


def _max_rss_mb(values: Mapping[str, str]) -> float | None:
    return _used_mb(values.get("MaxRSS", "")) or _tres_mem_mb(values.get("TRESUsageInMax", ""), "B")


@_cached
def _limit_mb(allocated: str, requested: str, cpus: int, nodes: int) -> float | None:
    return _tres_mem_mb(allocated, "M") or parse_mem_mb(_as_slurm_writes(requested), cpus=cpus, nodes=nodes) or None


@_cached
def _elapsed_s(raw: str, printed: str) -> float | None:
    raw = raw.strip()
    return float(raw) if raw.isdecimal() else parse_duration_s(printed)


@_cached
def _duration_s(text: str) -> float | None:
    return parse_duration_s(text)


@_cached
def _cpu_s(text: str) -> float | None:
    """Read processor time; None if it is unreadable, as it is no reason to lose a row."""
    try:
        return parse_duration_s(text)
    except ValueError:
        return None


def _instant(text: str) -> int | None:
    """Read an epoch, or sacct's local time without offset: taken as this machine's time zone."""
    if text.isdecimal():
        found = int(text)
        return found if 0 < found < NO_VAL else None  # NO_VAL and INFINITE: a time that was never set, in some versions
    text = text.strip()
    if not text or text.lower() in ("unknown", "none", "n/a"):
        return None
    if text.isdecimal():
        return _instant(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise ValueError(f"not a time as Slurm prints it (2026-03-01T10:00:00): {text!r}") from None


@_cached
def _nodes(text: str) -> tuple[str, ...]:
    return () if text.strip().endswith("?") else tuple(expand_nodes(text))
