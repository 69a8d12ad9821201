"""A batch script with sbatch's options becomes a project: a run of its own, or a project in a named folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import FailureError, InputError
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.user_scripts import Element
    from planner.project.folder import ProjectFolder
    from planner.site import Site
    from planner.slurm import Settings
    from planner.wrap.options import Option
    from planner.wrap.request import Request

Say = Callable[[str], None]
SITE_FILE = "site.toml"
FOLDER = Path("wrapped")
# a list of a million long lines, bytes; what is longer is data, not a list of tasks
_LONGEST_LIST = 200_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """chromplan's own options of `wrap` and `sbatch`.

    Attributes
    ----------
    map_file : Path or None
        The word ``none`` says that the index stands for nothing.
    features : tuple of str
        ``NAME=SPEC`` each.
    into : Path or None
        The project's folder, where it is named.
    """

    history: str | None = None
    since: str = "now-90days"
    no_history: bool = False
    map_file: Path | None = None
    after: tuple[str, ...] = ()
    site: str | None = None
    genome: str | None = None
    mode: str = "array"
    into: Path | None = None
    store: Path | None = None
    features: tuple[str, ...] = ()
    tool: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedOver:
    """A batch script as it was handed over.

    Attributes
    ----------
    folder : Path
        Where it is submitted from.
    environment : mapping of str to str
    given : tuple of Option
        sbatch's options of the command line.
    rest : tuple of str
        The script and its arguments.
    """

    folder: Path
    environment: Mapping[str, str]
    given: tuple[Option, ...]
    rest: tuple[str, ...]

    def says(self, *names: str) -> bool:
        """Whether one of these options stands on the command line."""
        return any(option.name in names for option in self.given)


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """The cluster that is planned for.

    Attributes
    ----------
    name : str or None
        As ``submit.site`` takes it; None where the site was detected.
    settings : Settings or None
        What Slurm said of its settings when the site was detected: it need not be asked again in the same moment.
    """

    name: str | None
    site: Site
    settings: Settings | None = None

    def history(self, choices: Choices) -> Path | None:
        """Return the history that was asked for, or else that of the site file; None for the user's own."""
        if choices.store is None and self.site.history:
            return Path(self.site.history)
        return choices.store


def handed_over(words: Sequence[str]) -> HandedOver:
    """Read a command line as sbatch does."""
    from planner.wrap import options

    given, rest = options.read(words, where="the command line", script_follows=True)
    return HandedOver(folder=Path.cwd(), environment=dict(os.environ), given=tuple(given), rest=tuple(rest))


def read_request(handed: HandedOver) -> Request:
    """Return what the script asks for; one on standard input is read to its end."""
    from planner.wrap import request

    source = request.open_source(handed.rest, handed.given, folder=handed.folder, stdin=_standard_input)
    return request.read(source, handed.given, handed.environment)


def _standard_input() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin else b""  # None where it is closed


def make_project(handed: HandedOver, asked: Request, choices: Choices, *, say: Say) -> ProjectFolder:
    """Make a project of a script in ``wrapped/NAME``, or where ``into`` says; made anew where there is one."""
    from planner.project.folder import ProjectFolder
    from planner.wrap import data_folder, project

    tasks_of(handed, asked, choices)
    made = ProjectFolder(choices.into or FOLDER / project.name_of(asked))
    place = where(choices)
    data_folder.share_history(made, place.history(choices))
    return fill(made, handed, asked, choices, place, say=say)


def tasks_of(handed: HandedOver, asked: Request, choices: Choices) -> tuple[list[Element], str]:
    """Return the tasks of a script, and in words what its index stands for."""
    from planner.plan import features
    from planner.wrap import elements, meaning, project

    features.parse_specs(_features(choices.features))
    if asked.array is None:
        return elements.single(project.name_of(asked)), "a single job"
    indices = asked.array.indices
    if choices.map_file is not None and str(choices.map_file) != "none":
        return elements.from_file(
            choices.map_file, indices
        ), f"the index has the meaning that {choices.map_file} gives it"
    if choices.map_file is not None:
        found = meaning.Meaning(said="the index has no other meaning", lines={})
    else:
        arguments = {str(n): value for n, value in enumerate(asked.source.arguments, start=1)}
        exported = project.parameters(asked, handed.environment)
        where = handed.folder / (asked.value("chdir") or "")
        found = meaning.find(
            asked.source.text.decode(errors="replace") or (asked.value("wrap") or ""),
            indices,
            variables={**handed.environment, **exported, **arguments, "SLURM_SUBMIT_DIR": str(handed.folder)},
            read=lambda path: _read(where / path),
        )
    return elements.of_meaning(found, indices), found.said


def _read(path: Path) -> str | None:
    """Return the text of a list that a script reads; None if there is none, or something else of that name."""
    try:
        is_list = path.is_file() and path.stat().st_size <= _LONGEST_LIST
        return path.read_text(encoding="utf-8", errors="replace") if is_list else None
    except OSError:
        return None


def _features(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, _, spec = text.partition("=")
        if not (name and spec):
            raise InputError(f"--feature {text}: not NAME=SPEC", "for example --feature input='size:{line}'")
        found[name] = spec
    return found


def _human(genome: str) -> str:
    """Refuse a genome whose chromosomes are not those that an index stands for."""
    from planner.core import genomes

    if not genomes.is_human(genome):
        raise InputError(
            f"--genome {genome}: the index of an array script stands for a human chromosome",
            "without --genome the lengths are not used; a chromplan.toml of your own takes any genome",
        )
    return genome


def fill(
    made: ProjectFolder, handed: HandedOver, asked: Request, choices: Choices, place: Where, *, say: Say
) -> ProjectFolder:
    """Write the project of a script, with what is known of its memory."""
    from planner.core import human
    from planner.core.modes import Mode
    from planner.wrap import project

    found, meant = tasks_of(handed, asked, choices)
    site = place.site
    _check_array(asked, site)
    steps, by_index, waits_for = _before(asked, choices.after, made)
    config = project.write(
        made,
        asked,
        found,
        project.Setting(
            folder=handed.folder,
            site=site,
            site_name=_site_name(place, made),
            environment=handed.environment,
            features=_features(choices.features),
            mode=Mode(choices.mode),
            genome=_human(choices.genome or human.DEFAULT),
            after=steps,
            by_index=by_index,
            waits_for=waits_for,
            tool=choices.tool or project.tool_of(asked, handed.folder),
        ),
    )
    tasks = count(len(found), "task")
    say(f"{made.folder}: {tasks} of {asked.source.name or asked.job_name}, on {site.name}; {meant}")
    _remember(made, config, asked, found, choices, site=site, say=say)
    return made


def _check_array(asked: Request, site: Site) -> None:
    """Refuse an array that sbatch refuses, before thousands of tasks are planned."""
    highest = max(asked.array.indices) if asked.array else 0
    if asked.array is not None and highest >= site.max_array_size:
        option = asked.chosen["array"]
        raise InputError(
            f"{option.where}: {option}: index {highest} is above this cluster's largest, {site.max_array_size - 1}",
            "sbatch refuses it, too (MaxArraySize)",
        )


def where(choices: Choices) -> Where:
    """Return the cluster that is planned for: as named, as a ``chromplan.toml`` here has it, or as Slurm tells it."""
    from planner import site as sites
    from planner import slurm
    from planner.core.config import FILE

    name = choices.site
    if name is None and Path(FILE).exists():
        name = _configured()
    if name is not None:
        return Where(name=str(Path(name).absolute()) if Path(name).is_file() else name, site=sites.load(name))
    try:
        told = sites.query(slurm.run)
        return Where(name=None, site=sites.detect(told), settings=slurm.read_settings(told))
    except FailureError as error:
        raise FailureError(error.message, f"{error.hint}; or name the site with --site") from None


def _site_name(place: Where, made: ProjectFolder) -> str:
    """Return what ``submit.site`` says: an absolute path for a file, so that it holds from anywhere."""
    from planner import site as sites
    from planner.core.files import write_text

    if place.name is not None:
        return place.name
    path = made.folder / SITE_FILE
    write_text(path, sites.dumps(place.site))
    return str(path.absolute())


def _configured() -> str:
    from planner.core.config import FILE, Config
    from planner.core.documents import parse_toml, read_text

    return parse_toml(read_text(Path(FILE), hint=""), Config, path=FILE).submit.site


def _before(asked: Request, names: Sequence[str], made: ProjectFolder) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return the steps before, seen from the new one, those followed index by index, and what stays Slurm's."""
    from planner.wrap import chain, data_folder

    steps = [_step(name, made.folder.parent) for name in names]
    by_index: list[Path] = []
    dependency = asked.value("dependency") or ""
    if "aftercorr" in dependency:
        runs = [run.project.folder for run in data_folder.runs()]
        beside = [path.parent for path in sorted(made.folder.parent.glob("*/chromplan.toml"))]
        meant, dependency = chain.split_dependency(dependency, dict.fromkeys([*runs, *beside]))
        by_index = [step for step in meant if step not in steps]
    relative = [[os.path.relpath(step, made.folder) for step in some] for some in ([*steps, *by_index], by_index)]
    return tuple(relative[0]), tuple(relative[1]), dependency


def _step(name: str, beside: Path) -> Path:
    from planner.core.config import FILE
    from planner.wrap import data_folder

    for folder in (beside / name, Path(name)):
        if (folder / FILE).exists():
            return folder
    run = data_folder.find(name)
    if run is None:
        raise InputError(f"--after {name}: no such run or project", "'chromplan runs' lists the runs")
    return run.project.folder


def _cluster(asked: Request, site: Site) -> str | None:
    """Return the cluster that the script's arrays go to, where it is not the one of the login node."""
    return asked.value("clusters") or site.cluster(asked.value("partition"))


def _remember(
    made: ProjectFolder,
    config: Config,
    asked: Request,
    found: list[Element],
    choices: Choices,
    *,
    site: Site,
    say: Say,
) -> None:
    """Bring what the script used before into the history that the project shares."""
    from planner.actions.opening import open_store
    from planner.core import genomes
    from planner.wrap import data_folder, past

    tool = config.pipeline.tool
    others = [run.project for run in data_folder.runs() if run.project.folder != made.folder]
    with open_store(made) as store:
        past.catch_up(others, store, tool=tool)
        if choices.no_history:
            return
        name = choices.history or asked.job_name
        is_files = choices.history is None and name == Path(asked.source.name).name
        try:
            accounted = past.from_accounting(
                past.EarlierJobs(
                    name=name,
                    since=choices.since,
                    cluster=_cluster(asked, site),
                    folder=Path(config.wrap.folder, asked.value("chdir") or "") if is_files and config.wrap else None,
                ),
                found,
                tool=tool,
                poll_s=site.poll_s,
                lengths_bp=genomes.lengths(config.pipeline.genome),
            )
        except FailureError as error:
            say(f"history: none ({error.message.splitlines()[-1]})")
            return
        usable = sum(one.peak_mb is not None for one in accounted)
        say(f"history: {count(len(accounted), 'attempt')} of jobs called {name}, {usable} with a usable peak")
        if store.add(accounted, guessed=True).new:
            made.model_path(tool).unlink(missing_ok=True)  # it does not know them
