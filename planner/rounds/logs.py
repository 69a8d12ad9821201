"""Logs of tasks: where they are, and their last meaningful line."""

from __future__ import annotations

import os
import re
from pathlib import Path

from planner.project.folder import ProjectFolder
from planner.rounds import log_folders
from planner.rounds.users_logs import UsersLogs

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07)")
# messages of Slurm, srun and the shell about a program that died: the program's own last line says more
_NOISE = re.compile(
    r""" # Slurm
      (?:slurmstepd\S*|srun):\s(?:error:\s)?
        (?:\S+:\stask\b.*|got\sSIG.*|\*\*\*.*|no\stask\slist\screated!|.*\b(?:oom[-_]kill|being\skilled|No\ssuch\sprocess|aborted|[Tt]erminat(?:ing|ion|ed))\b.*)
    | (?:\[\S+\]\s)?(?:slurmstepd\S*:\s)?error:\s(?:StepId|\*\*\*|Detected\s\d+\soom|Exceeded\sjob\smemory).*
    | .*\bline\s\d+:\skill:\s.*\bNo\ssuch\sprocess
    | .*\bline\s\d+:\s+\d+\s(?:Killed|Terminated|Aborted|Hangup|Bus\serror|Segmentation\sfault)\b.*   # bash
    | (?:Killed|Terminated|Hangup|Aborted|Segmentation\sfault)(?:\s\(core\sdumped\))?
    | Command\s(?:exited\swith\snon-zero\sstatus|terminated\sby\ssignal)\s\d+                         # GNU time
    | make(?:\[\d+\])?:\s\*\*\*\s.*                                      # make
    | Execution\shalted | Calls:\s.*                                     # R
    | \s+at\s[\w.$<>/]+\(.*\) | \s+\.\.\.\s\d+\s(?:more|common\sframes\somitted)                      # Java
    """,
    re.VERBOSE,
)
# progress bars, percentages, counts, and the remaining time
_PROGRESS = re.compile(
    r"\d\s?%\s?[|\[(]|[=#\u2588]{4,}[>\s\u2588\].-]*|\d+(?:\.\d+)?\s?%\W*$|\b(?:it/s|s/it)\b|\bETA\b"
)
# the first line of chromplan's own scripts
_BANNER = re.compile(r"\S+: \d+ MB on \S+")
_WORD = re.compile(r"[^\W\d_]{2}")


def last_line(text: str) -> str | None:
    """Return the last meaningful line of a log; None when there is none.

    Blank lines, progress bars, and what Slurm and the shell add when a program dies are skipped.
    """
    shown = (_shown(line) for line in text.split("\n"))
    lines = [line for line in shown if _WORD.search(line) and not _BANNER.fullmatch(line)]
    telling = (line for line in reversed(lines) if not _NOISE.fullmatch(line))
    found = next(telling, None)
    return found.strip() if found else None


def _shown(line: str) -> str:
    """Return a line as a terminal finally shows it: text overwritten after a carriage return is dropped.

    A progress bar drawn over words is dropped, and the words are kept.
    """
    parts = [part for part in _ESCAPES.sub("", line).split("\r") if part.strip()]
    text = next((part for part in reversed(parts) if not _PROGRESS.search(part)), "")
    return "".join(one if one.isprintable() or one == "\t" else " " for one in text).rstrip()


def of_round(project: ProjectFolder, number: int) -> RoundLogs:
    """Return the logs of a round."""
    plan = project.plan(number)
    users = UsersLogs(script=plan.user_script, cluster=plan.cluster) if plan.user_script else None
    return RoundLogs(project.round_folder(number), users)


class RoundLogs:
    """The logs in a round's folder; the folder is read once.

    Parameters
    ----------
    folder : Path
        The round's folder.
    users : UsersLogs, optional
        The log files of a user's own script.
    """

    def __init__(self, folder: Path, users: UsersLogs | None = None) -> None:
        self._folder = folder / "logs"
        self._users = users
        self._names: set[str] = set()
        self._of_job: dict[str, str] = {}
        try:
            with os.scandir(self._folder) as entries:
                found = sorted(entry.name for entry in entries if entry.name.endswith(".out"))
        except OSError:
            return
        self._names.update(found)
        for name in found:
            # NAME_12.out, or NAME_12_3.out of an array
            pieces = name.removesuffix(".out").rsplit("_", 2)
            self._of_job["_".join(pieces[-2:])] = self._of_job[pieces[-1]] = name

    def path(self, task: str, job_id: str | None) -> Path | None:
        """Return the log of an attempt of a task; None when there is no such file (yet)."""
        if job_id is None:
            return None
        job = job_id.partition("+")[0]
        # the log of the step or local run; otherwise that of its job
        named = (f"{task}.{job_id}.out", f"{task}.local.out", f"{task}.drive.out")
        name = next((one for one in named if one in self._names), None) or self._of_job.get(job_id)
        name = name or self._of_job.get(job)
        if name is None and self._users is not None and job_id[0].isdecimal():
            return self._users.path(job_id)
        return self._folder / name if name else None

    def without_folder(self) -> str | None:
        """Return what to do if the logs of a user's own script have no folder."""
        gone = log_folders.missing(self._users.script) if self._users else []
        return log_folders.what_to_do(gone[0]) if gone else None
