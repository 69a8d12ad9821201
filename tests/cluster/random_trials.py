"""Commands in any order, killed at random or lied to by Slurm's commands: run as the submitting user.

``python random_trials.py turmoil SPEC`` has a number of projects worked on so, several at once, while the cluster's
daemons come and go. ``python random_trials.py calm SPEC`` goes on with them as a person would when all is well again,
and counts what the tasks themselves say that they did. SPEC is a JSON file with the fields of `Spec`; each prints a
JSON object.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crash_trials as trials

# what a person may do next, and how likely
COMMANDS = {
    ("submit",): 5,
    ("submit", "--then-next"): 2,
    ("next", "--submit"): 5,
    ("next", "--submit", "--then-next"): 1,
    ("next",): 1,
    ("plan",): 1,
    ("render",): 1,
    ("ingest",): 3,
    ("status",): 1,
}
# how Slurm's commands lie: see LIAR in test_random_kills.py
LIES = (
    *("sbatch lost", "sbatch lostkill", "sbatch killparent", "sbatch killparentfirst", "sbatch orphan"),
    "sbatch away",
    *("scontrol killparent", "squeue killparent", "sacct killparent", "sacct empty"),
)
# more events than a command has are no kill; that many are tried until one has ended by itself
_EVENTS = 60
_MOST_COMMANDS = 40
# a task that was killed for memory runs again in the next round; what was cut short may need another
_MOST_ROUNDS = 8


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is tried.

    Attributes
    ----------
    bases : dict
        Name -> project, rendered.
    work : str
        Where the copies go.
    projects : int
    kills : int
        Of each project's commands.
    seed : str
    workers : int
        Projects at once.
    tasks : list of str
        Each must have run once in the end.
    """

    bases: dict[str, str]
    work: str
    projects: int
    kills: int
    seed: str
    workers: int
    tasks: list[str]

    def folders(self) -> list[Path]:
        """Return the projects' folders."""
        return [Path(self.work) / f"p{number:03d}" for number in range(self.projects)]


class Turmoil:
    """One project's commands, killed again and again."""

    def __init__(self, spec: Spec, number: int) -> None:
        self._source = random.Random(f"{spec.seed}.{number}")
        name = sorted(spec.bases)[number % len(spec.bases)]
        self._folder = spec.folders()[number]
        self._kills = spec.kills
        trials.copy(Path(spec.bases[name]), self._folder, f"p{number}x{os.getpid()}")
        self._events: dict[tuple[str, ...], int] = {}

    def run(self) -> dict[str, int]:
        """Run commands until so many were killed; return how many were killed by what."""
        killed: dict[str, int] = {}
        for number in range(_MOST_COMMANDS):
            if sum(killed.values()) == self._kills:
                break
            why = self._one(("submit",) if number == 0 else self._command())
            if why is not None:
                killed[why] = killed.get(why, 0) + 1
            time.sleep(self._source.uniform(0.0, 2.0))
        return killed

    def _command(self) -> tuple[str, ...]:
        return self._source.choices(list(COMMANDS), weights=list(COMMANDS.values()))[0]

    def _one(self, argv: tuple[str, ...]) -> str | None:
        """Run one command, disturbed; return by what it was killed."""
        at = lie = None
        if self._source.random() < 0.5:
            lie = f"{self._source.choice(LIES)} {self._source.randint(1, 3)}"
        else:
            at = self._source.randint(1, self._events.get(argv, _EVENTS))
        with contextlib.suppress(FileNotFoundError):
            (self._folder / ".calls").unlink()
        code, events = trials.run(list(argv), self._folder, self._folder / "trial.log", at=at, lie=lie)
        if code == -signal.SIGKILL:
            return " ".join(lie.split()[:2]) if lie else "at an event"
        if not lie:
            self._events[argv] = max(events, 1)
        return None


def turmoil(spec: Spec) -> dict[str, Any]:
    """Return how many commands were killed, by what."""
    parts = _in_parallel(spec, lambda number: Turmoil(spec, number).run())
    killed: dict[str, int] = {}
    for part in parts.values():
        for why, count in part.items():
            killed[why] = killed.get(why, 0) + count
    return {"killed": killed}


def calm(spec: Spec) -> dict[str, Any]:
    """Have every project finished, and return what is wrong, by project."""
    wrong: dict[str, list[str]] = {}
    left = set(range(spec.projects))
    rounds = 0
    while left and rounds < _MOST_ROUNDS:
        rounds += 1
        trials.wait_for_jobs(Path(spec.work))
        trials.wait_for_accounting(Path(spec.work), patience_s=30.0)
        parts = _in_parallel(spec, lambda number: _go_on(spec.folders()[number], spec.tasks), sorted(left))
        left = {number for number, done in parts.items() if not done}
    trials.wait_for_jobs(Path(spec.work))
    for folder in spec.folders():
        said = [*trials.ran_wrong(spec.tasks, folder), *_records_wrong(spec, folder), *trials.left_wrong(folder)]
        log = (folder / "trial.log").read_text()
        said += ["a traceback"] * ("Traceback" in log)
        if said:
            logs = [path.read_text() for path in folder.glob("rounds/*/logs/*")]
            wrong[folder.name] = [*said, (folder / ".killed").read_text(), log[-12000:], *logs]
        else:
            shutil.rmtree(folder)
    return {"wrong": wrong, "rounds": rounds}


def _go_on(folder: Path, tasks: list[str]) -> bool:
    """Go on with a project; whether all of its tasks are done."""
    log = folder / "trial.log"
    trials.run(["ingest"], folder, log)
    if _completed(folder) >= set(tasks):
        return True
    trials.run(["next", "--submit"], folder, log)
    return False


def _rows(folder: Path) -> list[tuple[str, str, str, int]]:
    with contextlib.closing(sqlite3.connect(folder / ".chromplan" / "history.sqlite")) as store:
        return store.execute("SELECT task, job_id, outcome, submit_s FROM observations").fetchall()


def _completed(folder: Path) -> set[str]:
    return {task for task, _, outcome, _ in _rows(folder) if outcome == "completed"}


def _records_wrong(spec: Spec, folder: Path) -> list[str]:
    rows = _rows(folder)
    wrong = trials.store_wrong(folder)
    for task in spec.tasks:
        found = [outcome for name, _, outcome, _ in rows if name == task]
        if found.count("completed") != 1:
            wrong.append(f"{task} is recorded as {found}")
    # one that Slurm starts again keeps its id
    attempts = [(task, job_id, submit_s) for task, job_id, _, submit_s in rows]
    wrong += [f"{one} is recorded twice" for one in set(attempts) if attempts.count(one) > 1]
    return wrong


def _in_parallel(spec: Spec, work: Any, numbers: list[int] | None = None) -> dict[int, Any]:
    """Return number -> what ``work`` made of it, several at once in processes of their own."""
    numbers = list(range(spec.projects)) if numbers is None else numbers
    reports = [Path(spec.work) / f"report.{worker}" for worker in range(spec.workers)]
    children = []
    for worker, report in enumerate(reports):
        child = os.fork()
        if not child:
            code = 70
            try:
                report.write_text(json.dumps({number: work(number) for number in numbers[worker :: spec.workers]}))
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children), "a worker failed"
    return {int(number): one for path in reports for number, one in json.loads(path.read_text()).items()}


def main() -> None:
    """Do what is asked for, and print what came of it."""
    for name in trials.PRELOADED:
        importlib.import_module(name)
    spec = Spec(**json.loads(Path(sys.argv[2]).read_text()))
    Path(spec.work).mkdir(parents=True, exist_ok=True)
    print(json.dumps({"turmoil": turmoil, "calm": calm}[sys.argv[1]](spec)))


if __name__ == "__main__":
    main()
