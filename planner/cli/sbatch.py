"""``chromplan sbatch``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.ui.interrupts import telling_what_is_queued
from planner.cli.ui.options import then_next_option
from planner.cli.ui.output import in_place
from planner.cli.ui.progress import working
from planner.cli.wrap import SETTINGS, SbatchLike, wrap_options
from planner.core.errors import FailureError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planner.actions.wrapping import Choices, HandedOver, Say
    from planner.plan.document import Plan, PlannedTask
    from planner.project.folder import ProjectFolder
    from planner.wrap.request import Request

# tasks that are listed one by one, and else how many of them
_MOST_ROWS = 30
_LARGEST = 10
# options that say what a node must have
_NODES = {
    *("tmp", "mincpus", "extra-node-info", "sockets-per-node", "cores-per-socket", "threads-per-core", "gres", "gpus"),
    *("gpus-per-node", "gpus-per-socket", "gpus-per-task", "ntasks-per-node", "ntasks-per-socket", "ntasks-per-core"),
}


@click.command("sbatch", cls=SbatchLike, context_settings=SETTINGS)
@click.option("--dry-run", is_flag=True, help="Show what would be requested and submitted; submit nothing.")
@then_next_option
@wrap_options
@click.pass_context
def command(context: click.Context, /, words: tuple[str, ...], then_next: bool, dry_run: bool, **options: Any) -> None:
    """Plan and submit an existing batch script, in place of sbatch.

    Prints the job id on stdout, as 'sbatch --parsable' does, and everything else on stderr. If the plan has several
    jobs, their ids are separated by colons, ready for --dependency=afterok:$id. Each call is a run, listed by
    'chromplan runs'.
    """
    from planner.actions import script_runs, wrapping
    from planner.rounds import door, submit
    from planner.wrap import data_folder, interrupted
    from planner.wrap.until_over import until_over

    handed = wrapping.handed_over(words)
    if handed.says("help", "usage"):
        click.echo(context.get_help())
        return
    if handed.says("version"):
        click.echo(f"chromplan {_version()}")
        return

    def unless_quiet(say: Say) -> Say:
        return (lambda _: None) if handed.says("quiet") else say

    say = unless_quiet(partial(click.echo, err=True))

    asked = wrapping.read_request(handed)
    choices = wrapping.Choices(**options)
    if dry_run or handed.says("test-only"):
        _try_out(handed, asked, choices, say, test_only=not dry_run)
        return
    with working("asking Slurm") as telling:
        run = script_runs.run_of(handed, asked, choices, say=unless_quiet(telling.say))
    project = run.project
    with data_folder.kept_if_submitted(project), door.at_work(project):
        plan = project.plan(project.latest()) if run.is_earlier else _plan(project, say)
        if not run.is_earlier and _NODES.intersection(asked.chosen):
            _refuse_what_no_node_has(project, plan)
        called = data_folder.shortest_name(project)
        with interrupted.until_told(project), telling_what_is_queued(project, plan.round, called=called):
            settings = None if plan.cluster else run.place.settings
            with working("submitting") as telling:
                tell = unless_quiet(telling.say)
                submission = submit.submit(project, plan.round, say=tell, then_next=then_next, settings=settings)
            say(in_place("next: chromplan status", called))
            ids = ":".join(submission.waited_for(len(plan.user_script.indices) if plan.user_script else 0))
            click.echo(f"{ids};{plan.cluster}" if plan.cluster else ids)
    if asked.says("wait"):
        context.exit(until_over(project))


def _refuse_what_no_node_has(project: ProjectFolder, plan: Plan) -> None:
    """Refuse what sbatch refuses of a job that is not held: of one that is, it looks at the nodes too late."""
    from planner.rounds import preview

    for trial in preview.try_out(project, plan.round):
        if trial.refused and "node configuration is not available" in trial.refused:
            raise FailureError(trial.refused, "that is what sbatch says: no node has what the script asks for")


def _requests(plan: Plan) -> Iterator[str]:
    """Yield what each task would ask for; of many a summary, and the largest."""
    tasks: Sequence[PlannedTask] = plan.tasks
    if len(tasks) > _MOST_ROWS:
        sizes = sorted(task.request_mb for task in tasks)
        asked = f"{sizes[0]} to {sizes[-1]} MB, half of them up to {sizes[len(sizes) // 2]} MB"
        yield f"{len(tasks)} tasks: {asked if sizes[0] < sizes[-1] else f'{sizes[0]} MB each'}; the largest:"
        tasks = sorted(tasks, key=lambda task: -task.request_mb)[:_LARGEST]
    for task in tasks:
        yield f"{task.task:<24} {task.request_mb:>8} MB  {task.reason}"
    if len(plan.tasks) > len(tasks):
        yield f"... and {len(plan.tasks) - len(tasks)} more; all of them: chromplan wrap, and chromplan plan there"


def _version() -> str:
    import planner

    return planner.__version__


def _plan(project: ProjectFolder, say: Say) -> Plan:
    from planner.actions.planning import make_plan
    from planner.plan.steps import NOT_BEFORE
    from planner.scripts import render

    with working("planning"):
        plan = make_plan(project, again=True)
    for note in plan.notes:
        say(f"note: {note}")
    for left in plan.left_out:
        say(f"left out: {left.task}: {left.reason}")
    if not plan.tasks:
        unknown = all(left.reason.startswith(NOT_BEFORE) for left in plan.left_out)
        ways = (
            "--dependency=aftercorr:JOB pairs tasks by index; --map FILE gives the tasks of both scripts the same names"
        )
        raise InputError(
            "no task is left to submit", ways if unknown else "correct what is reported for each task above"
        )
    project.write_plan(plan)
    render.write(render.render(plan), project.round_folder(plan.round))
    least_mb, most_mb = (choose(task.request_mb for task in plan.tasks) for choose in (min, max))
    asked = f"{least_mb} to {most_mb} MB, each its own" if least_mb < most_mb else f"{most_mb} MB each"
    first = plan.tasks[0]
    whole = f"{len(plan.tasks)} tasks ask for {asked}" if len(plan.tasks) > 1 else f"1 task asks for {most_mb} MB"
    say(f"{whole}; {first.task}: {first.reason}")
    return plan


def _try_out(handed: HandedOver, asked: Request, choices: Choices, say: Say, *, test_only: bool) -> None:
    """Plan in a folder that is thrown away, and say what would be submitted, or let sbatch judge it."""
    import tempfile

    from planner.actions import wrapping
    from planner.project.folder import ProjectFolder
    from planner.rounds import preview
    from planner.wrap import data_folder

    with tempfile.TemporaryDirectory(prefix="chromplan-") as name:
        project = ProjectFolder(Path(name) / "run")
        place = wrapping.where(choices)
        data_folder.share_history(project, place.history(choices))
        wrapping.fill(project, handed, asked, choices, place, say=say)
        plan = _plan(project, say)
        if test_only:
            for trial in preview.try_out(project, plan.round):
                if trial.refused:
                    raise FailureError(trial.refused, "that is what sbatch says")
            say("sbatch would take it")
            return
        for line in preview.describe(project, plan.round):
            click.echo(line)
        for line in _requests(plan):
            click.echo(line)
