"""``chromplan wrap``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from planner.cli.ui import completion
from planner.cli.ui.progress import working

F = TypeVar("F", bound=Callable[..., Any])
# sbatch's options stand where its users write them; -C and others are sbatch's here
SETTINGS: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": ["--help"],
}


# what click takes "--" for, which is sbatch's to read: a word that no command line can hold
_END_OF_OPTIONS = "\0"


class SbatchLike(click.Command):
    """A command that leaves ``--`` to sbatch."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Hide ``--`` from click."""
        return super().parse_args(context, [_END_OF_OPTIONS if word == "--" else word for word in args])


def _sbatchs_words(_context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("--" if word == _END_OF_OPTIONS else word for word in words)


def wrap_options(function: F) -> F:
    """Add what `wrap` and `sbatch` have in common, and the words that are sbatch's."""
    options = [
        click.option("--history", metavar="NAME", help="Job name to look for in sacct (default: the script's own)."),
        click.option(
            "--since",
            default="now-90days",
            show_default=True,
            help="How far back to look, in the notation of sacct -S.",
        ),
        click.option("--no-history", is_flag=True, help="Do not ask sacct."),
        click.option(
            "--map",
            "map_file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="A line per index: index chromosome [sample], '-' for no chromosome; or the word none. Without it the "
            "script tells what its index stands for.",
        ),
        click.option(
            "--feature",
            "features",
            multiple=True,
            metavar="NAME=SPEC",
            help="A number known before a task runs, such as input='size:{line}', panel='size:ref/{sample}.vcf.gz', "
            "n=N.",
        ),
        click.option("--tool", metavar="NAME", help="The tool whose memory is learnt (default: this script)."),
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            envvar="CHROMPLAN_STORE",
            help="A history other than your own: a file or folder, such as your group's.",
        ),
        click.option("--after", multiple=True, metavar="RUN", help="A run or project to follow, task by task."),
        click.option(
            "--site",
            shell_complete=completion.sites,
            help="A site from 'chromplan site list' (default: that of ./chromplan.toml, else detected).",
        ),
        click.option(
            "--genome",
            shell_complete=completion.genomes,
            help="The genome, if indices are chromosomes: GRCh37, GRCh38 (default) or T2T-CHM13.",
        ),
        click.option(
            "--mode",
            type=click.Choice(["array", "tiers", "jobs"]),
            default="array",
            show_default=True,
            help="How a plan becomes jobs.",
        ),
        click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The project's folder."),
        click.argument(
            "words",
            nargs=-1,
            type=click.UNPROCESSED,
            callback=_sbatchs_words,
            metavar="[SBATCH OPTIONS] [SCRIPT [ARGS]]",
            shell_complete=completion.files,
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("wrap", cls=SbatchLike, context_settings=SETTINGS)
@wrap_options
@click.pass_context
def command(context: click.Context, /, words: tuple[str, ...], **options: Any) -> None:
    """Turn an existing batch script into a project.

    The script stays as it is; the elements of its array get their own memory and order. sbatch options may come before
    the script and take precedence over its #SBATCH lines. Nothing is submitted: the new project, wrapped/NAME, is
    planned like any other.
    """
    from planner.actions import wrapping

    handed = wrapping.handed_over(words)
    if handed.says("help", "usage"):
        click.echo(context.get_help())
        return
    asked = wrapping.read_request(handed)
    with working("asking Slurm") as telling:
        say = partial(telling.say, err=False)
        project = wrapping.make_project(handed, asked, wrapping.Choices(**options), say=say)
    click.echo(f"next: cd {project.folder}; chromplan plan; chromplan render; chromplan submit")
