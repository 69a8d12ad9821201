"""``chromplan runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.cli.ui.progress import working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planner.wrap.data_folder import UserRun
    from planner.wrap.summary import RunSummary


@click.group("runs", invoke_without_command=True)
@click.option("--offline", is_flag=True, help="Show what is recorded, without calling Slurm.")
@click.option("--all", "shows_all", is_flag=True, help="Every run, not only the last twenty.")
@json_option
@click.pass_context
def command(context: click.Context, /, offline: bool, shows_all: bool, as_json: bool) -> None:
    """List what 'chromplan sbatch' submitted.

    Shows state, tasks done and memory x time saved, the latest run first. The -C option of other commands takes a run's
    number, or its name for the latest of that name.
    """
    from planner.wrap import data_folder

    if context.invoked_subcommand is not None:
        return
    runs = [run for run in data_folder.runs() if run.submitted][::-1]
    shown = runs if shows_all else runs[:_SHOWN]
    with working("reading what became of them") as telling:
        found = list(_readable(shown, say=telling.say, offline=offline))
    if as_json:
        echo_json([one.model_dump() for one in found])
        return
    if not runs:
        click.echo("no run yet: 'chromplan sbatch' makes one each time")
        return
    echo_table([">run", "name", "submitted", "state", ">done", ">saved GB·h", "jobs"], [_row(one) for one in found])
    if len(shown) < len(runs):
        click.echo(f"{len(runs) - len(shown)} earlier ones: --all")


_SHOWN = 20


def _row(one: RunSummary) -> tuple[object, ...]:
    import datetime

    when = datetime.datetime.fromtimestamp(one.submitted_s, datetime.UTC).astimezone() if one.submitted_s else None
    return (
        one.run,
        one.name,
        f"{when:%Y-%m-%d %H:%M}" if when else "",
        one.state,
        f"{one.completed}/{one.tasks}",
        "" if one.saved_gb_h is None else f"{one.saved_gb_h:.3g}",
        " ".join(one.jobs),
    )


def _readable(runs: Sequence[UserRun], *, say: Callable[[str], None], offline: bool) -> Iterator[RunSummary]:
    """Yield how runs stand; of one that cannot be read the reason is said."""
    from planner.core.errors import PlannerError
    from planner.wrap import summary

    for run, found in summary.summaries(runs, offline=offline):
        if isinstance(found, PlannerError):
            say(f"note: run {run.number}: {found.message}")
        else:
            yield found


@command.command("prune")
@click.option(
    "--older", "older_days", default=30.0, show_default=True, help="Only runs submitted at least this many days ago."
)
@click.option("--dry-run", is_flag=True, help="List them, and remove nothing.")
def prune(older_days: float, dry_run: bool) -> None:
    """Remove finished runs; what they measured stays in the history."""
    from planner.wrap import data_folder, summary

    found = summary.prunable(data_folder.runs(), older_days=older_days)
    for run in found:
        if not dry_run:
            summary.remove(run)
        click.echo(f"{'would remove' if dry_run else 'removed'} {run.number} {run.name}")
    if not found:
        click.echo(f"no run that has come to its end is older than {older_days:g} days")
