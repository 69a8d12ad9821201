"""A run whose submission was interrupted: the same script handed over again goes on with it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from planner.core.errors import PlannerError
from planner.project.folder import ProjectFolder
from planner.project.journal import journal_path, read_journal
from planner.project.unfinished import unfinished
from planner.wrap.project import ENVIRONMENT

_LONG_AGO_S = 86_400
_UNTOLD = "untold"
_VARIABLE = re.compile(rb"\$\{?([A-Za-z_]\w*)")


def same_as(made: ProjectFolder, earlier: Iterable[ProjectFolder]) -> ProjectFolder | None:
    """Return the first of earlier runs that was submitted in part and is what a new one would be; None without any.

    Script, arguments, options, folder and exported variables are the same, and so are the variables that the script
    names: a loop over cohorts is another run each time.
    """
    for project in earlier:
        try:
            if _is_interrupted(project) and _asked(project) == _asked(made):
                return project
        except (PlannerError, OSError):
            continue  # one that cannot be read hinders no other
    return None


@contextlib.contextmanager
def until_told(project: ProjectFolder) -> Iterator[None]:
    """Hold a run to be interrupted until its job id has been printed: who was not told submits again."""
    (project.state / _UNTOLD).touch()
    yield
    sys.stdout.flush()
    told(project)


def told(project: ProjectFolder) -> None:
    """Take note that whoever submitted a run knows of it."""
    (project.state / _UNTOLD).unlink(missing_ok=True)


def is_untold(project: ProjectFolder) -> bool:
    """Whether a run's job id was not printed."""
    return (project.state / _UNTOLD).exists()


def _is_interrupted(project: ProjectFolder) -> bool:
    """Whether a run was cut short while it was first submitted, not long ago: later on, its tasks are wanted anew."""
    numbers = project.round_numbers()
    if len(numbers) != 1 or not _is_recent(project.round_folder(numbers[0])):
        return False
    return is_untold(project) or bool(unfinished(project, write=False))


def _is_recent(folder: Path) -> bool:
    journal = journal_path(folder)
    # the file's time spares reading thousands of old ones
    if not journal.exists() or time.time() - journal.stat().st_mtime > _LONG_AGO_S:
        return False
    submission = read_journal(folder)
    return submission is not None and time.time() - submission.started_s < _LONG_AGO_S


def _asked(project: ProjectFolder) -> tuple[Any, Mapping[bytes, bytes]]:
    """Return what a run asks for, and the variables that its script names."""
    config = project.config()
    asked = config.model_dump(exclude={"submit": {"site"}})
    script = config.wrap
    if script is None or not script.environment:
        return asked, {}
    text = (project.folder / script.content).read_bytes() + os.fsencode(" ".join(script.words))
    pairs = (project.folder / ENVIRONMENT).read_bytes().split(b"\0")
    known = {name: value for name, _, value in (pair.partition(b"=") for pair in pairs)}
    return asked, {name: known.get(name, b"") for name in _VARIABLE.findall(text)}
