"""A project's folder, site, history and genome."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from planner.core.errors import InputError, near

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.history.store import Store
    from planner.project.folder import ProjectFolder
    from planner.site import Site


def open_project(folder: Path) -> ProjectFolder:
    """Return the project in ``folder``."""
    from planner.project.folder import ProjectFolder

    if not folder.is_dir():
        from planner.wrap import data_folder

        run = data_folder.find(str(folder))
        if run is not None:
            return run.project
        meant = near(str(folder), [one.name for one in data_folder.runs()])
        wanted = "give the folder that holds chromplan.toml, or a run that 'chromplan runs' lists"
        raise InputError(f"{folder}: no such folder", f"{meant} {wanted}".strip())
    return ProjectFolder(folder)


def open_planned(folder: Path) -> ProjectFolder:
    """Return the project in ``folder``, for commands that work on rounds.

    Raises
    ------
    InputError
        When neither a pipeline nor a round is there: it may be a run of 'chromplan sbatch' that is meant.
    """
    project = open_project(folder)
    if not project.config_path.exists() and not project.rounds.exists():
        raise InputError(f"{project.config_path}: no such file", _projects_elsewhere())
    return project


def nothing_planned(project: ProjectFolder) -> str:
    """Return what to do where no round is planned: in a project, beside runs of 'chromplan sbatch', or elsewhere."""
    if project.config_path.exists():
        return "no round is planned yet: run 'chromplan plan'"
    return f"no project is here: {_projects_elsewhere()}"


def _projects_elsewhere() -> str:
    from planner.wrap import data_folder

    submitted = [run for run in data_folder.runs() if run.submitted]
    if submitted:
        return f"'chromplan sbatch' made runs, the last one is -C {submitted[-1].number}"
    return "'chromplan init' writes its chromplan.toml, 'chromplan sbatch SCRIPT' needs none"


def load_site(project: ProjectFolder, config: Config) -> Site:
    """Return the site of a pipeline."""
    from planner import site as sites

    return sites.load_for(project.folder, config.submit.site)


def open_store(project: ProjectFolder) -> Store:
    """Return the project's history."""
    from planner.history.store import Store

    return Store.open(project.store_path)


def recorded(project: ProjectFolder, *, tool: str | None = None, task: str | None = None) -> list[Observation]:
    """Return what the project's history holds; nothing where there is none yet."""
    if not project.store_path.exists():
        return []
    with open_store(project) as store:
        return store.observations(tool=tool, task=task)


def genome_lengths(project: ProjectFolder, genome: str | None) -> dict[str, int]:
    """Return the chromosome lengths of a genome: the one named, the project's, or GRCh38."""
    from planner.core import genomes
    from planner.core.human import DEFAULT
    from planner.project.regions import genome_of

    if genome is None and project.config_path.exists():
        return dict(genome_of(project.config(), project.folder).lengths_bp)
    return dict(genomes.find(genome or DEFAULT).lengths_bp)
