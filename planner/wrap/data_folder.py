"""The user's folder of runs: every ``chromplan sbatch`` is a run, and all runs share one history."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planner.core.errors import FailureError, InputError
from planner.project.folder import HISTORY, ProjectFolder, history_file

_RUN = re.compile(r"([1-9][0-9]*)\.(.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRun:
    """One ``chromplan sbatch``: a number, the script's name, and its project."""

    number: int
    name: str
    project: ProjectFolder

    @property
    def submitted(self) -> bool:
        """Whether any of its jobs was sent to Slurm; a run killed before that left only files."""
        return is_submitted(self.project)


def is_submitted(project: ProjectFolder) -> bool:
    """Whether any job of a run was sent to Slurm."""
    return any(project.started(number) for number in project.round_numbers())


def data_folder() -> Path:
    """Return the folder of runs: ``chromplan`` in XDG_DATA_HOME, by default ~/.local/share."""
    named = os.environ.get("XDG_DATA_HOME", "")
    # the XDG specification says to ignore relative paths
    base = Path(named) if named.startswith("/") else Path("~/.local/share").expanduser()
    return base / "chromplan"


def runs() -> list[UserRun]:
    """Return all runs, oldest first."""
    return sorted(_runs(), key=lambda run: run.number)


def _runs() -> Iterator[UserRun]:
    folder = data_folder() / "runs"
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _RUN.fullmatch(path.name)
        if match:
            yield UserRun(number=int(match[1]), name=match[2], project=ProjectFolder(path))


def find(text: str) -> UserRun | None:
    """Return the run of this number, or the last submitted one of this name or script; None when there is none."""
    all_runs = runs()
    found = [run for run in all_runs if text in (str(run.number), run.name)] or [
        run for run in all_runs if run.name.startswith(f"{text}.")
    ]
    return next(reversed([run for run in found if run.submitted] or found), None)


def shortest_name(project: ProjectFolder) -> str:
    """Return the shortest argument of ``-C`` for a project: a run's number, or the folder relative to here."""
    number = project.folder.name.partition(".")[0]
    run = find(number)
    known = run is not None and run.project.folder == project.folder and not Path(number).exists()
    return number if known else str(project.folder)


@contextlib.contextmanager
def kept_if_submitted(project: ProjectFolder) -> Iterator[None]:
    """Remove a run's folder if an error occurs before any of its jobs was sent to Slurm."""
    try:
        yield
    except BaseException:
        if project.folder.parent == data_folder() / "runs" and not is_submitted(project):
            shutil.rmtree(project.folder, ignore_errors=True)
        raise


def new_run(name: str, *, store: Path | None) -> UserRun:
    """Create the folder of a new run, which shares the history of all others.

    Parameters
    ----------
    store : Path, optional
        A history other than the user's own, such as a group's.

    Raises
    ------
    FailureError
        When the folder cannot be created.
    """
    folder = data_folder() / "runs"
    number = max((run.number for run in _runs()), default=0) + 1
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while not _claimed(folder, number):
            number += 1
        path = folder / f"{number}.{name}"
        (folder / f".{number}").rename(path)
    except OSError as error:
        raise FailureError(
            f"{folder}: {error.strerror}",
            "runs are kept there: name a folder you may write to in XDG_DATA_HOME, or the project's with --into",
        ) from None
    run = UserRun(number=number, name=name, project=ProjectFolder(path))
    share_history(run.project, store)
    return run


def _claimed(folder: Path, number: int) -> bool:
    """Reserve a number for this run; return False if another run has it."""
    claim = folder / f".{number}"
    try:
        claim.mkdir(mode=0o700)
    except FileExistsError:
        return False
    if any(folder.glob(f"{number}.*")):
        claim.rmdir()
        return False
    return True


def share_history(project: ProjectFolder, store: Path | None) -> None:
    """Make a project use the user's history, or the given one: a file, or the folder that holds it.

    Raises
    ------
    InputError
        When the folder of the history does not exist.
    """
    history = history_file(store).absolute() if store else data_folder().absolute() / HISTORY
    if store is not None and not history.parent.is_dir():
        raise InputError(f"{store}: no such folder", "make it first; a group's history needs to be writable for all")
    history.parent.mkdir(parents=True, exist_ok=True)
    project.state.mkdir(parents=True, exist_ok=True)
    if project.own_store_path.is_symlink():
        project.own_store_path.unlink()
    if not project.own_store_path.exists():
        project.own_store_path.symlink_to(history)
