"""Finding, changing, watching and cancelling jobs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.core import node_lists, units
from planner.core.job_ids import in_calls, parse_job_id
from planner.history.sacct import read as sacct
from planner.slurm import rows
from planner.slurm.calls import ONCE, Patience, SlurmError, run

GONE = "Invalid job id"
_JOB_LINE = re.compile(r"(\d+)[^|]*\|([^|]*)\|?(.*)")
_COMMENT = re.compile(r"chromplan:[^\s'\"]+")


def find_jobs(
    wanted: Mapping[str, str], *, user: int, since_s: float, cluster: str | None = None
) -> dict[str, list[str]]:
    """Return comment -> ids, lowest first, of a user's jobs that were submitted with these comments.

    squeue knows jobs that wait or run, or ended minutes ago; when it does not know all of them, sacct is asked, which
    keeps the command line of each sbatch. When the site removed a job's comment, the job is found by its name.

    Parameters
    ----------
    wanted : mapping
        Comment -> job name.
    user : int
        The user's id.
    since_s : float
        How long ago the first job may have been submitted, s.
    """
    shown = ["squeue", "--noheader", "--states=all", f"--user={user}", "--format=%i|%j|%k"]
    found = _named_so(run(shown, cluster=cluster), wanted)
    if found.keys() != wanted.keys():
        start = f"--starttime=now-{max(1, int(since_s) // 60 + 1)}minutes"
        accounted = ["sacct", "-n", "-P", "-X", f"--uid={user}", start, "--format=JobID,JobName"]
        found = {**_named_so(_accounted(accounted, cluster), wanted), **found}
    return found


def _accounted(argv: list[str], cluster: str | None) -> str:
    """Return sacct's output, with submitted command lines where sacct has that column (Slurm 21.08 and later)."""
    try:
        return run([*argv[:-1], f"{argv[-1]},SubmitLine"], cluster=cluster)
    except SlurmError as error:
        if no_accounting(error):
            return ""
        if "nvalid field" not in error.said:
            raise
    return run(argv, cluster=cluster)


def _named_so(printed: str, wanted: Mapping[str, str]) -> dict[str, list[str]]:
    """Return comment -> ids from lines ``id|name|text with the comment``; a text may span several lines."""
    found: dict[str, set[int]] = {}
    for line in printed.splitlines():
        match = _JOB_LINE.match(line)
        if match is None:
            continue
        said = next((word for word in _COMMENT.findall(match[3]) if word in wanted), None)
        # a site may put a word of its own before a name
        said = said or next((comment for comment, name in wanted.items() if match[2].endswith(name)), None)
        if said is not None:
            # the job's own number, without that of the element or component
            found.setdefault(said, set()).add(int(match[1]))
    return {comment: [str(number) for number in sorted(numbers)] for comment, numbers in found.items()}


def no_accounting(error: SlurmError) -> bool:
    """Whether sacct failed because this cluster has no accounting."""
    return "accounting storage is disabled" in error.said


def update(commands: Iterable[str], *, cluster: str | None = None) -> None:
    """Change pending jobs: one scontrol call, with these lines on stdin, in this order."""
    run(["scontrol"], stdin="".join(f"{line}\n" for line in commands), cluster=cluster)


@dataclass(frozen=True, slots=True)
class ArrayElement:
    """An element of an array, as slurmctld describes it.

    Attributes
    ----------
    state : str
        ``PENDING``, ``RUNNING``, …
    mem_mb, time_limit_s : float or None
        Requested memory (MiB) and time limit (s).
    nice : int
    priority : int
        0 while it is held.
    """

    state: str
    mem_mb: float | None
    time_limit_s: float | None
    nice: int
    priority: int

    @property
    def held(self) -> bool:
        """Whether it waits to be released."""
        return self.state == "PENDING" and not self.priority

    @property
    def begun(self) -> bool:
        """Whether it runs, or has run."""
        return self.state not in ("PENDING", "CANCELLED")


def elements(job_ids: Iterable[str], *, cluster: str | None = None) -> dict[str, ArrayElement]:
    """Return the elements of arrays by their ids (``12_3``), with one squeue call.

    Elements that have ended are included for some minutes (MinJobAge).
    """
    listed = f"--jobs={','.join(job_ids)}"
    argv = ["squeue", "--array", "--noheader", "--noconvert", "--states=all", listed]
    found: dict[str, ArrayElement] = {}
    printed = unless_gone([*argv, "--format=%F_%K|%T|%m|%l|%y|%Q"], cluster=cluster)
    for element, state, mem, limit, nice, priority in rows.about_jobs(printed, 6):
        found[element] = ArrayElement(
            state, units.parse_mem_mb(mem), units.parse_duration_s(limit), int(nice), int(priority)
        )
    return found


def queued(job_ids: Iterable[str], *, cluster: str | None = None) -> set[str]:
    """Return those of the jobs that have not ended."""
    argv = ["squeue", "--noheader", f"--jobs={','.join(job_ids)}", "--format=%F"]
    return {job_id for (job_id,) in rows.about_jobs(unless_gone(argv, cluster=cluster), 1)}


def unless_gone(
    argv: Sequence[str], *, cluster: str | None = None, signs: Sequence[str] = (GONE,), patience: Patience | None = None
) -> str:
    """Run a command about a job and return its stdout; "" when slurmctld has forgotten the job."""
    try:
        return run(argv, cluster=cluster, patience=patience)
    except SlurmError as error:
        if any(sign in error.said for sign in signs):
            return ""
        raise


def release(job_ids: Iterable[str], *, cluster: str | None = None) -> None:
    """Release held jobs, elements or ranges of elements (``12_[1-3,7]``), in this order.

    Jobs that are already released are not an error. Slurm refuses a second release, as after an answer that was lost.
    """
    ids = list(job_ids)
    if any("[" in name for name in ids):  # a range may be too long for one command-line argument
        _release_ranges(ids, cluster=cluster)
        return
    for some in in_calls(ids):
        try:
            run(["scontrol", "release", ",".join(some)], cluster=cluster)
        except SlurmError:
            if _any_held(some, cluster=cluster):
                raise


def _release_ranges(names: Sequence[str], *, cluster: str | None) -> None:
    try:
        run(["scontrol"], stdin="".join(f"release {name}\n" for name in names), cluster=cluster)
    except SlurmError:
        if _any_held([str(one) for name in names for one in parse_job_id(name).elements()], cluster=cluster):
            raise


def _any_held(ids: Sequence[str], *, cluster: str | None) -> bool:
    asked = set(ids)
    known = elements({name.partition("_")[0] for name in ids}, cluster=cluster)
    return any(one.held and (name in asked or name.partition("_")[0] in asked) for name, one in known.items())


def hold(job_ids: Iterable[str], *, cluster: str | None = None) -> None:
    """Hold waiting jobs or elements where the site allows it; that one of them has started is not an error."""
    for some in in_calls(list(job_ids)):
        with contextlib.suppress(SlurmError):
            run(["scontrol", "hold", ",".join(some)], cluster=cluster, patience=ONCE)


def cancel(*job_ids: str, waiting: bool = False, cluster: str | None = None) -> None:
    """Cancel jobs or elements of arrays, or only those that wait; jobs that have already ended are not an error."""
    if job_ids:
        unless_gone(["scancel", *(["--state=PENDING"] if waiting else []), *job_ids], cluster=cluster)


def accounting(job_ids: Iterable[str], *, cluster: str | None = None) -> str:
    """Return sacct's text for these jobs, steps and requeued attempts included, with one call.

    Above `job_ids.IDS_PER_CALL` jobs (an array counts once), one call per that many jobs.
    """
    return "".join(run(argv, environment=sacct.ENVIRONMENT, cluster=cluster) for argv in sacct.calls(job_ids))


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """An element's own job number, and the first node it ran on; empty before it runs."""

    raw_id: str
    node: str


def placed(job_id: str, *, cluster: str | None = None) -> dict[str, ArrayPlace]:
    """Return the elements of an array, or the single job, by their ids, with one sacct call."""
    argv = ["sacct", "-n", "-P", "-X", f"--jobs={job_id}", "--format=JobID,JobIDRaw,NodeList"]
    return {
        name: ArrayPlace(raw_id, next(iter(node_lists.expand_nodes(nodes)), ""))
        for name, raw_id, nodes in rows.about_jobs(run(argv, cluster=cluster), 3)
    }


def job_details(job_id: str) -> str:
    """Return slurmctld's description of a job, nodes listed one by one, times in seconds since the epoch."""
    argv = ["scontrol", "--details", "show", "job", job_id]
    return run(argv, environment={"SLURM_TIME_FORMAT": "%s"}, patience=ONCE)


def job_state(job_id: str) -> str | None:
    """Return a job's state from slurmctld; None when slurmctld has forgotten the job."""
    argv = ["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%i|%T"]
    return next((state for _, state in rows.about_jobs(unless_gone(argv, patience=ONCE), 2)), None)
