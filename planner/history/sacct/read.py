"""Calling and reading sacct: the arguments of the call, and its output as attempts of jobs.

An attempt is a job (an array element, a het component) between one submission and its end; a requeued job has several.
It is identified by its JobID as printed (``12_3``, ``12+1``) and its submit time; never by JobIDRaw, which for the last
element of an array is the array's own id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from planner.core.errors import InputError
from planner.core.job_ids import IDS_PER_CALL, in_calls, parse_job_id
from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import POLL_S
from planner.history.reading import Skipped
from planner.history.sacct.assembling import SacctRead, assemble
from planner.history.sacct.attempts import JobAttempt, Step
from planner.history.sacct.json import split_json
from planner.history.sacct.outcomes import classify_log
from planner.history.sacct.text import DELIMITER, FIELDS, SacctLine, UnreadLine, split_lines
from planner.history.source import TextSource

__all__ = [
    "DELIMITER",
    "ENVIRONMENT",
    "FIELDS",
    "JobAttempt",
    "SacctRead",
    "Step",
    "arguments",
    "calls",
    "observe",
    "read",
    "read_text",
    "stream",
    "with_log",
]

# Seconds since the epoch instead of the client's local time; array indices in full.
ENVIRONMENT: Mapping[str, str] = {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}

_UNTELLING = ("no header", "not a row", "job ")

Record = TypeVar("Record", JobAttempt, Step)


def arguments(
    ids: Iterable[str] = (),
    *,
    names: Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    user: str | None = None,
    fields: Sequence[str] = FIELDS,
) -> list[str]:
    """Return the argument list of one sacct call; run it with `ENVIRONMENT`.

    Parameters
    ----------
    ids : iterable of str
        Job ids. Elements, components and steps are queried by their job: one id per array.
    names : sequence of str
        Exact job names, instead of ids; ``start`` and ``end`` are then required to keep the call bounded.
    start, end : str, optional
        Values of ``sacct -S`` and ``-E``.
    user : str, optional
        Only this user's jobs; may also replace names.
    fields : sequence of str
        `FIELDS`, or those of them that an older sacct has; pass the same to `read_text`.

    Raises
    ------
    ValueError
        When neither ids, nor names or a user with ``start`` and ``end``, are given, or more than `IDS_PER_CALL` ids.
    """
    jobs = sorted({parse_job_id(one).job for one in ids})
    if len(jobs) > IDS_PER_CALL:
        raise ValueError(f"{len(jobs)} ids: at most {IDS_PER_CALL} per call")
    if not jobs and not ((names or user) and start and end):
        raise ValueError("this would ask accounting for every job there is")
    argv = ["sacct", "-n", "-P", "-D", "--units=K", f"--delimiter={DELIMITER}", "-o", ",".join(fields)]
    if jobs:
        argv += ["-j", ",".join(str(job) for job in jobs)]
    if names:
        argv += ["--name", ",".join(names)]
    if user:
        argv += ["--user", user]
    if start:
        argv += ["-S", start]
    if end:
        argv += ["-E", end]
    return argv


def calls(ids: Iterable[str], *, fields: Sequence[str] = FIELDS) -> list[list[str]]:
    """Return the fewest calls that cover all ids: one for up to `IDS_PER_CALL` jobs."""
    jobs = sorted({parse_job_id(one).job for one in ids})
    return [arguments([str(job) for job in some], fields=fields) for some in in_calls(jobs)]


def stream(
    source: TextSource, *, columns: Sequence[str] | None = None, poll_s: float = POLL_S
) -> Iterator[JobAttempt | Skipped]:
    """Read a file of sacct output, text or JSON, attempt by attempt; text of any length needs little memory.

    Parameters
    ----------
    columns : sequence of str, optional
        The columns when there is no header and they are not `FIELDS`.
    poll_s : float
        As in `read_text`.

    Raises
    ------
    InputError
        When the text ends in the middle of a row, or nothing in it could be read; names file and line.
    """
    if source.head().lstrip()[:1] == "{":
        rows = split_json(source.text(), source=source.name)
        yield from assemble(lambda _: rows, poll_s=poll_s)
        return
    first: Skipped | None = None
    found = False
    lines = partial(_lines, source, columns, None)
    for one in assemble(lines, poll_s=poll_s, file=source.name):
        found = found or isinstance(one, JobAttempt)
        if isinstance(one, Skipped) and (first is None or _telling(one) < _telling(first)):
            first = one
        yield one
    if not found:
        where, why = (1, "it is empty") if first is None else (first.line, first.reason)
        raise InputError(
            f"{source.name}, line {where}: no attempt could be read: {why}",
            "write it with 'sacct -P -o JobID,State,…' or 'sacct --json'",
        )


def _telling(one: Skipped) -> tuple[bool, int]:
    """Return the order of reasons in a file without any attempt: cells first, then whole jobs and other lines."""
    return one.reason.startswith(_UNTELLING), one.line


def read(source: TextSource, *, columns: Sequence[str] | None = None, poll_s: float = POLL_S) -> SacctRead:
    """Read a whole file of sacct output at once; see `stream`."""
    return _collected(stream(source, columns=columns, poll_s=poll_s))


def _lines(
    source: TextSource, columns: Sequence[str] | None, delimiter: str | None, outline: bool
) -> Iterator[SacctLine | UnreadLine]:
    return split_lines(source.lines(), columns=columns, delimiter=delimiter, outline=outline)


def read_text(
    text: str,
    *,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    poll_s: float = POLL_S,
) -> SacctRead:
    """Read the output of sacct: of a call with `arguments`, with ``-P`` or ``-p`` and any delimiter, or the default.

    Parameters
    ----------
    text : str
        Several outputs may follow each other. Times without offset are taken as this machine's local time.
    columns : sequence of str, optional
        The columns when there is no header and they are not `FIELDS`.
    delimiter : str, optional
        Detected from the text when not given.
    poll_s : float
        The site's sampling interval (JobAcctGatherFrequency, ``--acctg-freq``). MaxRSS of an attempt that ran for less
        than three of them counts as missing.

    Returns
    -------
    SacctRead
        Attempts with a cut row are skipped: without all its steps an attempt's peak would be too low.
    """
    lines = partial(_lines, TextSource(name="sacct output", content=text), columns, delimiter)
    return _collected(assemble(lines, poll_s=poll_s))


def _collected(found: Iterable[JobAttempt | Skipped]) -> SacctRead:
    attempts: list[JobAttempt] = []
    skipped: list[Skipped] = []
    for one in found:
        attempts.append(one) if isinstance(one, JobAttempt) else skipped.append(one)
    return SacctRead(attempts=tuple(attempts), skipped=tuple(sorted(skipped, key=lambda one: one.line)))


def with_log(record: Record, log: str, *, heap_follows_request: bool = False) -> Record:
    """Return the record with its outcome corrected by a log: a failure from lack of memory becomes an oom.

    Parameters
    ----------
    record : JobAttempt or Step
        Returned unchanged unless its outcome is failed and the log shows a lack of memory.
    log : str
    heap_follows_request : bool
        Whether the program's own limit is derived from ``--mem``, as in chromplan's scripts: a heap that was too small
        then means that the true peak is at least the limit.
    """
    found = classify_log(log) if record.outcome is Outcome.FAILED else None
    if found is None:
        return record
    bounds = [record.peak_mb, found.used_mb]
    if heap_follows_request or not found.own_heap:
        bounds.append(record.limit_mb)
    known = [bound for bound in bounds if bound is not None]
    own = " (the program's own limit)" if found.own_heap else ""
    return replace(
        record,
        outcome=Outcome.OOM,
        quality=Quality.CENSORED,
        evidence=f"{record.evidence}; {found.evidence}{own}",
        peak_mb=max(known, default=None),
    )


def observe(
    attempt: JobAttempt,
    *,
    tool: str,
    task: str,
    sample: str = "",
    chromosome: str = "",
    features: Mapping[str, float] | None = None,
    step: Step | None = None,
) -> Observation:
    """Return an attempt, or one of its steps that is a task of its own, as an observation.

    Raises
    ------
    ValueError
        When it has not ended.
    """
    record = attempt if step is None else step
    if record.outcome is None:
        raise ValueError(f"{attempt.job_id} has not ended: {record.state}")
    return Observation(
        tool=tool,
        task=task,
        sample=sample,
        chromosome=chromosome,
        features=dict(features or {}),
        peak_mb=record.peak_mb,
        limit_mb=record.limit_mb,
        wall_s=record.wall_s,
        outcome=record.outcome,
        quality=record.quality,
        job_id=attempt.job_id if step is None else step.id,
        submit_s=attempt.submit_s,
        cpus=record.cpus,
        start_s=record.start_s,
        end_s=record.end_s,
        evidence=record.evidence,
    )
