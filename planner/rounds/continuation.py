"""Jobs that start the next round: what they wait for besides their own round, and which chromplan they run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from planner import slurm
from planner.project.folder import ProjectFolder
from planner.project.journal import journals, read_journal


def jobs_before(project: ProjectFolder) -> list[str]:
    """Return the jobs that start next rounds of earlier steps: the next round here waits for what they submit."""
    wrap = project.config().wrap
    steps = [ProjectFolder(project.folder / name) for name in (wrap.after if wrap else [])]
    found: list[str] = []
    for step in steps:
        # the latest one: while it plans its round, that round has no journal yet
        follow_ups = [one.follow_up for one in journals(map(step.round_folder, step.round_numbers()))]
        ids = [job.job_id for job in follow_ups if job and job.job_id][-1:]
        cluster = step.plan(step.latest()).cluster if ids else None
        found += sorted(slurm.queued(ids, cluster=cluster)) if ids else []
    return found


def waiting_already(project: ProjectFolder) -> str | None:
    """Return the pending job that will start this project's next round, or None."""
    number = project.latest()
    last = read_journal(project.round_folder(number))
    ids = [job.job_id for job in last.jobs if job.follows and job.job_id] if last else []
    known = slurm.queued_jobs(ids, cluster=project.plan(number).cluster) if ids else {}
    return next((one for one, job in known.items() if job.state == "PENDING"), None)


def own_command() -> dict[str, str]:
    """Return variables that tell a job where chromplan is installed, as it may not be on the job's PATH."""
    named = Path(sys.argv[0])
    found = shutil.which(named) if named.name == "chromplan" else None
    path = found or shutil.which("chromplan")
    return {"CHROMPLAN": str(Path(path).absolute())} if path else {}
