"""Progress of the rounds, counted in tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.core.records import Outcome
from planner.core.wording import count
from planner.project.folder import ProjectFolder
from planner.rounds.progress import PLANNED, TaskStatus

DONE, RUNNING, WAITING, LATER = "done", "running", "waiting", "not planned yet"
# in this order
FAILED = tuple(
    outcome.value for outcome in (Outcome.FAILED, Outcome.OOM, Outcome.TIMEOUT, Outcome.INFRA, Outcome.CANCELLED)
)
KINDS = (DONE, *FAILED, RUNNING, WAITING, PLANNED, LATER)
# states of a job that has its nodes, in accounting and squeue
_RUNS = {"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Number of tasks in each state.

    Attributes
    ----------
    tasks : int
    attempts : int
        Attempts that were started.
    counts : mapping of str to int
        Number of tasks of each kind in `KINDS`.
    """

    tasks: int
    attempts: int
    counts: Mapping[str, int]

    def sentence(self) -> str:
        """Return the counts in words: ``14 of 22 tasks done, 1 failed, 7 waiting``."""
        done = f"{self.counts.get(DONE, 0)} of {count(self.tasks, 'task')} done"
        others = [f"{self.counts[kind]} {kind}" for kind in KINDS if kind != DONE and self.counts.get(kind)]
        retried = f" ({self.attempts} attempts)" if self.attempts > self.tasks else ""
        return ", ".join([done, *others]) + retried


def kind_of(one: TaskStatus) -> str:
    """Return the kind of a task's state by its last attempt, one of `KINDS`."""
    if one.outcome is not None:
        return DONE if one.outcome is Outcome.COMPLETED else one.outcome.value
    if one.job_id is None:
        return PLANNED
    return RUNNING if one.state in _RUNS else WAITING


def has_failed(one: TaskStatus) -> bool:
    """Whether an attempt ended without a result."""
    return one.outcome not in (None, Outcome.COMPLETED)


def latest(found: Iterable[TaskStatus]) -> dict[str, TaskStatus]:
    """Return the status of every task: its completed attempt if there is one, otherwise its last attempt."""
    last: dict[str, TaskStatus] = {}
    for one in found:
        if one.task not in last or last[one.task].outcome is not Outcome.COMPLETED:
            last[one.task] = one
    return last


def tally(found: Sequence[TaskStatus], later: Iterable[str] = ()) -> Tally:
    """Count tasks.

    Parameters
    ----------
    found : sequence of TaskStatus
        Attempts in the order of the rounds, and planned tasks.
    later : iterable of str
        Tasks that the last plan leaves for a later round.
    """
    last = latest(found)
    counts = Counter(kind_of(one) for one in last.values())
    unplanned = len(set(later) - last.keys())
    if unplanned:
        counts[LATER] = unplanned
    attempts = sum(one.job_id is not None for one in found)
    return Tally(tasks=len(last) + unplanned, attempts=attempts, counts=counts)


def left_for_later(project: ProjectFolder) -> list[str]:
    """Return the tasks that the last plan leaves out; those that no round has run come in a later one."""
    numbers = project.round_numbers()
    return [left.task for left in project.plan(numbers[-1]).left_out] if numbers else []
