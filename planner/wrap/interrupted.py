"""Resuming a run whose submission was interrupted, when the same script is submitted again."""

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
    """Return the first earlier run that was partly submitted and equals the new one; None when there is none.

    Equal means the same script, arguments, options, folder and exported variables, and the same values of the variables
    that the script names, so that each pass of a loop over cohorts is another run.
    """
    for project in earlier:
        try:
            if _is_interrupted(project) and _asked(project) == _asked(made):
                return project
        except (PlannerError, OSError):
            continue  # a run that cannot be read must not stop the search
    return None


@contextlib.contextmanager
def until_told(project: ProjectFolder) -> Iterator[None]:
    """Treat a run as interrupted until its job id has been printed: a user who did not see it submits again."""
    (project.state / _UNTOLD).touch()
    yield
    sys.stdout.flush()
    told(project)


def told(project: ProjectFolder) -> None:
    """Record that the run's job id has been printed."""
    (project.state / _UNTOLD).unlink(missing_ok=True)


def is_untold(project: ProjectFolder) -> bool:
    """Whether a run's job id was not printed."""
    return (project.state / _UNTOLD).exists()


def _is_interrupted(project: ProjectFolder) -> bool:
    """Whether a run's first submission was interrupted not long ago; later on, the same script means a new run."""
    numbers = project.round_numbers()
    if len(numbers) != 1 or not _is_recent(project.round_folder(numbers[0])):
        return False
    return is_untold(project) or bool(unfinished(project, write=False))


def _is_recent(folder: Path) -> bool:
    journal = journal_path(folder)
    # checking the file's time avoids reading thousands of old runs
    if not journal.exists() or time.time() - journal.stat().st_mtime > _LONG_AGO_S:
        return False
    submission = read_journal(folder)
    return submission is not None and time.time() - submission.started_s < _LONG_AGO_S


def _asked(project: ProjectFolder) -> tuple[Any, Mapping[bytes, bytes]]:
    """Return the content of a run's request, and the variables that its script names."""
    config = project.config()
    asked = config.model_dump(exclude={"submit": {"site"}})
    script = config.wrap
    if script is None or not script.environment:
        return asked, {}
    text = (project.folder / script.content).read_bytes() + os.fsencode(" ".join(script.words))
    pairs = (project.folder / ENVIRONMENT).read_bytes().split(b"\0")
    known = {name: value for name, _, value in (pair.partition(b"=") for pair in pairs)}
    return asked, {name: known.get(name, b"") for name in _VARIABLE.findall(text)}
