"""Log files of a user's own script: the files that its ``--output`` and ``--error`` name for one attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from planner import slurm
from planner.core import files
from planner.core.errors import FailureError
from planner.core.failures import user_name
from planner.core.job_ids import parse_job_id
from planner.core.units import NO_VAL
from planner.core.user_scripts import UserScript
from planner.scripts import patterns

# clocks of nodes and file servers differ, and a script's children may write a little longer
_SLACK_S = 60
# patterns that differ between the elements of an array
_OF_ELEMENT = {"a", "j", "J"}
# patterns whose values only accounting has
_ASKED = {"j", "J", "N"}


@dataclass(frozen=True, kw_only=True, slots=True)
class UsersLogs:
    """The files that the attempts of a user's script write to.

    A file shared by several elements says nothing about one of them, and is ignored.
    """

    script: UserScript
    cluster: str | None = None
    _placed: dict[int, dict[str, slurm.ArrayPlace]] = field(default_factory=dict)

    def paths(self, job_id: str) -> list[Path]:
        """Return the files an attempt prints to, standard error first, as far as they are known."""
        found: list[Path] = []
        for pattern in (self.script.error, self.script.output):
            letters = patterns.letters(pattern)
            if not pattern or (self.script.array and not letters & _OF_ELEMENT):
                continue
            name = patterns.expand(pattern, self._known(job_id, asks=bool(letters & _ASKED)))
            if name is not None:
                found.append(Path(self.script.folder, self.script.chdir, name))
        return found

    def path(self, job_id: str) -> Path | None:
        """Return the most telling file of an attempt: the first that is not empty, standard error first."""
        return next((path for path in self.paths(job_id) if _size_b(path)), None)

    def tail(self, job_id: str, *, start_s: int | None, end_s: int | None) -> str:
        """Return the end of an attempt's output; "" when another attempt has written to the same files since."""
        return "\n".join(
            files.tail(path) for path in self.paths(job_id)[::-1] if _is_of(path, start_s=start_s, end_s=end_s)
        )

    def _known(self, job_id: str, *, asks: bool) -> dict[str, str]:
        job = parse_job_id(job_id)
        index = NO_VAL if job.index is None else job.index  # the number that Slurm writes outside an array
        known = {
            "A": str(job.job),
            "a": str(index),
            "b": str(index % 10),
            "n": "0",
            "s": "batch",
            "t": "0",
            "u": user_name(),
            "x": self.script.job_name,
        }
        if job.index is None:
            known |= {"j": str(job.job), "J": str(job.job)}
        placed = self._ask(job.job).get(job_id) if asks else None
        if placed is not None:
            known |= {"j": placed.raw_id, "J": placed.raw_id} | ({"N": placed.node} if placed.node else {})
        return known

    def _ask(self, job: int) -> dict[str, slurm.ArrayPlace]:
        if job not in self._placed:
            try:
                self._placed[job] = slurm.placed(str(job), cluster=self.cluster)
            except FailureError:
                self._placed[job] = {}
        return self._placed[job]


def _size_b(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _is_of(path: Path, *, start_s: int | None, end_s: int | None) -> bool:
    """Whether a file was last written to during an attempt."""
    if start_s is None or end_s is None or not _size_b(path):
        return False
    return start_s - _SLACK_S <= path.stat().st_mtime <= end_s + _SLACK_S
