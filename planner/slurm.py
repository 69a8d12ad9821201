"""The only caller of Slurm's commands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from planner.core import units
from planner.core.errors import FailureError
from planner.history.sacct import read as sacct

TIMEOUT_S = 300
ACCTG_FREQ_REFUSED = "Invalid accounting frequency"
FINEST_ACCTG_FREQ = "--acctg-freq=task=1"

_HINTS = (
    ("Unable to contact slurm controller", "slurmctld does not answer; try again later: nothing was changed"),
    ("Connection refused", "Slurm's database (slurmdbd) does not answer; try again later: nothing was changed"),
    ("accounting storage is disabled", "this cluster keeps no accounting; the tasks' own peak records remain"),
    ("Invalid account", "set submit.account in chromplan.toml to one of your accounts (sacctmgr show associations)"),
    ("invalid partition", "set submit.partition in chromplan.toml (sinfo lists the partitions)"),
    (
        "node configuration is not available",
        "no node has that much memory or that many CPUs; compare 'chromplan site check'",
    ),
    ("Memory specification can not be satisfied", "no node has that much memory; compare 'chromplan site check'"),
    (
        "QOSMaxSubmitJobPerUserLimit",
        "the site limits how many jobs may be queued; wait for some to end, or plan fewer tasks",
    ),
    ("Job violates accounting/QOS policy", "a limit of the site: fewer tasks at once, a shorter time, or another qos"),
)
_GONE = "Invalid job id"
# after these the controller may have taken the job all the same: only the answer got lost
_ANSWER_LOST = ("timed out", "Zero Bytes", "Unable to contact", "Connection", "Communication", "connection")


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    cluster: str | None = None,
) -> str:
    """Run one of Slurm's commands and return its stdout.

    Parameters
    ----------
    cluster : str, optional
        The cluster meant, where it is not the one of this machine; every command knows ``--clusters``.

    Raises
    ------
    FailureError
        When the program is missing, does not answer within five minutes, or fails; the message is its own.
    """
    elsewhere = [f"--clusters={cluster}"] if cluster else []
    try:
        done = subprocess.run(
            [argv[0], *elsewhere, *argv[1:]],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError:
        raise FailureError(
            f"{argv[0]}: not found", "is Slurm installed here? (module load slurm?) 'chromplan run --local' needs none"
        ) from None
    except subprocess.TimeoutExpired:
        raise AnswerLost(
            f"{argv[0]}: no answer in {TIMEOUT_S} s", "Slurm is overloaded or down; try again later"
        ) from None
    # sacct reports a database that is down, or does not answer, on stderr and may still exit with 0
    silent = "error:" in done.stderr and not done.stdout.strip()
    if done.returncode != 0 or silent:
        raise SlurmError(
            argv[0], done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}", done.stdout
        )
    return done.stdout


class AnswerLost(FailureError):  # noqa: N818 - what happened
    """One of Slurm's commands said nothing that can be understood; it may have done what it was told."""


class SlurmError(FailureError):
    """One of Slurm's commands failed.

    Attributes
    ----------
    said : str
        What it printed on stderr.
    stdout : str
    """

    def __init__(self, program: str, said: str, stdout: str) -> None:
        hint = next((hint for sign, hint in _HINTS if sign.lower() in said.lower()), f"that is what {program} said")
        super().__init__(f"{program}: {said}", hint)
        self.said = said
        self.stdout = stdout


def may_have_taken(error: FailureError) -> bool:
    """Whether a failed sbatch may have left a job behind all the same."""
    if isinstance(error, SlurmError):
        return any(sign in error.said for sign in _ANSWER_LOST)
    return isinstance(error, AnswerLost)


def sbatch(
    script: Path, *, cwd: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> str:
    """Submit a script from ``cwd`` and return the job id.

    A site may refuse a sampling interval coarser than its own; then the finest is asked for instead.
    """
    argv = ["sbatch", "--parsable", *options]
    try:
        printed = run([*argv, str(script)], cwd=cwd, environment=environment)
    except SlurmError as error:
        if ACCTG_FREQ_REFUSED not in error.said:
            raise
        printed = run([*argv, FINEST_ACCTG_FREQ, str(script)], cwd=cwd, environment=environment)
    match = re.match(r"(\d+)(?:;|$)", printed.strip())
    if match is None:
        raise AnswerLost(f"sbatch printed {printed.strip()!r} instead of a job id", "look at 'squeue --me'")
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
        if "Unable to contact" in error.said:
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


def usable_nodes(partitions: Iterable[str], *, cluster: str | None = None) -> dict[str, set[str]]:
    """Return the nodes of these partitions that take jobs, now or when others have ended: one sinfo."""
    argv = ["sinfo", "--noheader", "--Node", "--states=idle,alloc,mix", "--format=%R|%N"]
    nodes: dict[str, set[str]] = {name: set() for name in partitions}
    for line in run([*argv, f"--partition={','.join(nodes)}"], cluster=cluster).split():
        partition, _, node = line.partition("|")
        nodes.setdefault(partition, set()).add(node)
    return nodes


def largest_node_mb(partition: str, *, cluster: str | None = None) -> float | None:
    """Return the memory (MiB) of the largest node of a partition, or of several with commas: one sinfo.

    An empty name stands for all partitions; None when sinfo does not tell.
    """
    named = [f"--partition={partition}"] if partition else []
    try:
        printed = run(["sinfo", "--noheader", "--exact", "--format=%m", *named], cluster=cluster)
    except FailureError:
        return None
    return max((units.parse_mem_mb(mem) or 0.0 for mem in printed.replace("+", "").split()), default=None)


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
    return _unless_gone(argv, cluster=cluster).split()


def _unless_gone(argv: Sequence[str], *, cluster: str | None = None, signs: Sequence[str] = (_GONE,)) -> str:
    """Run a command about a job and return its stdout; "" where slurmctld knows the job no more: it ended long ago."""
    try:
        return run(argv, cluster=cluster)
    except SlurmError as error:
        if any(sign in error.said for sign in signs):
            return ""
        raise


def release(job_ids: Iterable[str], *, cluster: str | None = None) -> None:
    """Let held jobs start."""
    run(["scontrol", "release", ",".join(job_ids)], cluster=cluster)


def cancel(job_id: str, *, cluster: str | None = None) -> None:
    """Cancel a job; one that is gone already is fine."""
    _unless_gone(["scancel", job_id], cluster=cluster)


def accounting(job_ids: Iterable[str], *, cluster: str | None = None) -> str:
    """Return sacct's text for these jobs, steps and requeued attempts included: one call, bounded by ids.

    More than `sacct.IDS_PER_CALL` jobs (an array counts once) take a further call each.
    """
    return "".join(run(argv, environment=sacct.ENVIRONMENT, cluster=cluster) for argv in sacct.calls(job_ids))


def job_details(job_id: str) -> str:
    """Return what slurmctld tells of a job, its nodes one by one, times as seconds since the epoch."""
    return run(["scontrol", "--details", "show", "job", job_id], environment={"SLURM_TIME_FORMAT": "%s"})


def job_state(job_id: str) -> str | None:
    """Return a job's state as slurmctld tells it; None when it knows the job no more."""
    states = _unless_gone(["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T"]).split()
    return states[0] if states else None


def live_steps(job_id: str) -> dict[str, str]:
    """Return step id -> name of the steps of a job that run; none of a job that slurmctld knows no more."""
    printed = _unless_gone(["squeue", "--noheader", "--steps", f"--jobs={job_id}", "--format=%i|%j"])
    pairs = (line.partition("|") for line in printed.split())
    return {step: name for step, _, name in pairs}


def step_memory(job_id: str) -> dict[str, tuple[float, float]]:
    """Return step id -> resident memory now and at most (as Slurm samples it), MiB, of the steps that run."""
    argv = ["sstat", "--allsteps", "--noheader", "--parsable2", "--noconvert", f"--jobs={job_id}"]
    found: dict[str, tuple[float, float]] = {}
    for line in run([*argv, "--format=JobID,AveRSS,MaxRSS"]).split():
        step, now, most = line.split("|")
        # without a suffix these are bytes
        found[step] = tuple((units.parse_mem_mb(text, default_unit="B") or 0.0) for text in (now, most))  # type: ignore[assignment]
    return found


def signal_step(step: str, name: str) -> None:
    """Send a signal to a step (``12.3``); one that has ended is fine."""
    _unless_gone(["scancel", f"--signal={name}", step], signs=(_GONE, "already completing or completed"))


def srun(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a step and return its srun, which ends with it; Ctrl-C in the terminal does not reach it."""
    try:
        return subprocess.Popen(
            ["srun", *argv],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise FailureError("srun: not found", "is Slurm installed here? (module load slurm?)") from None
