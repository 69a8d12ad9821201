"""Updates to elements of held arrays: each gets its memory, time limit and place in the order before its release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from planner import slurm
from planner.core import units
from planner.plan.document import Plan
from planner.project import turns
from planner.project.journal import SubmittedJob
from planner.scripts.job import Job
from planner.scripts.options import Update, as_updated, updates


class NotTaken(Exception):  # noqa: N818 - not an error: the way to tiers
    """The cluster did not apply the elements' own memory."""


class Elements:
    """Changes to the elements of a plan's held arrays.

    Parameters
    ----------
    plan : Plan
    layout : mapping of str to Job
        Script -> array.
    settings : Settings, optional
        The cluster's settings, if they are known already.
    """

    def __init__(self, plan: Plan, layout: Mapping[str, Job], settings: slurm.Settings | None = None) -> None:
        self._settings = settings
        self._plan = plan
        self._cluster = plan.cluster
        self._layout = layout

    def give(self, held: Sequence[SubmittedJob], *, resumed: bool) -> list[str]:
        """Set the memory of each pending element, check that it was applied, and release them in the plan's order.

        Elements that somebody else has released meanwhile, and that have started, are left alone.

        Returns
        -------
        list of str
            Notes for the user.

        Raises
        ------
        NotTaken
            When an element does not have the memory it was given.
        FailureError
            When Slurm does not answer.
        """
        ids = {job.script: job.job_id or "" for job in held}
        if resumed:
            for job in held:
                self.take_out(job)
        known = slurm.elements(ids.values(), cluster=self._cluster) if resumed else None
        waiting = None if known is None else {name for name, one in known.items() if one.state == "PENDING"}
        if known and not waiting and not any(one.begun for one in known.values()):
            raise NotTaken("the array was cancelled meanwhile")
        if waiting == set():
            return []
        wanted = self._wanted(ids, waiting)
        failure = self._update(wanted, ids)
        given = slurm.elements(ids.values(), cluster=self._cluster)
        gone = {name for name, one in given.items() if one.state != "PENDING"}
        still = [few for one in wanted if (few := _without(one, ids[one.script], gone))]
        left = {name: one for one in still for name in one.names(ids[one.script])}
        wrong = sum(name not in given or given[name].mem_mb != one.mem_mb for name, one in left.items())
        if wrong and failure is not None and failure.on_the_way:
            raise failure
        if wrong:
            kept = f"{wrong} of {len(left)} elements kept another memory"
            raise NotTaken(kept if failure is None else failure.said.splitlines()[0])
        if not (self._plan.user_script and self._plan.user_script.held):
            self._release([one.name(ids[one.script]) for one in still] or ids.values())
        return [*self._kept_times(left, given), *self._no_order(left, given)]

    def _release(self, names: Iterable[str]) -> None:
        try:
            slurm.release(names, cluster=self._cluster)
        except slurm.SlurmError as error:
            if error.verdict is not slurm.Verdict.REFUSED:
                raise
            # a job that an administrator (at times Slurm itself) holds cannot be released by its owner, only cancelled
            raise NotTaken(error.said.splitlines()[0]) from None

    def _kept_times(self, wanted: Mapping[str, Update], given: Mapping[str, slurm.ArrayElement]) -> list[str]:
        times = [given[name].time_limit_s == _seconds(one) for name, one in wanted.items() if one.time_limit]
        if all(times):
            return []
        return [f"{times.count(False)} of {len(times)} elements keep the array's time limit: theirs was refused"]

    def _no_order(self, wanted: Mapping[str, Update], given: Mapping[str, slurm.ArrayElement]) -> list[str]:
        """Return notes on why the elements start in another order than the plan's."""
        if not self.settings.computes_priority or self.settings.goes_by_list or len(wanted) == 1:
            return []
        if not self.settings.has_weights:
            return ["no factor of this cluster's priorities has a weight: elements start by index"]
        if any(given[name].nice != one.nice for name, one in wanted.items()):
            return ["the elements' Nice was refused: they start by index"]
        return []

    @cached_property
    def settings(self) -> slurm.Settings:
        """How this cluster computes priorities, and how many jobs it holds."""
        return self._settings or slurm.settings(cluster=self._cluster)

    def take_out(self, job: SubmittedJob) -> None:
        """Cancel the elements of a user's array that do not run in this round."""
        absent = self._layout[job.script].absent
        if absent:
            slurm.cancel(f"{job.job_id}_[{absent}]", cluster=self._cluster)

    def _wanted(self, ids: Mapping[str, str], waiting: Collection[str] | None) -> list[Update]:
        found = updates(self._plan, [self._layout[script] for script in ids])
        if waiting is None:
            return found
        known = {name for one in found for name in one.names(ids[one.script])}
        over = known - set(waiting)
        return [few for one in found if (few := _without(one, ids[one.script], over))]

    def put_first(self, job: SubmittedJob) -> None:
        """Update the elements of an array before another one is submitted.

        Under sched/builtin an element's place in the list of jobs is set by its update.
        """
        ids = {job.script: job.job_id or ""}
        self._update(self._wanted(ids, None), ids)

    def _update(self, wanted: Sequence[Update], ids: Mapping[str, str]) -> slurm.SlurmError | None:
        """Set the elements' memory, time limits and places in the order; return Slurm's error, if any.

        If Slurm refuses that, set memory alone: the array's time limit is long enough for each element.
        """
        nice = self.settings.computes_priority
        named = [
            (one, one.name(ids[one.script])) for one in (wanted if self.settings.goes_by_list else as_updated(wanted))
        ]
        full = [one.command(name, nice=nice) for one, name in named]
        alone = [one.command(name, times=False, nice=False) for one, name in named]
        failure: slurm.SlurmError | None = None
        if not wanted:
            return None
        for commands in (full, alone) if full != alone else (full,):
            try:
                slurm.update(commands, cluster=self._cluster)
            except slurm.SlurmError as error:
                failure = error
            else:
                return None
        return failure

    def cancel(self, refused: Iterable[SubmittedJob], folder: Path) -> set[str]:
        """Cancel the pending elements of these arrays, and return the tasks that have started all the same."""
        refused = list(refused)
        ids = [job.job_id or "" for job in refused]
        # scancel would also end what starts between its own look and its request
        slurm.hold([name for name, one in self._elements(ids).items() if not one.begun], cluster=self._cluster)
        for job_id in ids:
            slurm.cancel(job_id, waiting=True, cluster=self._cluster)
        known = self._elements(ids)
        owners = turns.owners(folder)
        begun: set[str] = set()
        for job in refused:
            for task in job.tasks:
                name = f"{job.job_id}{task.part}"
                if (name in known and known[name].begun) or owners.get(task.task) == name:
                    begun.add(task.task)
        return begun

    def _elements(self, ids: Sequence[str]) -> dict[str, slurm.ArrayElement]:
        return slurm.elements(ids, cluster=self._cluster)


def _without(one: Update, job_id: str, gone: Collection[str]) -> Update | None:
    """Return an update without these elements; None when none is left."""
    pairs = zip(one.elements, one.names(job_id), strict=True)
    left = tuple(element for element, name in pairs if name not in gone)
    return replace(one, elements=left) if left else None


def _seconds(one: Update) -> float | None:
    return units.parse_duration_s(one.time_limit) if one.time_limit else None
