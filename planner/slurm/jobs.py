"""Jobs: submitted, found, changed, watched, ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from planner.core import units
from planner.history.sacct import read as sacct
from planner.slurm.calls import AnswerLost, SlurmError, Verdict, run

ACCTG_FREQ_REFUSED = "Invalid accounting frequency"
FINEST_ACCTG_FREQ = "--acctg-freq=task=1"
GONE = "Invalid job id"
_JOB_ID = re.compile(r"^(\d+)(?:;\S+)?$", re.MULTILINE)


def sbatch(
    script: Path, *, cwd: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> str:
    """Submit a script from ``cwd`` and return the job id.

    It is tried once, as a second try may be a second job. A site may refuse a sampling interval coarser than its own;
    then the finest is asked for instead.

    Raises
    ------
    SlurmError
        Its ``verdict`` says whether there may be a job all the same.
    """
    argv = ["sbatch", "--parsable", *options]
    try:
        return _submitted([*argv, str(script)], cwd, environment)
    except SlurmError as error:
        if ACCTG_FREQ_REFUSED not in error.said:
            raise
    return _submitted([*argv, FINEST_ACCTG_FREQ, str(script)], cwd, environment)


def _submitted(argv: Sequence[str], cwd: Path, environment: Mapping[str, str] | None) -> str:
    try:
        printed = run(argv, cwd=cwd, environment=environment, repeatable=False)
    except SlurmError as error:
        # it may fail, or be killed, after it has said which job it made
        printed, failure = error.stdout, error
    else:
        failure = AnswerLost("sbatch", f"{printed.strip()[:200]!r} instead of a job id", "look at 'squeue --me'")
    match = _JOB_ID.search(printed)
    if match is None:
        raise failure
    return match[1]


def refusal(script: Path, *, cwd: Path) -> str | None:
    """Return why a script would not be taken, or None; nothing is submitted.

    Raises
    ------
    FailureError
        When sbatch is missing or Slurm does not answer.
    """
    try:
        run(["sbatch", "--test-only", str(script)], cwd=cwd)
    except SlurmError as error:
        if error.verdict is Verdict.UNKNOWN:
            raise
        return None if ACCTG_FREQ_REFUSED in error.said else error.said
    return None


def find_jobs(names: Iterable[str], *, since_s: int, cluster: str | None = None) -> dict[str, str]:
    """Return name -> job id of the jobs of these names.

    squeue knows the queued ones and those that ended minutes ago, which accounting may not show yet; sacct the others.
    """
    listed = ",".join(names)
    queued = run(["squeue", "--noheader", "--states=all", "--name", listed, "--format=%j|%F"], cluster=cluster)
    start = f"--starttime=now-{max(1, since_s // 60 + 1)}minutes"
    ended = run(["sacct", "-n", "-P", "-X", f"--name={listed}", start, "--format=JobName,JobID"], cluster=cluster)
    found: dict[str, int] = {}
    for line in (*ended.splitlines(), *queued.splitlines()):
        name, _, job_id = line.rpartition("|")
        if name:
            # the components of a heterogeneous job have numbers of their own; the first's is the job's
            number = units.parse_job_id(job_id).job
            found[name] = min(found.get(name, number), number)
    return {name: str(number) for name, number in found.items()}


def update(commands: Iterable[str], *, cluster: str | None = None) -> None:
    """Change pending jobs: one scontrol, fed these lines on stdin in this order."""
    run(["scontrol"], stdin="".join(f"{line}\n" for line in commands), cluster=cluster)


def element_limits(
    job_ids: Iterable[str], *, cluster: str | None = None
) -> dict[str, tuple[float | None, float | None]]:
    """Return the memory (MiB) and the time limit (s) of each element (``12_3``) of pending arrays: one squeue."""
    listed = f"--jobs={','.join(job_ids)}"
    argv = ["squeue", "--array", "--noheader", "--noconvert", listed, "--format=%F_%K|%m|%l"]
    printed = run(argv, cluster=cluster)
    limits: dict[str, tuple[float | None, float | None]] = {}
    for line in printed.split():
        element, mem, limit = line.split("|")
        limits[element] = (units.parse_mem_mb(mem), units.parse_duration_s(limit))
    return limits


def held(job_ids: Iterable[str], *, cluster: str | None = None) -> set[str]:
    """Return those jobs that are held: their priority is 0."""
    return {line.partition("|")[0] for line in _queue(job_ids, "%F|%Q", cluster) if line.endswith("|0")}


def queued(job_ids: Iterable[str], *, cluster: str | None = None) -> set[str]:
    """Return those jobs that have not ended."""
    return set(_queue(job_ids, "%F", cluster))


def _queue(job_ids: Iterable[str], form: str, cluster: str | None) -> list[str]:
    argv = ["squeue", "--noheader", f"--jobs={','.join(job_ids)}", f"--format={form}"]
    return unless_gone(argv, cluster=cluster).split()


def unless_gone(
    argv: Sequence[str], *, cluster: str | None = None, signs: Sequence[str] = (GONE,), repeatable: bool = True
) -> str:
    """Run a command about a job and return its stdout; "" where slurmctld knows the job no more: it ended long ago."""
    try:
        return run(argv, cluster=cluster, repeatable=repeatable)
    except SlurmError as error:
        if any(sign in error.said for sign in signs):
            return ""
        raise


def release(job_ids: Iterable[str], *, cluster: str | None = None) -> None:
    """Let held jobs start."""
    run(["scontrol", "release", ",".join(job_ids)], cluster=cluster)


def cancel(*job_ids: str, cluster: str | None = None) -> None:
    """Cancel jobs, or elements of arrays; those that are gone already are fine."""
    if job_ids:
        unless_gone(["scancel", *job_ids], cluster=cluster)


def accounting(job_ids: Iterable[str], *, cluster: str | None = None) -> str:
    """Return sacct's text for these jobs, steps and requeued attempts included: one call, bounded by ids.

    More than `sacct.IDS_PER_CALL` jobs (an array counts once) take a further call each.
    """
    return "".join(run(argv, environment=sacct.ENVIRONMENT, cluster=cluster) for argv in sacct.calls(job_ids))


def job_details(job_id: str) -> str:
    """Return what slurmctld tells of a job, its nodes one by one, times as seconds since the epoch."""
    argv = ["scontrol", "--details", "show", "job", job_id]
    return run(argv, environment={"SLURM_TIME_FORMAT": "%s"}, repeatable=False)


def job_state(job_id: str) -> str | None:
    """Return a job's state as slurmctld tells it; None when it knows the job no more."""
    argv = ["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T"]
    states = unless_gone(argv, repeatable=False).split()
    return states[0] if states else None
