"""Measured savings so far: memory x time that the rounds reserved, compared with one ``--mem`` for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner import slurm
from planner.core.errors import FailureError
from planner.core.memory_time import in_words, same, unit_for
from planner.core.records import Outcome
from planner.core.wording import count
from planner.history.sacct import read as sacct
from planner.project import manifest
from planner.project.folder import ProjectFolder
from planner.rounds.progress import TaskStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredSavings:
    """Memory x time that was reserved, against one ``--mem`` for all.

    Attributes
    ----------
    reserved_mb_s : float
        Of all attempts, those that were killed included, MiB s.
    one_mem_mb : int or None
        The ``--mem`` without a planner, MiB: ``memory.default_mb`` if that is enough for every task, otherwise
        the largest limit under which a task completed. None while a task that was killed for memory has not
        completed, as its need is unknown.
    one_mem_mb_s : float
        What would have been reserved with it, MiB s: every attempt for its run time, without those killed for memory.
    done : int
        Tasks with a result.
    killed : int
        Attempts killed for memory.
    """

    reserved_mb_s: float
    one_mem_mb: int | None
    one_mem_mb_s: float
    done: int
    killed: int

    @property
    def saved_mb_s(self) -> float | None:
        """What was saved, MiB s; None while that cannot be known."""
        return None if self.one_mem_mb is None else self.one_mem_mb_s - self.reserved_mb_s

    def sentence(self) -> str:
        """Return the savings in words, on one line."""
        unit = unit_for(max(self.one_mem_mb_s, self.reserved_mb_s))
        killed = f", {count(self.killed, 'killed attempt')} included" if self.killed else ""
        has = f"reserved {unit.text(self.reserved_mb_s)} for {count(self.done, 'task')} done{killed}"
        if self.one_mem_mb is None:
            return f"{has}; what that saved is known once the killed have completed"
        share = 1 - self.reserved_mb_s / self.one_mem_mb_s
        if same(share):
            return has
        return f"{has}; one --mem={self.one_mem_mb}M for all: {unit.text(self.one_mem_mb_s)}: {in_words(share)}"


def measure(project: ProjectFolder, found: Sequence[TaskStatus], *, former_mb: int | None) -> MeasuredSavings | None:
    """Return the savings so far; None while nothing is done, or when accounting does not say.

    Jobs of one task held their limit for their run time, which is recorded. For allocations that ran several tasks,
    one sacct call is made.

    Parameters
    ----------
    found : sequence of TaskStatus
    former_mb : int or None
        What the user asked for before, MiB (``memory.default_mb``).
    """
    ended = [one for one in found if one.outcome is not None and one.wall_s is not None]
    completed = [one for one in ended if one.outcome is Outcome.COMPLETED]
    if not completed:
        return None
    shared = {number: ids for number in {one.round for one in ended} if (ids := _allocations(project, number))}
    try:
        reserved_mb_s = sum(_allocated_mb_s(ids, project.plan(number).cluster) for number, ids in shared.items())
    except FailureError:
        return None
    reserved_mb_s += sum(one.request_mb * (one.wall_s or 0.0) for one in ended if one.round not in shared)
    done = {one.task for one in completed}
    killed = [one for one in ended if one.outcome is Outcome.OOM]
    one_mem_mb = _one_mem_mb(completed, former_mb) if all(one.task in done for one in killed) else None
    needed = [one for one in ended if one.outcome is not Outcome.OOM]
    one_mem_mb_s = (one_mem_mb or 0) * sum(one.wall_s or 0.0 for one in needed)
    if not reserved_mb_s or (one_mem_mb is not None and not one_mem_mb_s):
        return None
    return MeasuredSavings(
        reserved_mb_s=reserved_mb_s,
        one_mem_mb=one_mem_mb,
        one_mem_mb_s=one_mem_mb_s,
        done=len(done),
        killed=len(killed),
    )


def _one_mem_mb(completed: Sequence[TaskStatus], former_mb: int | None) -> int:
    peak_mb = max(one.peak_mb or 0.0 for one in completed)
    return former_mb if former_mb and former_mb >= peak_mb else max(one.request_mb for one in completed)


def _allocations(project: ProjectFolder, number: int) -> list[str]:
    """Return the ids of a round's jobs that ran several tasks each."""
    entries = manifest.read(project.round_folder(number))
    return sorted({entry.job_id for entry in entries if entry.is_step or entry.is_driven})


def _allocated_mb_s(job_ids: Sequence[str], cluster: str | None) -> float:
    printed = slurm.accounting(job_ids, cluster=cluster)
    return sum((one.limit_mb or 0) * (one.wall_s or 0.0) for one in sacct.read_text(printed).attempts)
