"""An attempt of a job and its steps: outcome, peak, and how far the peak can be trusted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from planner.core.job_ids import EXTERN_STEP, JobId
from planner.core.records import Outcome, Quality
from planner.core.sampling import too_short
from planner.history.sacct.outcomes import AttemptVerdict, judge_attempt, judge_step, limit_of
from planner.history.sacct.rows import Row

_OWN_POLL = re.compile(r"\s--acctg-freq[= ](?:\S*?task=)?(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of an attempt; in packed jobs, a task of its own.

    Attributes
    ----------
    id : str
        Including the job's id: ``12_3.0``, ``12.batch``.
    name : str
        The name given by ``srun -J``.
    outcome : Outcome or None
        None while it runs.
    peak_mb : float or None
        Highest resident memory, MiB; for an oom at least the limit.
    limit_mb : int or None
        Its own share of the job's memory, MiB.
    """

    id: str
    name: str
    state: str
    outcome: Outcome | None
    quality: Quality
    evidence: str
    peak_mb: float | None
    limit_mb: int | None
    wall_s: float | None
    cpus: int
    start_s: int | None
    end_s: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAttempt:
    """One attempt of a job, array element or het component.

    Attributes
    ----------
    job_id : str
        As sacct prints it: ``12``, ``12_3``, ``12+1``.
    outcome : Outcome or None
        None while it waits or runs.
    peak_mb : float or None
        Highest memory of any step except ``.extern``, MiB. A lower bound when ``quality`` is censored, and when
        ``outcome`` is not completed.
    limit_mb : int or None
        The memory limit in force, over all nodes, MiB; for an oom, the one that was hit.
    time_limit_s : float or None
        ``inf`` without limit.
    submit_s : int
        Submit time; without a Submit column the start time, else the end time; 0 if all are missing.
    steps : tuple of Step
        Without ``.extern``.
    cpu_s : float or None
        Processor time of all its processes, s; None if the column was not requested.
    billing : float or None
        The site's billing units while it ran, if accounting has them.
    per_cpu : bool
        Whether its memory was requested per CPU, if sacct says so.
    submit_line : str
        The command that submitted it; empty if the column was not requested.
    """

    job_id: str
    name: str
    state: str
    outcome: Outcome | None
    quality: Quality
    evidence: str
    peak_mb: float | None
    limit_mb: int | None
    wall_s: float | None
    cpus: int
    time_limit_s: float | None
    submit_s: int
    start_s: int | None
    end_s: int | None
    nodes: tuple[str, ...]
    work_dir: str
    steps: tuple[Step, ...] = ()
    cpu_s: float | None = None
    billing: float | None = None
    per_cpu: bool = False
    submit_line: str = ""


def attempts_of(job: Row, steps: Sequence[Row], *, requeued: bool, poll_s: float) -> list[JobAttempt]:
    """Return the attempt made of a job's row and its steps' rows; one per element for an array that never started.

    Parameters
    ----------
    requeued : bool
        Whether other attempts share the job's id.
    poll_s : float
        Seconds between two samples of MaxRSS, unless the job's command line sets another interval.
    """
    verdict = judge_attempt(job, steps, requeued=requeued)
    own = _OWN_POLL.search(job.submit_line)
    poll_s = float(own[1]) if own and float(own[1]) else poll_s
    tasks = [step for step in steps if step.id.step != EXTERN_STEP]
    peak = max((step.peak_mb for step in tasks if step.peak_mb is not None), default=None)
    graded = _grade(verdict, peak, job.elapsed_s, poll_s)
    limit = job.limit_mb if verdict is None or verdict.limit_mb is None else verdict.limit_mb
    return [
        JobAttempt(
            job_id=str(element),
            name=job.name,
            state=job.state,
            outcome=None if verdict is None else verdict.outcome,
            quality=graded.quality,
            evidence=graded.evidence,
            peak_mb=graded.peak_mb,
            limit_mb=_whole(limit),
            wall_s=job.elapsed_s,
            cpus=job.cpus,
            time_limit_s=job.time_limit_s,
            submit_s=job.attempt_s,
            start_s=job.start_s,
            end_s=job.end_s,
            nodes=job.nodes,
            work_dir=job.work_dir,
            steps=tuple(_step(step, job, element, poll_s) for step in tasks),
            cpu_s=job.cpu_s,
            billing=job.billing,
            per_cpu=job.per_cpu,
            submit_line=job.submit_line,
        )
        for element in job.id.elements()
    ]


def _step(row: Row, job: Row, element: JobId, poll_s: float) -> Step:
    verdict = judge_step(row, job)
    graded = _grade(verdict, row.peak_mb, row.elapsed_s, poll_s)
    return Step(
        id=f"{element}.{row.id.step}",
        name=row.name,
        state=row.state,
        outcome=None if verdict is None else verdict.outcome,
        quality=graded.quality,
        evidence=graded.evidence,
        peak_mb=graded.peak_mb,
        limit_mb=_whole(limit_of(row, job)),
        wall_s=row.elapsed_s,
        cpus=row.cpus,
        start_s=row.start_s,
        end_s=row.end_s,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grade:
    quality: Quality
    peak_mb: float | None
    evidence: str


def _grade(verdict: AttemptVerdict | None, peak_mb: float | None, wall_s: float | None, poll_s: float) -> _Grade:
    """Return the peak and how far it can be trusted."""
    evidence = "" if verdict is None else verdict.evidence
    if verdict is not None and verdict.outcome is Outcome.OOM:
        bounds = [bound for bound in (peak_mb, verdict.limit_mb) if bound is not None]
        return _Grade(quality=Quality.CENSORED, peak_mb=max(bounds, default=None), evidence=evidence)
    if peak_mb is None or verdict is None:
        return _Grade(quality=Quality.MISSING, peak_mb=None, evidence=evidence)
    # without a run time the peak is shown, but trains no model (planner.memory.rows)
    if verdict.outcome is Outcome.COMPLETED and wall_s is not None and too_short(wall_s, poll_s):
        reason = f"MaxRSS {peak_mb:.0f} MB not trusted: ran {wall_s:.0f} s, sampled every {poll_s:g} s"
        return _Grade(quality=Quality.MISSING, peak_mb=None, evidence=f"{evidence}; {reason}")
    return _Grade(quality=Quality.SAMPLED, peak_mb=peak_mb, evidence=evidence)


def _whole(limit_mb: float | None) -> int | None:
    return None if limit_mb is None else round(limit_mb)
