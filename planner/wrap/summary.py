"""One line on what has become of a run, from the records, and from Slurm while something is in flight."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from planner.core import files, units
from planner.core.documents import Document, parse_json, read_text
from planner.core.errors import PlannerError
from planner.core.records import Outcome
from planner.history.store import Store
from planner.project.journal import journals
from planner.rounds import batch_calls, door, ingest, progress, saved, tally
from planner.rounds.progress import TaskStatus
from planner.wrap.data_folder import UserRun

_FILE = "summary.json"
_DAY_S = 86_400


class RunSummary(Document):
    """A run as it stands.

    ``state`` is ``done``, ``running``, ``waiting``, ``left`` (what was killed for memory or time, or lost, may run
    again: 'chromplan next'), ``failed``, or ``not submitted``.
    """

    run: int
    name: str
    state: str
    tasks: int
    completed: int
    counts: Mapping[str, int]
    submitted_s: int | None
    jobs: tuple[str, ...]
    saved_gb_h: float | None
    """Less memory x time than one ``--mem`` that holds every task would have reserved: the script's own, where it does.
    None while nothing is done."""
    folder: str


def summarize(run: UserRun, *, offline: bool = False) -> RunSummary:
    """Return how a run stands; what has ended is recorded first, unless ``offline``.

    A run that has come to its end is looked at once.

    Raises
    ------
    PlannerError
        When its files cannot be read, or Slurm does not answer.
    """
    kept = run.project.state / _FILE
    rounds = len(run.project.round_numbers())
    if kept.exists():
        found = parse_json(read_text(kept, hint="remove it"), _Kept, path=kept, hint="remove it")
        if found.rounds == rounds:
            return found.summary
    with Store.open(run.project.store_path) as store:
        if not offline:
            with door.looking(run.project):
                ingest.ingest(run.project, store)
        observations = store.observations(tool=run.project.config().pipeline.tool)
    summary = _of(run, progress.statuses(run.project, observations))
    if summary.state in ("done", "failed") and not offline:
        files.write_text(kept, _Kept(rounds=rounds, summary=summary).model_dump_json() + "\n")
    return summary


class _Kept(Document):
    rounds: int
    summary: RunSummary


def _of(run: UserRun, found: Sequence[TaskStatus]) -> RunSummary:
    config = run.project.config()
    submissions = journals(map(run.project.round_folder, run.project.round_numbers()))
    last = {one.task: one for one in found}
    counts: dict[str, int] = {}
    for one in last.values():
        counts[tally.kind_of(one)] = counts.get(tally.kind_of(one), 0) + 1
    tasks = len(config.wrap.elements) if config.wrap else len(last)
    measured = saved.measure(run.project, found, former_mb=config.memory.default_mb)
    return RunSummary(
        run=run.number,
        name=run.name,
        state=_state(counts, tasks, submitted=bool(submissions)),
        tasks=tasks,
        completed=counts.get(tally.DONE, 0),
        counts=counts,
        submitted_s=submissions[0].started_s if submissions else None,
        jobs=tuple(job_id for one in submissions for job_id in one.ids),
        saved_gb_h=None if measured is None else (measured.one_mem_mb_s - measured.reserved_mb_s) * units.GB_H,
        folder=str(run.project.folder),
    )


def _state(counts: Mapping[str, int], tasks: int, *, submitted: bool) -> str:
    if not submitted:
        return "not submitted"
    for kind in (tally.RUNNING, tally.WAITING):
        if counts.get(kind):
            return kind
    if counts.get(tally.DONE, 0) == tasks:
        return "done"
    for_good = sum(counts.get(outcome, 0) for outcome in (Outcome.FAILED, Outcome.CANCELLED))
    return "failed" if counts.get(tally.DONE, 0) + for_good == tasks else "left"


def prunable(runs: Sequence[UserRun], *, older_days: float, offline: bool = False) -> list[UserRun]:
    """Return the runs that have come to their end, and were submitted so many days ago.

    What still runs, waits, or has tasks left stays, and so does what cannot be read. What was killed before it
    submitted anything goes after a day.
    """
    now_s = time.time()
    before_s = now_s - older_days * _DAY_S
    found = []
    for run in runs:
        if not run.submitted:
            if run.project.folder.stat().st_mtime < now_s - _DAY_S:
                found.append(run)
            continue
        try:
            summary = summarize(run, offline=offline)
        except PlannerError:
            continue
        if summary.state in ("done", "failed") and (summary.submitted_s or before_s) < before_s:
            found.append(run)
    return found


def remove(run: UserRun) -> None:
    """Remove a run's folder, and the hidden copy beside the user's script; what it measured stays in the history."""
    with contextlib.suppress(PlannerError, OSError):  # one that was killed while it was made
        wrap = run.project.config().wrap
        if wrap is not None and wrap.path:
            content = (run.project.folder / wrap.content).read_bytes()
            batch_calls.hidden_copy(Path(wrap.path), content).unlink(missing_ok=True)
    shutil.rmtree(run.project.folder)
