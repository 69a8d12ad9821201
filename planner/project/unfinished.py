"""Partly submitted rounds, and which of their jobs Slurm has."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.project.journal import read_journal

WAYS_ON = "'chromplan submit' goes on with it, 'chromplan cancel' gives it up"
_STANDS = {
    "wanted": "not asked for",
    "asked": "asked for",
    "held": "held until its elements have their memory",
    "refused": "its waiting elements end",
    "submitted": "on its way",
}


@dataclass(frozen=True, slots=True)
class LooseEnds:
    """Rounds whose submission is not settled.

    Attributes
    ----------
    partial : list of int
        Partly submitted rounds.
    doubted : list of int
        Rounds of which a duplicate job may still appear.
    """

    partial: list[int] = field(default_factory=list)
    doubted: list[int] = field(default_factory=list)


def unfinished(project: ProjectFolder, *, write: bool = True) -> list[int]:
    """Return the partly submitted rounds; bring the manifests of the others up to date."""
    return loose_ends(project, write=write).partial


def loose_ends(project: ProjectFolder, *, write: bool = True) -> LooseEnds:
    """Return the rounds whose submission is not settled; bring the manifests of submitted rounds up to date."""
    found = LooseEnds()
    now_s = time.time()
    for number in project.round_numbers():
        folder = project.round_folder(number)
        submission = read_journal(folder)
        if submission is None:
            # submit.sh was interrupted
            if (folder / manifest.PART_FILE).exists():
                found.partial.append(number)
            continue
        if submission.doubted(now_s):
            found.doubted.append(number)
        if not submission.done and not (write and submission.untouched):
            found.partial.append(number)
        elif write and submission.done:
            manifest.derive(folder, submission)
        elif write:
            manifest.forget(folder)
    return found


def in_part(project: ProjectFolder) -> list[str]:
    """Return a line for each partly submitted round: what is in the queue, and what to do."""
    found = []
    for number in unfinished(project, write=False):
        folder = project.round_folder(number)
        submission = read_journal(folder)
        jobs = [job for job in submission.jobs if job.state != "cancelled"] if submission else []
        known = [f"{job.job_id} ({_STANDS[job.state]})" for job in jobs if job.job_id]
        asked = sum(job.state == "asked" and not job.job_id for job in jobs)
        parts = [f"in the queue: {', '.join(known)}"] if known else []
        parts += [f"{asked} of which it is not known whether Slurm took it"] if asked else []
        what = "; ".join(parts) or "nothing of it is in the queue yet"
        found.append(f"round {folder.name} is submitted only in part: {what}; {WAYS_ON}")
    return found


def stands(project: ProjectFolder, number: int) -> list[str]:
    """Return one or more lines that say what of a round is in the queue, for a user who interrupted its submission."""
    found = in_part(project)
    name = project.round_folder(number).name
    submission = read_journal(project.round_folder(number))
    if found or submission is None:
        return found or [f"nothing of round {name} is in the queue"]
    jobs = ", ".join(submission.ids)
    return [f"round {name} is submitted: job{'s' * (len(submission.ids) > 1)} {jobs}; 'chromplan cancel' ends it"]
