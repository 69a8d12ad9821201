"""The only reader of sacct: the one call to make, and what its output says about each attempt of a job.

An attempt is a job (an array element, a het component) between one submission and its end; a requeued job has several.
It is known by its JobID, as printed (``12_3``, ``12+1``), and its submit time; never by JobIDRaw, which for the last
element of an array is the array's own id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import POLL_S
from planner.core.units import parse_job_id
from planner.history.reading import Skipped
from planner.history.sacct.attempts import Attempt, SacctRead, Step, assemble
from planner.history.sacct.json import split_json
from planner.history.sacct.outcomes import classify_log
from planner.history.sacct.text import DELIMITER, FIELDS, split_table

__all__ = [
    "DELIMITER",
    "ENVIRONMENT",
    "FIELDS",
    "IDS_PER_CALL",
    "Attempt",
    "SacctRead",
    "Step",
    "arguments",
    "calls",
    "observe",
    "read",
    "read_json",
    "read_text",
    "with_log",
]

# Seconds since the epoch instead of the client's local time; array indices in full.
ENVIRONMENT: Mapping[str, str] = {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}
IDS_PER_CALL = 2000

Record = TypeVar("Record", Attempt, Step)


def arguments(
    ids: Iterable[str] = (),
    *,
    names: Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    fields: Sequence[str] = FIELDS,
) -> list[str]:
    """Return the argument list of one sacct call; run it with `ENVIRONMENT`.

    Parameters
    ----------
    ids : iterable of str
        Job ids. Elements, components and steps are asked for through their job: one id per array.
    names : sequence of str
        Job names (exact), instead of ids; then ``start`` and ``end`` are needed, so that the call stays bounded.
    start, end : str, optional
        As ``sacct -S`` and ``-E`` take them.
    fields : sequence of str
        `FIELDS`, or those of them that an older sacct knows; hand the same to `read_text`.

    Raises
    ------
    ValueError
        When neither ids nor names with a window are given, or more than `IDS_PER_CALL` ids.
    """
    jobs = sorted({parse_job_id(one).job for one in ids})
    if len(jobs) > IDS_PER_CALL:
        raise ValueError(f"{len(jobs)} ids: at most {IDS_PER_CALL} per call")
    if not jobs and not (names and start and end):
        raise ValueError("an unbounded sacct call: give ids, or names with start and end")
    argv = ["sacct", "-n", "-P", "-D", "--units=K", f"--delimiter={DELIMITER}", "-o", ",".join(fields)]
    if jobs:
        argv += ["-j", ",".join(str(job) for job in jobs)]
    if names:
        argv += ["--name", ",".join(names)]
    if start:
        argv += ["-S", start]
    if end:
        argv += ["-E", end]
    return argv


def calls(ids: Iterable[str], *, fields: Sequence[str] = FIELDS) -> list[list[str]]:
    """Return the fewest calls that cover all ids: one for up to `IDS_PER_CALL` jobs."""
    jobs = sorted({parse_job_id(one).job for one in ids})
    chunks = [jobs[first : first + IDS_PER_CALL] for first in range(0, len(jobs), IDS_PER_CALL)]
    return [arguments([str(job) for job in chunk], fields=fields) for chunk in chunks]


def read(
    text: str,
    *,
    columns: Sequence[str] | None = None,
    poll_s: float = POLL_S,
    strict: bool = False,
    source: str = "sacct output",
) -> SacctRead:
    """Read sacct's text or JSON, whichever it is; see `read_text` and `read_json`."""
    if text.lstrip()[:1] == "{":
        return read_json(text, poll_s=poll_s, source=source)
    return read_text(text, columns=columns, poll_s=poll_s, strict=strict, source=source)


def read_text(
    text: str,
    *,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    poll_s: float = POLL_S,
    strict: bool = False,
    source: str = "sacct output",
) -> SacctRead:
    """Read what sacct printed: by `arguments`, with ``-P`` or ``-p`` and any delimiter, or as its default table.

    Parameters
    ----------
    text : str
        Several outputs may follow each other. Times without offset are taken as this machine's local time.
    columns : sequence of str, optional
        The columns when there is no header and they are not `FIELDS`.
    delimiter : str, optional
        Found in the text when not given.
    poll_s : float
        The site's sampling interval (JobAcctGatherFrequency, ``--acctg-freq``). MaxRSS of an attempt that ran for less
        than three of them counts as missing.
    strict : bool
        Raise when the text ends in the middle of a row, or when nothing in it could be read.
    source : str
        The file, for errors.

    Returns
    -------
    SacctRead
        Attempts of which a row was cut are skipped: without all its steps an attempt's peak would be too low.

    Raises
    ------
    InputError
        Under ``strict``, naming file and line.
    """
    table = split_table(text, columns=columns, delimiter=delimiter)
    if strict and table.cut and table.cut[-1][0] == table.last:
        raise InputError(
            f"{source}, line {table.last}: the last row is cut",
            "the file is not complete: write it again; nothing of it was used",
        )
    found = assemble(table.lines, poll_s=poll_s, cut=table.cut)
    skipped = sorted((*table.skipped, *found.skipped), key=lambda one: one.line)
    if strict and not found.attempts:
        first = skipped[0] if skipped else Skipped(line=1, reason="it is empty")
        raise InputError(
            f"{source}, line {first.line}: no attempt could be read: {first.reason}",
            "write it with 'sacct -P -o JobID,State,…' or 'sacct --json'",
        )
    return replace(found, skipped=tuple(skipped))


def read_json(text: str, *, poll_s: float = POLL_S, source: str = "sacct output") -> SacctRead:
    """Read ``sacct --json`` of Slurm 22.05 or later.

    In ``skipped``, the line is the job's place in the document.

    Raises
    ------
    InputError
        When the text is not JSON (a cut file), or holds no list of jobs.
    """
    return assemble(split_json(text, source=source), poll_s=poll_s)


def with_log(record: Record, log: str, *, heap_follows_request: bool = False) -> Record:
    """Let the tail of a log decide where accounting could not: a failure that was a lack of memory becomes an oom.

    Parameters
    ----------
    record : Attempt or Step
        Returned as it is unless its outcome is failed and the log speaks of memory.
    log : str
    heap_follows_request : bool
        The program's own limit is set from ``--mem``, as in chromplan's scripts: a heap that was too small then means
        that the true peak is at least the limit.
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
    attempt: Attempt,
    *,
    tool: str,
    task: str,
    sample: str = "",
    chromosome: str = "",
    features: Mapping[str, float] | None = None,
    step: Step | None = None,
) -> Observation:
    """Return the observation that an attempt, or one step of it that is a task of its own, is to the model.

    Raises
    ------
    ValueError
        While it has not ended.
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
