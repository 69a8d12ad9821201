"""What recording a round of many tasks costs: ``python -m benchmarks.ingest [SAMPLES …]``.

22 chromosomes of each sample (100 and 1000 unless given: 2 200 and 22 000 tasks) have run as arrays, each with a log, a
peak record, an exit code and a turn. What sacct and squeue would print comes from a file, so that only chromplan's own
time is measured: CPU seconds of ``chromplan ingest`` as a process. Then what is recorded of a run that is killed before
its end.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "support"))

import plans
import psutil

from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.history.sacct.text import DELIMITER, FIELDS
from planner.project import manifest, turns
from planner.project.folder import ProjectFolder
from planner.project.journal import Submission, entry
from planner.scripts import render
from planner.scripts.jobs import jobs

# of its CPU time, after which an ingest is killed
SHARES = (0.5, 0.85)


def project(folder: Path, samples: int) -> ProjectFolder:
    """Write a project whose round has ended, and what Slurm would say of it."""
    found = ProjectFolder(folder)
    names = [Sample(name=f"s{number}", columns={}) for number in range(samples)]
    (folder / "chromplan.toml").write_text(plans.CONFIG)
    plan = plans.plan(plans.config(submit={"mode": Mode.ARRAY}), samples=names)
    found.write_plan(plan)
    render.write({}, found.round_folder(1))
    made = [
        entry(job).model_copy(update={"job_id": str(number), "state": "submitted"})
        for number, job in enumerate(jobs(plan), start=1000)
    ]
    started_s = int(time.time()) - 3600
    submission = Submission(
        version=2, token=plan.token, user=os.getuid(), started_s=started_s, mode=plan.mode, jobs=tuple(made)
    )
    round_folder = found.round_folder(1)
    manifest.record(round_folder, submission)
    lines: list[str] = []
    for number, one in enumerate(manifest.read(round_folder)):
        fails = number % 50 == 0
        lines += rows(one.job_id, one.request_mb, started_s, "FAILED" if fails else "COMPLETED")
        for name, text in {
            f"logs/name_{one.job_id}.out": "Traceback: it did not work\n" * 20,
            f"peaks/{one.task}.{one.job_id}": "peak_kib=102400 elapsed_s=60.00 rc=0\n",
            f"peaks/{one.task}.{one.job_id}.end": "1\n" if fails else "0\n",
        }.items():
            (round_folder / name).write_text(text)
        (round_folder / turns.FOLDER / one.task).symlink_to(one.job_id)
    (folder / "sacct.txt").write_text("\n".join(lines) + "\n")
    commands = folder / "commands"
    commands.mkdir()
    for name, script in {"sacct": f"exec cat {folder}/sacct.txt", "squeue": ""}.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    return found


def rows(job_id: str, request_mb: int, began_s: int, state: str) -> list[str]:
    """Return sacct's rows of one element: its job, its batch step, and its srun."""
    code = "1:0" if state == "FAILED" else "0:0"
    common = {
        "State": state,
        "ExitCode": code,
        "AllocCPUS": "1",
        "NNodes": "1",
        "ElapsedRaw": "60",
        "Submit": str(began_s),
        "Start": str(began_s + 5),
        "End": str(began_s + 65),
        "NodeList": "n1",
    }
    memory = {"AllocTRES": f"cpu=1,mem={request_mb}M,node=1"}
    steps = {"": {"ReqMem": f"{request_mb}M", "DerivedExitCode": code, "JobName": "x", **memory}}
    steps |= {".batch": {"MaxRSS": "9000K", "NTasks": "1", "JobName": "batch", **memory}}
    steps |= {".0": {"MaxRSS": "100000K", "NTasks": "1", "JobName": "task", **memory}}
    return [
        DELIMITER.join(({"JobID": job_id + step} | common | values).get(field, "") for field in FIELDS)
        for step, values in steps.items()
    ]


def ingest(found: ProjectFolder, *, kill_after_s: float | None = None) -> tuple[float, int]:
    """Run 'chromplan ingest'; return its CPU seconds and how many attempts are recorded then.

    With ``kill_after_s`` it is killed once it has used so many CPU seconds.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "planner", "ingest", "-C", str(found.folder)],
        env={**os.environ, "PATH": f"{found.folder}/commands:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
    )
    if kill_after_s is not None:
        while process.poll() is None and sum(psutil.Process(process.pid).cpu_times()[:2]) < kill_after_s:
            time.sleep(0.01)
        process.kill()
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with sqlite3.connect(found.store_path) as store:
        begun = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'observations'").fetchone()
        (recorded,) = store.execute("SELECT count(*) FROM observations").fetchone() if begun else (0,)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, recorded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", type=int, metavar="SAMPLES", help="default: 100 1000")
    for samples in parser.parse_args().samples or [100, 1000]:
        with tempfile.TemporaryDirectory(prefix="chromplan-bench-") as name:
            found = project(Path(name), samples)
            began_s = time.monotonic()
            cpu_s, recorded = ingest(found)
            took_s = time.monotonic() - began_s
            print(f"{22 * samples} tasks: {recorded} recorded, {cpu_s:.1f} s CPU, {took_s:.1f} s", flush=True)
            for share in SHARES:
                found.store_path.unlink()
                _, kept = ingest(found, kill_after_s=share * cpu_s)
                _, whole = ingest(found)
                print(f"  killed after {share:.0%} of that: {kept} recorded; ingested again: {whole}", flush=True)


if __name__ == "__main__":
    main()
