"""Steps that never started, or whose end was not reported: not failures of their tasks, whatever Slurm calls them."""

from __future__ import annotations

import re
from dataclasses import replace

from planner.core.records import Outcome
from planner.history.sacct import read as sacct
from planner.rounds.open_tasks import OpenTask
from planner.rounds.own import OwnRecords

# srun's messages when slurmctld is down or has given up the job; a step too large for its job is the plan's fault
_NO_STEP = re.compile(
    r"Expired or invalid job \d+|Unable to confirm allocation for job \d+|Unable to contact slurm controller.*"
    r"|Unable to create step for job \d+: (?!.*(?:not available|permitted|[Mm]emory)).*"
)
# a slurmd ended before it could report the exit code
_NO_CODE = "FAILED, exit 0:0"


def may_be_a_kill(attempt: sacct.JobAttempt, step: sacct.Step | None) -> bool:
    """Whether accounting may hide that Slurm killed a task for memory, so that only the task's log can tell."""
    outcome = (step or attempt).outcome
    return outcome is Outcome.COMPLETED or _is_cancelled_alone(attempt, step)


def corrected(
    task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None, own: OwnRecords
) -> tuple[sacct.JobAttempt, sacct.Step | None]:
    """Return an attempt and its step, as completed if the task's own record says so although Slurm says it failed."""
    record = own.peak(task.entry.task, task.entry.job_id)
    if not _is_doubtful(task, attempt, step) or record is None or record.code != 0:
        return attempt, step
    told = f"{(step or attempt).evidence}; exit code 0 by its own record"
    completed = step and replace(step, outcome=Outcome.COMPLETED, evidence=told)
    return replace(attempt, outcome=Outcome.COMPLETED, evidence=told), completed


def failure(task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None, own: OwnRecords) -> str | None:
    """Return the failure between Slurm and a task, as srun or accounting names it; None when the task itself failed.

    Parameters
    ----------
    task : OpenTask
        For a user's own script the result is None: there the user calls srun.
    step : Step or None
        The task's step, when its job runs other tasks too.
    """
    record = own.peak(task.entry.task, task.entry.job_id)
    if not _is_doubtful(task, attempt, step) or (record is not None and record.ended):
        return None
    if (step or attempt).evidence.endswith(_NO_CODE):
        return "no exit code came back"
    steps = [step for step in attempt.steps if step.name == task.entry.task]
    said = own.job_log_tail(task.entry.job_id)
    if not steps:
        found = _NO_STEP.search(said)
    else:
        # a slurmd was killed meanwhile; a component's step is 12+1.0 or 12.0+1
        number = re.escape(steps[-1].id.rpartition(".")[2])
        found = re.search(rf"launch for StepId=\d+(?:\+\d+)?\.{number}(?:\+\d+)? failed on node .*", said)
    return found[0] if found else None


def _is_doubtful(task: OpenTask, attempt: sacct.JobAttempt, step: sacct.Step | None) -> bool:
    """Whether Slurm says that a task failed, or that only its step was cancelled, as srun does when it gives up."""
    failed = (step or attempt).outcome is Outcome.FAILED
    return task.logs is None and (failed or _is_cancelled_alone(attempt, step))


def _is_cancelled_alone(attempt: sacct.JobAttempt, step: sacct.Step | None) -> bool:
    return (step or attempt).outcome is Outcome.CANCELLED and attempt.outcome is not Outcome.CANCELLED
