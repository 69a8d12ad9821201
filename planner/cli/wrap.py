"""``chromplan wrap``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.actions import checking
from planner.actions.planning import open_store
from planner.cli.ui import completion
from planner.core import genome
from planner.core.errors import FailureError, InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.project.folder import ProjectFolder
    from planner.site import Site
    from planner.wrap.elements import WrappedElement
    from planner.wrap.request import Request

F = TypeVar("F", bound=Callable[..., Any])
Say = Callable[[str], None]
# sbatch's options stand where its users write them; -h, -C and others are sbatch's here
SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": ["--help"]}
SITE_FILE = "site.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """chromplan's own options of `wrap` and `sbatch`."""

    history: str | None
    since: str
    no_history: bool
    map_file: Path | None
    after: tuple[str, ...]
    site: str | None
    genome: str
    mode: str
    into: Path | None


def wrap_options(function: F) -> F:
    """Add what `wrap` and `sbatch` have in common, and the words that are sbatch's."""
    options = [
        click.option("--history", metavar="NAME", help="Job name to look for in sacct; the script's own without it."),
        click.option("--since", default="now-90days", show_default=True, help="How far back, as sacct -S takes it."),
        click.option("--no-history", is_flag=True, help="Do not ask sacct."),
        click.option(
            "--map",
            "map_file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="A line per index: index chromosome [sample]; without it the index is the chromosome.",
        ),
        click.option(
            "--after", multiple=True, metavar="NAME", help="A wrapped step to follow, chromosome by chromosome."
        ),
        click.option(
            "--site",
            shell_complete=completion.sites,
            help="See 'chromplan site list'; that of ./chromplan.toml, else detected, without it.",
        ),
        click.option(
            "--genome",
            shell_complete=completion.genomes,
            default=genome.DEFAULT,
            show_default=True,
            help="GRCh37, GRCh38 or T2T-CHM13.",
        ),
        click.option(
            "--mode",
            type=click.Choice(["array", "tiers", "jobs"]),
            default="array",
            show_default=True,
            help="How a plan becomes jobs.",
        ),
        click.option(
            "--into",
            type=click.Path(path_type=Path, file_okay=False),
            help="The project's folder; wrapped/NAME without.",
        ),
        click.argument(
            "words",
            nargs=-1,
            required=True,
            type=click.UNPROCESSED,
            metavar="[SBATCH OPTIONS] SCRIPT [ARGS]",
            shell_complete=completion.files,
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("wrap", context_settings=SETTINGS)
@wrap_options
def command(words: tuple[str, ...], **options: Any) -> None:
    """Make a project of an existing array script.

    The script stays as it is, byte for byte; its elements get their own memory and order. Options of sbatch may stand
    before the script, and go before its #SBATCH lines. Nothing is submitted: the new project is planned like any other.
    """
    project = make(words, Choices(**options), say=lambda line: click.echo(line))
    click.echo(f"next: cd {project.folder}; chromplan plan; chromplan render; chromplan submit")


def make(words: tuple[str, ...], choices: Choices, *, say: Say) -> ProjectFolder:
    """Write the project of a script, with what is known of its memory, and return it."""
    from planner.core.records import Mode
    from planner.project.folder import ProjectFolder
    from planner.wrap import elements, options, project, request

    given, rest = options.read(words, where="the command line", script_follows=True)
    if not rest:
        raise InputError("no script", "chromplan wrap [sbatch options] SCRIPT [arguments]")
    arguments = tuple(rest[1:])
    asked = request.read(Path(rest[0]), given)
    for gone in checking.missing_log_folders((asked.output, asked.error), Path(asked.chdir or ".")):
        say(f"note: no folder {gone} for --output: Slurm fails such jobs without a word; mkdir -p {gone}")
    found = (
        elements.from_file(choices.map_file, asked.array.indices)
        if choices.map_file
        else elements.by_index(asked.array.indices)
    )
    folder = choices.into or project.FOLDER / project.name_of(asked, arguments)
    made = ProjectFolder(folder)
    site_name, site = _site(choices.site, made)
    steps, dependency = _before(asked, choices.after, made)
    config = project.write(
        made,
        asked,
        found,
        project.Setting(
            folder=Path.cwd(),
            site=site,
            site_name=site_name,
            arguments=arguments,
            mode=Mode(choices.mode),
            genome=choices.genome,
            after=steps,
            dependency=dependency,
        ),
    )
    say(f"{made.config_path}: {len(found)} tasks of {rest[0]}, on {site.name}")
    _remember(made, config, asked, found, choices, site=site, say=say)
    return made


def _site(name: str | None, made: ProjectFolder) -> tuple[str, Site]:
    """Return the site and what ``submit.site`` says: an absolute path for a file, so that it holds from anywhere."""
    from planner import site as sites
    from planner import slurm
    from planner.core.config import FILE

    if name is None and Path(FILE).exists():
        name = _configured()
    if name is not None:
        return (str(Path(name).absolute()) if Path(name).is_file() else name), sites.load(name)
    from planner.core.files import write_text

    try:
        found = sites.detect(sites.query(slurm.run))
    except FailureError as error:
        raise FailureError(error.message, f"{error.hint}; or name the site with --site") from None
    path = made.folder / SITE_FILE
    write_text(path, sites.dumps(found))
    return str(path.absolute()), found


def _configured() -> str:
    from planner.core.config import FILE, Config
    from planner.core.documents import parse_toml, read_text

    return parse_toml(read_text(Path(FILE), hint=""), Config, path=FILE).submit.site


def _before(asked: Request, names: tuple[str, ...], made: ProjectFolder) -> tuple[tuple[str, ...], str | None]:
    """Return the projects of the steps before, relative to the new one, and the dependency that stays Slurm's."""
    from planner.wrap import chain

    beside = made.folder.parent
    steps = [_step(name, beside) for name in names]
    dependency = asked.dependency
    if dependency and "aftercorr" in dependency:
        others = [path.parent for path in sorted(beside.glob("*/chromplan.toml"))]
        meant, dependency = chain.split_dependency(dependency, others)
        steps += [step for step in meant if step not in steps]
    return tuple(os.path.relpath(step, made.folder) for step in steps), dependency


def _step(name: str, beside: Path) -> Path:
    from planner.core.config import FILE

    for folder in (beside / name, Path(name)):
        if (folder / FILE).exists():
            return folder
    known = ", ".join(sorted(path.parent.name for path in beside.glob(f"*/{FILE}")))
    raise InputError(f"--after {name}: no such project", f"wrapped here: {known or 'nothing yet'}")


def _cluster(asked: Request, site: Site) -> str | None:
    """Return the cluster that the script's arrays go to, where it is not the one of the login node."""
    named = (option.value for option in asked.kept if option.name == "clusters")
    return next(named, None) or site.cluster(asked.partition)


def _remember(
    made: ProjectFolder,
    config: Config,
    asked: Request,
    found: list[WrappedElement],
    choices: Choices,
    *,
    site: Site,
    say: Say,
) -> None:
    """Bring what the script used before into the new project's history."""
    from planner.wrap import past

    tool = config.pipeline.tool
    observations = past.from_siblings(made, tool=tool)
    if observations:
        say(f"history: {len(observations)} attempts of other wrapped projects of {tool}")
    if not choices.no_history:
        name = choices.history or asked.job_name
        try:
            accounted = past.from_accounting(
                name,
                found,
                tool=tool,
                since=choices.since,
                poll_s=site.poll_s,
                cluster=_cluster(asked, site),
                lengths_bp=genome.lengths(config.pipeline.genome),
            )
        except FailureError as error:
            say(f"history: none ({error.message})")
        else:
            usable = sum(one.peak_mb is not None for one in accounted)
            say(f"history: {len(accounted)} attempts of jobs called {name}, {usable} with a usable peak")
            observations += accounted
    with open_store(made) as store:
        counts = store.add(observations)
    if counts.new:
        made.model_path(tool).unlink(missing_ok=True)  # it does not know them
