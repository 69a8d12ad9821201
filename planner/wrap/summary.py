"""One-line summaries of runs, from the records, and from Slurm while tasks are in flight."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from planner.core import files, units
from planner.core.documents import Document, parse_json, read_text
from planner.core.errors import PlannerError
from planner.core.records import Outcome
from planner.history.store import Store
from planner.project.folder import ProjectFolder
from planner.project.journal import journals
from planner.rounds import batch_calls, progress, saved, tally
from planner.rounds.progress import TaskStatus
from planner.wrap import together
from planner.wrap.data_folder import UserRun
from planner.wrap.together import LookedAt

_FILE = "summary.json"
_ENDED = ("done", "failed")
_AT_ONCE = 200
Found = TypeVar("Found")
_DAY_S = 86_400


class RunSummary(Document):
    """The state of a run.

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


def summaries(runs: Sequence[UserRun], *, offline: bool = False) -> Iterator[tuple[UserRun, RunSummary | PlannerError]]:
    """Return the state of each run, or the error that prevents it; ended tasks are recorded first, unless ``offline``.

    The summary of a finished run is kept, so it is computed only once.
    """

    def judged(run: UserRun, found: Sequence[TaskStatus]) -> RunSummary:
        summary = _of(run, found)
        if summary.state in _ENDED and not offline:
            _keep(run, summary)
        return summary

    ready = _looked_at(runs, _kept, judged, offline=offline)
    return ((run, ready[run.number]) for run in runs)


def _looked_at(
    runs: Sequence[UserRun],
    known: Callable[[UserRun], Found | None],
    judged: Callable[[UserRun, Sequence[TaskStatus]], Found],
    *,
    offline: bool,
) -> dict[int, Found | PlannerError]:
    """Return run number -> the known summary, or the states of its tasks to make one from.

    Runs that share a history are looked at together, some hundred at a time: plans of thousands would fill the memory.
    """
    ready: dict[int, Found | PlannerError] = {}
    by_history: dict[Path, list[UserRun]] = {}
    for run in runs:
        try:
            found = known(run)
        except PlannerError as error:
            ready[run.number] = error
            continue
        if found is None:
            by_history.setdefault(run.project.store_path.resolve(), []).append(run)
        else:
            ready[run.number] = found
    for path, some in by_history.items():
        for first in range(0, len(some), _AT_ONCE):
            group = [replace(run, project=ProjectFolder(run.project.folder)) for run in some[first : first + _AT_ONCE]]
            try:
                with Store.open(path) as store:
                    looked = together.look([run.project for run in group], store, offline=offline)
            except PlannerError as error:
                looked = [error] * len(group)
            ready |= {run.number: _judge(run, seen, judged) for run, seen in zip(group, looked, strict=True)}
    return ready


def _judge(
    run: UserRun, seen: LookedAt | PlannerError, judged: Callable[[UserRun, Sequence[TaskStatus]], Found]
) -> Found | PlannerError:
    if isinstance(seen, PlannerError):
        return seen
    try:
        known = progress.statuses(run.project, seen.observations)
        states = seen.states
        return judged(
            run, [replace(one, state=states.get(one.task, one.state)) if one.in_flight else one for one in known]
        )
    except PlannerError as error:
        return error


def _kept(run: UserRun) -> RunSummary | None:
    """Return the kept summary of a finished run, unless a round was added since."""
    path = run.project.state / _FILE
    if not path.exists():
        return None
    found = parse_json(read_text(path, hint="remove it"), _Kept, path=path, hint="remove it")
    return found.summary if found.rounds == len(run.project.round_numbers()) else None


def _keep(run: UserRun, summary: RunSummary) -> None:
    kept = _Kept(rounds=len(run.project.round_numbers()), summary=summary)
    files.write_text(run.project.state / _FILE, kept.model_dump_json() + "\n")


class _Kept(Document):
    rounds: int
    summary: RunSummary


def _of(run: UserRun, found: Sequence[TaskStatus]) -> RunSummary:
    config = run.project.config()
    submissions = journals(map(run.project.round_folder, run.project.round_numbers()))
    counts = _counts(found)
    measured = saved.measure(run.project, found, former_mb=config.memory.default_mb)
    saved_mb_s = None if measured is None else measured.saved_mb_s
    return RunSummary(
        run=run.number,
        name=run.name,
        state=_state(run, counts),
        tasks=_tasks(run),
        completed=counts.get(tally.DONE, 0),
        counts=counts,
        submitted_s=submissions[0].started_s if submissions else None,
        jobs=tuple(job_id for one in submissions for job_id in one.ids),
        saved_gb_h=None if saved_mb_s is None else saved_mb_s * units.GB_H,
        folder=str(run.project.folder),
    )


def _counts(found: Iterable[TaskStatus]) -> Counter[str]:
    return Counter(tally.kind_of(one) for one in {one.task: one for one in found}.values())


def _tasks(run: UserRun) -> int:
    """Return the number of elements of the array, including those that a plan left out."""
    script = run.project.plan(run.project.latest()).user_script
    return len(script.indices) or 1 if script else 0


def _state(run: UserRun, counts: Mapping[str, int]) -> str:
    if not run.submitted:
        return "not submitted"
    for kind in (tally.RUNNING, tally.WAITING):
        if counts.get(kind):
            return kind
    done, tasks = counts.get(tally.DONE, 0), _tasks(run)
    if done == tasks:
        return "done"
    for_good = sum(counts.get(outcome, 0) for outcome in (Outcome.FAILED, Outcome.CANCELLED))
    return "failed" if done + for_good == tasks else "left"


def prunable(runs: Sequence[UserRun], *, older_days: float, offline: bool = False) -> list[UserRun]:
    """Return the finished runs that were submitted at least ``older_days`` days ago.

    Runs with running, waiting or remaining tasks are kept, and so are unreadable ones. A run that was killed before it
    submitted anything is included after a day.
    """
    now_s = time.time()
    before_s = now_s - older_days * _DAY_S
    found: list[UserRun] = []
    old: list[UserRun] = []
    for run in runs:
        if not run.submitted:
            found += [run] if run.project.folder.stat().st_mtime < now_s - _DAY_S else []
        elif _submitted_before(run, before_s):
            old.append(run)
    states = _looked_at(old, _kept_state, lambda run, seen: _state(run, _counts(seen)), offline=offline)
    found += [run for run in old if states[run.number] in _ENDED]
    return sorted(found, key=lambda run: run.number)


def _kept_state(run: UserRun) -> str | None:
    kept = _kept(run)
    return None if kept is None else kept.state


def _submitted_before(run: UserRun, before_s: float) -> bool:
    try:
        submissions = journals(map(run.project.round_folder, run.project.round_numbers()))
    except PlannerError:
        return False
    return not submissions or submissions[0].started_s < before_s


def remove(run: UserRun) -> None:
    """Remove a run's folder, and the hidden copy beside the user's script; its measurements stay in the history."""
    with contextlib.suppress(PlannerError, OSError):  # a run that was killed while it was created
        wrap = run.project.config().wrap
        if wrap is not None and wrap.path:
            content = (run.project.folder / wrap.content).read_bytes()
            batch_calls.hidden_copy(Path(wrap.path), content).unlink(missing_ok=True)
    shutil.rmtree(run.project.folder)
