"""Past jobs to advise on, from one call of sacct or from its saved output. Nothing is written."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.core import failures, genomes
from planner.core.errors import FailureError, InputError
from planner.core.job_ids import JobId, parse_job_id
from planner.core.sampling import POLL_S

if TYPE_CHECKING:
    from planner.advice.advice import Advice
    from planner.advice.arrays import PastArray
    from planner.history.reading import Skipped
    from planner.history.sacct.read import SacctRead

STDIN = "-"
RECENT = "now-7days"
_SAVED = "save it elsewhere ('sacct -P -o ALL -j JOBID > jobs.txt') and give the file: chromplan advise jobs.txt"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which jobs are asked about.

    Attributes
    ----------
    targets : tuple of str
        Job ids, as sacct prints them, and files with saved output; ``-`` is standard input.
    names : tuple of str
        Job names.
    since : str or None
        As ``sacct -S`` takes it; with neither ids nor files 7 days by default.
    user : str or None
        Whose; the caller's own where nothing else is asked for.
    cluster : str or None
        The cluster asked about, where it is not this machine's.
    poll_s : float or None
        How often the site samples memory, s; None asks the cluster, and is Slurm's default for saved output.
    """

    targets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    since: str | None = None
    user: str | None = None
    cluster: str | None = None
    poll_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What accounting, or its saved output, knows.

    Attributes
    ----------
    arrays : tuple of PastArray
    skipped : tuple of Skipped
        What could not be read.
    untrusted : int
        Peaks that are not believed, since the attempt was sampled too few times.
    """

    arrays: tuple[PastArray, ...]
    skipped: tuple[Skipped, ...]
    untrusted: int


def advise(
    *targets: str | os.PathLike[str],
    names: Sequence[str] = (),
    since: str | None = None,
    poll_s: float | None = None,
    genome: str = genomes.DEFAULT,
) -> list[Advice]:
    """Say what past jobs used and should have asked for, as 'chromplan advise' does; nothing is written.

    Parameters
    ----------
    *targets : str or path
        Job ids, as sacct prints them, and files with its saved output.
    names : sequence of str
        Job names, exact.
    since : str, optional
        As ``sacct -S`` takes it.
    poll_s : float, optional
        How often the site samples memory, s; by default the cluster is asked, and 30 s are taken for saved output.
    genome : str
        The genome whose chromosome lengths are compared with the peaks.

    Raises
    ------
    InputError
        When a target is neither a job id nor a file, or nothing is found.
    FailureError
        When sacct does not answer.
    """
    from planner.advice import advice

    words = tuple(os.fspath(target) for target in targets)
    found = ask(Question(targets=words, names=tuple(names), since=since, poll_s=poll_s))
    return [advice.advise(array, lengths_bp=genomes.lengths(genome)) for array in found.arrays]


def ask(question: Question) -> Answer:
    """Return what is known of the jobs.

    Raises
    ------
    InputError
        When a target is neither a job id nor a file, or nothing is found.
    FailureError
        When sacct does not answer.
    """
    from planner.advice.arrays import gather

    ids, files = _targets(question.targets)
    if files and (question.since or question.user or question.cluster):
        raise InputError(
            "--since, --user and --clusters are for sacct, which is not called when a file is given",
            "leave them out; job ids and --name choose from the file",
        )
    reads = [_read_file(name, POLL_S if question.poll_s is None else question.poll_s) for name in files] or [
        _ask_sacct(question, ids)
    ]
    attempts = [
        attempt for read in reads for attempt in read.attempts if not question.names or attempt.name in question.names
    ]
    arrays = gather(attempts, ids)
    if not arrays:
        raise _nothing(question, reads)
    return Answer(
        arrays=tuple(arrays),
        skipped=tuple(one for read in reads for one in read.skipped),
        untrusted=sum("not trusted" in attempt.evidence for attempt in attempts),
    )


def _targets(targets: Sequence[str]) -> tuple[list[JobId], list[str]]:
    ids: list[JobId] = []
    files: list[str] = []
    for target in targets:
        try:
            ids.append(parse_job_id(target).base)
        except ValueError:
            if target != STDIN and not Path(target).exists():
                raise InputError(
                    f"{target}: neither a job id nor a file",
                    "give ids as squeue and sacct print them (4711, 4711_3), or a file with saved sacct output",
                ) from None
            files.append(target)
    return ids, files


def _read_file(name: str, poll_s: float) -> SacctRead:
    from planner.history.sacct import read as sacct
    from planner.history.source import TextSource

    if name == STDIN:
        stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="replace", newline="\n")
        return sacct.read(TextSource(name="standard input", content=stdin.read()), poll_s=poll_s)
    return sacct.read(TextSource.of_file(Path(name)), poll_s=poll_s)


def _ask_sacct(question: Question, ids: Sequence[JobId]) -> SacctRead:
    from planner.history.sacct import one_line
    from planner.history.sacct import read as sacct

    # the command line goes last: it alone may hold line breaks
    fields = (sacct.FIELDS[0], "TotalCPU", *sacct.FIELDS[1:], "SubmitLine")
    try:
        text = _sacct(question, ids, fields)
    except FailureError as error:
        if "nvalid field" not in error.message:  # before Slurm 20.11
            raise FailureError(error.message, _hint(error)) from None
        fields = fields[:-1]
        text = _sacct(question, ids, fields)
    rows = one_line.one_line_rows(io.StringIO(text, newline="\n"), len(fields), sacct.DELIMITER)
    return sacct.read_text("".join(rows), columns=fields, delimiter=sacct.DELIMITER, poll_s=_poll_s(question))


def _poll_s(question: Question) -> float:
    """Return how often memory is sampled; a cluster that does not say so does it as Slurm does by default."""
    from planner import slurm

    if question.poll_s is not None:
        return question.poll_s
    with contextlib.suppress(FailureError, ValueError):
        return slurm.settings(cluster=question.cluster, patience=slurm.BRIEF).poll_s
    return POLL_S


def _sacct(question: Question, ids: Sequence[JobId], fields: Sequence[str]) -> str:
    from planner import slurm
    from planner.history.sacct import read as sacct

    since = question.since or (None if ids else RECENT)
    user = question.user or (None if ids else failures.account())
    if not (ids or user or question.names):
        raise InputError("your account has no name on this machine, so sacct cannot look for it", "give job ids")
    try:
        argv = sacct.arguments(
            [str(one) for one in ids],
            names=question.names,
            start=since,
            end="now" if since else None,
            user=user,
            fields=fields,
        )
    except ValueError as error:
        raise InputError(str(error), "give fewer; an array is one id") from None
    return slurm.run(argv, environment=sacct.ENVIRONMENT, cluster=question.cluster)


def _hint(error: FailureError) -> str:
    return _SAVED if "not found" in error.message else f"{error.hint}; or {_SAVED}"


def _nothing(question: Question, reads: Sequence[SacctRead]) -> InputError:
    skipped = next((one for read in reads for one in read.skipped), None)
    if skipped is not None and not any(read.attempts for read in reads):
        return InputError(f"no job could be read: {skipped.reason}", "write it with 'sacct -P -o ALL -j JOBID'")
    named = ", ".join((*question.targets, *question.names))
    if any(read.attempts for read in reads):
        return InputError(f"none of {named} is there", "leave out names and ids to see every job that is there")
    if question.targets:
        return InputError(
            f"accounting has no job {named}",
            "is it on another cluster (-M NAME)? 'chromplan advise' lists your jobs",
        )
    who = question.user or "you"
    what = f" called {' or '.join(question.names)}" if question.names else ""
    return InputError(
        f"accounting has no job{what} of {who} since {question.since or RECENT}",
        "go further back: --since now-90days",
    )
