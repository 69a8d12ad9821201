"""sbatch options of a job, and the updates of array elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.indices import MOST_UPDATES
from planner.core.job_ids import format_ranges
from planner.core.user_scripts import UserScript
from planner.plan.document import Plan, PlannedTask
from planner.scripts import mail
from planner.scripts.given import AFTER_COMMENT, BEFORE_COMMENT, COMMENT, HOLD
from planner.scripts.job import Job
from planner.scripts.jobs import FOLLOW_UP, nices
from planner.scripts.users_jobs import keeps_memory

COARSEST_POLL_S = 5
USERS_POLL_S = 1
# a job gets the environment of its submitter, whatever the default of site or user is
EXPORT = "--export=ALL"
MOST_SPLIT = 4000
"""Most elements that one update may split off their array: it takes two seconds of slurmctld's time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """An update of elements of a held array before the array is released.

    Attributes
    ----------
    script : str
        The array's script.
    elements : tuple of int
        Their indices, ascending; one in a small round.
    mem_mb : int
        Memory of each element, MiB; of each of its ``per_cpus`` CPUs if it requests memory per CPU.
    time_limit : str or None
        Their own time limit, if it is shorter than the array's.
    nice : int
        Their place in the plan's order, if Slurm computes priorities.
    """

    script: str
    elements: tuple[int, ...]
    mem_mb: int
    time_limit: str | None
    nice: int
    per_cpus: int | None = None

    @property
    def is_range(self) -> bool:
        """Whether it is for several elements."""
        return len(self.elements) > 1

    def name(self, job_id: str) -> str:
        """Return Slurm's id of these elements together, with the array's ``job_id``: ``12_3``, ``12_[1-3,7]``."""
        return f"{job_id}_[{format_ranges(self.elements)}]" if self.is_range else f"{job_id}_{self.elements[0]}"

    def names(self, job_id: str) -> list[str]:
        """Return Slurm's id of each element."""
        return [f"{job_id}_{element}" for element in self.elements]

    def command(self, name: str, *, times: bool = True, nice: bool = True) -> str:
        """Return scontrol's line to update the elements of this name: memory, and with ``times`` and ``nice`` these."""
        limit = f" TimeLimit={self.time_limit}" if times and self.time_limit else ""
        field = "MinMemoryNode" if self.per_cpus is None else "MinMemoryCPU"
        place = f" Nice={self.nice}" if nice else ""
        return f"update JobId={name} {field}={self.mem_mb}{limit}{place}"


def dependency_of_steps(job: Job) -> str | None:
    """Return the value of ``--dependency`` on the tasks' earlier steps; None when there are none.

    If there are several tasks, each waits for the element with its own index in one other array (``aftercorr``).
    """
    waited_for = sorted({job_id for task in job.tasks for job_id in task.after})
    if not waited_for:
        return None
    if len(job.tasks) > 1:
        return f"aftercorr:{waited_for[0].partition('_')[0]}"
    return f"afterok:{':'.join(waited_for)}"


def poll_s(plan: Plan) -> int:
    """Return the sampling interval of the memory of a plan's jobs, s: five seconds, or the site's own if it is shorter.

    A job may request a shorter interval than the site's, never a longer one. For a user's own script the samples are
    the only record, so they are taken every second.
    """
    coarsest_s = USERS_POLL_S if plan.user_script else COARSEST_POLL_S
    return min(coarsest_s, plan.target.site.acctg_freq_s or coarsest_s)


def updates(plan: Plan, layout: Iterable[Job]) -> list[Update]:
    """Return the updates of the held arrays' elements, in the plan's order, which is also the order of release.

    There is one update per element, or, if there are many elements, one for those with the same request.

    Start order (Slurm 22.05 to 26.05): under priority/multifactor by ``Nice``, then by index; under priority/basic by
    the order of release, and by index within a range; under sched/builtin by the order of updates, whatever the
    priorities.
    """
    job_of = {task.index: job for job in layout if job.hold and not job.even for task in job.tasks}
    tasks = [task for task in plan.tasks if task.index in job_of]
    together = _together(tasks, job_of) if len(tasks) > MOST_UPDATES else [[task] for task in tasks]
    own = plan.user_script.nice if plan.user_script else 0
    places = zip(together, nices(len(together)), strict=True)
    return [_update(plan, job_of[those[0].index], those, own + nice) for those, nice in places]


def _together(tasks: Iterable[PlannedTask], job_of: Mapping[int, Job]) -> list[list[PlannedTask]]:
    """Group tasks whose requests one update can set, in the order of the first task of each group.

    Slurm makes a job of its own of each element that is split off an array, which takes about half a millisecond during
    which it answers nobody. So groups are split further, except for the largest of an array, which stays together (see
    `as_updated`).
    """
    found: dict[tuple[str, int, int, int], list[PlannedTask]] = {}
    for task in tasks:
        asks = (job_of[task.index].script, task.request_mb, task.cpus, task.time_limit_s)
        found.setdefault(asks, []).append(task)
    most: dict[str, int] = {}
    for (script, *_), those in found.items():
        most[script] = max(most.get(script, 0), len(those))
    parted: list[list[PlannedTask]] = []
    for (script, *_), those in found.items():
        size = len(those) if len(those) == most[script] else MOST_SPLIT
        parted += [those[first : first + size] for first in range(0, len(those), size)]
    return parted


def as_updated(found: Iterable[Update]) -> list[Update]:
    """Return updates in the order of least cost to Slurm: the largest of each array comes last.

    The last update covers all that is left of the array, which stays one record of slurmctld; all other updated
    elements become records of their own (Slurm 22.05).
    """
    return sorted(found, key=lambda one: len(one.elements))


def records(found: Iterable[Update]) -> int:
    """Return how many records slurmctld keeps of held arrays after these updates; they count in its MaxJobCount."""
    sizes: dict[str, list[int]] = {}
    for one in found:
        sizes.setdefault(one.script, []).append(len(one.elements))
    return sum(1 + sum(those) - max(those) for those in sizes.values())


def _update(plan: Plan, job: Job, those: Sequence[PlannedTask], nice: int) -> Update:
    task = those[0]
    # Slurm counts limits in minutes
    shorter = math.ceil(task.time_limit_s / 60) < math.ceil(job.time_limit_s / 60)
    per_cpus = task.cpus if plan.user_script and plan.user_script.per_cpu else None
    return Update(
        script=job.script,
        elements=tuple(sorted(job.element(one) for one in those)),
        mem_mb=-(-task.request_mb // (per_cpus or 1)),
        time_limit=units.format_limit(task.time_limit_s) if shorter and _is_limited(plan, job) else None,
        nice=nice,
        per_cpus=per_cpus,
    )


def comment(plan: Plan, script: str) -> str:
    """Return the comment by which a job of this plan is found again, whatever its name."""
    return f"chromplan:{plan.round_name}:{plan.token}:{script}"


def submit_options(plan: Plan, job: Job, ids: Mapping[str, str], *, then_next: bool = False) -> list[str]:
    """Return the sbatch options of a job.

    Parameters
    ----------
    ids : mapping of script to job id
        Ids of the jobs that were submitted before.
    then_next : bool
        Whether a job that goes on with the next round follows.
    """
    if plan.user_script is not None and job.is_users:
        return _users_options(plan, plan.user_script, job, ids)
    options = [EXPORT, f"{COMMENT}={comment(plan, job.script)}", *([HOLD] if job.hold else [])]
    options += mail.of_jobs(plan, then_next=then_next)
    before = ids.get(job.after) if job.after else None
    return [*options, f"--dependency=afterany:{before}"] if before else options


def _users_options(plan: Plan, script: UserScript, job: Job, ids: Mapping[str, str]) -> list[str]:
    """Return the options that the user gave with the script, followed by those of the plan, which override them."""
    values = (
        job.array,
        -(-job.cpus // script.ntasks) if job.cpus != script.cpus else None,
        units.format_duration(job.time_limit_s) if _is_limited(plan, job) else None,
        ",".join(filter(None, (f"task={poll_s(plan)}", script.acctg_freq))),
        f"{script.comment} {comment(plan, job.script)}".strip(),
        _users_dependency(script, job, ids),
        "yes" if any(task.after for task in job.tasks) else None,
    )
    options = zip((*BEFORE_COMMENT, COMMENT, *AFTER_COMMENT), values, strict=True)
    memory = plan.target.site.memory_headers(job.mem_mb, job.cpus)
    if keeps_memory(script, job.tasks):
        memory = []
    elif script.per_cpu:
        memory = [f"--mem-per-cpu={units.format_mem(-(-job.mem_mb // job.cpus))}"]
    decided = [f"{name}={value}" for name, value in options if value is not None]
    return [*script.words, *([HOLD] if job.hold else []), *memory, *decided]


def _users_dependency(script: UserScript, job: Job, ids: Mapping[str, str]) -> str | None:
    """Return the replacement of the user's own ``--dependency``; None if that needs no change.

    Tasks that ran before have had their dependencies met, except on other jobs of the same name.
    """
    again = any(task.attempt > 1 for task in job.tasks)
    terms = [script.waits_for if not again else "singleton" if script.even else ""]
    terms += [dependency_of_steps(job) or "", f"afterany:{ids[job.after]}" if job.after and job.after in ids else ""]
    text = ",".join(filter(None, terms))
    return None if text == script.dependency else text


def _is_limited(plan: Plan, job: Job) -> bool:
    """Whether to set a job's time limit: a user's script without one keeps the cluster's until that was too short."""
    return plan.user_script is None or plan.user_script.limited or any(task.attempt > 1 for task in job.tasks)


def follow_up_options(plan: Plan, ids: Iterable[str]) -> list[str]:
    """Return the sbatch options of the script that waits for these jobs."""
    waits = ":".join(ids)
    return [EXPORT, f"{COMMENT}={comment(plan, FOLLOW_UP)}", *([f"--dependency=afterany:{waits}"] if waits else [])]
