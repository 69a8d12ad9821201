"""One row of sacct, whatever it was printed as, turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from planner.core.units import JobId, expand_nodes, parse_duration_s, parse_job_id, parse_mem_mb

# NO_VAL and, one above, INFINITE: what a time that was never set becomes in some versions
_NOT_SET_S = 4294967294

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
        Of ``CANCELLED by UID``: who ended it, other than the program itself; empty otherwise.
    exit_code, derived_exit_code : (int, int) or None
        Exit status and signal.
    limit_mb : float or None
        ``mem=`` of AllocTRES, else ReqMem; over all nodes.
    max_rss_mb : float or None
        Highest sample of the largest Slurm task of the step: MaxRSS, else ``mem=`` of TRESUsageInMax; None when it was
        never sampled.
    total_rss_mb : float or None
        ``mem=`` of TRESUsageInTot: each Slurm task's own highest sample, summed.
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

    @property
    def peak_mb(self) -> float | None:
        """Highest memory of the whole step.

        MaxRSS is that of the largest Slurm task alone. With several, the sum of their own peaks is taken; where the
        database does not hold it, MaxRSS times NTasks. Both are upper estimates, as the peaks need not coincide.
        """
        if self.max_rss_mb is None:
            return self.total_rss_mb
        if self.total_rss_mb is not None:
            return max(self.max_rss_mb, self.total_rss_mb)
        return self.max_rss_mb * max(self.ntasks, 1)

    @property
    def attempt_s(self) -> int:
        """What tells this attempt from others of its job: when it was submitted, else started, else ended; else 0."""
        return self.submit_s or self.start_s or self.end_s or 0

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in ENDED


def parse_row(values: Mapping[str, str]) -> Row:
    """Read one row from its columns, named as sacct names them.

    Columns that are absent or empty are missing, not zero.

    Raises
    ------
    ValueError
        When JobID or State is absent or unreadable, or another column holds what Slurm would never print.
    """
    state, cancelled_by = _state(_required(values, "State"))
    cpus = _integer(values, "AllocCPUS", "NCPUS") or 1
    nodes = _nodes(values.get("NodeList", ""))
    node_count = _integer(values, "NNodes", "AllocNodes") or len(nodes) or 1
    return Row(
        id=parse_job_id(_required(values, "JobID")),
        name=values.get("JobName", ""),
        state=state,
        cancelled_by=cancelled_by,
        exit_code=_exit_code(values.get("ExitCode", "")),
        derived_exit_code=_exit_code(values.get("DerivedExitCode", "")),
        limit_mb=_limit_mb(values, cpus=cpus, nodes=node_count),
        max_rss_mb=_max_rss_mb(values),
        total_rss_mb=_positive(_tres_mem_mb(values.get("TRESUsageInTot", ""), default_unit="B")),
        ntasks=_integer(values, "NTasks") or 1,
        cpus=cpus,
        nodes=nodes,
        elapsed_s=_elapsed_s(values),
        time_limit_s=parse_duration_s(values.get("TimelimitRaw", "") or values.get("Timelimit", "")),
        submit_s=_instant(values.get("Submit", "")),
        start_s=_instant(values.get("Start", "")),
        end_s=_instant(values.get("End", "")),
        work_dir=values.get("WorkDir", ""),
    )


def _required(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise ValueError(f"no {name} column")
    if not values[name].strip():
        raise ValueError(f"{name} is empty")
    return values[name].strip()


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


def _exit_code(text: str) -> tuple[int, int] | None:
    if not text.strip():
        return None
    code, colon, signal = text.strip().partition(":")
    if not (colon and code.isdecimal() and signal.isdecimal()):
        raise ValueError(f"not an exit code: {text!r}")
    return int(code), int(signal)


def _integer(values: Mapping[str, str], *names: str) -> int | None:
    text = next((values[name].strip() for name in names if values.get(name, "").strip()), "")
    if not text or text.endswith("?"):
        return None
    if not text.isdecimal():
        raise ValueError(f"{names[0]}: not a number: {text!r}")
    return int(text)


def _positive(value: float | None) -> float | None:
    # Slurm prints 0 for "never sampled" as well; no process has a resident size of 0
    return value or None


def _tres_mem_mb(text: str, *, default_unit: str) -> float | None:
    for item in text.split(","):
        name, _, amount = item.strip().partition("=")
        if name == "mem":
            return parse_mem_mb(amount, default_unit=default_unit)
    return None


def _max_rss_mb(values: Mapping[str, str]) -> float | None:
    sampled = _positive(parse_mem_mb(values.get("MaxRSS", ""), default_unit="B"))
    return sampled or _positive(_tres_mem_mb(values.get("TRESUsageInMax", ""), default_unit="B"))


def _limit_mb(values: Mapping[str, str], *, cpus: int, nodes: int) -> float | None:
    allocated = _positive(_tres_mem_mb(values.get("AllocTRES", ""), default_unit="M"))
    if allocated is not None:
        return allocated
    return _positive(parse_mem_mb(values.get("ReqMem", ""), cpus=cpus, nodes=nodes))


def _elapsed_s(values: Mapping[str, str]) -> float | None:
    raw = values.get("ElapsedRaw", "").strip()
    if raw.isdecimal():
        return float(raw)
    return parse_duration_s(values.get("Elapsed", ""))


def _instant(text: str) -> int | None:
    """Read an epoch, or sacct's local time without offset: taken as this machine's time zone."""
    text = text.strip()
    if not text or text.lower() in ("unknown", "none", "n/a", "0"):
        return None
    if text.isdecimal():
        return int(text) if int(text) < _NOT_SET_S else None
    return int(datetime.fromisoformat(text).timestamp())


def _nodes(text: str) -> tuple[str, ...]:
    return () if text.strip().endswith("?") else tuple(expand_nodes(text))
