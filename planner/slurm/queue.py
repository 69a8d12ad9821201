"""The queue: which jobs have not ended, why they wait, and how much memory running ones hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.errors import FailureError
from planner.core.job_ids import in_calls, parse_job_id
from planner.slurm import rows
from planner.slurm.calls import ONCE, Patience, SlurmError, run
from planner.slurm.jobs import unless_gone

# sstat asks the node of every job separately
MOST_MEASURED = 200
# the memory of running tasks is optional: wait only briefly for it
_SHORT = Patience(timeout_s=20.0, pauses_s=())


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedJob:
    """A job, array element or component that has not ended.

    Attributes
    ----------
    raw_id : str
        Slurm's internal job number, which ``sstat`` prints.
    state : str
        ``PENDING``, ``RUNNING``, …
    reason : str
        Why it waits.
    """

    raw_id: str
    state: str
    reason: str


def queued_jobs(job_ids: Iterable[str], *, cluster: str | None = None, ended: bool = False) -> dict[str, QueuedJob]:
    """Return the jobs, elements (``12_3``) and components (``12+1``) that have not ended, with one squeue call.

    With ``ended``, also those that ended minutes ago and that slurmctld still knows (MinJobAge). Above
    `job_ids.IDS_PER_CALL` jobs (an array counts once), one call per that many jobs.
    """
    jobs = sorted({parse_job_id(one).job for one in job_ids})
    found: dict[str, QueuedJob] = {}
    for some in in_calls(jobs):
        listed = f"--jobs={','.join(map(str, some))}"
        argv = ["squeue", "--array", "--noheader", *(["--states=all"] if ended else []), listed, "--format=%i|%A|%T|%r"]
        printed = unless_gone(argv, cluster=cluster, patience=ONCE)
        for job_id, raw_id, state, reason in rows.about_jobs(printed, 4):
            found[job_id] = QueuedJob(raw_id=raw_id, state=state, reason=reason)
    return found


def memory_so_far(raw_ids: Sequence[str], *, cluster: str | None = None) -> dict[str, float]:
    """Return each running step's (``12.0``) peak memory so far, MiB, as sampled by Slurm, with one sstat call.

    At most `MOST_MEASURED` jobs are asked about. Empty when Slurm does not say.
    """
    if not raw_ids:
        return {}
    listed = f"--jobs={','.join(raw_ids[:MOST_MEASURED])}"
    argv = ["sstat", "--allsteps", "--noheader", "--parsable2", "--noconvert", listed, "--format=JobID,MaxRSS"]
    try:
        printed = run(argv, cluster=cluster, patience=_SHORT)
    except SlurmError as error:
        printed = error.stdout  # one of them has ended meanwhile: sstat still prints the others
    except FailureError:
        return {}
    steps = rows.about_jobs(printed, 2)
    # without a suffix these are bytes
    held = {step: units.parse_mem_mb(text, default_unit="B") for step, text in steps if not step.endswith(".extern")}
    return {step: held_mb for step, held_mb in held.items() if held_mb}


def step_names(raw_ids: Sequence[str], *, cluster: str | None = None) -> dict[str, str]:
    """Return step (``12.0``) -> name of the running steps of these jobs, with one squeue call."""
    if not raw_ids:
        return {}
    argv = ["squeue", "--steps", "--noheader", f"--jobs={','.join(raw_ids[:MOST_MEASURED])}", "--format=%i|%j"]
    try:
        printed = run(argv, cluster=cluster, patience=_SHORT)
    except FailureError:
        return {}
    return dict(rows.about_jobs(printed, 2))
