"""Expected start times of a plan's tasks, each with its own memory or all with one ``--mem``. Nothing is submitted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner import slurm
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.plan.document import Plan
from planner.report.reserved import one_mem
from planner.scripts.job import Job
from planner.scripts.jobs import jobs
from planner.scripts.render import options

_PROBES = 5
ONE_MEM = "one --mem"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedStart:
    """The answer of ``sbatch --test-only`` for one job.

    Attributes
    ----------
    asking : str
        ``one --mem`` or ``its own``.
    task : str
        The task that was asked about.
    tasks : int
        How many of the plan's tasks request this much memory or less.
    mem_mb : int
    start_s : float or None
        Seconds since the epoch; None where Slurm does not say.
    wait_s : float or None
        Wait from now, s.
    refused : str
        Why Slurm would refuse it; empty if it would not.
    """

    asking: str
    task: str
    tasks: int
    mem_mb: int
    start_s: float | None
    wait_s: float | None
    refused: str = ""


def starts(plan: Plan) -> list[ExpectedStart]:
    """Ask Slurm when the plan's tasks would start: the largest with one ``--mem``, and a few with their own.

    Each is tested as a single job against the current queue, as if the plan's other tasks were not there.

    Raises
    ------
    InputError
        When the plan runs nothing, or runs an existing script.
    FailureError
        When Slurm does not answer.
    """
    if plan.user_script is not None:
        raise InputError("--when is for projects, not for an existing script", "'chromplan sbatch --test-only' asks")
    if not plan.tasks:
        raise InputError("nothing is left to run", "'chromplan plan --again' plans every task")
    single = sorted(jobs(plan, Mode.JOBS), key=lambda job: job.mem_mb, reverse=True)
    own = [_ask(plan, job, tasks=sum(one.mem_mb <= job.mem_mb for one in single)) for job in _spread(single)]
    # with one --mem for all, each task waits as long as the largest
    return [replace(own[0], asking=ONE_MEM, mem_mb=one_mem(plan)), *own]


def _spread(single: Sequence[Job]) -> list[Job]:
    """Return jobs from the largest to the smallest, no two of the same memory."""
    kinds = list({job.mem_mb: job for job in single}.values())
    last = len(kinds) - 1
    count = min(_PROBES, len(kinds))
    return [kinds[round(last * place / max(count - 1, 1))] for place in range(count)]


def _ask(plan: Plan, job: Job, *, tasks: int) -> ExpectedStart:
    now_s = time.time()
    refused, start_s = "", None
    try:
        start_s = slurm.would_start_s(options(plan, job), cluster=plan.cluster)
    except slurm.SlurmError as error:
        if error.verdict is not slurm.Verdict.REFUSED:
            raise
        refused = error.said
    wait_s = None if start_s is None else max(0.0, start_s - now_s)
    return ExpectedStart(
        asking="its own",
        task=job.tasks[0].task,
        tasks=tasks,
        mem_mb=job.mem_mb,
        start_s=start_s,
        wait_s=wait_s,
        refused=refused,
    )
