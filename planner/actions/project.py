"""A project from Python: what the commands do in its folder, as methods."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, overload

from planner.actions import learning, opening, planning, rounds
from planner.actions.observations import Observations
from planner.core.errors import InputError
from planner.core.frames import frame, html_table

if TYPE_CHECKING:
    import pandas as pd

    from planner.core.records import Observation
    from planner.memory.model import MemoryModel
    from planner.plan.document import Plan
    from planner.project.journal import Submission
    from planner.rounds.ingest import Ingested
    from planner.rounds.progress import TaskStatus

_COLUMNS = ("task", "round", "state", "request_mb", "peak_mb", "wall_s", "job_id")


class TaskStatuses(Sequence["TaskStatus"]):
    """How the tasks of a project stand: every attempt of every round, and what is planned and not started."""

    def __init__(self, found: Iterable[TaskStatus]) -> None:
        self._found = tuple(found)

    @overload
    def __getitem__(self, index: int) -> TaskStatus: ...
    @overload
    def __getitem__(self, index: slice) -> TaskStatuses: ...
    def __getitem__(self, index: int | slice) -> TaskStatus | TaskStatuses:
        return TaskStatuses(self._found[index]) if isinstance(index, slice) else self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[TaskStatus]:
        return iter(self._found)

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        counts: dict[str, int] = {}
        for one in self._found:
            counts[one.state] = counts.get(one.state, 0) + 1
        return counts

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attempt."""
        return frame(asdict(one) for one in self._found)

    def __repr__(self) -> str:
        return f"<TaskStatuses: {', '.join(f'{count} {state}' for state, count in self.counts.items()) or 'none'}>"

    def _repr_html_(self) -> str:
        return html_table(repr(self), _COLUMNS, [[getattr(one, name) for name in _COLUMNS] for one in self._found])


class Project:
    """A folder with ``chromplan.toml``, and what the commands do there.

    Parameters
    ----------
    folder : path
        It need not hold a ``chromplan.toml`` as long as only its history is used.

    Raises
    ------
    InputError
        When there is no such folder. Methods raise it for whatever in the folder cannot be used, and `FailureError`
        where the input is fine and something else is not: Slurm does not answer, another command is at work there.
    """

    def __init__(self, folder: str | os.PathLike[str] = ".") -> None:
        self._folder = opening.open_project(Path(folder))

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._folder.folder

    @property
    def history(self) -> Observations:
        """What is recorded of past tasks, of all tools."""
        if not self._folder.store_path.exists():
            return Observations()
        with opening.open_store(self._folder) as store:
            return Observations(store.observations())

    def record(self, observations: Iterable[Observation]) -> int:
        """Add observations to the history, as 'chromplan history import' does; return how many are new.

        Adding them again changes nothing.
        """
        with opening.open_store(self._folder) as store:
            return store.add(list(observations), guessed=True).new

    def fit(self) -> MemoryModel:
        """Fit the pipeline's tool from the history, and save the model, from which the next plan starts.

        Raises
        ------
        InputError
            When nothing can be learnt: the reasons are in the message.
        """
        with opening.open_store(self._folder) as store:
            fitted = learning.fit_tool(self._folder, store, self._folder.config())
        if not fitted.fitted:
            why = "; ".join(f"{count} {reason}" for reason, count in sorted(fitted.skipped.items()))
            raise InputError(
                f"nothing can be learnt about {fitted.tool}: {why or 'nothing is recorded'}",
                "record completed runs that have the features of chromplan.toml",
            )
        return fitted

    def plan(
        self,
        mode: str | None = None,
        *,
        packer: str | None = None,
        order: str | None = None,
        retry_failed: bool = False,
        again: bool = False,
        write: bool = True,
    ) -> Plan:
        """Decide every request and the order of what is left, as 'chromplan plan' does.

        Parameters
        ----------
        mode : str, optional
            Instead of ``submit.mode``.
        packer : str, optional
            Modes packed and het: how tasks are dealt to allocations, instead of ``submit.packer``.
        order : str, optional
            With ``submit.max_running``: how the order is searched for, instead of ``submit.order``.
        retry_failed : bool
            Run failed and cancelled tasks again.
        again : bool
            Plan every task, even those that are done.
        write : bool
            Whether ``rounds/rNNN/plan.json`` is written, for `render` and `submit`; a plan without tasks never is.

        Raises
        ------
        InputError
            For a mode, packer or order that does not exist, a mode that is impossible on the site, or a task that no
            node holds.
        FailureError
            When another command is at work in the project, or a round is partly submitted.
        """
        submit = {"packer": packer, "order": order}
        if not write:
            return planning.make_plan(self._folder, mode=mode, submit=submit, retry_failed=retry_failed, again=again)
        return rounds.plan_next(self._folder, mode, submit=submit, retry_failed=retry_failed, again=again)[0]

    def render(self, *, template_folder: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the scripts of the planned round; return their paths.

        Parameters
        ----------
        template_folder : path, optional
            Its templates go before the bundled ones.
        """
        templates = None if template_folder is None else Path(template_folder)
        return rounds.render_latest(self._folder, template_folder=templates)

    def submit(self, *, then_next: bool = False, say: Callable[[str], None] = lambda _: None) -> Submission:
        """Submit the rendered round; safe to repeat after any crash.

        Parameters
        ----------
        then_next : bool
            Whether a job waits for all others and goes on with the next round.
        say : callable
            Hears what is done, line by line.
        """
        return rounds.submit_latest(self._folder, say=say, then_next=then_next)

    def status(self, *, offline: bool = False) -> TaskStatuses:
        """Return how every task stands; one sacct call where tasks are in flight, none when ``offline``."""
        return TaskStatuses(rounds.latest_statuses(self._folder, offline=offline))

    def ingest(self) -> Ingested:
        """Record what the ended tasks used, as 'chromplan ingest' does."""
        return rounds.ingest_ended(self._folder)

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"
