"""What ``chromplan status`` prints: a row per task, or a summary of many; then how tasks failed."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from planner.cli.ui import table
from planner.cli.ui.output import echo_table, in_place
from planner.core import files
from planner.core.errors import PlannerError
from planner.core.records import Outcome
from planner.core.wording import count
from planner.project.folder import ProjectFolder
from planner.rounds import progress, tally
from planner.rounds.logs import RoundLogs, last_line, of_round
from planner.rounds.next_step import next_step
from planner.rounds.progress import TaskStatus

_MOST_SAMPLES = 12
_MOST_FAILURES = 5
_MOST_LOGS_READ = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes
    ----------
    every_row : bool
        However many there are.
    chosen : bool
        Only some of the tasks.
    wide : bool
        Whole lines.
    saved : bool
        What was saved so far, too.
    """

    every_row: bool = False
    chosen: bool = False
    wide: bool = False
    saved: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Tasks that ended in the same way.

    Attributes
    ----------
    said : str or None
        The last line of their logs that says something, or why they were not launched.
    log : Path or None
        Of the first of them.
    """

    tasks: tuple[TaskStatus, ...]
    said: str | None
    log: Path | None


class LogReader:
    """The last words of attempts, each round's folder of logs being listed once."""

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._rounds: dict[int, RoundLogs] = {}

    def path(self, one: TaskStatus) -> Path | None:
        """Return where an attempt prints to."""
        return self._of_round(one.round).path(one.task, one.job_id)

    def last_line(self, one: TaskStatus) -> str | None:
        """Return the last line of an attempt's log that says something."""
        path = self.path(one)
        return last_line(files.tail(path)) if path else None

    def reason(self, one: TaskStatus) -> str | None:
        """Return what is known of why an attempt ended: its last line, or why it was not launched."""
        said = self.last_line(one)
        if said is None and one.outcome == Outcome.INFRA:
            return self._of_round(one.round).without_folder() or one.evidence
        return said

    def _of_round(self, number: int) -> RoundLogs:
        if number not in self._rounds:
            self._rounds[number] = of_round(self._project, number)
        return self._rounds[number]


def show(project: ProjectFolder, shown: Sequence[TaskStatus], found: Sequence[TaskStatus], wanted: Wanted) -> None:
    """Print tasks, what failed, and how far the rounds are.

    Parameters
    ----------
    shown : sequence of TaskStatus
        Those asked for.
    found : sequence of TaskStatus
        All.
    """
    rows = shown if wanted.every_row else list(tally.latest(shown).values())
    below = failure_lines(project, list(tally.latest(shown).values()), every=wanted.every_row)
    below += ["none"] if wanted.chosen and not shown else []
    below.append(tally.tally(found, tally.left_for_later(project)).sentence())
    if wanted.saved and not any(one.in_flight for one in found):
        below += saved_lines(project, found)
    below.append(in_place(next_step(project, found)))
    if wanted.every_row or len(rows) <= table.most_rows():
        if rows and not _show_rows(rows, found, wide=wanted.wide, around=table.screen_lines(below)):
            below = [*_why_they_wait(rows), *below]
    else:
        _show_summary(rows)
        click.echo("'chromplan status --all' shows every task; --failed, --running, --pending, --sample NAME some")
    for line in below:
        click.echo(line)


def saved_lines(project: ProjectFolder, found: Sequence[TaskStatus]) -> list[str]:
    """Return what was reserved so far against one ``--mem``, measured, where that is known."""
    from planner.rounds.saved import measure

    former_mb = None
    with contextlib.suppress(PlannerError):  # what became of the rounds does not hang on chromplan.toml as it is now
        former_mb = project.config().memory.default_mb
    saved = measure(project, found, former_mb=former_mb)
    return [] if saved is None else [saved.sentence()]


def _show_rows(rows: Sequence[TaskStatus], found: Sequence[TaskStatus], *, wide: bool, around: int) -> bool:
    several = len({one.round for one in found}) > 1
    before = {one.task: one for one in found if tally.has_failed(one)}
    return echo_table(
        ["task", *([">round"] if several else []), "state", ">peak MB", ">of MB", ">time", "job", "note"],
        [
            (
                one.task,
                *((one.round,) if several else ()),
                one.state.lower(),
                _peak(one),
                one.request_mb,
                _time(one),
                one.job_id,
                note(one, before.get(one.task)),
            )
            for one in rows
        ],
        wide=wide,
        # why tasks wait takes lines of its own then
        narrow=[("task", "state", "peak MB", "of MB"), ("task", "state")],
        around=around + table.screen_lines(_why_they_wait(rows)),
    )


def _why_they_wait(rows: Sequence[TaskStatus]) -> list[str]:
    reasons = Counter(one.wait.words for one in rows if one.wait)
    return [f"{count(tasks, 'task')} waiting: {words}" for words, tasks in reasons.most_common()]


def _peak(one: TaskStatus) -> str:
    if one.held_mb is not None:
        return f"{one.held_mb:.0f}"
    return "" if one.peak_mb is None else f"{'≥ ' if one.quality == 'censored' else ''}{one.peak_mb:.0f}"


def _time(one: TaskStatus) -> str:
    from planner.core import units

    return "" if one.wall_s is None else units.format_duration(round(one.wall_s))


def note(one: TaskStatus, before: TaskStatus | None = None) -> str:
    """Return what else is to be said of a task: why it waits, what its outcome was decided from."""
    if one.wait is not None:
        return one.wait.words
    if one.held_mb is not None:
        return "so far"
    if tally.has_failed(one):
        return one.evidence
    if one.state == progress.PLANNED and before is not None:
        return f"{before.outcome} in round {before.round}, at {before.request_mb} MB"
    return one.quality if one.quality in ("sampled", "missing") else ""


def _show_summary(rows: Sequence[TaskStatus]) -> None:
    """Print how many tasks of each sample are how far."""
    samples: dict[str, Counter[str]] = {}
    for one in rows:
        samples.setdefault(one.sample, Counter())[tally.kind_of(one)] += 1
    kinds = [kind for kind in tally.KINDS if any(counts[kind] for counts in samples.values())]
    # what needs a look first: failures, then what is furthest from its end
    ordered = sorted(
        samples.items(), key=lambda pair: (-_trouble(pair[1]), pair[1][tally.DONE] == pair[1].total(), pair[0])
    )
    cells = [
        (name or "(no sample)", counts.total(), *(counts[kind] or "" for kind in kinds)) for name, counts in ordered
    ]
    if len(samples) > 1:
        kept = cells[:_MOST_SAMPLES] if len(cells) > _MOST_SAMPLES + 1 else cells
        rest: Counter[str] = Counter()
        for _, counts in ordered[len(kept) :]:
            rest += counts
        if rest:
            kept.append(_counted(f"{len(cells) - len(kept)} more", rest, kinds))
        total: Counter[str] = sum(samples.values(), Counter())
        cells = [*kept, _counted("all", total, kinds)]
    echo_table(["sample", ">tasks", *(f">{kind}" for kind in kinds)], cells)


def _counted(name: str, counts: Counter[str], kinds: Sequence[str]) -> tuple[int | str, ...]:
    return (name, counts.total(), *(counts[kind] or "" for kind in kinds))


def _trouble(counts: Counter[str]) -> int:
    return sum(counts[kind] for kind in tally.FAILED)


def failure_lines(project: ProjectFolder, rows: Sequence[TaskStatus], *, every: bool = False) -> list[str]:
    """Return how tasks failed: the last line that says something and the log, alike ones together."""
    failed = [one for one in rows if tally.has_failed(one) and one.outcome != "cancelled"]
    found = failures(project, failed)
    lines = []
    for failure in found if every else found[:_MOST_FAILURES]:
        first = failure.tasks[0]
        more = f" and {len(failure.tasks) - 1} more" if len(failure.tasks) > 1 else ""
        said = f": {failure.said}" if failure.said else ""
        lines.append(f"{first.outcome}: {first.task}{more}{said}")
        lines += [f"  {_relative(failure.log)}"] if failure.log else []
    if len(found) > _MOST_FAILURES and not every:
        left = sum(len(failure.tasks) for failure in found[_MOST_FAILURES:])
        lines.append(f"and {left} more failed: 'chromplan status --failed --all'")
    return lines


def failures(project: ProjectFolder, failed: Sequence[TaskStatus]) -> list[Failure]:
    """Return how tasks failed, those that ended alike together, the most frequent first.

    The logs of the first `_MOST_LOGS_READ` are read.
    """
    logs = LogReader(project)
    alike: dict[tuple[str, str | None], list[TaskStatus]] = {}
    for number, one in enumerate(failed):
        said = logs.reason(one) if number < _MOST_LOGS_READ else None
        alike.setdefault((str(one.outcome), said), []).append(one)
    found = [Failure(tasks=tuple(tasks), said=said, log=logs.path(tasks[0])) for (_, said), tasks in alike.items()]
    return sorted(found, key=lambda failure: -len(failure.tasks))


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)


def documents(project: ProjectFolder, shown: Sequence[TaskStatus]) -> list[dict[str, object]]:
    """Return attempts as JSON has them."""
    logs = LogReader(project)
    return [
        {
            "task": one.task,
            "sample": one.sample,
            "round": one.round,
            "state": one.state,
            "outcome": one.outcome,
            "request_mb": one.request_mb,
            "peak_mb": one.peak_mb,
            "held_mb": one.held_mb,
            "quality": one.quality,
            "wall_s": one.wall_s,
            "job_id": one.job_id,
            "evidence": one.evidence or None,
            "reason": one.wait.reason if one.wait else None,
            "waits": one.wait.words if one.wait else None,
            "stuck": one.wait.stuck if one.wait else None,
            "log": str(path) if (path := logs.path(one)) else None,
            "last_line": logs.last_line(one) if tally.has_failed(one) else None,
        }
        for one in shown
    ]
