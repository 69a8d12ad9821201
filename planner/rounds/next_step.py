"""The command to run next, given the state of the rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from planner.core.records import Outcome
from planner.core.wording import count
from planner.project import journal
from planner.project.folder import ProjectFolder
from planner.project.unfinished import unfinished
from planner.rounds import tally
from planner.rounds.progress import PLANNED, TaskStatus

# only a person can fix these: not run again unasked
_MENDED = {Outcome.FAILED, Outcome.CANCELLED}
_SUPPORT = ("JobHeldAdmin", "launch failed", "job requeued", "MaxRequeue")


def next_step(project: ProjectFolder, found: Sequence[TaskStatus]) -> str:
    """Return the next command, with an explanation, on one line."""
    known = tally.latest(found)
    last = list(known.values())
    flying = [one for one in last if one.in_flight]
    if unfinished(project, write=False):
        return "next: chromplan submit"
    if flying and all(one.wait and one.wait.stuck for one in flying):
        return f"next: {never_starts(project, flying)[1]}"
    if flying:
        return "next: chromplan watch, until all have ended"
    numbers = project.round_numbers()
    if any(one.state == PLANNED and one.round == numbers[-1] for one in last):
        return f"next: {_start(project, numbers[-1])}"
    rest = {one.outcome for one in last} - {Outcome.COMPLETED}
    if set(tally.left_for_later(project)) - known.keys() or rest - _MENDED:
        return "next: chromplan next"
    if rest:
        return "next: correct what went wrong, then chromplan next --retry-failed"
    if all(one.recorded for one in found):
        return "nothing is left to run: every task is done"
    return "next: chromplan next, which records what the tasks used"


def _start(project: ProjectFolder, number: int) -> str:
    """Return the command that starts the planned tasks of a round."""
    if project.submitted(number):
        return "chromplan next"  # its jobs have ended without running them
    if project.started(number):
        return "chromplan run --local, which goes on with it"
    if not project.rendered(number):
        return "chromplan render"
    return "chromplan run --local" if project.plan(number).target.site.name == "local" else "chromplan submit"


def never_starts(project: ProjectFolder, stuck: Sequence[TaskStatus]) -> tuple[str, str]:
    """Return an error and a hint for tasks that never start unless somebody acts."""
    words = Counter(one.wait.words for one in stuck if one.wait)
    reason, some = words.most_common(1)[0]
    first = next(one for one in stuck if one.wait and one.wait.words == reason)
    others = f", {len(stuck) - some} for other reasons ('chromplan status')" if len(stuck) > some else ""
    message = f"{count(len(stuck), 'task')} would wait for ever: {first.task} (job {first.job_id}): {reason}{others}"
    submission = journal.read_journal(project.round_folder(first.round))
    if submission is not None and not submission.done:
        return message, "its submission was cut short: 'chromplan submit' finishes it"
    jobs = ",".join(sorted({(one.job_id or "").partition("_")[0].partition("+")[0] for one in stuck}))
    if first.wait and first.wait.reason.startswith(_SUPPORT):
        return (
            message,
            f"'scontrol release {jobs}' if you may, else ask your site's support; or 'chromplan cancel'",
        )
    if first.wait and "eld" in first.wait.reason:
        return message, f"let them start with 'scontrol release {jobs}', or end them with 'chromplan cancel'"
    return message, "end them with 'chromplan cancel', correct chromplan.toml, then 'chromplan next --retry-failed'"
