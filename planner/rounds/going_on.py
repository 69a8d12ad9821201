"""Jobs that continue with the next round: what they wait for besides their own round, and which chromplan they run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from planner import slurm
from planner.project.folder import ProjectFolder
from planner.project.journal import journals, read_journal


def jobs_before(project: ProjectFolder) -> list[str]:
    """Return the jobs that go on with the earlier steps of a chain: what they submit, the next round here waits for."""
    wrap = project.config().wrap
    steps = [ProjectFolder(project.folder / name) for name in (wrap.after if wrap else [])]
    found: list[str] = []
    for step in steps:
        # the last that there is: while it plans its round, that has no journal yet
        follow_ups = [one.follow_up for one in journals(map(step.round_folder, step.round_numbers()))]
        ids = [job.job_id for job in follow_ups if job and job.job_id][-1:]
        cluster = step.plan(step.latest()).cluster if ids else None
        found += sorted(slurm.queued(ids, cluster=cluster)) if ids else []
    return found


def waiting_already(project: ProjectFolder) -> str | None:
    """Return the project's own job that will go on with the next round, where one has not started yet."""
    number = project.latest()
    last = read_journal(project.round_folder(number))
    ids = [job.job_id for job in last.jobs if job.follows and job.job_id] if last else []
    known = slurm.queued_jobs(ids, cluster=project.plan(number).cluster) if ids else {}
    return next((one for one, job in known.items() if job.state == "PENDING"), None)


def own_command() -> dict[str, str]:
    """Return what tells a job where this chromplan is: the environment it lives in need not be on the PATH there."""
    named = Path(sys.argv[0])
    found = shutil.which(named) if named.name == "chromplan" else None
    path = found or shutil.which("chromplan")
    return {"CHROMPLAN": str(Path(path).absolute())} if path else {}
