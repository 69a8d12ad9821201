"""From rows to attempts: which steps belong to which submission, and how far each peak can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from planner.core.errors import InputError
from planner.core.records import Outcome, Quality
from planner.core.sampling import too_short
from planner.core.units import EXTERN_STEP, JobId, parse_job_id
from planner.history.reading import Skipped
from planner.history.sacct.outcomes import Verdict, judge_attempt, judge_step, limit_of
from planner.history.sacct.rows import Row, parse_row
from planner.history.sacct.sharing import distinct, share
from planner.history.sacct.text import SacctLine, UnreadLine

# Below so many polls a sampled peak says little about the true one.


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of an attempt; in packed jobs, a task of its own.

    Attributes
    ----------
    id : str
        With its job: ``12_3.0``, ``12.batch``.
    name : str
        What ``srun -J`` gave it.
    outcome : Outcome or None
        None while it runs.
    peak_mb : float or None
        Highest resident memory, MiB; for an oom at least the limit.
    limit_mb : int or None
        Its own share of the job's memory, MiB.
    """

    id: str
    name: str
    state: str
    outcome: Outcome | None
    quality: Quality
    evidence: str
    peak_mb: float | None
    limit_mb: int | None
    wall_s: float | None
    cpus: int
    start_s: int | None
    end_s: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAttempt:
    """One attempt of a job, array element or het component.

    Attributes
    ----------
    job_id : str
        As sacct prints it: ``12``, ``12_3``, ``12+1``.
    outcome : Outcome or None
        None while it waits or runs.
    peak_mb : float or None
        Highest memory of any step except ``.extern``, MiB. A lower bound when ``quality`` is censored, and when
        ``outcome`` is not completed.
    limit_mb : int or None
        The memory limit in force, over all nodes, MiB; for an oom, the one that was hit.
    time_limit_s : float or None
        ``inf`` without limit.
    submit_s : int
        When it was submitted; in output without a Submit column, when it started, else ended; 0 when nothing tells.
    steps : tuple of Step
        Without ``.extern``.
    """

    job_id: str
    name: str
    state: str
    outcome: Outcome | None
    quality: Quality
    evidence: str
    peak_mb: float | None
    limit_mb: int | None
    wall_s: float | None
    cpus: int
    time_limit_s: float | None
    submit_s: int
    start_s: int | None
    end_s: int | None
    nodes: tuple[str, ...]
    work_dir: str
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SacctRead:
    """Attempts in the order of their first row, and every line that was not used, with the reason."""

    attempts: tuple[JobAttempt, ...]
    skipped: tuple[Skipped, ...] = ()


def assemble(
    lines: Callable[[], Iterable[SacctLine | UnreadLine]], *, poll_s: float, file: str | None = None
) -> Iterator[JobAttempt | Skipped]:
    """Join job rows and step rows into attempts, in whatever order they stand.

    The lines are gone through twice: first to see where each job's last row is, then to judge each job there. Only the
    rows of jobs that are still open are held in memory.

    Parameters
    ----------
    lines : callable
        Returns the lines from the first on, each time it is called.
    poll_s : float
        Seconds between two samples of MaxRSS.
    file : str, optional
        Where the lines come from a file, which may end too early, its name: a last job that lacks steps which all others
        have is then skipped.

    Raises
    ------
    InputError
        When the file ends in the middle of a row.
    """
    outline = _Outline(lines())
    if file is not None and outline.cut_at:
        raise InputError(
            f"{file}, line {outline.cut_at}: the last row is cut",
            "the file is not complete: write it again; nothing of it was used",
        )
    usual = _UsualSteps()
    open_rows: dict[str, list[_RawRow]] = {}
    for place, line in enumerate(lines()):
        if isinstance(line, UnreadLine):
            yield Skipped(line=line.number, reason=line.reason)
            continue
        key = _key_of(line)
        open_rows.setdefault(key, []).append(_RawRow.of(line))
        if outline.last[key] == place:
            rows = open_rows.pop(key)
            if base := outline.incomplete(key):
                yield Skipped(line=rows[0].number, reason=f"job {base}: not all of its rows can be read")
                continue
            at_end = file is not None and place == outline.end
            yield from _judged(rows, outline, usual, poll_s=poll_s, at_end=at_end)


@dataclass(frozen=True, slots=True)
class _RawRow:
    """A row as text: a job whose rows are far apart must not fill the memory."""

    number: int
    columns: Sequence[str]
    text: str

    @classmethod
    def of(cls, line: SacctLine) -> _RawRow:
        return cls(line.number, line.columns, "\0".join(line.cells))

    def parsed(self) -> Row:
        cells = self.text.split("\0")
        if len(cells) != len(self.columns):
            raise ValueError("a zero byte in it")
        return parse_row(dict(zip(self.columns, cells, strict=True)))


class _Outline:
    """Where each job's last row is, and of which jobs a row cannot be read."""

    def __init__(self, lines: Iterable[SacctLine | UnreadLine]) -> None:
        self.last: dict[str, int] = {}
        self.end = 0
        self.cut_at = 0
        self.broken: set[str] = set()
        self.cut_ids: tuple[str, ...] = ()
        for place, line in enumerate(lines):
            self.cut_at = line.number if isinstance(line, UnreadLine) and line.job_id is not None else 0
            if isinstance(line, SacctLine):
                self.last[_key_of(line)] = self.end = place
                if line.job_id.endswith("+") and not _is_job_id(line.job_id):
                    self._note_cut(line.job_id)
            elif line.job_id is not None:
                self.broken.add(line.job_id.partition(".")[0])
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
        """Return the job's id when a row of it cannot be read, or stands under an id that was cut off."""
        base = key.rpartition("\0")[2]
        if base in self.cut_ids:  # said by itself
            return ""
        cut = base in self.broken or (self.cut_ids and base.startswith(tuple(one[:-1] for one in self.cut_ids)))
        return base if cut else ""


def _key_of(line: SacctLine) -> str:
    """Return what the rows of one job share: its id, and its cluster where that is told."""
    base = line.job_id.partition(".")[0]
    cluster = line.cells[line.columns.index("Cluster")].strip() if "Cluster" in line.columns else ""
    return f"{cluster}\0{base}" if cluster else base


class _UsualSteps:
    """The steps that every job of a text has, to notice that the last one lacks some."""

    def __init__(self) -> None:
        self.jobs = 0
        self.steps: frozenset[str | None] = frozenset()

    def add(self, steps: Iterable[Row]) -> None:
        found = frozenset(step.id.step for step in steps)
        self.steps = self.steps & found if self.jobs else found
        self.jobs += 1

    def lacking(self, steps: Iterable[Row]) -> bool:
        return self.jobs > 0 and not self.steps <= {step.id.step for step in steps}


def _judged(
    raw: Sequence[_RawRow], outline: _Outline, usual: _UsualSteps, *, poll_s: float, at_end: bool
) -> Iterator[JobAttempt | Skipped]:
    """Judge all attempts of one job."""
    rows: list[Row] = []
    for one in raw:
        try:
            rows.append(one.parsed())
        except ValueError as error:
            yield Skipped(line=one.number, reason=str(error))
    first, name = raw[0].number, rows[0].id.base if rows else ""
    if len(rows) < len(raw):
        if name:
            yield Skipped(line=first, reason=f"job {name}: not all of its rows can be read")
        return
    jobs = distinct([row for row in rows if row.id.step is None])
    steps = [row for row in rows if row.id.step is not None]
    if not jobs:
        yield from (Skipped(line=one.number, reason=f"step {row.id} without its job's row") for one, row in zip(raw, rows, strict=True))
        return
    try:
        owned, strays = share(jobs, steps)
    except ValueError as error:
        yield Skipped(line=first, reason=f"job {name}: {error}")
        return
    yield from (Skipped(line=first, reason=f"step {stray.id} without its job's row") for stray in strays)
    ran = [mine for job, mine in zip(jobs, owned, strict=True) if job.ended and job.elapsed_s]
    if at_end and any(map(usual.lacking, ran)):
        yield Skipped(line=first, reason=f"job {name}: the text ends with it, before steps that every other job has")
        return
    for mine in ran:
        usual.add(mine)
    for job, mine in zip(jobs, owned, strict=True):
        key = (str(name), job.attempt_s)
        if str(name) in outline.shared and key in outline.told:
            yield Skipped(line=first, reason=f"job {name}: jobs of two clusters share its id and time")
            continue
        outline.told.add(key) if str(name) in outline.shared else None
        yield from _attempts(job, list(mine), requeued=len(jobs) > 1, poll_s=poll_s)


def _is_job_id(text: str) -> bool:
    try:
        parse_job_id(text)
    except ValueError:
        return False
    return True


def _attempts(job: Row, steps: Sequence[Row], *, requeued: bool, poll_s: float) -> list[JobAttempt]:
    verdict = judge_attempt(job, steps, requeued=requeued)
    tasks = [step for step in steps if step.id.step != EXTERN_STEP]
    peak = max((step.peak_mb for step in tasks if step.peak_mb is not None), default=None)
    graded = _grade(verdict, peak, job.elapsed_s, poll_s)
    limit = job.limit_mb if verdict is None or verdict.limit_mb is None else verdict.limit_mb
    return [
        JobAttempt(
            job_id=str(element),
            name=job.name,
            state=job.state,
            outcome=None if verdict is None else verdict.outcome,
            quality=graded.quality,
            evidence=graded.evidence,
            peak_mb=graded.peak_mb,
            limit_mb=_whole(limit),
            wall_s=job.elapsed_s,
            cpus=job.cpus,
            time_limit_s=job.time_limit_s,
            submit_s=job.attempt_s,
            start_s=job.start_s,
            end_s=job.end_s,
            nodes=job.nodes,
            work_dir=job.work_dir,
            steps=tuple(_step(step, job, element, poll_s) for step in tasks),
        )
        for element in job.id.elements()
    ]


def _step(row: Row, job: Row, element: JobId, poll_s: float) -> Step:
    verdict = judge_step(row, job)
    graded = _grade(verdict, row.peak_mb, row.elapsed_s, poll_s)
    return Step(
        id=str(replace(element, step=row.id.step)),
        name=row.name,
        state=row.state,
        outcome=None if verdict is None else verdict.outcome,
        quality=graded.quality,
        evidence=graded.evidence,
        peak_mb=graded.peak_mb,
        limit_mb=_whole(limit_of(row, job)),
        wall_s=row.elapsed_s,
        cpus=row.cpus,
        start_s=row.start_s,
        end_s=row.end_s,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grade:
    quality: Quality
    peak_mb: float | None
    evidence: str


def _grade(verdict: Verdict | None, peak_mb: float | None, wall_s: float | None, poll_s: float) -> _Grade:
    """Say how far a sampled peak can be trusted."""
    evidence = "" if verdict is None else verdict.evidence
    if verdict is not None and verdict.outcome is Outcome.OOM:
        bounds = [bound for bound in (peak_mb, verdict.limit_mb) if bound is not None]
        return _Grade(quality=Quality.CENSORED, peak_mb=max(bounds, default=None), evidence=evidence)
    if peak_mb is None or verdict is None:
        return _Grade(quality=Quality.MISSING, peak_mb=None, evidence=evidence)
    # without a run time the peak is shown, but trains no model (planner.memory.rows)
    if verdict.outcome is Outcome.COMPLETED and wall_s is not None and too_short(wall_s, poll_s):
        reason = f"MaxRSS {peak_mb:.0f} MB not trusted: ran {wall_s:.0f} s, sampled every {poll_s:g} s"
        return _Grade(quality=Quality.MISSING, peak_mb=None, evidence=f"{evidence}; {reason}")
    return _Grade(quality=Quality.SAMPLED, peak_mb=peak_mb, evidence=evidence)


def _whole(limit_mb: float | None) -> int | None:
    return None if limit_mb is None else round(limit_mb)
