"""sacct's output for many jobs, parsed job by job: early jobs are recorded while later ones are still unread."""

from __future__ import annotations

import re

from planner.core.job_ids import parse_job_id
from planner.history.sacct import read as sacct

# a row begins with the job's number; a line that does not continues the row before
_ROW = re.compile(rf"(\d+)[^{sacct.DELIMITER}]*{sacct.DELIMITER}")


class Accounted:
    """The attempts of jobs, elements and components, by id.

    Parameters
    ----------
    printed : str
        The output of `planner.slurm.accounting`.
    poll_s : float
        Interval of Slurm's memory sampling, s; as in `planner.history.sacct.read.read_text`.
    """

    def __init__(self, printed: str, *, poll_s: float) -> None:
        self._poll_s = poll_s
        self._lines: dict[int, list[str]] = {}
        self._read: dict[int, dict[str, list[sacct.JobAttempt]]] = {}
        job = 0
        for line in printed.splitlines(keepends=True):
            row = _ROW.match(line)
            job = int(row[1]) if row else job
            self._lines.setdefault(job, []).append(line)

    def attempts(self, job_id: str) -> list[sacct.JobAttempt]:
        """Return the attempts of a job, an element (``12_3``) or a component (``12+1``), in the order of submission."""
        job = parse_job_id(job_id).job
        if job not in self._read:
            found = sacct.read_text("".join(self._lines.pop(job, ())), poll_s=self._poll_s).attempts
            self._read[job] = {}
            for attempt in sorted(found, key=lambda one: one.submit_s or 0):
                self._read[job].setdefault(attempt.job_id, []).append(attempt)
        return self._read[job].get(job_id, [])
