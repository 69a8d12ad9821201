"""``chromplan advise``: what past jobs used, wasted, and should have asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.ui import completion
from planner.cli.ui.output import echo_json, json_option, tell_skipped
from planner.cli.ui.progress import progress, working
from planner.core import human
from planner.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planner.actions import advising
    from planner.advice.advice import Advice
    from planner.advice.arrays import PastArray

# with more, a line each is what can be read
_MOST_IN_DETAIL = 3


@click.command("advise")
@click.argument("targets", nargs=-1, metavar="[JOBID|FILE|-]...")
@click.option("--name", "names", multiple=True, help="Jobs with exactly this name; may be repeated.")
@click.option(
    "-S",
    "--since",
    help="Jobs since then, in sacct's notation: 2026-01-01, now-30days (default without ids: now-7days).",
)
@click.option("--user", help="Jobs of this user (default: you, unless ids are given).")
@click.option("-M", "--clusters", "cluster", metavar="NAME", help="The cluster to query.")
@click.option(
    "--poll",
    "poll_s",
    type=click.FloatRange(min=0),
    help="The site's JobAcctGatherFrequency in seconds (default: as Slurm reports it; 30 for a file). A peak sampled "
    "in fewer than 3 polls is not trusted.",
)
@click.option(
    "--genome",
    default=human.DEFAULT,
    show_default=True,
    shell_complete=completion.genomes,
    help="The genome whose chromosome lengths are compared with the peaks.",
)
@click.option("--all", "every", is_flag=True, help="List every element, and every array in detail.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print one line per element as CSV.")
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write an HTML page with plots."
)
def command(
    targets: tuple[str, ...],
    names: tuple[str, ...],
    since: str | None,
    user: str | None,
    cluster: str | None,
    poll_s: float | None,
    genome: str,
    every: bool,
    as_json: bool,
    as_csv: bool,
    html_file: Path | None,
) -> None:
    """Show what past jobs used, wasted, and should have asked for.

    Takes job or array ids, files with saved sacct output, or '-' for standard input; by default, your jobs of the last
    week. Needs no project and changes nothing; calls sacct once.
    """
    from planner.actions import advising
    from planner.cli import advise_view as view
    from planner.core import genomes

    if as_json and as_csv:
        raise InputError("--json and --csv cannot be combined", "give one of them")
    question = advising.Question(targets=targets, names=names, since=since, user=user, cluster=cluster, poll_s=poll_s)
    lengths_bp = genomes.lengths(genome)
    with working("asking Slurm's accounting"):
        answer = advising.ask(question)
    arrays = answer.arrays
    told: list[Advice] = []
    if as_csv:
        view.echo_csv(arrays)
    elif not as_json:
        told = _show(answer, lengths_bp, every=every)
    if as_json or (html_file and not told):
        told = _advise(arrays, lengths_bp)
    if as_json:
        from planner.advice.document import document

        echo_json({"arrays": [document(one) for one in told]})
    if html_file:
        from planner.report import advised

        advised.write(html_file, told)
        click.echo(f"wrote {html_file}", err=True)


def _show(answer: advising.Answer, lengths_bp: Mapping[str, int], *, every: bool) -> list[Advice]:
    """Print what is known of each array: what it used at once, then what it should have asked for."""
    from planner.cli import advise_view as view

    told: list[Advice] = []
    tell_skipped(answer.skipped)
    if len(answer.arrays) > 1:
        view.show_list(answer.arrays)
    for array in answer.arrays if every or len(answer.arrays) <= _MOST_IN_DETAIL else ():
        if len(answer.arrays) > 1:
            click.echo()
        view.show_use(array, every=every)
        told += _advise([array], lengths_bp)
        view.show_advice(told[-1])
    view.show_end(answer, detailed=bool(told))
    return told


def _advise(arrays: Sequence[PastArray], lengths_bp: Mapping[str, int]) -> list[Advice]:
    # what was used can be read while the model is fitted
    sys.stdout.flush()
    from planner.advice.advice import advise

    with progress("predicting each from the others") as report:
        return [
            advise(array, lengths_bp=lengths_bp, report=_part(report, number, len(arrays)))
            for number, array in enumerate(arrays)
        ]


def _part(report: Callable[[float], None], number: int, of: int) -> Callable[[float], None]:
    return lambda share: report((number + share) / of)
