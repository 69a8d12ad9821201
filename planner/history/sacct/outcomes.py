"""The outcome of an attempt: decided from accounting first, the exit code second, the log last.

Slurm's State alone misleads: a job whose script ignores a killed step is COMPLETED, a job killed by the accounting
poller is FAILED or CANCELLED, and a requeue overwrites all of it. So an attempt is judged from its own row and all its
step rows; the first rule that applies decides, and its evidence is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner.core.exits import KILL, KILLED, TERMINATE, TERMINATED
from planner.core.job_ids import EXTERN_STEP
from planner.core.records import Outcome
from planner.core.sampling import near_limit
from planner.core.units import BYTES_PER_MB
from planner.history.sacct.rows import CANCELLED, COMPLETED, FAILED, OUT_OF_MEMORY, REQUEUED, Row

# Slurm's own code for "killed for memory", next to the state
_OOM_EXIT = (0, 125)
# "exit 137" in a script is stored as 9:0
_KILLED = frozenset({(0, KILL), (KILL, 0), (KILLED, 0)})
# ended by SIGTERM, which Slurm sends to the steps of a job that it ends
_TERMINATED = frozenset({(0, TERMINATE), (TERMINATE, 0), (TERMINATED, 0)})
# slurmd could not start the job: no working directory, or no place for its output
_LAUNCH_FAILED = (0, 53)

_OUTCOME_OF_STATE = {
    "TIMEOUT": Outcome.TIMEOUT,
    "DEADLINE": Outcome.TIMEOUT,
    CANCELLED: Outcome.CANCELLED,
    "REVOKED": Outcome.CANCELLED,
    "NODE_FAIL": Outcome.INFRA,
    "BOOT_FAIL": Outcome.INFRA,
    "LAUNCH_FAILED": Outcome.INFRA,
    "RECONFIG_FAIL": Outcome.INFRA,
    "PREEMPTED": Outcome.INFRA,
    REQUEUED: Outcome.INFRA,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptVerdict:
    """An outcome, its evidence, and for memory kills the limit that was hit (MiB, None when unknown)."""

    outcome: Outcome
    evidence: str
    limit_mb: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogVerdict:
    """Evidence in a log of a lack of memory.

    Attributes
    ----------
    own_heap : bool
        The program ran out of a limit of its own (a Java heap, ``ulimit``): more ``--mem`` helps only if that limit
        follows it.
    used_mb : float or None
        Memory in use when Slurm killed it, MiB.
    """

    evidence: str
    own_heap: bool
    used_mb: float | None = None

    @property
    def of_java(self) -> bool:
        """Whether it was Java's heap."""
        return self.own_heap and "java." in self.evidence


_POLLER = re.compile(r"exceeded memory limit \(([0-9]+) > ([0-9]+)\)")
# slurmstepd's messages start with its name; from 26.05 on with a time instead
_FROM_SLURM = re.compile(r"^(?:slurmstepd|\[\d{4}-\d\d-\d\dT[\d:.]+\] (?:error|fatal): ).*$", re.MULTILINE)
_KILLED_TEXT = re.compile(r"oom[-_]kill|exceeded (?:job |step )?memory limit|task \d+: Out Of Memory", re.IGNORECASE)
# messages of Java, Python and NumPy, C++, libc, R, Rust, Go, and of programs; never about a graphics card's memory
_OWN_HEAP = re.compile(
    r"""java\.lang\.OutOfMemoryError(?::\ [A-Za-z\ ]+)? | (?<!cuda\.)\b\w*MemoryError\b | std::bad_alloc
    | [Cc]annot\ allocate\ (?:memory|vector\ of\ size\ [\d.]+\ ?[KMGT]b) | memory\ allocation\ of\ \d+\ bytes\ failed
    | ^(?!.*(?i:cuda|\bgpu\b))
        .*?(?:\b(?i:error|fatal|panic|failed|abort\w*)\b.*|^\W*(?:[\w./-]+:\ )?)
        \b(?i:out\ of\ memory|memory\ exhausted)(?=\W*$|[!.,:;(])
    """,
    re.VERBOSE | re.MULTILINE,
)


def said_by_slurm(text: str) -> str:
    """Return the lines of a log that were written by Slurm, not by the program."""
    return "\n".join(_FROM_SLURM.findall(text))


def classify_log(text: str) -> LogVerdict | None:
    """Return the evidence of a lack of memory in a log; None when there is none.

    Sources: slurmstepd's messages under task/cgroup and under OverMemoryKill; Java, Python, C++, libc.
    """
    poller = _POLLER.search(text)
    if poller:
        used, limit = (int(number) / BYTES_PER_MB for number in poller.groups())
        return LogVerdict(
            evidence=f"log: exceeded memory limit ({used:.0f} > {limit:.0f} MB)", own_heap=False, used_mb=used
        )
    killed = _KILLED_TEXT.search(text)
    if killed:
        return LogVerdict(evidence=f"log: {killed[0]}", own_heap=False)
    heap = _OWN_HEAP.search(text)
    if heap:
        return LogVerdict(evidence=f"log: {heap[0].strip()}", own_heap=True)
    return None


def judge_attempt(job: Row, steps: Sequence[Row], *, requeued: bool = False) -> AttemptVerdict | None:
    """Decide the outcome of one attempt.

    Parameters
    ----------
    job : Row
    steps : sequence of Row
        All its steps, including ``.extern``.
    requeued : bool
        Whether other attempts share the job's id: then DerivedExitCode may be theirs.

    Returns
    -------
    AttemptVerdict or None
        None while the attempt has not ended.
    """
    if not job.ended:
        return None
    for rule in _RULES:
        verdict = rule(job, steps, requeued)
        if verdict is not None:
            return verdict
    return _completed(job, steps, requeued)


def judge_step(step: Row, job: Row) -> AttemptVerdict | None:
    """Decide the outcome of a step that is a task of its own; None while it has not ended."""
    if not step.ended:
        return None
    if _says_oom(step):
        return _oom(step, job, _describe(step))
    if step.cancelled_by and step.exit_code == (0, KILL) and _above_limit(step, job):
        return _oom(step, job, f"{_describe(step)}, {_peak_and_limit(step, job)}")
    if step.state == COMPLETED:
        return AttemptVerdict(outcome=Outcome.COMPLETED, evidence=_describe(step))
    signalled = step.state == FAILED and step.exit_code in _TERMINATED and job.state in _OUTCOME_OF_STATE
    if signalled or (step.state == CANCELLED and not step.cancelled_by):
        # ended together with its job, or by a signal of its own
        together = _OUTCOME_OF_STATE.get(job.state, Outcome.FAILED)
        return AttemptVerdict(outcome=together, evidence=f"{_describe(step)} under {_describe(job)}")
    if step.state in _OUTCOME_OF_STATE:
        return AttemptVerdict(outcome=_OUTCOME_OF_STATE[step.state], evidence=_describe(step))
    if step.exit_code in _KILLED and near_limit(step.peak_mb, limit_of(step, job)):
        return _oom(step, job, _suspicion(step, job))
    return AttemptVerdict(outcome=Outcome.FAILED, evidence=_describe(step))


def _reported_oom(job: Row, steps: Sequence[Row], requeued: bool) -> AttemptVerdict | None:
    # evidence of the task's step counts more than the job's, and that more than .extern's, which sees all kills of the
    # job
    for row in (*_task_steps(steps), job, *steps):
        if _says_oom(row):
            return _oom(row, job, _describe(row))
    if job.derived_exit_code == _OOM_EXIT and not steps and not requeued:
        return _oom(job, job, "DerivedExitCode 0:125")
    return None


def _killed_by_poller(job: Row, steps: Sequence[Row], _requeued: bool) -> AttemptVerdict | None:
    if job.state not in (FAILED, COMPLETED, REQUEUED):
        return None
    for step in _task_steps(steps):
        if step.cancelled_by and step.exit_code == (0, KILL) and _above_limit(step, job):
            return _oom(step, job, f"{_describe(step)}, {_peak_and_limit(step, job)}")
    return None


def _ended_from_outside(job: Row, _steps: Sequence[Row], _requeued: bool) -> AttemptVerdict | None:
    if job.exit_code == _LAUNCH_FAILED:
        return AttemptVerdict(outcome=Outcome.INFRA, evidence=f"{_describe(job)}: not launched")
    outcome = _OUTCOME_OF_STATE.get(job.state)
    return AttemptVerdict(outcome=outcome, evidence=_describe(job)) if outcome else None


def _killed_near_limit(job: Row, steps: Sequence[Row], _requeued: bool) -> AttemptVerdict | None:
    if job.state != FAILED or job.exit_code not in _KILLED:
        return None
    near = (step for step in _task_steps(steps) if near_limit(step.peak_mb, limit_of(step, job)))
    return next((_oom(step, job, _suspicion(step, job)) for step in near), None)


def _failed(job: Row, _steps: Sequence[Row], _requeued: bool) -> AttemptVerdict | None:
    return AttemptVerdict(outcome=Outcome.FAILED, evidence=_describe(job)) if job.state == FAILED else None


def _completed(job: Row, steps: Sequence[Row], requeued: bool) -> AttemptVerdict:
    bad = next((step for step in _task_steps(steps) if step.ended and step.state != COMPLETED), None)
    if bad is not None:
        return AttemptVerdict(outcome=Outcome.FAILED, evidence=f"{_describe(bad)} under {_describe(job)}")
    if job.derived_exit_code not in (None, (0, 0)) and not requeued:
        code, signal = job.derived_exit_code
        return AttemptVerdict(
            outcome=Outcome.FAILED, evidence=f"DerivedExitCode {code}:{signal} under {_describe(job)}"
        )
    return AttemptVerdict(outcome=Outcome.COMPLETED, evidence=_describe(job))


_RULES: tuple[Callable[[Row, Sequence[Row], bool], AttemptVerdict | None], ...] = (
    _reported_oom,
    _killed_by_poller,
    _ended_from_outside,
    _killed_near_limit,
    _failed,
)


def _task_steps(steps: Sequence[Row]) -> list[Row]:
    return [step for step in steps if step.id.step != EXTERN_STEP]


def _says_oom(row: Row) -> bool:
    return row.state == OUT_OF_MEMORY or row.exit_code == _OOM_EXIT


def limit_of(step: Row, job: Row) -> float | None:
    """Return the limit in force for a step, MiB: its own, otherwise its job's."""
    return step.limit_mb if step.limit_mb is not None else job.limit_mb


def _ratio(step: Row, job: Row) -> float:
    limit = limit_of(step, job)
    return 0.0 if step.peak_mb is None or limit is None else step.peak_mb / limit


def _above_limit(step: Row, job: Row) -> bool:
    return _ratio(step, job) > 1


def _suspicion(step: Row, job: Row) -> str:
    return f"{_describe(step)}, {_peak_and_limit(step, job)} (suspected)"


def _oom(row: Row, job: Row, evidence: str) -> AttemptVerdict:
    return AttemptVerdict(outcome=Outcome.OOM, evidence=evidence, limit_mb=limit_of(row, job))


def _describe(row: Row) -> str:
    who = "job" if row.id.step is None else f"step {row.id.step}"
    by = f" by {row.cancelled_by}" if row.cancelled_by else ""
    code = "" if row.exit_code is None else f", exit {row.exit_code[0]}:{row.exit_code[1]}"
    return f"{who} {row.state}{by}{code}"


def _peak_and_limit(step: Row, job: Row) -> str:
    return f"peak {step.peak_mb or 0:.0f} MB against a limit of {limit_of(step, job) or 0:.0f} MB"
