"""``local.jsonl``: the attempts that chromplan ran itself, here or in an allocation, written as they end."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.core.documents import read_text
from planner.core.errors import InputError
from planner.core.records import Outcome

FILE = "local.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One attempt of a task.

    Attributes
    ----------
    limit_mb : int
        The limit that was enforced, MiB.
    source : str
        ``local`` or ``drive``.
    """

    task: str
    job_id: str
    outcome: Outcome
    exit_code: int
    peak_mb: float
    limit_mb: int
    wall_s: float
    start_s: int
    end_s: int
    evidence: str
    source: str = "local"


def read(folder: Path) -> list[Run]:
    """Return the attempts recorded in a round's folder; a last line cut short by a crash is left out."""
    path = folder / FILE
    if not path.exists():
        return []
    runs: list[Run] = []
    lines = read_text(path, hint="restore it from a copy").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            values = json.loads(line)
            runs.append(Run(**values | {"outcome": Outcome(values["outcome"])}))
        except (ValueError, TypeError, KeyError):
            if number == len(lines):
                break
            raise InputError(f"{path}:{number}: not a record of an attempt", "remove that line") from None
    return runs


def append(folder: Path, run: Run) -> None:
    """Record an attempt; it is on disk when this returns. A last line cut short by a crash is removed."""
    with (folder / FILE).open("ab+") as stream:
        stream.seek(0)
        content = stream.read()
        stream.truncate(content.rfind(b"\n") + 1)
        stream.write(json.dumps(asdict(run)).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def log_path(folder: Path, task: str, source: str = "local") -> Path:
    """Return the log path of a task of the round in ``folder``."""
    return folder / "logs" / f"{task}.{source}.out"
