"""Joining rows of sacct's text into attempts, in any order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from planner.core.errors import InputError
from planner.core.job_ids import parse_job_id
from planner.history.reading import Skipped
from planner.history.sacct.attempts import JobAttempt, attempts_of
from planner.history.sacct.rows import Row, parse_row
from planner.history.sacct.sharing import distinct, share
from planner.history.sacct.text import SacctLine, UnreadLine


@dataclass(frozen=True, kw_only=True, slots=True)
class SacctRead:
    """Attempts in the order of their first row, and all unused lines with the reason."""

    attempts: tuple[JobAttempt, ...]
    skipped: tuple[Skipped, ...] = ()


def assemble(
    lines: Callable[[bool], Iterable[SacctLine | UnreadLine]], *, poll_s: float, file: str | None = None
) -> Iterator[JobAttempt | Skipped]:
    """Join job rows and step rows into attempts, in any order of the rows.

    The lines are read twice: first to find each job's last row, then to judge each job at that row. Only the rows of
    jobs whose last row has not been reached are kept in memory.

    Parameters
    ----------
    lines : callable
        Returns all lines each time it is called; with True, their cells may be omitted.
    poll_s : float
        Seconds between two samples of MaxRSS.
    file : str, optional
        Name of the file that the lines come from. As it may be truncated, a last job without steps that all others have
        is skipped.

    Raises
    ------
    InputError
        When the file ends in the middle of a row.
    """
    outline = _Outline(lines(True))
    if file is not None and outline.cut_at:
        raise InputError(
            f"{file}, line {outline.cut_at}: the last row is cut",
            "the file is not complete: write it again; nothing of it was used",
        )
    judge = _Judge(outline, poll_s)
    open_rows: dict[str, list[SacctLine | _PackedRow]] = {}
    before = ""
    for place, line in enumerate(lines(False)):
        if isinstance(line, UnreadLine):
            yield Skipped(line=line.number, reason=line.reason)
            continue
        key = _key_of(line)
        if key != before and before in open_rows:
            _pack(open_rows[before])
        before = key
        open_rows.setdefault(key, []).append(line)
        if outline.last[key] == place:
            rows = open_rows.pop(key)
            if base := outline.incomplete(key):
                yield Skipped(line=rows[0].number, reason=f"job {base}: not all of its rows can be read")
                continue
            at_end = file is not None and place == outline.end
            yield from judge.judged(rows, at_end=at_end)


class _PackedRow(NamedTuple):
    """A row packed into one string, to save memory for jobs whose rows are far apart."""

    number: int
    columns: Sequence[str]
    text: str

    @property
    def cells(self) -> list[str]:
        """The cells; there is one too many if a cell contains a zero byte."""
        return self.text.split("\0")


def _pack(rows: list[SacctLine | _PackedRow]) -> None:
    """Pack the rows at the end of a list that are not packed yet."""
    for place in range(len(rows) - 1, -1, -1):
        row = rows[place]
        if isinstance(row, _PackedRow):
            return
        rows[place] = _PackedRow(row.number, row.columns, "\0".join(row.cells))


def _parsed(row: SacctLine | _PackedRow) -> Row:
    return parse_row(dict(zip(row.columns, row.cells, strict=True)))


class _Outline:
    """The position of each job's last row, and the jobs with an unreadable row."""

    def __init__(self, lines: Iterable[SacctLine | UnreadLine]) -> None:
        self.last: dict[str, int] = {}
        self.end = 0
        self.cut_at = 0
        self.broken: set[str] = set()
        self.cut_ids: tuple[str, ...] = ()
        for place, line in enumerate(lines):
            self.cut_at = line.number if isinstance(line, UnreadLine) and line.job_ids is not None else 0
            if isinstance(line, SacctLine):
                self.last[_key_of(line)] = self.end = place
                if line.job_id.endswith("+") and not _is_job_id(line.job_id):
                    self._note_cut(line.job_id)
            else:
                self.broken |= {job_id.partition(".")[0] for job_id in line.job_ids or ()}
        ids: dict[str, int] = {}
        for key in self.last if any("\0" in key for key in self.last) else ():
            base = key.rpartition("\0")[2]
            ids[base] = ids.get(base, 0) + 1
        self.shared = {base for base, count in ids.items() if count > 1}
        self.told: set[tuple[str, int]] = set()

    def _note_cut(self, job_id: str) -> None:
        base, dot, _ = job_id.partition(".")
        if dot:
            self.broken.add(base)
        elif base not in self.cut_ids:
            self.cut_ids = (*self.cut_ids, base)

    def incomplete(self, key: str) -> str:
        """Return the job's id if one of its rows cannot be read, or has an id that was cut off."""
        base = key.rpartition("\0")[2]
        if base in self.cut_ids:  # said by itself
            return ""
        cut = base in self.broken or (self.cut_ids and base.startswith(tuple(one[:-1] for one in self.cut_ids)))
        return base if cut else ""

    def tell(self, jobs: Sequence[Row]) -> None:
        """Note the attempts of an id that exists on two clusters; ValueError if their times are equal too."""
        base = str(jobs[0].id.base) if self.shared else ""
        if base not in self.shared:
            return
        keys = {(base, job.attempt_s) for job in jobs}
        if keys & self.told:
            raise ValueError("jobs of two clusters have this id and the same time")
        self.told |= keys


def _key_of(line: SacctLine) -> str:
    """Return the key of a job's rows: its id, and its cluster if there is such a column."""
    base = line.job_id.partition(".")[0]
    return f"{line.cluster}\0{base}" if line.cluster else base


class _UsualSteps:
    """The steps that all jobs of a text, or all elements of an array, have: to notice when the last one lacks some."""

    def __init__(self) -> None:
        self.everywhere: frozenset[str | None] | None = None
        self.array = 0
        self.in_array: frozenset[str | None] | None = None

    def add(self, job: Row, steps: Iterable[Row]) -> None:
        """Note the steps of a job that ran to its end."""
        found = frozenset(step.id.step for step in steps)
        self.everywhere = found if self.everywhere is None else self.everywhere & found
        self.in_array = self.in_array & found if self.in_array is not None and job.id.job == self.array else found
        self.array = job.id.job

    def lacking(self, job: Row, steps: Iterable[Row]) -> bool:
        """Whether a job lacks one of the usual steps."""
        usual = (self.everywhere or frozenset()) | (
            (self.in_array or frozenset()) if job.id.job == self.array else set()
        )
        return not usual <= {step.id.step for step in steps}


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges the jobs of a text one after the other."""

    outline: _Outline
    poll_s: float
    usual: _UsualSteps = field(default_factory=_UsualSteps)

    def judged(self, raw: Sequence[SacctLine | _PackedRow], *, at_end: bool) -> Iterator[JobAttempt | Skipped]:
        """Yield the attempts of one job, or the reason why there are none."""
        rows: list[Row] = []
        for one in raw:
            try:
                rows.append(_parsed(one))
            except ValueError as error:
                yield Skipped(line=one.number, reason=str(error))
        jobs = distinct([row for row in rows if row.id.step is None])
        if jobs and len(rows) == len(raw):
            try:
                yield from self._attempts(jobs, [row for row in rows if row.id.step is not None], raw[0].number, at_end)
            except ValueError as error:
                yield Skipped(line=raw[0].number, reason=f"job {jobs[0].id.base}: {error}")
        elif rows and len(rows) < len(raw):
            yield Skipped(line=raw[0].number, reason=f"job {rows[0].id.base}: not all of its rows can be read")
        elif rows:
            for one, step in zip(raw, rows, strict=True):
                yield Skipped(line=one.number, reason=f"step {step.id} without its job's row")

    def _attempts(
        self, jobs: Sequence[Row], steps: Sequence[Row], line: int, at_end: bool
    ) -> Iterator[JobAttempt | Skipped]:
        owned, strays = share(jobs, steps)
        # only the first component of a heterogeneous job has the batch step, and often all others
        whole = [(job, mine) for job, mine in zip(jobs, owned, strict=True) if not job.id.het_offset]
        ran = [(job, mine) for job, mine in whole if job.ended and job.elapsed_s]
        if at_end and any(self.usual.lacking(job, mine) for job, mine in ran):
            raise ValueError("the text ends with it, before steps that every other job has")
        self.outline.tell(jobs)
        for stray in strays:
            yield Skipped(line=line, reason=f"step {stray.id} without its job's row")
        for job, mine in ran:
            self.usual.add(job, mine)
        for job, mine in zip(jobs, owned, strict=True):
            yield from attempts_of(job, mine, requeued=len(jobs) > 1, poll_s=self.poll_s)


def _is_job_id(text: str) -> bool:
    try:
        parse_job_id(text)
    except ValueError:
        return False
    return True
