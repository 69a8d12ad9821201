"""Plan -> sbatch scripts that a person can read, through the templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from planner import files, resources, shell, units
from planner.errors import InputError
from planner.plan.document import Plan, PlannedTask
from planner.records import Mode

NICE_STEP = 10
COARSEST_POLL_S = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One sbatch: a script and the tasks that run in it.

    Attributes
    ----------
    script : str
        Relative to the round's folder.
    array : str or None
        The value of ``--array``.
    mem_mb : int
        The value of ``--mem``: of the one task, or the largest of the array.
    hold : bool
        Whether the elements get their own memory before the array is released.
    """

    script: str
    name: str
    tasks: tuple[PlannedTask, ...]
    array: str | None
    mem_mb: int
    cpus: int
    time_limit_s: int
    nice: int
    hold: bool


def jobs(plan: Plan, mode: Mode | None = None) -> list[Job]:
    """Return the jobs of a plan, in the order of submission.

    Parameters
    ----------
    mode : Mode, optional
        Instead of the plan's own: tiers stand in for an array whose elements could not be updated.
    """
    mode = mode or plan.mode
    base = f"{plan.name}.{plan.round_name}.{plan.token}"
    if mode is Mode.JOBS:
        return [
            _job([task], script=f"jobs/{task.task}.sh", name=f"{base}.{task.task}", nice=NICE_STEP * task.index)
            for task in plan.tasks
        ]
    throttle = plan.target.max_running
    if mode is Mode.ARRAY:
        return (
            [_job(plan.tasks, script="array.sh", name=base, array=True, throttle=throttle, hold=True)]
            if plan.tasks
            else []
        )
    tiers = sorted({task.tier for task in plan.tasks}, reverse=True)
    shares = _shares(throttle, [sum(t.tier == tier for t in plan.tasks) for tier in tiers])
    return [
        _job(
            [task for task in plan.tasks if task.tier == tier],
            script=f"tier-{tier + 1}.sh",
            name=f"{base}.tier-{tier + 1}",
            array=True,
            throttle=share,
        )
        for tier, share in zip(tiers, shares, strict=True)
    ]


def _job(
    tasks: Sequence[PlannedTask],
    *,
    script: str,
    name: str,
    array: bool = False,
    throttle: int | None = None,
    nice: int = 0,
    hold: bool = False,
) -> Job:
    indices = _ranges([task.index for task in tasks])
    return Job(
        script=script,
        name=name,
        tasks=tuple(tasks),
        array=f"{indices}{f'%{throttle}' if throttle else ''}" if array else None,
        mem_mb=max(task.request_mb for task in tasks),
        cpus=max(task.cpus for task in tasks),
        time_limit_s=max(task.time_limit_s for task in tasks),
        nice=nice,
        hold=hold,
    )


def _shares(throttle: int | None, sizes: Sequence[int]) -> list[int | None]:
    """Share ``%K`` out over tier arrays by their sizes; each gets at least 1."""
    if throttle is None:
        return [None] * len(sizes)
    total = sum(sizes)
    shares = [max(1, throttle * size // total) for size in sizes]
    # what rounding left over goes to the tiers with the largest memory: they come first
    for position in range(max(0, throttle - sum(shares))):
        shares[position % len(shares)] += 1
    return list(shares)


def _ranges(indices: Sequence[int]) -> str:
    """Write indices as Slurm's array grammar: ``0-3,7``."""
    pieces: list[str] = []
    ordered = sorted(indices)
    start = previous = ordered[0]
    for index in [*ordered[1:], None]:
        if index is not None and index == previous + 1:
            previous = index
            continue
        pieces.append(str(start) if start == previous else f"{start}-{previous}")
        if index is not None:
            start = previous = index
    return ",".join(pieces)


def render(plan: Plan, *, template_folder: Path | None = None) -> dict[str, str]:
    """Return every file of the round, by its path relative to the round's folder.

    Raises
    ------
    InputError
        When a template is wrong.
    """
    environment = _environment(plan, template_folder)
    try:
        rendered = {job.script: _script(environment, job) for job in jobs(plan)}
        if plan.mode is Mode.ARRAY:
            rendered |= {job.script: _script(environment, job) for job in jobs(plan, Mode.TIERS)}
        rendered["command.sh"] = environment.get_template("command.sh.j2").render()
        rendered["submit.sh"] = environment.get_template("submit.sh.j2").render(jobs=jobs(plan))
    except jinja2.TemplateError as error:
        where = getattr(error, "name", None) or "template"
        raise InputError(f"{where}: {error}", "the variables of templates are described in docs/templates.md") from None
    return rendered


def _script(environment: jinja2.Environment, job: Job) -> str:
    template = "array.sh.j2" if job.array else "job.sh.j2"
    return environment.get_template(template).render(job=job, tasks=job.tasks).rstrip("\n") + "\n"


def _environment(plan: Plan, template_folder: Path | None) -> jinja2.Environment:
    folders = [folder for folder in (template_folder, resources.folder("templates")) if folder is not None]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - bash, not HTML; values are quoted by the filter below
    )
    columns = sorted(plan.columns)
    made_by = f"chromplan {plan.chromplan}, plan {plan.token}"
    about = f"{made_by}: {plan.name}, round {plan.round}, {len(plan.tasks)} tasks"
    environment.filters["options"] = lambda job: _options(plan, job)
    environment.filters["values"] = lambda task: " ".join(
        shell.quote(value)
        for value in (task.task, task.sample, task.chromosome, *(task.parameters[c] for c in columns))
    )
    environment.filters["update_order"] = update_order
    environment.globals |= {
        "plan": plan,
        "folder": f"rounds/{plan.round_name}",
        "about": about,
        "poll_s": poll_s(plan),
        "column_names": ["task", "sample", "chromosome", *columns],
        "task_variables": [
            "CHROMPLAN_TASK",
            "CHROMPLAN_SAMPLE",
            "CHROMPLAN_CHROMOSOME",
            *(plan.columns[column] for column in columns),
        ],
    }
    return environment


def _options(plan: Plan, job: Job) -> list[str]:
    """Return the sbatch options that place a job, by the rules of its site."""
    site, partition = plan.target.site, plan.target.partition
    options = {
        "--partition": partition.option,
        "--account": plan.target.account,
        "--qos": partition.qos,
        "--cpus-per-task": job.cpus,
        "--time": units.format_duration(job.time_limit_s),
    }
    named = [f"{name}={value}" for name, value in options.items() if value]
    return [*site.memory_headers(job.mem_mb, job.cpus), *named, *site.headers(partition)]


def poll_s(plan: Plan) -> int:
    """Return how often the memory of a plan's jobs is read, s: every five seconds, or as often as the site does anyway.

    A job may ask to be read more often than the site reads by itself, never less often.
    """
    return min(COARSEST_POLL_S, plan.target.site.acctg_freq_s or COARSEST_POLL_S)


def update_order(tasks: Sequence[PlannedTask]) -> list[PlannedTask]:
    """Return the order in which a held array's elements are updated.

    On release priority/basic numbers the touched elements last in, first out (Slurm 22.05); priority/multifactor goes
    by index whatever the order. Last to first is therefore right for both.
    """
    return sorted(tasks, key=lambda task: -task.index)


def write(rendered: dict[str, str], folder: Path) -> None:
    """Write the files of a round, and the folders its jobs write to.

    A job whose log folder is missing fails at once, and leaves no log that says so.
    """
    for name in ("logs", "peaks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in rendered.items():
        files.write_text(folder / name, text, executable=name.endswith(".sh"))
