"""Submitting jobs with sbatch, and asking it whether and when a job would start."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planner.slurm.calls import ONCE, AnswerLost, SlurmError, Verdict, run, run_heard

ACCTG_FREQ_REFUSED = "Invalid accounting frequency"
FINEST_ACCTG_FREQ = "--acctg-freq=task=1"
_WOULD_START = re.compile(r"to start at (\d+)")
# without the end of its line it may be cut: another job's id
_JOB_ID = re.compile(r"^(\d+)(?:;\S+)?\r?\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchCall:
    """One call of sbatch.

    Attributes
    ----------
    options : tuple of str
    script : str or None
        Path relative to ``cwd``; None for a script on standard input, or for ``--wrap`` among the options.
    arguments : tuple of str
        Arguments of the script.
    environment : mapping
        Variables added to the user's own.
    surroundings : mapping or None
        The complete environment, used instead of the user's own.
    """

    cwd: Path
    options: tuple[str, ...] = ()
    script: str | None
    arguments: tuple[str, ...] = ()
    stdin: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] | None = None

    def argv(self, *further: str) -> list[str]:
        """Return the command line; ``further`` options override those of the call."""
        script = [] if self.script is None else [self.script, *self.arguments]
        ends = ["--"] if script and script[0].startswith("-") else []
        return ["sbatch", "--parsable", *self.options, *further, *ends, *script]


def sbatch(
    script: Path, *, cwd: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> str:
    """Submit a script from ``cwd`` and return the job id; see `submit`."""
    return submit(BatchCall(script=str(script), cwd=cwd, options=tuple(options), environment=environment or {}))


def submit(call: BatchCall) -> str:
    """Submit a batch script and return the job id.

    It is tried once, as a retry could submit a second job. A site may refuse a sampling interval coarser than its own;
    then the finest is asked for instead.

    Raises
    ------
    SlurmError
        When sbatch fails; its ``verdict`` says whether there may be a job all the same.
    """
    try:
        return _submitted(call)
    except SlurmError as error:
        if ACCTG_FREQ_REFUSED not in error.said:
            raise
    return _submitted(call, FINEST_ACCTG_FREQ)


def _submitted(call: BatchCall, *further: str) -> str:
    try:
        printed = run(
            call.argv(*further),
            stdin=call.stdin,
            cwd=call.cwd,
            environment=call.environment,
            surroundings=call.surroundings,
            patience=ONCE,
        )
    except SlurmError as error:
        # sbatch may fail, or be killed, after it has printed the job id
        printed, failure = error.stdout, error
    else:
        failure = AnswerLost("sbatch", f"{printed.strip()[:200]!r} instead of a job id", "look at 'squeue --me'")
    match = _JOB_ID.search(printed)
    if match is None:
        raise failure
    return match[1]


def refusal(call: BatchCall) -> str | None:
    """Return why Slurm would refuse a submission, or None; nothing is submitted.

    Raises
    ------
    FailureError
        When sbatch is missing or Slurm does not answer.
    """
    try:
        run(call.argv("--test-only"), stdin=call.stdin, cwd=call.cwd, surroundings=call.surroundings)
    except SlurmError as error:
        if error.verdict is Verdict.UNKNOWN:
            raise
        return None if ACCTG_FREQ_REFUSED in error.said else error.said
    return None


def would_start_s(options: Sequence[str], *, cluster: str | None = None) -> float | None:
    """Return when a job with these options would start, s since the epoch; None when Slurm does not say.

    Raises
    ------
    SlurmError
        When Slurm would refuse it, or does not answer.
    """
    argv = ["sbatch", "--test-only", *options, "--wrap=true"]
    said = run_heard(argv, environment={"SLURM_TIME_FORMAT": "%s"}, cluster=cluster)
    found = _WOULD_START.search(said)
    return float(found[1]) if found else None
