"""Preview of a submission: what it would do, and whether Slurm would accept it. Nothing is submitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planner import slurm
from planner.core import indices, shell
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.core.wording import count
from planner.plan.document import Plan
from planner.project.folder import ProjectFolder
from planner.rounds.batch_calls import call_of
from planner.scripts.job import Job
from planner.scripts.jobs import FOLLOW_UP, jobs
from planner.scripts.options import Update, follow_up_options, records, submit_options, updates


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """The answer of ``sbatch --test-only`` for one script.

    Attributes
    ----------
    refused : str or None
        Why Slurm would refuse it; None if it would not.
    """

    script: str
    refused: str | None


def describe(project: ProjectFolder, number: int, *, then_next: bool = False) -> list[str]:
    """Return what `submit` would do, one line per command."""
    plan = project.plan(number)
    folder = project.round_folder(number).relative_to(project.folder)
    layout = jobs(plan)
    ids = {job.script: f"ID-OF-{job.script}" for job in layout}
    steps = []
    for job in layout:
        options = submit_options(plan, job, ids, then_next=then_next)
        words = [*options, *_named(plan, job, f"{folder}/{job.script}")]
        steps.append((" ".join(["sbatch --parsable", *words]), _what(job)))
    held = updates(plan, layout)
    if held:
        mem_mb = [one.mem_mb for one in held]
        times = ", its own time limit" if any(one.time_limit for one in held) else ""
        each = f"{records_of(held)}: each" if any(one.is_range for one in held) else "each"
        given = f"own memory, {min(mem_mb)} to {max(mem_mb)} MB{times}, and its place (Nice)"
        own = f"{each} element's {given}, by one process"
        steps += [
            ("scontrol show config", "how priorities are made here, and how many jobs fit"),
            ("scontrol", own),
            ("squeue --array", "verify; on a mismatch scancel, then tiers"),
            ("scontrol release", "let them go, in order"),
        ]
    if then_next:
        waits = follow_up_options(plan, [ids[job.script] for job in layout])
        command = " ".join(["sbatch --parsable", *waits, f"{folder}/{FOLLOW_UP}"])
        steps.append((command, "a last job goes on with the next round"))
    return [f"{command:<60} # {what}" for command, what in steps]


def records_of(found: Sequence[Update]) -> str:
    """Return a sentence on how many updates give ranges of elements their memory, and what that costs the cluster."""
    elements = sum(len(one.elements) for one in found)
    return (
        f"{count(len(found), 'update')} for {count(elements, 'element')}, "
        f"of which Slurm then keeps {count(records(found), 'job record')}"
    )


def _named(plan: Plan, job: Job, rendered: str) -> list[str]:
    """Return the words of the sbatch command line that name the script."""
    script = plan.user_script
    if script is None or not job.is_users:
        return [rendered]
    return [shell.quote(word) for word in (script.script, *script.arguments)] if script.script else []


def _what(job: Job) -> str:
    tasks = count(len(job.tasks), "task")
    if job.hold:
        return f"one array of {tasks}"
    if job.components:
        return f"{tasks} as steps on {count(len(job.components), 'node')}, {job.mem_mb} MB in all"
    if job.drives and job.batch:
        nodes = count(job.batch.nodes, "node")
        return f"one allocation for {tasks}, {nodes} with {job.mem_mb} MB: 'chromplan drive' runs them"
    if job.batch:
        return f"{tasks} as steps, {job.mem_mb} MB in all"
    return f"{tasks}, {job.mem_mb} MB{' each' if len(job.tasks) > 1 else ''}"


def try_out(project: ProjectFolder, number: int) -> list[Trial]:
    """Run ``sbatch --test-only`` on the largest script of each kind.

    Raises
    ------
    InputError
        When the round is not rendered.
    FailureError
        When Slurm does not answer.
    """
    found: list[Trial] = []
    plan = project.plan(number)
    for job in _one_of_each_kind(plan):
        path = project.round_folder(number) / job.script
        if not job.is_users and not path.exists():
            raise InputError(f"{path}: not rendered", "run 'chromplan render' first")
        check_nodes(plan, job)
        options = submit_options(plan, job, {}) if job.is_users else []
        refused = slurm.refusal(call_of(plan, job, root=project.folder, options=options))
        found.append(Trial(script=job.script, refused=refused))
    return found


def _one_of_each_kind(plan: Plan) -> Iterator[Job]:
    """Return the plan's largest job, and the largest of the tiers that would replace an array."""
    modes = [plan.mode, Mode.TIERS] if plan.mode is Mode.ARRAY else [plan.mode]
    for mode in modes:
        layout = jobs(plan, mode)
        if layout:
            yield max(layout, key=lambda job: (job.mem_mb, len(job.tasks)))


def check_memory(plan: Plan, layout: Iterable[Job]) -> None:
    """Raise when no node has the memory a held job asks for: Slurm accepts it unchecked, and it would wait forever.

    Jobs that are not held are checked by sbatch.
    """
    partition = plan.target.partition
    asked = [task for job in layout if job.hold for task in job.tasks]
    largest_mb = slurm.largest_node_mb(partition.option, cluster=plan.cluster) if asked else None
    if largest_mb is None:
        return
    task = max(asked, key=lambda task: task.request_mb)
    if task.request_mb > largest_mb:
        raise FailureError(
            f"task {task.task} asks for {task.request_mb} MB; "
            f"the largest node of {partition.option or 'the cluster'} has {largest_mb:.0f} MB",
            "it would wait for ever: 'chromplan site check' compares the site file with the cluster",
        )


def check_counts(settings: slurm.Settings, layout: Iterable[Job]) -> None:
    """Raise when the cluster cannot hold so many jobs: sbatch would try again and again, and then give up."""
    counts = [len(job.tasks) if job.array else 1 for job in layout if job.tasks]
    # a user's whole array counts until the elements that do not run are cancelled
    at_once = sum(counts) + max((len(indices.parse(job.absent).indices) for job in layout if job.absent), default=0)
    most = settings.max_job_count
    if most is not None and at_once > most:
        raise FailureError(
            f"the round has {at_once} jobs, elements of arrays included; this cluster holds {most} (MaxJobCount)",
            f"set max_job_count = {most} in the site file and plan again: 'chromplan next' plans the others",
        )
    for job in layout:
        highest = max(indices.parse(job.array).indices) if job.array else 0
        if settings.max_array_size is not None and highest >= settings.max_array_size:
            size = settings.max_array_size
            own = f"set max_array_size = {size} in the site file, and plan and render again"
            raise FailureError(
                f"{job.script} has an element {highest}; this cluster's MaxArraySize is {size}",
                "sbatch refuses it, too: submit the script in parts" if job.is_users else own,
            )


def check_nodes(plan: Plan, job: Job) -> None:
    """Raise when the cluster does not have a node for each component of a job: it would wait forever.

    Left to Slurm when a component names several partitions, or none.
    """
    wanted = Counter(batch.partition.option for batch in job.components if batch.partition)
    places = [batch.partition for batch in job.components if batch.partition]
    if not wanted or any("," in place.option or not place.option for place in places):
        return
    usable = slurm.usable_nodes(wanted, cluster=plan.cluster)
    for name, components in wanted.items():
        if components > len(usable[name]):
            raise FailureError(
                f"mode het: {components} components need a node each in {name}; {len(usable[name])} take jobs there",
                "the job would wait for ever: correct 'nodes' in the site file, or use mode packed",
            )
    together = set().union(*usable.values())
    if len(job.components) > len(together):
        raise FailureError(
            f"mode het: {len(job.components)} components need a node each; {', '.join(sorted(wanted))} have "
            f"{len(together)} together",
            "the job would wait for ever: use mode packed, or partitions that share no nodes",
        )
