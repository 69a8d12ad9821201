"""``--wait``: waiting for the end of a run's jobs, and the exit code to return."""

from __future__ import annotations

import time
from collections.abc import Iterable

from planner import slurm
from planner.history.sacct import read as sacct
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import read_journal

# intervals of sbatch --wait: short at first, then ten seconds
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 10.0
# accounting lags a little behind squeue
_ACCOUNTED_S = 60.0


def until_over(project: ProjectFolder) -> int:
    """Wait until the jobs of all rounds have ended, including those that a round submits itself.

    Returns
    -------
    int
        The highest exit code of the tasks' last attempts; 1 for one ended by a signal, as from ``sbatch --wait``.
    """
    _until_ended(project)
    folders = [project.round_folder(number) for number in project.round_numbers()]
    last = {entry.task: entry.job_id for folder in folders for entry in manifest.read(folder)}
    until_s = time.monotonic() + _ACCOUNTED_S
    while True:
        codes = _exit_codes(project, last.values())
        if len(codes) == len(set(last.values())) or time.monotonic() > until_s:
            return max(codes.values(), default=1)
        time.sleep(_FIRST_PAUSE_S)


def _until_ended(project: ProjectFolder) -> None:
    pause_s = _FIRST_PAUSE_S
    while True:
        number = project.latest()
        journal = read_journal(project.round_folder(number))
        ids = [] if journal is None else [*journal.ids, *([journal.follow_up.job_id] if journal.follow_up else [])]
        waited_for = [one for one in ids if one]
        if waited_for and slurm.queued(waited_for, cluster=project.plan(number).cluster):
            time.sleep(pause_s)
            pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
        elif project.latest() == number:
            return


def _exit_codes(project: ProjectFolder, job_ids: Iterable[str]) -> dict[str, int]:
    """Return job id -> exit code of the jobs that have ended according to accounting."""
    wanted = set(job_ids)
    cluster = project.plan(project.latest()).cluster
    fields = ("JobID", "State", "ExitCode")
    calls = sacct.calls(wanted, fields=fields)
    found: dict[str, int] = {}
    for argv in calls:
        for line in slurm.run([*argv, "-X"], environment=sacct.ENVIRONMENT, cluster=cluster).splitlines():
            job_id, state, code = (*line.split(sacct.DELIMITER), "", "")[:3]  # a site may print lines of its own
            if job_id in wanted and state.split()[0] not in ("PENDING", "RUNNING", "REQUEUED", "COMPLETING"):
                status, _, signal = code.partition(":")
                found[job_id] = int(status) or (1 if int(signal) or state != "COMPLETED" else 0)
    return found
