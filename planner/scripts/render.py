"""Rendering a plan into sbatch scripts that a person can read, from the templates."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import jinja2

from planner.core import files, java, shell, templates, units
from planner.core.command import PLACEHOLDERS
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.wording import count
from planner.plan.document import Plan, PlannedTask
from planner.scripts import mail
from planner.scripts.job import Job, component_jobs
from planner.scripts.jobs import FOLLOW_UP, follow_up, jobs
from planner.scripts.options import as_updated, poll_s, submit_options, updates
from planner.site import Partition
from planner.slurm.environment import CONNECTION

COMMAND, MEASURE, DRIVEN, STEP = "command.sh", "measure.sh", "driven.sh", "step.sh"


def render(plan: Plan, *, template_folder: Path | None = None) -> dict[str, str]:
    """Return every file of the round, by its path relative to the round's folder.

    Raises
    ------
    InputError
        When a template is wrong.
    """
    environment = template_environment(plan, template_folder)
    try:
        rendered = {job.script: _script(environment, job) for job in jobs(plan) if not job.is_users}
        rendered["submit.sh"] = _submit_script(environment, plan, plan.mode)
        if plan.mode is Mode.ARRAY and not plan.user_script:
            rendered |= {job.script: _script(environment, job) for job in jobs(plan, Mode.TIERS)}
            rendered["submit-tiers.sh"] = _submit_script(environment, plan, Mode.TIERS)
        if plan.mode is Mode.DYNAMIC:
            rendered[DRIVEN] = environment.get_template("driven.sh.j2").render()
        if plan.mode is Mode.HET:
            rendered[STEP] = environment.get_template("step.sh.j2").render()
        rendered[FOLLOW_UP] = _script(environment, follow_up(plan))
        rendered[COMMAND] = environment.get_template("command.sh.j2").render()
        rendered[MEASURE] = environment.get_template(MEASURE).render()
    except jinja2.TemplateError as error:
        where = getattr(error, "name", None) or "template"
        raise InputError(f"{where}: {error}", "the variables of templates are described in docs/templates.md") from None
    return rendered


def needed(plan: Plan) -> list[str]:
    """Return the files that a round's jobs read, as paths relative to its folder."""
    modes = [plan.mode, Mode.TIERS] if plan.mode is Mode.ARRAY else [plan.mode]
    scripts = [job.script for mode in modes for job in jobs(plan, mode) if not job.is_users]
    own = {Mode.DYNAMIC: [DRIVEN], Mode.HET: [STEP]}.get(plan.mode, [])
    return [COMMAND, MEASURE, *own, *scripts, FOLLOW_UP]


def driven_script(plan: Plan) -> str:
    """Return the script with which 'chromplan drive' runs a task as a step, for a plan of any mode."""
    return template_environment(plan, None).get_template("driven.sh.j2").render()


def _program() -> list[str]:
    """Return the words that start this installation of chromplan, whatever is on the PATH."""
    return [sys.executable, "-P", "-m", "planner"]


def _script(environment: jinja2.Environment, job: Job) -> str:
    kinds = {
        "next": not job.tasks,
        "drive": job.drives,
        "het": job.components,
        "packed": job.batch,
        "array": job.array,
        "job": True,
    }
    kind = next(name for name, applies in kinds.items() if applies)
    return environment.get_template(f"{kind}.sh.j2").render(job=job, tasks=job.tasks).rstrip("\n") + "\n"


def template_environment(plan: Plan, template_folder: Path | None) -> jinja2.Environment:
    """Return the jinja environment of the templates, with all variables and filters that they may use."""
    environment = templates.environment(*([template_folder] if template_folder else []))
    named = ("task", "sample", "chromosome")
    columns = sorted(plan.columns)
    made_by = f"chromplan {plan.chromplan}, plan {plan.token}"
    about = f"{made_by}: {plan.name}, round {plan.round}, {count(len(plan.tasks), 'task')}"
    environment.filters["component_jobs"] = component_jobs
    environment.filters["options"] = lambda job: options(plan, job)
    environment.filters["duration"] = units.format_duration
    environment.filters["limit"] = units.format_limit
    environment.filters["values"] = lambda task: _values(task, columns)
    environment.filters["cases"] = lambda job: _cases(job, columns)
    environment.filters["manifest_lines"] = _manifest_lines
    environment.filters["as_updated"] = as_updated
    environment.filters["java_heap"] = java.heap_in_bash
    environment.globals |= {
        "plan": plan,
        "program": _program(),
        "folder": f"rounds/{plan.round_name}",
        "about": about,
        "connection": CONNECTION,
        "poll_s": poll_s(plan),
        "pause_s": math.ceil(plan.target.site.submit_interval_s),
        "column_names": [*named, *columns],
        "task_variables": [*(PLACEHOLDERS[name] for name in named), *(plan.columns[column] for column in columns)],
    }
    return environment


def _values(task: PlannedTask, columns: Sequence[str]) -> str:
    """Return the values passed to a task's script, as bash words."""
    told = (task.task, task.sample, task.chromosome, *(task.parameters[column] for column in columns))
    return " ".join(shell.quote(value) for value in told)


def _cases(job: Job, columns: Sequence[str]) -> str:
    """Return the branches of the ``case`` that maps each element of an array to its task."""
    return "\n".join(
        f"  {job.element(task)}) set -- {_values(task, columns)} ;; # {_asked(job, task)}"
        for task in sorted(job.tasks, key=lambda task: task.element)
    )


def _asked(job: Job, task: PlannedTask) -> str:
    own = job.hold and task.time_limit_s < job.time_limit_s
    return f"{task.request_mb} MB" + (f", {units.format_duration(task.time_limit_s)}" if own else "")


def _manifest_lines(job: Job, job_id: str) -> str:
    """Return the manifest's lines for a job of this id, which may be a bash variable."""
    return "\n".join(
        f"{task.task}\t{job_id}{job.part(task)}\t{task.index}\t{job.given_mb(task)}\t{task.cpus}\t{job.script}\t{job.runs_as}"
        for task in job.tasks
    )


def _submit_script(environment: jinja2.Environment, plan: Plan, mode: Mode) -> str:
    """Return ``submit.sh``, with each job's sbatch options that are not in its script."""
    layout = jobs(plan, mode)
    ids = {job.script: f"${{ids[{job.script}]}}" for job in layout}
    return environment.get_template("submit-user.sh.j2" if plan.user_script else "submit.sh.j2").render(
        jobs=[(job, submit_options(plan, job, ids)) for job in layout],
        updates=updates(plan, layout),
        instead=mode is not plan.mode,
    )


def options(plan: Plan, job: Job) -> list[str]:
    """Return a job's sbatch options for placement and resources, by the rules of its site."""
    site = plan.target.site
    partition = (job.batch and job.batch.partition) or plan.target.partition
    mem_mb, steps = _allocation(plan, job, partition) if job.batch else (job.mem_mb, 1)
    nodes = job.batch.nodes if job.batch else 1
    values = {
        "--partition": partition.option,
        "--account": plan.target.account,
        "--qos": partition.qos,
        "--nodes": nodes if job.batch else None,
        "--ntasks": nodes * steps if job.batch else None,
        "--ntasks-per-node": steps if nodes > 1 else None,
        "--cpus-per-task": job.cpus,
        "--time": units.format_duration(job.time_limit_s),
    }
    named = [f"{name}={value}" for name, value in values.items() if value]
    # the site's own options may repeat those of a batch
    memory = site.memory_headers(mem_mb, steps * job.cpus)
    mailed = mail.of_follow_up(plan) if job.script == FOLLOW_UP else []
    return list(dict.fromkeys([*memory, *named, *mailed, *site.headers(partition)]))


def _allocation(plan: Plan, job: Job, partition: Partition) -> tuple[int, int]:
    """Return the memory (MiB) of a batch's job and of how many steps it requests the cores, by the site's rules.

    If memory is tied to cores, that may be more steps than run at once.
    """
    slots = job.batch.slots if job.batch else 1
    asked = plan.target.site.adjust(partition, job.mem_mb, slots * job.cpus)
    return asked.mem_mb, max(slots, min(math.ceil(asked.cpus / job.cpus), partition.cores // job.cpus))


def write(rendered: dict[str, str], folder: Path) -> None:
    """Write the files of a round, and the folders its jobs write to.

    The folders are needed: a job whose log folder is missing fails at once, without a log.
    """
    for name in ("logs", "peaks", "turns"):
        files.make_folder(folder / name)
    for name, text in rendered.items():
        files.write_text(folder / name, text, executable=name.endswith(".sh"))
