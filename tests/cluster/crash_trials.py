"""Commands killed at every file and process event, repeated, and what they left counted: run as the submitting user.

A trial copies a project, runs a command that is killed with SIGKILL right before its k-th event (or that another signal
ends there, or for which the disk is full from there on), repeats the command, and, once all jobs have ended, counts
what the tasks themselves say that they did. The command runs in a fork of this process, with everything imported, so
that a trial costs a fraction of a second; what it starts is the real thing.

``python crash_trials.py SPEC``, SPEC being a JSON file with the fields of `Spec`, prints a JSON object.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import planner.cli

# imported once, for all forks
PRELOADED = (
    "planner.actions.fitting",
    "planner.actions.learning",
    "planner.actions.opening",
    "planner.actions.planning",
    "planner.actions.rounds",
    "planner.cli.advise",
    "planner.cli.cancel",
    "planner.cli.fit",
    "planner.cli.history",
    "planner.cli.ingest",
    "planner.cli.next",
    "planner.cli.plan",
    "planner.cli.render",
    "planner.cli.sbatch",
    "planner.cli.status",
    "planner.cli.submit",
    "planner.cli.watch",
    "planner.history.sacct.read",
    "planner.memory.fitting",
    "planner.memory.model",
    "planner.memory.saved",
    "planner.plan.build",
    "planner.rounds.door",
    "planner.scripts.render",
    "planner.wrap.project",
)
# everything that changes a file, or starts a process; an "open" counts where it may write
EVENTS = frozenset(
    (
        *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
        *("os.utime", "shutil.rmtree", "fcntl.flock", "subprocess.Popen", "sqlite3.connect", "os.posix_spawn"),
    )
)
# what fails on a full disk
MAKING = ("open", "os.mkdir")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is tried.

    Attributes
    ----------
    base : str
        The project as it is before the command; its token is changed in every copy.
    work : str
        Where the copies go.
    argv : list of str
        The command, behind ``chromplan``.
    stride, first : int
        Every so many events are tried, from this one on.
    workers : int
        Trials at once.
    before, then : list of list of str
        Commands that go before the killed one in each copy, and that follow the repeated one.
    tasks : list of str
        Each must have run once in the end.
    cancelled : bool
        Each must have been cancelled instead, before it ended.
    how : str
        The signal that ends the command (``SIGKILL``), ``group`` where all that it started goes with it, or ``full``:
        the disk is.
    """

    base: str
    work: str
    argv: list[str]
    stride: int
    first: int
    workers: int
    then: list[list[str]]
    tasks: list[str]
    before: list[list[str]]
    cancelled: bool
    how: str = "SIGKILL"


def run(
    argv: list[str],
    cwd: Path,
    log: Path,
    *,
    at: int | None = None,
    how: str = "SIGKILL",
    lie: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Run a chromplan command in a fork; return its exit code (-9 when killed) and its events.

    Parameters
    ----------
    at : int, optional
        The event at which it is killed.
    how : str
        See `Spec`.
    lie : str, optional
        How one of Slurm's commands lies to it, where such commands are first on the PATH.
    environment : mapping, optional
        Further variables.
    """
    counted = cwd / ".events"
    counted.write_text("0")
    child = os.fork()
    if not child:
        code = 70
        try:
            os.chdir(cwd)
            if how == "group":
                os.setsid()
            counting = os.open(counted, os.O_WRONLY)  # before events count
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            sys.argv = ["chromplan", *argv]
            os.environ |= {"XDG_DATA_HOME": str(cwd / "data"), **(environment or {})}
            if lie is not None:
                # to this command alone: what it submits inherits the variable
                os.environ["LIE"] = f"{os.getpid()} {lie}"
            count = _hook(cwd, at, how)
            try:
                planner.cli.main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            os.write(1, f"exit {code} of {' '.join(argv)}\n".encode())
            os.write(counting, str(count[0]).encode())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(counted.read_text())


def _hook(cwd: Path, at: int | None, how: str) -> list[int]:
    count = [0]
    seen = os.open(cwd / ".killed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
            if not flags & WRITING:
                return
        elif event not in EVENTS:
            return
        count[0] += 1
        if count[0] == at:
            os.write(seen, f"{at} {event} {str(arguments)[:200]}\n".encode())
            if how == "group":
                os.killpg(0, signal.SIGKILL)
            elif how != "full":
                os.kill(os.getpid(), signal.Signals[how])
        if how == "full" and at is not None and count[0] >= at and event in MAKING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(hook)
    return count


def copy(base: Path, to: Path, token: str) -> None:
    """Copy a project; the plan that is not submitted yet gets a token of its own."""
    shutil.copytree(base, to, symlinks=True)
    for folder in (to / "rounds").glob("r*"):
        if (folder / "submission.json").exists():
            continue
        old = json.loads((folder / "plan.json").read_text())["token"]
        for path in [*folder.glob("*"), *folder.glob("jobs/*")]:
            if path.is_file():
                text = path.read_text().replace(old, token)
                path.write_text(text)


def wait_for_jobs(work: Path) -> None:
    """Wait until no job of a project below ``work`` waits or runs; held ones are released by nobody."""
    quiet = 0
    until_s = time.monotonic() + 600
    while quiet < 2 and time.monotonic() < until_s:
        lines = subprocess.run(
            ["squeue", "-h", "-r", "-o", "%Z|%r"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        left = [line for line in lines if line.startswith(f"{work}/") and "Held" not in line]
        quiet = 0 if left else quiet + 1
        time.sleep(0.5)


def wait_for_accounting(work: Path, *, patience_s: float = 180.0) -> None:
    """Wait until accounting knows the end of every job that a manifest below ``work`` lists, steps included.

    It never knows the elements of an array one by one that were cancelled before they began.
    """
    manifests = [path.read_text().splitlines()[1:] for path in work.glob("**/manifest.tsv")]
    ids = {line.split("\t")[1] for lines in manifests for line in lines}
    ask = ["sacct", "-n", "-P", "-D", "-o", "JobID,End", "-j", ",".join(sorted(ids))]
    until_s = time.monotonic() + patience_s
    while ids and time.monotonic() < until_s:
        answer = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        rows = [line.split("|") for line in answer.splitlines()]
        if {job_id for job_id, _ in rows} >= ids and all(end not in ("Unknown", "") for _, end in rows):
            return
        time.sleep(0.5)


def projects(trial: Path) -> list[Path]:
    """Return the trial's project, or the runs of its script, of which something was submitted."""
    return sorted({path.parents[2] for path in trial.glob("**/rounds/*/submission.json")})


def found_wrong(tasks: list[str], trial: Path, *, cancelled: bool = False) -> list[str]:
    """Return what a trial left that should not be."""
    wrong = [*ran_wrong(tasks, trial, times=0 if cancelled else 1), *left_wrong(trial)]
    wanted = ["cancelled" if cancelled else "completed"]
    for project in projects(trial):
        wrong += store_wrong(project)
        with contextlib.closing(sqlite3.connect(project / ".chromplan" / "history.sqlite")) as store:
            rows = store.execute("SELECT task, outcome FROM observations").fetchall()
        outcomes = {task: [outcome for name, outcome in rows if name == task] for task in tasks}
        wrong += [f"{task} is recorded as {found}" for task, found in outcomes.items() if found != wanted]
    return wrong


def ran_wrong(tasks: list[str], folder: Path, *, times: int = 1) -> list[str]:
    """Return which tasks did not run to their end so many times, by their own account."""
    wrong: list[str] = []
    for task in tasks:
        path = folder / "out" / task
        ran = path.read_text().splitlines() if path.exists() else []
        if len(ran) != times:
            wrong.append(f"{task} ran {len(ran)} times: {ran}")
    return wrong


def left_wrong(folder: Path) -> list[str]:
    """Return the jobs of a folder that are left in the queue."""
    queue = subprocess.run(["squeue", "-h", "-o", "%Z|%i|%r"], capture_output=True, text=True, check=True).stdout
    return [f"left: {line}" for line in queue.splitlines() if line.startswith(f"{folder}|")]


def store_wrong(project: Path) -> list[str]:
    """Return whether a project's store is damaged, or its lock is held."""
    wrong: list[str] = []
    with contextlib.closing(sqlite3.connect(project / ".chromplan" / "history.sqlite")) as store:
        (sound,) = store.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        wrong.append(f"store: {sound}")
    handle = os.open(project / ".chromplan" / "lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        wrong.append("the lock is held")
    finally:
        os.close(handle)
    return wrong


def trial_of(spec: Spec, at: int) -> tuple[list[str], bool]:
    """Kill the command at an event, repeat it, go on; return what went wrong at once, and whether it was killed."""
    folder = Path(spec.work) / f"t{at:04d}"
    copy(Path(spec.base), folder, f"t{at:04d}x{os.getpid()}")
    log = folder / "trial.log"
    for argv in spec.before:
        run(argv, folder, log)
    run(spec.argv, folder, log, at=at, how=spec.how)
    if not (folder / ".killed").read_text():
        return [], False
    for argv in (spec.argv, *spec.then):
        code, _ = run(argv, folder, log)
        if code:
            return [f"{' '.join(argv)}: exit {code}"], True
    return ["a traceback"] * ("Traceback" in log.read_text()), True


def main() -> None:
    """Try what is asked for, and print what went wrong, by event."""
    for name in PRELOADED:
        importlib.import_module(name)
    spec = Spec(**json.loads(Path(sys.argv[1]).read_text()))
    work = Path(spec.work)
    work.mkdir(parents=True, exist_ok=True)
    whole = work / "whole"
    copy(Path(spec.base), whole, f"whole{os.getpid()}")
    for argv in (*spec.before, spec.argv):
        code, events = run(argv, whole, whole / "trial.log")
        assert code == 0, (whole / "trial.log").read_text()
    points = list(range(spec.first, events + 1, spec.stride))
    children = []
    for worker in range(spec.workers):
        child = os.fork()
        if not child:
            report = {}
            for at in points[worker :: spec.workers]:
                report[at] = trial_of(spec, at)
            (work / f"report.{worker}").write_text(json.dumps(report))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    found = {int(at): one for path in work.glob("report.*") for at, one in json.loads(path.read_text()).items()}
    killed = [at for at, (_, dead) in found.items() if dead]
    wait_for_jobs(work)
    wait_for_accounting(work)
    wrong: dict[int, list[str]] = {}
    for at in sorted(killed):
        folder = work / f"t{at:04d}"
        said = found[at][0]
        for project in projects(folder):
            run(["ingest", "-C", str(project)], folder, folder / "trial.log")
        said += found_wrong(spec.tasks, folder, cancelled=spec.cancelled)
        if said:
            wrong[at] = [*said, (folder / ".killed").read_text(), (folder / "trial.log").read_text()[-3000:]]
        else:
            shutil.rmtree(folder)
    print(json.dumps({"events": events, "killed": len(killed), "wrong": wrong}))


if __name__ == "__main__":
    main()
