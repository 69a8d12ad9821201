"""From rows to attempts: which steps belong to which submission, and how far each peak can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from planner.core.records import Outcome, Quality
from planner.core.sampling import too_short
from planner.core.units import EXTERN_STEP, JobId, parse_job_id
from planner.history.reading import Skipped
from planner.history.sacct.outcomes import Verdict, judge_attempt, judge_step, limit_of
from planner.history.sacct.rows import Row, parse_row
from planner.history.sacct.text import Line

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
class Attempt:
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
        0 when the output has no Submit column.
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

    attempts: tuple[Attempt, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(slots=True)
class _Block:
    """A job row and the step rows that follow it; a requeued job has steps of the same name, started at other times."""

    job: Row
    steps: dict[tuple[str, int | None], Row]


def assemble(lines: Iterable[Line], *, poll_s: float, cut: Sequence[tuple[int, str]] = ()) -> SacctRead:
    """Join job rows and step rows into attempts.

    Parameters
    ----------
    lines : iterable of Line
    poll_s : float
        Seconds between two samples of MaxRSS.
    cut : sequence of (int, str)
        Line number and JobID of rows that cannot be read whole; their jobs are skipped.
    """
    blocks: dict[str, list[_Block]] = {}
    skipped: list[Skipped] = []
    broken = {base for _, text in cut if (base := _base_of(text))}
    for line in lines:
        try:
            row = parse_row(line.values)
        except ValueError as error:
            skipped.append(Skipped(line=line.number, reason=str(error)))
            broken.add(_base_of(line.values.get("JobID", "")))
            continue
        base = str(row.id.base)
        if row.id.step is None:
            _add_job(blocks.setdefault(base, []), row)
        elif base in blocks:
            blocks[base][-1].steps[row.id.step, row.start_s] = row
        else:
            skipped.append(Skipped(line=line.number, reason=f"step {row.id} without its job's row"))
    attempts: list[Attempt] = []
    for base, found in blocks.items():
        if base in broken:
            skipped.append(Skipped(line=_line_of(cut, base), reason=f"job {base}: not all of its rows can be read"))
            continue
        _share_steps_by_time(found)
        for block in found:
            attempts.extend(_attempts(block, requeued=len(found) > 1, poll_s=poll_s))
    return SacctRead(attempts=tuple(attempts), skipped=tuple(skipped))


def _base_of(text: str) -> str:
    try:
        return str(parse_job_id(text).base)
    except ValueError:
        return ""


def _line_of(cut: Sequence[tuple[int, str]], base: str) -> int:
    return next((number for number, text in cut if _base_of(text) == base), 0)


def _add_job(blocks: list[_Block], row: Row) -> None:
    for place, block in enumerate(blocks):
        if block.job.submit_s == row.submit_s:  # the same attempt printed again, later: its steps follow again
            del blocks[place]
            break
    blocks.append(_Block(job=row, steps={}))


def _share_steps_by_time(blocks: list[_Block]) -> None:
    """Give each step of a requeued job to the attempt that was submitted last before it started."""
    if len(blocks) < 2 or any(block.job.submit_s is None for block in blocks):
        return
    blocks.sort(key=lambda block: block.job.submit_s or 0)
    for block in list(blocks):
        for key, step in list(block.steps.items()):
            owners = [other for other in blocks if (other.job.submit_s or 0) <= (step.start_s or 0)]
            if owners and owners[-1] is not block:
                owners[-1].steps[key] = block.steps.pop(key)


def _attempts(block: _Block, *, requeued: bool, poll_s: float) -> list[Attempt]:
    job, steps = block.job, list(block.steps.values())
    verdict = judge_attempt(job, steps, requeued=requeued)
    tasks = [step for step in steps if step.id.step != EXTERN_STEP]
    peak = max((step.peak_mb for step in tasks if step.peak_mb is not None), default=None)
    graded = _grade(verdict, peak, job.elapsed_s, poll_s)
    limit = job.limit_mb if verdict is None or verdict.limit_mb is None else verdict.limit_mb
    return [
        Attempt(
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
            submit_s=job.submit_s or 0,
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
