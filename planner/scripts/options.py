"""sbatch options of a job, and the updates of array elements."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.core import units
from planner.core.user_scripts import UserScript
from planner.plan.document import Plan, PlannedTask
from planner.scripts.jobs import FOLLOW_UP, Job, nices

COARSEST_POLL_S = 5
USERS_POLL_S = 1
# a job gets the environment of whoever submits it, whatever a site or a user made the default
EXPORT = "--export=ALL"
_HOLD = "--hold"
_MEMORY = ("--mem", "--mem-per-cpu")
# what a plan decides for a user's own script, in the order it is written; the token lies in the comment
_BEFORE_COMMENT = ("--array", "--cpus-per-task", "--time", "--acctg-freq")
_COMMENT = "--comment"
_AFTER_COMMENT = ("--dependency", "--kill-on-invalid-dep")
_TOKEN = re.compile(r"chromplan:r\d+:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What an element of a held array gets before the array is released.

    Attributes
    ----------
    script : str
        Of the array.
    mem_mb : int
        Its own memory, MiB; of each of its ``per_cpus`` CPUs where it asks for memory per CPU.
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
    per_cpus: int | None = None

    def name(self, job_id: str) -> str:
        """Return what Slurm calls the element, ``job_id`` being the array's."""
        return f"{job_id}_{self.element}"

    def command(self, name: str, *, times: bool = True, nice: bool = True) -> str:
        """Return what scontrol is told of the element of this name: memory alone without ``times`` and ``nice``."""
        limit = f" TimeLimit={self.time_limit}" if times and self.time_limit else ""
        field = "MinMemoryNode" if self.per_cpus is None else "MinMemoryCPU"
        place = f" Nice={self.nice}" if nice else ""
        return f"update JobId={name} {field}={self.mem_mb}{limit}{place}"


def dependency_of_steps(job: Job) -> str | None:
    """Return the value of ``--dependency``: what the tasks' own earlier steps are.

    Several tasks wait each for the element of its own index in one other array (``aftercorr``).
    """
    waited_for = sorted({job_id for task in job.tasks for job_id in task.after})
    if not waited_for:
        return None
    if len(job.tasks) > 1:
        return f"aftercorr:{waited_for[0].partition('_')[0]}"
    return f"afterok:{':'.join(waited_for)}"


def poll_s(plan: Plan) -> int:
    """Return how often the memory of a plan's jobs is read, s: every five seconds, or as often as the site does anyway.

    A job may ask to be read more often than the site reads by itself, never less often. A user's own script has no
    record but these readings: they are taken every second.
    """
    coarsest_s = USERS_POLL_S if plan.user_script else COARSEST_POLL_S
    return min(coarsest_s, plan.target.site.acctg_freq_s or coarsest_s)


def updates(plan: Plan, layout: Iterable[Job]) -> list[Update]:
    """Return what each element of the held arrays gets, in the plan's order: that is also the order of their release.

    priority/multifactor goes by ``Nice``, and by index where that is the same; priority/basic by the order of the
    release; sched/builtin, whatever the priorities, by that of the updates (Slurm 22.05 to 26.05).
    """
    job_of = {task.index: job for job in layout if job.hold and not job.even for task in job.tasks}
    tasks = [task for task in plan.tasks if task.index in job_of]
    own = plan.user_script.nice if plan.user_script else 0
    places = zip(tasks, nices(len(tasks)), strict=True)
    return [_update(plan, job_of[task.index], task, own + nice) for task, nice in places]


def _update(plan: Plan, job: Job, task: PlannedTask, nice: int) -> Update:
    # Slurm counts limits in minutes
    shorter = math.ceil(task.time_limit_s / 60) < math.ceil(job.time_limit_s / 60)
    per_cpus = task.cpus if plan.user_script and plan.user_script.per_cpu else None
    return Update(
        script=job.script,
        element=job.element(task),
        mem_mb=-(-task.request_mb // (per_cpus or 1)),
        time_limit=units.format_limit(task.time_limit_s) if shorter and _is_limited(plan, job) else None,
        nice=nice,
        per_cpus=per_cpus,
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
    if plan.user_script is not None and job.is_users:
        return _users_options(plan, plan.user_script, job, ids)
    options = [EXPORT, f"{_COMMENT}={comment(plan, job.script)}", *([_HOLD] if job.hold else [])]
    before = ids.get(job.after) if job.after else None
    return [*options, f"--dependency=afterany:{before}"] if before else options


def _users_options(plan: Plan, script: UserScript, job: Job, ids: Mapping[str, str]) -> list[str]:
    """Return what the user gave with the script, and behind it, so that it counts more, what the plan decides."""
    values = (
        job.array,
        -(-job.cpus // script.ntasks) if job.cpus != script.cpus else None,
        units.format_duration(job.time_limit_s) if _is_limited(plan, job) else None,
        ",".join(filter(None, (f"task={poll_s(plan)}", script.acctg_freq))),
        f"{script.comment} {comment(plan, job.script)}".strip(),
        _users_dependency(script, job, ids),
        "yes" if any(task.after for task in job.tasks) else None,
    )
    options = zip((*_BEFORE_COMMENT, _COMMENT, *_AFTER_COMMENT), values, strict=True)
    per_cpu = [f"--mem-per-cpu={units.format_mem(-(-job.mem_mb // job.cpus))}"]
    memory = per_cpu if script.per_cpu else plan.target.site.memory_headers(job.mem_mb, job.cpus)
    decided = [f"{name}={value}" for name, value in options if value is not None]
    return [*script.words, *([_HOLD] if job.hold else []), *memory, *decided]


def given_words(words: Sequence[str]) -> list[str]:
    """Return the words of an sbatch without those by which a plan decided: what the user gave with the script.

    Parameters
    ----------
    words : sequence of str
        Of a command line, as Slurm keeps it: what had blanks in it is several words.
    """
    end = next((at for at, word in enumerate(words) if _TOKEN.search(word)), None)
    if end is None:
        return list(words)
    decided = tuple(f"{name}=" for name in (*_MEMORY, *_BEFORE_COMMENT))
    start = next((at for at in range(end, 0, -1) if words[at].startswith(f"{_COMMENT}=")), end)
    while words[start - 1].startswith((_HOLD, *decided)) and words[start] != _HOLD:
        start -= 1
    while end + 1 < len(words) and words[end + 1].startswith(tuple(f"{name}=" for name in _AFTER_COMMENT)):
        end += 1
    return [word for word in words[:start] if word != "--parsable"] + list(words[end + 1 :])


def _users_dependency(script: UserScript, job: Job, ids: Mapping[str, str]) -> str | None:
    """Return what replaces the user's own ``--dependency``: nothing as long as that says all.

    What ran before had all that it waited for, but for other jobs of its name.
    """
    again = any(task.attempt > 1 for task in job.tasks)
    terms = [script.waits_for if not again else "singleton" if script.even else ""]
    terms += [dependency_of_steps(job) or "", f"afterany:{ids[job.after]}" if job.after and job.after in ids else ""]
    text = ",".join(filter(None, terms))
    return None if text == script.dependency else text


def _is_limited(plan: Plan, job: Job) -> bool:
    """Whether a job's time limit is said: a user's script without one keeps the cluster's until that was too short."""
    return plan.user_script is None or plan.user_script.limited or any(task.attempt > 1 for task in job.tasks)


def follow_up_options(plan: Plan, ids: Iterable[str]) -> list[str]:
    """Return what ``sbatch`` is told besides the script that waits for these jobs."""
    waits = ":".join(ids)
    return [EXPORT, f"{_COMMENT}={comment(plan, FOLLOW_UP)}", *([f"--dependency=afterany:{waits}"] if waits else [])]
