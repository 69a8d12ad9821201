"""Finding jobs whose ids are unknown because sbatch was killed or its answer was lost.

If slurmctld creates such a job only after the search, it was submitted again by then. The next command cancels what of
the late job is pending; tasks in it that start find their turn taken and exit.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from planner import slurm
from planner.core.errors import FailureError
from planner.core.failures import user_name
from planner.plan.document import Plan
from planner.project.journal import Submission, SubmittedJob
from planner.scripts.options import comment

# slurmctld may still be creating the job: keep looking for this long, s, unless the call was long ago
_PAUSES_S = (0.0, 0.5, 1.0, 1.5, 2.0)
_LONG_AGO_S = 600
# the clocks of login nodes and accounting are assumed to differ by less than this, s
_CLOCKS_S = 86_400


def find_again(plan: Plan, submission: Submission) -> Submission:
    """Return the journal with every uncertain job resolved: it has its id, or is marked to be submitted again.

    Raises
    ------
    FailureError
        When Slurm does not answer.
    """
    asked = {comment(plan, job.script): job for job in submission.jobs if job.state == "asked"}
    if not asked:
        return submission
    names = _names(plan, asked)
    now_s = time.time()
    recent = now_s - max(job.asked_s or 0 for job in asked.values()) < _LONG_AGO_S
    # a later job that starts the next round has the comment of the one before it
    known = {job.job_id for job in submission.jobs}
    found: dict[str, list[str]] = {}
    for pause_s in _PAUSES_S if recent else _PAUSES_S[:1]:
        time.sleep(pause_s)
        seen = _find(plan, submission, names)
        found = {said: new for said, ids in seen.items() if (new := [one for one in ids if one not in known])}
        if found.keys() == names.keys():
            break
    if found.keys() != names.keys() and slurm.hides_jobs_of(submission.user, cluster=plan.cluster):
        raise theirs(plan, submission)
    for _, *again in found.values():
        for twin in again:  # a job submitted twice; tasks in it that start find their turn taken
            slurm.cancel(twin, waiting=True, cluster=plan.cluster)
    changes = {
        job.script: {"state": "held" if job.hold else "submitted", "job_id": found[said][0]}
        if said in found
        else {"state": "wanted", "lost_s": int(now_s)}
        for said, job in asked.items()
    }
    jobs = [job.model_copy(update=changes[job.script]) if job.state == "asked" else job for job in submission.jobs]
    return submission.model_copy(update={"jobs": tuple(jobs)})


def theirs(plan: Plan, submission: Submission) -> FailureError:
    """Return the error for a submission that only another user can finish."""
    name = user_name(submission.user)
    return FailureError(
        f"round {plan.round_name} was submitted only in part, by {name}",
        f"only {name} can go on with it, by 'chromplan submit'",
    )


def end_late(plan: Plan, submission: Submission) -> None:
    """Cancel pending jobs that appeared after they had been submitted again or given up.

    It never fails: if Slurm does not answer, the next command tries again.
    """
    doubted = {comment(plan, job.script): job for job in submission.doubted(time.time())}
    if not doubted:
        return
    names = _names(plan, doubted)
    known = {job.job_id for job in submission.jobs}
    with contextlib.suppress(FailureError):
        seen = _find(plan, submission, names)
        for late in (one for ids in seen.values() for one in ids if one not in known):
            slurm.cancel(late, waiting=True, cluster=plan.cluster)


def _find(plan: Plan, submission: Submission, names: Mapping[str, str]) -> dict[str, list[str]]:
    since_s = max(0.0, time.time() - submission.started_s) + _CLOCKS_S
    return slurm.find_jobs(names, user=submission.user, since_s=since_s, cluster=plan.cluster)


def _names(plan: Plan, jobs: Mapping[str, SubmittedJob]) -> dict[str, str]:
    """Return comment -> job name, for jobs whose comment the site may have removed."""
    # a name that the user chose may be that of other jobs, too
    return {said: job.name if plan.token in job.name else said for said, job in jobs.items()}
