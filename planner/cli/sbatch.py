"""``chromplan sbatch``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from planner.actions.planning import make_plan
from planner.cli.ui.options import then_next_option
from planner.cli.wrap import SETTINGS, Choices, make, wrap_options
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.project.folder import ProjectFolder
    from planner.project.journal import Submission


@click.command("sbatch", context_settings=SETTINGS)
@then_next_option
@wrap_options
def command(words: tuple[str, ...], then_next: bool, **options: Any) -> None:
    """Wrap, plan and submit an existing array script.

    Prints the job id on stdout, as 'sbatch --parsable' does (several, separated by colons, where the plan is several
    jobs: --dependency=afterok:$id takes them so), everything else on stderr.
    """
    from planner.rounds import door

    def say(line: str) -> None:
        click.echo(line, err=True)

    project = make(words, Choices(**options), say=say)
    with door.at_work(project, finish=say) as finished:
        submission = finished[-1] if finished else _submit(project, then_next=then_next, say=say)
    say(f"next: chromplan status -C {project.folder}")
    click.echo(":".join(submission.ids))


def _submit(project: ProjectFolder, *, then_next: bool, say: Callable[[str], None]) -> Submission:
    from planner.rounds import submit
    from planner.scripts import render

    plan = make_plan(project, again=True)
    for note in plan.notes:
        say(f"note: {note}")
    for left in plan.left_out:
        say(f"left out: {left.task}: {left.reason}")
    if not plan.tasks:
        raise InputError("no task is left to submit", "the reasons are above")
    project.write_plan(plan)
    render.write(render.render(plan), project.round_folder(plan.round))
    least_mb, most_mb = (choose(task.request_mb for task in plan.tasks) for choose in (min, max))
    asked = f"{least_mb} to {most_mb} MB, each its own" if least_mb < most_mb else f"{most_mb} MB each"
    say(f"{len(plan.tasks)} tasks ask for {asked}; {plan.tasks[0].task}: {plan.tasks[0].reason}")
    return submit.submit(project, plan.round, say=say, then_next=then_next)
