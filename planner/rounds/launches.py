"""What srun says of a step that it could not start, or lost while it started: that is no failure of the task."""

from __future__ import annotations

import re

from planner.core.records import Outcome
from planner.history.sacct import read as sacct
from planner.rounds.open_tasks import OpenTask
from planner.rounds.own import OwnRecords

# while slurmctld is away
_NO_STEP = re.compile(
    r"Expired or invalid job \d+|Unable to confirm allocation for job \d+|Unable to contact slurm controller.*"
)


def failure(task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None, own: OwnRecords) -> str | None:
    """Return what srun said when it could not start a task's step; None where it did.

    Parameters
    ----------
    task : OpenTask
        In a user's own script srun is called by the user: nothing is said of it.
    step : Step or None
        The task, where it is a step of a job that runs others, too.
    """
    outcome = (step or attempt).outcome
    ended = outcome is Outcome.FAILED or (outcome is Outcome.CANCELLED and attempt.outcome is not Outcome.CANCELLED)
    if task.logs is not None or not ended:
        return None
    steps = [step for step in attempt.steps if step.name == task.entry.task]
    said = own.job_log_tail(task.entry.job_id)
    if not steps:
        found = _NO_STEP.search(said)
    else:
        # a slurmd that is killed meanwhile; a component's step is 12+1.0 or 12.0+1
        number = re.escape(steps[-1].id.rpartition(".")[2])
        found = re.search(rf"launch for StepId=\d+(?:\+\d+)?\.{number}(?:\+\d+)? failed on node .*", said)
    return found[0] if found else None
