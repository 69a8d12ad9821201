"""A batch script becomes a run: a new one, or the earlier one that was cut short while it was submitted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from planner.actions.wrapping import Choices, HandedOver, Say, Where, fill, tasks_of, where
from planner.core.errors import InputError
from planner.project.folder import ProjectFolder
from planner.rounds import door
from planner.wrap import data_folder, interrupted, project
from planner.wrap.request import Request

# another terminal may be submitting the same script
_PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptRun:
    """A run of a script, not submitted yet, or in part.

    Attributes
    ----------
    is_earlier : bool
        Whether it is an earlier one, whose submission is finished now.
    place : Where
        The cluster it goes to.
    """

    project: ProjectFolder
    is_earlier: bool
    place: Where


def run_of(handed: HandedOver, asked: Request, choices: Choices, *, say: Say) -> ScriptRun:
    """Make a run of a script: a project of its own in the user's data folder, or where ``into`` says.

    A command that was killed and is repeated must not run its tasks twice: an earlier run of the same script whose
    submission was cut short is resumed instead.

    Raises
    ------
    InputError
        When another run is in the folder that ``into`` names.
    FailureError
        When another command is at work on the earlier run, or Slurm does not answer.
    """
    tasks_of(handed, asked, choices)  # what is wrong with it is said before anything is made
    place = where(choices)
    if choices.into is not None:
        named = ProjectFolder(choices.into)
        if data_folder.is_submitted(named):
            same = _same_in(named, handed, asked, choices, place, say=say)
            return ScriptRun(project=same, is_earlier=True, place=place)
        data_folder.share_history(named, place.history(choices))
        fill(named, handed, asked, choices, place, say=say)
        return ScriptRun(project=named, is_earlier=False, place=place)
    made = data_folder.new_run(project.name_of(asked), store=place.history(choices)).project
    with data_folder.kept_if_submitted(made):
        fill(made, handed, asked, choices, place, say=say)
        earlier = [run.project for run in reversed(data_folder.runs()) if run.project.folder != made.folder]
        found = _gone_on_with(made, earlier, say=say)
    if found is None:
        return ScriptRun(project=made, is_earlier=False, place=place)
    shutil.rmtree(made.folder, ignore_errors=True)
    return ScriptRun(project=found, is_earlier=True, place=place)


def _same_in(
    named: ProjectFolder, handed: HandedOver, asked: Request, choices: Choices, place: Where, *, say: Say
) -> ProjectFolder:
    """Return the run in a folder that ``into`` names, if it is this one and was cut short."""
    # beside it, since --after is looked for beside a run
    with tempfile.TemporaryDirectory(prefix=".chromplan-", dir=named.folder.absolute().parent) as name:
        again = ProjectFolder(Path(name))
        data_folder.share_history(again, place.history(choices))
        fill(again, handed, asked, replace(choices, no_history=True), place, say=lambda _: None)
        found = _gone_on_with(again, [named], say=say)
    if found is None:
        raise InputError(
            f"{named.folder}: the folder already holds a run: another one, or one that was submitted in full",
            "each submission is a run of its own: name another folder",
        )
    return found


def _gone_on_with(made: ProjectFolder, earlier: Iterable[ProjectFolder], *, say: Say) -> ProjectFolder | None:
    """Finish the submission of an earlier run that is the new one; return it, None without any."""
    found = interrupted.same_as(made, earlier)
    if found is None:
        return None
    say(f"{found.folder} is an earlier run of this script whose submission was cut short")
    with door.at_work(found, finish=say, wait_s=_PATIENCE_S) as finished:
        # else it was being submitted, and is another run
        return found if finished or interrupted.is_untold(found) else None
