"""What Slurm is told about a job besides its script, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.core import units
from planner.plan.document import Plan, PlannedTask
from planner.scripts.jobs import FOLLOW_UP, Job, nices

COARSEST_POLL_S = 5
# a job gets the environment of whoever submits it, whatever a site or a user made the default
EXPORT = "--export=ALL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What an element of a held array gets before the array is released.

    Attributes
    ----------
    script : str
        Of the array.
    mem_mb : int
        Its own memory, MiB.
    time_limit : str or None
        Its own, where that is shorter than the array's.
    nice : int
        Its place in the plan's order, where Slurm computes priorities.
    """

    script: str
    element: int
    mem_mb: int
    time_limit: str | None
    nice: int

    def name(self, job_id: str) -> str:
        """Return what Slurm calls the element, ``job_id`` being the array's."""
        return f"{job_id}_{self.element}"

    def command(self, name: str, *, times: bool = True, nice: bool = True) -> str:
        """Return what scontrol is told of the element of this name: memory alone without ``times`` and ``nice``."""
        limit = f" TimeLimit={self.time_limit}" if times and self.time_limit else ""
        place = f" Nice={self.nice}" if nice else ""
        return f"update JobId={name} MinMemoryNode={self.mem_mb}{limit}{place}"


def dependency(plan: Plan, job: Job) -> str | None:
    """Return the value of ``--dependency``: what an existing script waits for, and the tasks' own earlier steps.

    An array whose elements wait each for the element of the same index of one other array says ``aftercorr``.
    """
    terms = [plan.kept.dependency] if job.tasks and plan.kept and plan.kept.dependency else []
    waited_for = sorted({job_id for task in job.tasks for job_id in task.after})
    if waited_for:
        if job.array:
            terms.append(f"aftercorr:{waited_for[0].partition('_')[0]}")
        else:
            terms.append(f"afterok:{':'.join(waited_for)}")
    return ",".join(terms) or None


def poll_s(plan: Plan) -> int:
    """Return how often the memory of a plan's jobs is read, s: every five seconds, or as often as the site does anyway.

    A job may ask to be read more often than the site reads by itself, never less often.
    """
    return min(COARSEST_POLL_S, plan.target.site.acctg_freq_s or COARSEST_POLL_S)


def updates(plan: Plan, layout: Iterable[Job]) -> list[Update]:
    """Return what each element of the held arrays gets, in the plan's order: that is also the order of their release.

    priority/multifactor goes by ``Nice``, and by index where that is the same; priority/basic by the order of the
    release; sched/builtin, whatever the priorities, by that of the updates (Slurm 22.05 to 26.05).
    """
    job_of = {task.index: job for job in layout if job.hold for task in job.tasks}
    tasks = [task for task in plan.tasks if task.index in job_of]
    own = _own_nice(plan)
    return [_update(job_of[task.index], task, own + nice) for task, nice in zip(tasks, nices(len(tasks)), strict=True)]


def _own_nice(plan: Plan) -> int:
    """Return how much an existing script gives way by itself."""
    for option in plan.kept.options if plan.kept else []:
        name, _, value = option.partition("=")
        if name == "--nice":
            return int(value or 100)
    return 0


def _update(job: Job, task: PlannedTask, nice: int) -> Update:
    # Slurm counts limits in minutes
    shorter = math.ceil(task.time_limit_s / 60) < math.ceil(job.time_limit_s / 60)
    return Update(
        script=job.script,
        element=job.element(task),
        mem_mb=task.request_mb,
        time_limit=units.format_limit(task.time_limit_s) if shorter else None,
        nice=nice,
    )


def comment(plan: Plan, script: str) -> str:
    """Return the word by which a job of this plan is found again, whatever it is called."""
    return f"chromplan:{plan.round_name}:{plan.token}:{script}"


def submit_options(plan: Plan, job: Job, ids: Mapping[str, str]) -> list[str]:
    """Return what ``sbatch`` is told besides the script.

    Parameters
    ----------
    ids : mapping of script to job id
        Of the jobs that were submitted before.
    """
    kept = plan.kept.options if plan.kept else []
    options = [] if any(option.startswith("--export") for option in kept) else [EXPORT]
    own = [option.partition("=")[2] for option in kept if option.startswith("--comment=")]
    options.append(f"--comment={' '.join([comment(plan, job.script), *own])}")
    options += ["--hold"] if job.hold else []
    before = ids.get(job.after) if job.after else None
    if before:
        # an option of the command line replaces the script's own, so that is said again
        said = dependency(plan, job)
        options.append(f"--dependency={f'{said},' if said else ''}afterany:{before}")
    return options


def follow_up_options(plan: Plan, ids: Iterable[str]) -> list[str]:
    """Return what ``sbatch`` is told besides the script that waits for these jobs."""
    return [EXPORT, f"--comment={comment(plan, FOLLOW_UP)}", f"--dependency=afterany:{':'.join(ids)}"]
