"""A run whose submission was interrupted: the same script handed over again goes on with it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from planner.core.errors import PlannerError
from planner.project.folder import ProjectFolder
from planner.project.journal import read_journal
from planner.project.unfinished import unfinished
from planner.wrap import data_folder
from planner.wrap.project import ENVIRONMENT

_LONG_AGO_S = 86_400
_UNTOLD = "untold"
_VARIABLE = re.compile(rb"\$\{?([A-Za-z_]\w*)")


def same_as(made: ProjectFolder) -> ProjectFolder | None:
    """Return the last run that was submitted in part and is what a new one would be; None when there is none.

    Script, arguments, options, folder and exported variables are the same, and so are the variables that the script
    names: a loop over cohorts is another run each time.
    """
    for run in reversed(data_folder.runs()):
        try:
            if run.project.folder != made.folder and _is_interrupted(run) and _asked(run.project) == _asked(made):
                return run.project
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


def _is_interrupted(run: data_folder.UserRun) -> bool:
    """Whether a run was cut short while it was submitted, not long ago: later on, its tasks are wanted anew."""
    if not run.submitted:
        return False
    numbers = run.project.round_numbers() if is_untold(run.project) else unfinished(run.project, write=False)
    journals = [read_journal(run.project.round_folder(number)) for number in numbers]
    return any(one is not None and time.time() - one.started_s < _LONG_AGO_S for one in journals)


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
