"""Calls to Slurm's commands: with a clean environment, a time-out, retries, and errors that say what failed."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from planner.core.errors import FailureError
from planner.slurm.environment import without_options


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to wait for an answer, and how often to retry a call.

    Attributes
    ----------
    timeout_s : float
        The command is ended after this many seconds without an answer.
    pauses_s : tuple of float
        Pause before each retry after a failed connection, s; a controller that restarts is back within seconds.
    """

    timeout_s: float = 300.0
    pauses_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)


PATIENT = Patience()
# for calls that must not be made twice, or that are repeated soon anyway
ONCE = Patience(pauses_s=())
# for calls whose answer is optional
BRIEF = Patience(pauses_s=(), timeout_s=5.0)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Verdict(StrEnum):
    """Whether a request that failed had an effect all the same."""

    REFUSED = "refused"
    """Slurm said no: nothing was done."""
    TAKEN = "taken"
    """It had already been done."""
    UNKNOWN = "unknown"
    """The answer was lost: it may have been done, or may still be done."""


_HINTS = (
    ("Unable to contact slurm controller", "slurmctld does not answer; try again later"),
    (
        "Could not establish a configuration source",
        "Slurm's commands are installed here, but no cluster is configured; work on its login node, or set SLURM_CONF",
    ),
    ("Connection refused", "Slurm's database (slurmdbd) does not answer; try again later"),
    ("accounting storage is disabled", "this cluster keeps no accounting; the tasks' own peak records remain"),
    ("Invalid account", "set submit.account in chromplan.toml to one of your accounts (sacctmgr show associations)"),
    ("invalid partition", "set submit.partition in chromplan.toml (sinfo lists the partitions)"),
    (
        "node configuration is not available",
        "no node has that much memory or that many CPUs; compare 'chromplan site check'",
    ),
    ("Memory specification can not be satisfied", "no node has that much memory; compare 'chromplan site check'"),
    (
        "QOSMaxSubmitJobPerUserLimit",
        "the site limits how many jobs may be queued; wait for some to end, or plan fewer tasks",
    ),
    ("Job violates accounting/QOS policy", "a limit of the site: fewer tasks at once, a shorter time, or another qos"),
)
# Slurm's errors of communication with slurmctld (slurm_errno.c of 22.05 to 26.05), and the system's
_ON_THE_WAY = (
    *("timed out", "temporarily un", "try again", "Unable to contact", "Unable to connect", "Unexpected message"),
    *("Zero Bytes", "Transport endpoint", "Connection", "Communication", "Message ", "message ", "Header lengths"),
    *("Broken pipe", "No route to host", "Network is unreachable", "Name or service not known", "persistent conn"),
    *(
        "credential",
        "Protocol authentication",
        "Protocol version",
        "standby mode",
        "Munge",
        "munge",
        "Problem talking to",
    ),
)
# The controller, or sbatch before it asks, said no (slurm_errno.c, sbatch): a failed submission is a refusal only with
# one of these. A word that is missing here costs a search for the job, one too many costs a second job.
_NO = (
    *("nvalid", "not available", "can not be satisfied", "cannot be satisfied", "violates", "denied", "not permitted"),
    *("exceed", "Exceed", "limit", "not supported", "not allowed", "disabled", "unavailable or down", "nrecognized"),
    *("required", "ambiguous", "Unable to open", "does not exist", "No such file", "does not look like", "not found"),
    *("Unspecified error", "too large", "too many", "too long", "duplicate", "Must specify", "must be", "is unknown"),
    *("has not been specified", "Unable to allocate", "outside of", "is currently in", "Batch script is empty"),
)
_DONE_BEFORE = ("already completing or completed", "Job/step already", "no longer pending", "already finished")


class SlurmError(FailureError):
    """One of Slurm's commands failed.

    Attributes
    ----------
    said : str
        What the command printed on stderr.
    stdout : str
    verdict : Verdict
        Whether what it was told may have been done all the same.
    """

    def __init__(self, program: str, said: str, stdout: str = "", *, returncode: int = 1) -> None:
        hint = next((hint for sign, hint in _HINTS if sign.lower() in said.lower()), f"that is what {program} said")
        super().__init__(f"{program}: {said}", hint)
        self.said = said
        self.stdout = stdout
        self.verdict = verdict(said, returncode)
        # by SIGPIPE when its connection to slurmctld was closed, by SIGKILL when memory runs short here
        self._was_ended = _by_signal(returncode)

    @property
    def on_the_way(self) -> bool:
        """Whether the connection to slurmctld failed, or a signal ended the command, which may be over soon."""
        is_known = any(sign in self.said for sign in _ON_THE_WAY)
        return isinstance(self, AnswerLost) or self._was_ended or is_known


class AnswerLost(SlurmError):  # noqa: N818 - what happened
    """The answer of one of Slurm's commands cannot be read; the command may have done its work."""

    def __init__(self, program: str, said: str, hint: str) -> None:
        super().__init__(program, said)
        self.hint = hint
        self.verdict = Verdict.UNKNOWN


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    cluster: str | None = None,
    patience: Patience | None = None,
    surroundings: Mapping[str, str] | None = None,
) -> str:
    """Run one of Slurm's commands and return its stdout.

    Parameters
    ----------
    environment : mapping, optional
        Variables added to the user's own. Those of the user that Slurm would read as options are left out.
    cluster : str, optional
        The cluster to ask, when it is not this machine's; every command has ``--clusters``.
    patience : Patience, optional
        `PATIENT` when a second call does no harm.
    surroundings : mapping, optional
        The complete environment, used instead of the user's own.

    Raises
    ------
    SlurmError
        When the command fails or does not answer; the message is the command's own.
    FailureError
        When the command is not installed.
    """
    patience = patience or PATIENT
    words = _words(argv, cluster)
    if surroundings is None:
        surroundings = without_options(os.environ)
    surroundings = {**surroundings, **(environment or {})}
    return _patiently(lambda: _once(words, stdin, surroundings, cwd, patience.timeout_s), patience)[0]


def run_heard(argv: Sequence[str], *, environment: Mapping[str, str], cluster: str | None = None) -> str:
    """Run one of Slurm's commands and return its stdout, followed by its stderr; otherwise like `run`."""
    words, surroundings = _words(argv, cluster), {**without_options(os.environ), **environment}
    return "".join(_patiently(lambda: _once(words, None, surroundings, None, PATIENT.timeout_s), PATIENT))


def _words(argv: Sequence[str], cluster: str | None) -> list[str]:
    return [argv[0], *([f"--clusters={cluster}"] if cluster else []), *argv[1:]]


def _patiently(once: Callable[[], tuple[str, str]], patience: Patience) -> tuple[str, str]:
    """Make a call, and retry it after each pause when the connection failed."""
    for pause_s in patience.pauses_s:
        try:
            return once()
        except AnswerLost:
            raise  # the time-out is over
        except SlurmError as error:
            if not error.on_the_way:
                raise
        time.sleep(pause_s)
    return once()


def _once(
    argv: Sequence[str], stdin: str | None, environment: Mapping[str, str], cwd: Path | None, timeout_s: float
) -> tuple[str, str]:
    """Return what a command prints, on stdout and on stderr."""
    try:
        done = subprocess.run(
            argv,
            # a script is bytes and is passed on unchanged
            input=None if stdin is None else os.fsencode(stdin),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout_s,
            env=environment,
            cwd=cwd,
            check=False,
            # it ends with us; any process it started keeps holding the project's lock until it ends
            preexec_fn=_ending_with_parent(),
            close_fds=False,
        )
    except FileNotFoundError:
        raise missing(argv[0]) from None
    except subprocess.TimeoutExpired:
        raise AnswerLost(
            argv[0], f"no answer in {timeout_s:g} s", "Slurm is overloaded or down; try again later"
        ) from None
    printed, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    if done.returncode != 0 or (not printed.strip() and _failed_silently(errors)):
        said = errors.strip() or printed.strip() or f"exit code {done.returncode}"
        raise SlurmError(argv[0], said, printed, returncode=done.returncode)
    return printed, errors


def _failed_silently(errors: str) -> bool:
    """Whether a command that exits with 0 and prints nothing says on stderr that it failed, as sacct does.

    Other errors are about a site's plugins and settings, whatever the command then does.
    """
    return "error:" in errors and any(sign in errors for sign in (*_ON_THE_WAY, "Kill job error"))


def _ending_with_parent() -> Callable[[], None]:
    """Return a function that makes a child end with its parent: an orphaned sbatch could still submit unnoticed."""
    parent = os.getpid()
    kernel = ctypes.CDLL(None)

    def tie() -> None:
        kernel.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)

    return tie


def require(program: str) -> None:
    """Raise the error of a missing Slurm command before it is called.

    Raises
    ------
    FailureError
    """
    if shutil.which(program) is None:
        raise missing(program)


def missing(program: str) -> FailureError:
    """Return the error for a Slurm command that is not installed on this machine."""
    return FailureError(
        f"{program}: not found", "is Slurm installed here? (module load slurm?) 'chromplan run --local' needs none"
    )


def _by_signal(returncode: int) -> bool:
    """Whether a signal ended a command, or one that a site's own script of that name ran."""
    return returncode < 0 or 128 < returncode <= 128 + signal.SIGRTMAX


def verdict(said: str, returncode: int) -> Verdict:
    """Return whether a request that failed with this message and exit code had an effect."""
    if any(sign in said for sign in _DONE_BEFORE):
        return Verdict.TAKEN
    if _by_signal(returncode) or any(sign in said for sign in _ON_THE_WAY):
        return Verdict.UNKNOWN
    return Verdict.REFUSED if any(sign in said for sign in _NO) else Verdict.UNKNOWN
